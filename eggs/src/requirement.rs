//! Requirements: a project, extras of it, conditions on its version, and when
//! all this is meant.

use std::fmt;

use buildout_core::profile::condition::{ConditionEnvironment, ConditionError, Marker};

use crate::name::{ProjectName, canonical_name};
use crate::version::{Specifiers, VersionSpecifier};

/// A text that is no requirement. The message is that of `packaging`, with the
/// text and a mark below what it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}\n    {text}\n    {}^", " ".repeat(*offset))]
pub struct InvalidRequirement {
    /// What is wrong.
    pub message: &'static str,
    /// The requirement.
    pub text: String,
    /// Where it is wrong, in characters.
    pub offset: usize,
}

/// A requirement of PEP 508. Displayed, it is written as `pkg_resources`
/// writes it: extras and conditions are sorted.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The project.
    pub name: ProjectName,
    /// The extras, as written, without repetitions.
    pub extras: Vec<String>,
    /// The conditions on the version.
    pub specifiers: Specifiers,
    /// The URL after `@`. Like upstream, resolution takes no notice of it.
    pub url: Option<String>,
    /// When the requirement is meant.
    pub marker: Option<Marker>,
}

impl Requirement {
    /// Asks for any version of a project.
    pub fn any(name: impl Into<String>) -> Self {
        Requirement {
            name: ProjectName::new(name),
            extras: Vec::new(),
            specifiers: Specifiers::any(),
            url: None,
            marker: None,
        }
    }

    /// Reads a requirement. What follows ` #` is a comment.
    ///
    /// # Errors
    /// The text is no requirement.
    pub fn parse(text: &str) -> Result<Self, InvalidRequirement> {
        let text = text.split(" #").next().unwrap_or_default().trim();
        Parser { text, offset: 0 }.requirement()
    }

    /// Tells whether the requirement is meant; `extra` is the one for whose
    /// sake it is asked, or empty.
    ///
    /// # Errors
    /// The marker cannot be evaluated.
    pub fn applies(
        &self,
        environment: &dyn ConditionEnvironment,
        extra: &str,
    ) -> Result<bool, ConditionError> {
        match &self.marker {
            Some(marker) => marker.evaluate(environment, extra),
            None => Ok(true),
        }
    }

    /// Returns the requirement with other conditions.
    #[must_use]
    pub fn with(&self, specifiers: Specifiers) -> Self {
        Requirement {
            specifiers,
            ..self.clone()
        }
    }

    /// Returns a text that is the same for requirements that upstream takes
    /// for equal.
    pub fn identity(&self) -> String {
        let written = self.name.as_str();
        let text = self.to_string();
        format!("{}{}", self.name.canonical(), &text[written.len()..])
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(formatter)?;
        if !self.extras.is_empty() {
            let mut extras = self.extras.clone();
            extras.sort();
            write!(formatter, "[{}]", extras.join(","))?;
        }
        self.specifiers.fmt(formatter)?;
        if let Some(url) = &self.url {
            write!(formatter, " @ {url}")?;
            if self.marker.is_some() {
                formatter.write_str(" ")?;
            }
        }
        if let Some(marker) = &self.marker {
            write!(formatter, "; {marker}")?;
        }
        Ok(())
    }
}

