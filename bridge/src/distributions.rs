//! The distributions that Python code consists of, and who finds them.

use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::profile::python_text::{split_lines, split_words, strip};
use buildout_core::recipe::{Buildout as _, PartRun, PlannedDistributions, RecipeError};

/// A distribution that can be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// The name, as the distribution spells it.
    pub name: String,
    /// The version.
    pub version: String,
    /// The directory that Python's `sys.path` gets.
    pub location: PathBuf,
    /// For a checkout, the directory with the link to it, which may have its metadata.
    pub links: Option<PathBuf>,
}

/// Where distributions are looked for, as a run or a recipe says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// Where what is missing is installed; `None` if nothing may be.
    pub destination: Option<PathBuf>,
    /// Other directories with distributions.
    pub path: Vec<PathBuf>,
    /// The index; `None` for the default.
    pub index: Option<String>,
    /// Pages and directories with links.
    pub find_links: Vec<String>,
    /// The hosts that may be asked, as patterns.
    pub allow_hosts: Vec<String>,
    /// Whether newer versions are looked for.
    pub newest: bool,
    /// Whether a requirement may name extras that a distribution has not.
    pub allow_unknown_extras: bool,
    /// Entries of `sys.path` whose distributions are in use already.
    pub active: Vec<PathBuf>,
    /// Who wants them.
    pub purpose: Purpose,
}

/// Who wants distributions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// This program, to run recipes and extensions of them.
    Recipes,
    /// A recipe, for what it installs.
    Installation {
        /// Pins in place of those of the profile, if the recipe has its own.
        versions: Option<Vec<(String, String)>>,
    },
}

/// Who finds and installs distributions.
pub trait Distributions: Send + Sync {
    /// Finds distributions for requirements, with all that they need, and
    /// installs what is missing.
    ///
    /// # Errors
    ///
    /// A requirement cannot be satisfied.
    fn require(
        &self,
        requirements: &[String],
        search: &Search,
        run: &PartRun<'_>,
    ) -> Result<Vec<Distribution>, RecipeError>;

    /// Returns what that would take if nothing were installed. Nothing is.
    ///
    /// # Errors
    ///
    /// A requirement cannot be satisfied.
    fn plan(
        &self,
        requirements: &[String],
        search: &Search,
        run: &PartRun<'_>,
    ) -> Result<PlannedDistributions, RecipeError>;

    /// Returns the Python of the run as it calls itself, if it is known: the one that
    /// `[buildout]` names may be a script that only chooses it.
    ///
    /// # Errors
    ///
    /// There is no such Python.
    fn python(&self, _run: &PartRun<'_>) -> Result<Option<PathBuf>, RecipeError> {
        Ok(None)
    }

    /// Tells that extensions may have changed what `[buildout]` and `[versions]` say.
    fn profile_changed(&self, _run: &PartRun<'_>) {}
}

impl Search {
    /// Searches as `[buildout]` says, for recipes and extensions.
    pub(crate) fn of_run(run: &PartRun<'_>) -> Result<Self, RecipeError> {
        let option = |name: &str| -> Result<Arc<str>, RecipeError> {
            let value = run.buildout().get("buildout", name)?;
            Ok(value.unwrap_or_default())
        };
        let directory = |name: &str| -> Result<PathBuf, RecipeError> {
            Ok(run.services().absolute(&*option(name)?))
        };
        let eggs = directory("eggs-directory")?;
        let develop_eggs = directory("develop-eggs-directory")?;
        let is_from_cache = &*option("install-from-cache")? == "true";
        let is_offline = &*option("offline")? == "true" || is_from_cache;
        let mut path = vec![develop_eggs];
        let destination = if is_from_cache {
            path.push(eggs);
            None
        } else {
            Some(eggs)
        };
        let index = option("index")?;
        Ok(Search {
            destination,
            path,
            index: (!index.is_empty()).then(|| index.to_string()),
            find_links: split_words(&option("find-links")?)
                .map(ToOwned::to_owned)
                .collect(),
            allow_hosts: split_lines(&option("allow-hosts")?)
                .into_iter()
                .map(strip)
                .filter(|host| !host.is_empty())
                .map(ToOwned::to_owned)
                .collect(),
            newest: !is_offline && &*option("newest")? != "false",
            allow_unknown_extras: &*option("allow-unknown-extras")? == "true",
            active: Vec::new(),
            purpose: Purpose::Recipes,
        })
    }
}

/// Returns the name that a requirement begins with.
pub(crate) fn requirement_name(requirement: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let end = requirement.find(|c: char| !is_part(c));
    &requirement[..end.unwrap_or(requirement.len())]
}

/// Returns the spelling of a name that all of its spellings share (PEP 503).
pub(crate) fn normalized(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '.' | '-' | '_' if text.ends_with('-') => {}
            '.' | '-' | '_' => text.push('-'),
            other => text.push(other.to_ascii_lowercase()),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_one_spelling() {
        for name in ["My.Dotted-Pkg", "my-dotted_pkg", "MY_.dotted--PKG"] {
            assert_eq!(normalized(name), "my-dotted-pkg");
        }
        for requirement in [
            "a.b-c_d",
            "a.b-c_d>=1",
            "a.b-c_d [x]",
            "a.b-c_d;python_version>'3'",
        ] {
            assert_eq!(requirement_name(requirement), "a.b-c_d");
        }
    }
}
