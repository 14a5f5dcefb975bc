//! The commands of a part, as its options say.

use std::borrow::Cow;

use buildout_core::profile::python_text::{split_words, strip};
use buildout_core::recipe::RecipeError;

use crate::percent_format::{FormatError, percent_format};

/// The options of a part, and its name for error texts.
pub(super) struct PartOptions<'a, F: Fn(&str) -> Option<&'a str>> {
    /// The part.
    pub(super) part: &'a str,
    /// Finds the value of an option.
    pub(super) lookup: F,
}

/// The three main commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Commands {
    pub(super) configure: String,
    pub(super) make: String,
    pub(super) install: String,
}

impl Commands {
    /// Puts the commands together.
    ///
    /// # Errors
    ///
    /// A text does not work as a format of Python.
    pub(super) fn new<'a>(
        options: &PartOptions<'a, impl Fn(&str) -> Option<&'a str>>,
    ) -> Result<Self, RecipeError> {
        let text = |name: &str, default: &'static str| {
            strip((options.lookup)(name).unwrap_or(default)).to_owned()
        };
        let words = |name: &str, default: &'static str| -> String {
            let value = (options.lookup)(name).unwrap_or(default);
            split_words(value).collect::<Vec<_>>().join(" ")
        };
        let prefix = (options.lookup)("prefix").unwrap_or_default();
        let make = text("make-binary", "make");
        let make_options = words("make-options", "");
        let mut make_targets = words("make-targets", "install");
        let mut configure_options = words("configure-options", "");
        let mut configure = text("configure-command", "");
        if configure.is_empty() {
            "./configure".clone_into(&mut configure);
            if !configure_options.contains("--prefix") {
                let space = if configure_options.is_empty() {
                    ""
                } else {
                    " "
                };
                configure_options = format!("--prefix=\"{prefix}\"{space}{configure_options}");
            }
        } else if make == "make" && make_targets == "install" {
            make_targets = format!("install prefix=\"{prefix}\"");
        }
        // Upstream formats in this order; the first failure is the one shown.
        let configure = options.format(
            &format!("{configure} {configure_options}"),
            &["configure-command", "configure-options"],
        )?;
        let install = options.format(
            &format!("{make} {make_options} {make_targets}"),
            &["make-binary", "make-options", "make-targets"],
        )?;
        let make = options.format(
            &format!("{make} {make_options}"),
            &["make-binary", "make-options"],
        )?;
        Ok(Commands {
            configure,
            make,
            install,
        })
    }
}

impl<'a, F: Fn(&str) -> Option<&'a str>> PartOptions<'a, F> {
    /// Returns the shell command of an option, or none if it is blank.
    ///
    /// # Errors
    ///
    /// The text does not work as a format of Python.
    pub(super) fn snippet(&self, option: &'static str) -> Result<Option<String>, RecipeError> {
        let text = strip((self.lookup)(option).unwrap_or_default());
        let command = self.format(text, &[option])?;
        Ok((!command.is_empty()).then_some(command))
    }

    /// Formats a text made of the values of `sources`.
    fn format(&self, text: &str, sources: &[&'static str]) -> Result<String, RecipeError> {
        self.try_format(text).map_err(|error| {
            // The one to point at is the first that fails by itself.
            let culprit = sources.iter().find(|source| {
                (self.lookup)(source).is_some_and(|value| self.try_format(value).is_err())
            });
            let option = culprit.or(sources.first()).copied().unwrap_or_default();
            let hint = error.hint();
            let failure = match error {
                // Looking up an option that is missing is a user's error.
                FormatError::UnknownName { name } => {
                    RecipeError::user(format!("Missing option: {}:{name}", self.part))
                }
                error => RecipeError::internal(error.exception(), error),
            };
            failure.at_option(option).with_hint(hint)
        })
    }

    fn try_format(&self, text: &str) -> Result<String, FormatError> {
        percent_format(text, "Options", |name| {
            (self.lookup)(name).map(Cow::Borrowed)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(options: &[(&str, &str)]) -> Result<[String; 3], RecipeError> {
        let lookup = |name: &str| {
            let found = options.iter().find(|(option, _)| *option == name);
            found
                .map(|(_, value)| *value)
                .or((name == "prefix").then_some("/p"))
        };
        let part = "c";
        let commands = Commands::new(&PartOptions { part, lookup })?;
        Ok([commands.configure, commands.make, commands.install])
    }

    /// Options, and the three commands they make.
    type Case = (&'static [(&'static str, &'static str)], [&'static str; 3]);

    #[test]
    fn commands_are_upstreams_to_the_space() {
        let cases: [Case; 7] = [
            (
                &[],
                ["./configure --prefix=\"/p\"", "make ", "make  install"],
            ),
            (
                &[
                    ("configure-options", "\n--with-x=1\n  --v=%(version)s"),
                    ("version", "1"),
                    ("make-options", "X=1"),
                ],
                [
                    "./configure --prefix=\"/p\" --with-x=1 --v=1",
                    "make X=1",
                    "make X=1 install",
                ],
            ),
            (
                &[("configure-options", "--libprefix=x")],
                [
                    "./configure --prefix=\"/p\" --libprefix=x",
                    "make ",
                    "make  install",
                ],
            ),
            (
                &[("configure-options", "--prefix=/q")],
                ["./configure --prefix=/q", "make ", "make  install"],
            ),
            (
                &[("configure-command", "true")],
                ["true ", "make ", "make  install prefix=\"/p\""],
            ),
            (
                &[("configure-command", "true"), ("make-targets", "a\nb")],
                ["true ", "make ", "make  a b"],
            ),
            (
                &[("make-binary", ""), ("make-targets", "")],
                ["./configure --prefix=\"/p\"", " ", "  "],
            ),
        ];
        for (options, expected) in cases {
            let found = commands(options).expect("they work");
            assert_eq!(found, expected, "{options:?}");
        }
    }

    #[test]
    fn failing_formats_point_at_their_option() {
        let error = commands(&[("configure-command", "a %%"), ("configure-options", "50%")])
            .expect_err("it fails");
        assert_eq!(error.to_string(), "incomplete format");
        assert_eq!(error.option(), Some("configure-options"));
        let error = commands(&[("make-targets", "%(nope)s")]).expect_err("it fails");
        assert_eq!(error.to_string(), "Missing option: c:nope");
        assert_eq!(error.option(), Some("make-targets"));
    }
}
