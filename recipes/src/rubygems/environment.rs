//! The environment of Ruby and of the programs of gems.

use std::borrow::Cow;
use std::ffi::OsStr;

use buildout_core::profile::python_text::{split_lines, strip};
use buildout_core::recipe::{PartRun, RecipeError};

use super::ENVIRONMENT;
use crate::percent_format::percent_format;

/// What the option `environment` adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GemEnvironment {
    additions: Vec<(String, String)>,
}

impl GemEnvironment {
    /// Reads the option.
    ///
    /// # Errors
    ///
    /// A line has no `=`.
    pub(super) fn parse(text: &str) -> Result<Self, RecipeError> {
        let mut additions = Vec::new();
        for line in split_lines(text).into_iter().map(strip) {
            if line.is_empty() {
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                return Err(RecipeError::user(
                    "Configuration error, every environment line should contain a \"=\" sign",
                )
                .at_option(ENVIRONMENT)
                .with_hint("write one `NAME=value` in each line"));
            };
            additions.push((strip(name).to_owned(), strip(value).to_owned()));
        }
        Ok(GemEnvironment { additions })
    }

    /// Returns the variables, in upstream's order: where gems are, what Ruby
    /// loads, and the path; then those that were added.
    ///
    /// # Errors
    ///
    /// A value is no working format.
    pub(super) fn compute(
        &self,
        run: &PartRun<'_>,
        prefix: &str,
    ) -> Result<Vec<(String, String)>, RecipeError> {
        let inherited = run.services().environment();
        let inherited = |name: &str| match inherited.get(OsStr::new(name)) {
            Some(value) if !value.is_empty() => format!("{}:", value.to_string_lossy()),
            _ => String::new(),
        };
        let mut variables = vec![
            ("GEM_HOME".to_owned(), format!("{prefix}/lib/ruby/gems")),
            (
                "RUBYLIB".to_owned(),
                format!(
                    "{}{prefix}/lib:{prefix}/lib/ruby:{prefix}/lib/site_ruby",
                    inherited("RUBYLIB")
                ),
            ),
            (
                "PATH".to_owned(),
                format!("{}{prefix}/bin", inherited("PATH")),
            ),
        ];
        let before = variables.clone();
        for (name, value) in &self.additions {
            let value = percent_format(value, "dict", |wanted| {
                let found = before.iter().find(|(name, _)| name == wanted)?;
                Some(Cow::Borrowed(found.1.as_str()))
            })
            .map_err(|error| {
                let hint = format!("in the value of `{name}`, {}", error.hint());
                RecipeError::internal(error.exception(), error)
                    .at_option(ENVIRONMENT)
                    .with_hint(hint)
            })?;
            match variables.iter_mut().find(|(known, _)| known == name) {
                Some(known) => known.1 = value,
                None => variables.push((name.clone(), value)),
            }
        }
        Ok(variables)
    }
}
