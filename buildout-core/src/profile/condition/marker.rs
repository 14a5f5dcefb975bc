//! Environment markers of PEP 508, as `packaging.markers` 26 evaluates them.

use std::fmt::{self, Write as _};

use super::MAXIMUM_CONDITION_DEPTH;
use super::environment::ConditionEnvironment;
use super::error::{ConditionError, ConditionProblem};
use crate::python::PythonIdentity;
use crate::python::version::Specifier;
use crate::value::{Value, literal, str_repr};

/// A marker that is syntactically valid. Displayed, it is written as
/// `packaging` writes it.
#[derive(Debug, Clone)]
pub struct Marker {
    root: Group,
}

/// Alternatives, each a conjunction.
#[derive(Debug, Clone)]
struct Group {
    alternatives: Vec<Vec<Term>>,
}

#[derive(Debug, Clone)]
enum Term {
    Group(Group),
    Comparison(Comparison),
}

#[derive(Debug, Clone)]
struct Comparison {
    offset: usize,
    left: Operand,
    operator: &'static str,
    right: Operand,
}

#[derive(Debug, Clone)]
enum Operand {
    Variable(String),
    Text(String),
}

impl Operand {
    fn text(&self) -> &str {
        match self {
            Self::Variable(text) | Self::Text(text) => text,
        }
    }
}

const VARIABLES: [&str; 20] = [
    "python_version",
    "python_full_version",
    "os_name",
    "os.name",
    "sys_platform",
    "sys.platform",
    "platform_release",
    "platform_system",
    "platform_version",
    "platform.version",
    "platform_machine",
    "platform.machine",
    "platform_python_implementation",
    "platform.python_implementation",
    "python_implementation",
    "implementation_name",
    "implementation_version",
    "extra",
    "extras",
    "dependency_groups",
];

/// Variables that are compared as versions where the operands allow it.
const VERSION_VARIABLES: [&str; 4] = [
    "implementation_version",
    "platform_release",
    "python_full_version",
    "python_version",
];

impl Marker {
    /// Reads a marker; nothing if the text is none.
    ///
    /// # Errors
    /// Parentheses nest too deep.
    pub fn parse(source: &str) -> Result<Option<Self>, ConditionError> {
        let mut parser = Parser {
            source,
            offset: 0,
            depth: 0,
        };
        let root = parser.group()?;
        Ok(root
            .filter(|_| parser.offset == source.len())
            .map(|root| Self { root }))
    }

    /// Evaluates the marker, with `extra` as the extra that is asked for; it is
    /// empty if none is. As in `packaging`, every comparison is made, so an
    /// undefined one is an error wherever it stands.
    ///
    /// # Errors
    /// The marker asks for what has no value, or compares what cannot be.
    pub fn evaluate(
        &self,
        environment: &dyn ConditionEnvironment,
        extra: &str,
    ) -> Result<bool, ConditionError> {
        self.root.evaluate(&Facts { environment, extra })
    }
}

/// What the variables of a marker stand for.
struct Facts<'a> {
    environment: &'a dyn ConditionEnvironment,
    extra: &'a str,
}

impl Group {
    fn only_term(&self) -> Option<&Term> {
        match self.alternatives.as_slice() {
            [alternative] => match alternative.as_slice() {
                [term] => Some(term),
                _ => None,
            },
            _ => None,
        }
    }

    fn evaluate(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        let mut result = false;
        for alternative in &self.alternatives {
            let mut all = true;
            for term in alternative {
                all &= match term {
                    Term::Group(group) => group.evaluate(facts)?,
                    Term::Comparison(comparison) => comparison.evaluate(facts)?,
                };
            }
            result |= all;
        }
        Ok(result)
    }
}

impl Comparison {
    fn evaluate(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        // One side is looked up; if both are variables, the name of the right
        // one is taken as a text.
        let lookup = |name: &str| variable(name, facts).map_err(|p| p.at(self.offset));
        let (key, left, right) = match (&self.left, &self.right) {
            (Operand::Variable(name), right) => (name, lookup(name)?, right.text().to_owned()),
            (left, right) => (
                match right {
                    Operand::Variable(name) | Operand::Text(name) => name,
                },
                left.text().to_owned(),
                lookup(right.text())?,
            ),
        };
        let (left, right) = if key == "extra" {
            (normalized_name(&left), normalized_name(&right))
        } else {
            (left, right)
        };
        if VERSION_VARIABLES.contains(&key.as_str())
            && let Some(specifier) = Specifier::parse(self.operator, &right)
        {
            return Ok(specifier.contains(&left));
        }
        Ok(match self.operator {
            "in" => right.contains(&left),
            "not in" => !right.contains(&left),
            "<" | ">" => false,
            "<=" | "==" | ">=" => left == right,
            "!=" => left != right,
            operator => {
                return Err(ConditionProblem::UndefinedComparison {
                    operator,
                    left: str_repr(&left),
                    right: str_repr(&right),
                }
                .at(self.offset));
            }
        })
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(formatter)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, alternative) in self.alternatives.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" or ")?;
            }
            for (index, term) in alternative.iter().enumerate() {
                if index > 0 {
                    formatter.write_str(" and ")?;
                }
                match term {
                    Term::Comparison(comparison) => comparison.fmt(formatter)?,
                    Term::Group(group) => match group.only_term() {
                        Some(Term::Comparison(comparison)) => comparison.fmt(formatter)?,
                        _ => write!(formatter, "({group})")?,
                    },
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_extra =
            |operand: &Operand| matches!(operand, Operand::Variable(name) if name == "extra");
        let write = |formatter: &mut fmt::Formatter<'_>, operand: &Operand, other: &Operand| {
            match operand {
                Operand::Variable(name) => formatter.write_str(name),
                Operand::Text(text) => {
                    let text = if is_extra(other) {
                        normalized_name(text)
                    } else {
                        text.clone()
                    };
                    let quote = if text.contains('"') { '\'' } else { '"' };
                    formatter.write_char(quote)?;
                    formatter.write_str(&text)?;
                    formatter.write_char(quote)
                }
            }
        };
        write(formatter, &self.left, &self.right)?;
        write!(formatter, " {} ", self.operator)?;
        write(formatter, &self.right, &self.left)
    }
}

