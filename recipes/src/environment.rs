//! The option `environment`: variables for the commands of a part.
//!
//! Keeps `EnvironMixin` of slapos.recipe.build. A value with `=` holds one
//! variable on each line; any other value names a section whose options are
//! the variables.

use std::borrow::Cow;
use std::ffi::OsStr;

use indexmap::IndexMap;

use buildout_core::event::Level;
use buildout_core::extends::PROFILE_BASE_LOCATION;
use buildout_core::profile::python_text::{rstrip, split_lines, strip};
use buildout_core::recipe::{Buildout as _, Construction, Environment, PartRun, RecipeError};
use buildout_core::value::str_repr;

use crate::percent_format::{FormatError, percent_format};

/// The option.
pub(crate) const OPTION: &str = "environment";

/// The variables that a part asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variables {
    /// None.
    Inherited,
    /// Those written in the option, by name.
    Inline(IndexMap<String, String>),
    /// The options of this section.
    Section(String),
}

/// An `environment` that cannot be read. The texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum InlineError {
    #[error("Line {} in environment is incorrect", str_repr(line))]
    NoAssignment { line: String },
    #[error("Key {} is repeated", str_repr(name))]
    Repeated { name: String },
}

impl InlineError {
    fn hint(&self) -> String {
        match self {
            Self::NoAssignment { line } => format!("write `{line} = VALUE`, or remove the line"),
            Self::Repeated { name } => format!("keep one of the lines for `{name}`"),
        }
    }
}

impl Variables {
    /// Reads the option; a section that it names is initialised, so that the
    /// part depends on it.
    ///
    /// # Errors
    ///
    /// A line is no assignment or repeats a name, or the section cannot be
    /// initialised.
    pub(crate) fn read(part: &Construction<'_>) -> Result<Self, RecipeError> {
        match part.option(OPTION)? {
            Some(value) => Self::parse(part, &value),
            None => Ok(Variables::Inherited),
        }
    }

    fn parse(part: &Construction<'_>, value: &str) -> Result<Self, RecipeError> {
        if value.is_empty() {
            return Ok(Variables::Inherited);
        }
        if value.contains('=') {
            let variables = parse_inline(value).map_err(|error| {
                let hint = error.hint();
                RecipeError::user(error).at_option(OPTION).with_hint(hint)
            })?;
            return Ok(Variables::Inline(variables));
        }
        part.buildout().reach(value)?;
        Ok(Variables::Section(value.to_owned()))
    }

    /// Returns the environment of the run with the variables; logs them sorted.
    ///
    /// # Errors
    ///
    /// A value is no working format; see [`FormatError`].
    pub(crate) fn compute(&self, run: &PartRun<'_>) -> Result<Environment, RecipeError> {
        let mut environment = run.services().environment();
        for (name, value) in self.values(run)? {
            run.log(Level::Info, format!("[ENV] {name} = {value}"));
            environment.insert(name.into(), value.into());
        }
        Ok(environment)
    }

    /// Returns the variables sorted, each formatted with the environment as it
    /// was before.
    ///
    /// `_profile_base_location_`, which the engine itself puts into sections,
    /// is no variable.
    ///
    /// # Errors
    ///
    /// A value is no working format; see [`FormatError`].
    pub(crate) fn values(&self, run: &PartRun<'_>) -> Result<Vec<(String, String)>, RecipeError> {
        let inherited = run.services().environment();
        let mut variables: Vec<(String, String)> = match self {
            Variables::Inherited => return Ok(Vec::new()),
            Variables::Inline(variables) => variables.clone().into_iter().collect(),
            Variables::Section(section) => {
                let mut variables = Vec::new();
                for name in run.buildout().option_names(section)? {
                    if &*name != PROFILE_BASE_LOCATION
                        && let Some(value) = run.buildout().get(section, &name)?
                    {
                        variables.push((name.to_string(), value.to_string()));
                    }
                }
                variables
            }
        };
        variables.sort();
        for (name, value) in &mut variables {
            let formatted = percent_format(value, "_Environ", |name| {
                let value = inherited.get(OsStr::new(name))?;
                // A variable that is no UTF-8 cannot be part of a value.
                value.to_str().map(Cow::Borrowed)
            });
            *value = formatted.map_err(|error| variable_error(name, error))?;
        }
        Ok(variables)
    }
}

fn variable_error(variable: &str, error: FormatError) -> RecipeError {
    let hint = match &error {
        FormatError::UnknownName { name } => format!(
            "the value of `{variable}` refers to `{name}`, which is not in the environment: set it before the run, or write `%%` for a percent sign"
        ),
        error => format!("in the value of `{variable}`, {}", error.hint()),
    };
    RecipeError::internal(error.exception(), error)
        .at_option(OPTION)
        .with_hint(hint)
}

fn parse_inline(value: &str) -> Result<IndexMap<String, String>, InlineError> {
    let mut variables = IndexMap::new();
    for line in split_lines(value) {
        let line = strip(line);
        if line.is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            let line = line.to_owned();
            return Err(InlineError::NoAssignment { line });
        };
        let name = rstrip(name).to_owned();
        if variables.contains_key(&name) {
            return Err(InlineError::Repeated { name });
        }
        variables.insert(name, strip(value).to_owned());
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_variables_are_one_on_a_line() {
        let parsed = |text: &str| {
            parse_inline(text)
                .map(|variables| variables.into_iter().collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        let pairs = |pairs: &[(&str, &str)]| {
            Ok(pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<Vec<_>>())
        };
        for (text, expected) in [
            (
                "A=1\n\n  B = two words \n",
                pairs(&[("A", "1"), ("B", "two words")]),
            ),
            ("A=b=c\r\nD=", pairs(&[("A", "b=c"), ("D", "")])),
            (
                "A=1\nB",
                Err("Line 'B' in environment is incorrect".to_owned()),
            ),
            ("A=1\nA =2", Err("Key 'A' is repeated".to_owned())),
        ] {
            assert_eq!(parsed(text), expected, "{text:?}");
        }
    }
}