struct Parser<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    fn skip_blanks(&mut self) {
        self.offset += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.offset += text.len();
            self.skip_blanks();
        }
        found
    }

    fn fail<T>(&self, message: &'static str) -> Result<T, InvalidRequirement> {
        Err(InvalidRequirement {
            message,
            text: self.text.to_owned(),
            offset: self.text[..self.offset].chars().count(),
        })
    }

    /// Takes a name of a project or of an extra, and the blanks after it.
    fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let is_inner =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let length = rest.bytes().position(|byte| !is_inner(byte));
        let candidate = &rest[..length.unwrap_or(rest.len())];
        // It begins and ends with a letter or digit.
        let name = candidate.trim_end_matches(['-', '_', '.']);
        if !name.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return None;
        }
        self.offset += name.len();
        self.skip_blanks();
        Some(name)
    }

    fn requirement(mut self) -> Result<Requirement, InvalidRequirement> {
        self.skip_blanks();
        let Some(name) = self.name() else {
            return self.fail("Expected package name at the start of dependency specifier");
        };
        let extras = self.extras()?;
        let mut requirement = Requirement {
            extras,
            ..Requirement::any(name)
        };
        if self.accept("@") {
            let rest = self.rest();
            let length = rest.find([' ', '\t']).unwrap_or(rest.len());
            if length == 0 {
                return self.fail("Expected URL after @");
            }
            requirement.url = Some(rest[..length].to_owned());
            self.offset += length;
            let before = self.offset;
            self.skip_blanks();
            if self.rest().is_empty() {
                return Ok(requirement);
            }
            if self.offset == before || !self.rest().starts_with(';') {
                return self.fail("Expected semicolon (after URL and whitespace) or end");
            }
        } else {
            requirement.specifiers = self.specifiers()?;
        }
        if self.rest().is_empty() {
            return Ok(requirement);
        }
        if !self.accept(";") {
            return self.fail(if requirement.specifiers.is_any() {
                "Expected semicolon (after name with no version specifier) or end"
            } else {
                "Expected comma (within version specifier), semicolon (after version specifier) or end"
            });
        }
        match Marker::parse(self.rest()) {
            Ok(Some(marker)) => requirement.marker = Some(marker),
            Ok(None) => return self.fail("Expected a marker variable or quoted string"),
            Err(_) => return self.fail("The marker nests too deep"),
        }
        Ok(requirement)
    }

    fn extras(&mut self) -> Result<Vec<String>, InvalidRequirement> {
        let mut extras: Vec<String> = Vec::new();
        if !self.accept("[") {
            return Ok(extras);
        }
        while let Some(extra) = self.name() {
            let canonical = canonical_name(extra);
            if extras
                .iter()
                .all(|known| canonical_name(known) != canonical)
            {
                extras.push(extra.to_owned());
            }
            if !self.accept(",") {
                break;
            }
        }
        if !self.accept("]") {
            return self.fail("Expected matching RIGHT_BRACKET for LEFT_BRACKET, after extras");
        }
        Ok(extras)
    }

    fn specifiers(&mut self) -> Result<Specifiers, InvalidRequirement> {
        let in_parentheses = self.accept("(");
        let mut specifiers = Specifiers::any();
        loop {
            let rest = self.rest();
            if !rest.starts_with(['=', '<', '>', '!', '~']) {
                break;
            }
            // The text after `===` may hold anything but blanks.
            let after_operator =
                rest.len() - rest.trim_start_matches(['=', '<', '>', '!', '~']).len();
            let blanks = rest[after_operator..].len()
                - rest[after_operator..].trim_start_matches([' ', '\t']).len();
            let start = after_operator + blanks;
            let length = rest[start..]
                .find([' ', '\t', ',', ';', ')'])
                .unwrap_or(rest.len() - start);
            let Some(specifier) = VersionSpecifier::parse(&rest[..start + length]) else {
                return self.fail(if specifiers.is_any() {
                    "Expected semicolon (after name with no version specifier) or end"
                } else {
                    "Expected comma (within version specifier), semicolon (after version specifier) or end"
                });
            };
            specifiers = specifiers.and(&specifier.into());
            self.offset += start + length;
            self.skip_blanks();
            if !self.accept(",") {
                break;
            }
        }
        if in_parentheses && !self.accept(")") {
            return self.fail(
                "Expected matching RIGHT_PARENTHESIS for LEFT_PARENTHESIS, after version specifier",
            );
        }
        Ok(specifiers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match Requirement::parse(text) {
            Ok(requirement) => requirement.to_string(),
            Err(error) => format!("{} at {}", error.message, error.offset),
        }
    }

    /// The texts on the right are those of `packaging` 26.
    #[test]
    fn requirements_are_written_as_packaging_writes_them() {
        for (written, expected) in [
            ("a", "a"),
            (
                r#"A.b [x,Y_z]>=1,<2 ; python_version>="3" and (os_name=="a" or extra=="X_y")"#,
                r#"A.b[Y_z,x]<2,>=1; python_version >= "3" and (os_name == "a" or extra == "x-y")"#,
            ),
            (
                r#"a@ http://h/x ; extra == "x""#,
                r#"a @ http://h/x ; extra == "x""#,
            ),
            ("a [b] (>=1.0, <2)", "a[b]<2,>=1.0"),
            ("a>=1.0.0,==1.0", "a==1.0,>=1.0.0"),
            ("a ~= 1.0 # as before", "a~=1.0"),
            ("a; 'x' in os_name", r#"a; "x" in os_name"#),
            (r#"a===foo;os_name=='x"y'"#, r#"a===foo; os_name == 'x"y'"#),
            ("a>1;(os_name=='x')", r#"a>1; os_name == "x""#),
            ("a<2,<2.0,!=1.5.*", "a!=1.5.*,<2"),
        ] {
            assert_eq!(shown(written), expected, "{written}");
        }
    }

    #[test]
    fn what_is_no_requirement_is_explained() {
        let name = "Expected semicolon (after name with no version specifier) or end";
        for (written, expected) in [
            ("foo bar", format!("{name} at 4")),
            ("foo>=", format!("{name} at 3")),
            ("foo=1", format!("{name} at 3")),
            (
                "foo[",
                "Expected matching RIGHT_BRACKET for LEFT_BRACKET, after extras at 4".to_owned(),
            ),
            (
                "-e x",
                "Expected package name at the start of dependency specifier at 0".to_owned(),
            ),
            (
                "foo>=1;",
                "Expected a marker variable or quoted string at 7".to_owned(),
            ),
            ("foo @", "Expected URL after @ at 5".to_owned()),
        ] {
            assert_eq!(shown(written), expected, "{written}");
        }
        assert_eq!(
            Requirement::parse("foo bar").unwrap_err().to_string(),
            format!("{name}\n    foo bar\n        ^")
        );
    }

    #[test]
    fn equal_requirements_have_one_identity() {
        let identity = |text| Requirement::parse(text).unwrap().identity();
        assert_eq!(identity("My.Pkg[b,a] >=1"), identity("my_pkg[a,b]>=1"));
        assert_ne!(identity("my_pkg[a]"), identity("my_pkg"));
    }
}