fn variable(name: &str, facts: &Facts<'_>) -> Result<String, ConditionProblem> {
    let environment = facts.environment;
    let python = |fact: fn(&PythonIdentity) -> String| {
        environment
            .python()
            .map(fact)
            .map_err(ConditionProblem::Python)
    };
    Ok(match name {
        "python_version" => python(PythonIdentity::short_version)?,
        "python_full_version" => python(|identity| {
            let mut version = identity.version_text.clone();
            // An untagged build is `3.12.0+`, which is no version.
            if version.ends_with('+') {
                version.push_str("local");
            }
            version
        })?,
        "platform_python_implementation" => python(|identity| identity.implementation.clone())?,
        "implementation_name" => python(|identity| identity.implementation_name.clone())?,
        "implementation_version" => python(|identity| identity.implementation_version.clone())?,
        "os_name" => environment.os_name().to_owned(),
        "sys_platform" => environment.sys_platform(),
        "platform_machine" => environment.uname().machine.clone(),
        "platform_release" => environment.uname().release.clone(),
        "platform_system" => environment.uname().system.clone(),
        "platform_version" => environment.uname().version.clone(),
        "extra" => facts.extra.to_owned(),
        _ => {
            return Err(ConditionProblem::UndefinedEnvironmentName {
                name: name.to_owned(),
            });
        }
    })
}

/// Normalises the name of an extra as PEP 503 does.
fn normalized_name(name: &str) -> String {
    let mut normalized = String::with_capacity(name.len());
    for character in name.chars() {
        if !matches!(character, '-' | '_' | '.') {
            normalized.extend(character.to_lowercase());
        } else if !normalized.ends_with('-') {
            normalized.push('-');
        }
    }
    normalized
}

/// Reads by trying: every method that returns `None` may leave the offset
/// anywhere, since then the text is no marker at all.
struct Parser<'source> {
    source: &'source str,
    offset: usize,
    depth: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.source[self.offset..]
    }

    fn skip_blanks(&mut self) {
        self.offset += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.offset += text.len();
        }
        found
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let found = self
            .rest()
            .strip_prefix(word)
            .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        if found {
            self.offset += word.len();
        }
        found
    }

    fn group(&mut self) -> Result<Option<Group>, ConditionError> {
        let mut alternatives = vec![Vec::new()];
        loop {
            let Some(term) = self.term()? else {
                return Ok(None);
            };
            // There is always at least one alternative.
            if let Some(alternative) = alternatives.last_mut() {
                alternative.push(term);
            }
            if self.accept_word("or") {
                alternatives.push(Vec::new());
            } else if !self.accept_word("and") {
                return Ok(Some(Group { alternatives }));
            }
        }
    }

    fn term(&mut self) -> Result<Option<Term>, ConditionError> {
        self.skip_blanks();
        let term = if self.accept("(") {
            if self.depth == MAXIMUM_CONDITION_DEPTH {
                return Err(ConditionProblem::TooDeep.at(self.offset));
            }
            self.depth += 1;
            let group = self.group()?;
            self.depth -= 1;
            group.filter(|_| self.accept(")")).map(Term::Group)
        } else {
            self.comparison().map(Term::Comparison)
        };
        self.skip_blanks();
        Ok(term)
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let offset = self.offset;
        let left = self.operand()?;
        self.skip_blanks();
        let operator = self.operator()?;
        self.skip_blanks();
        let right = self.operand()?;
        Some(Comparison {
            offset,
            left,
            operator,
            right,
        })
    }

    fn operator(&mut self) -> Option<&'static str> {
        if self.accept_word("in") {
            return Some("in");
        }
        if self.accept_word("not") {
            let before = self.offset;
            self.skip_blanks();
            return (self.offset > before && self.accept_word("in")).then_some("not in");
        }
        // The longer operators come before those they begin with.
        ["===", "==", "~=", "!=", "<=", ">=", "<", ">"]
            .into_iter()
            .find(|operator| self.accept(operator))
    }

    fn operand(&mut self) -> Option<Operand> {
        if let Some(quote @ ('\'' | '"')) = self.rest().chars().next() {
            let length = self.rest()[1..].find(quote)? + 2;
            let source = &self.rest()[..length];
            let Ok(Value::Str(text)) = literal::parse(source) else {
                return None;
            };
            self.offset += length;
            return Some(Operand::Text(text.to_string()));
        }
        let name = VARIABLES
            .into_iter()
            .find(|name| self.accept_word(name))?
            .replace('.', "_");
        Some(Operand::Variable(if name == "python_implementation" {
            "platform_python_implementation".to_owned()
        } else {
            name
        }))
    }
}
