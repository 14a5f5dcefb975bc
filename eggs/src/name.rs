//! Names of projects.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The name of a project. Names are equal if they are the same in the form of
/// PEP 503: `My.Dotted_Pkg` is `my-dotted-pkg`.
///
/// Displayed, a name is spelt as it was written.
#[derive(Clone, Debug)]
pub struct ProjectName {
    written: String,
    canonical: String,
}

impl ProjectName {
    /// Takes a name as written. Anything is a name here: what an index or a
    /// file makes of it is another matter.
    pub fn new(written: impl Into<String>) -> Self {
        let written = written.into();
        ProjectName {
            canonical: canonical_name(&written),
            written,
        }
    }

    /// Returns the name as written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Returns the name in the form of PEP 503.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }
}

impl PartialEq for ProjectName {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for ProjectName {}

impl Hash for ProjectName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written)
    }
}

/// Returns the form of PEP 503: runs of `-`, `_` and `.` become one `-`, and
/// letters small. Extras are compared in the same form.
pub fn canonical_name(name: &str) -> String {
    let mut canonical = String::with_capacity(name.len());
    for character in name.chars() {
        if !matches!(character, '-' | '_' | '.') {
            canonical.extend(character.to_lowercase());
        } else if !canonical.ends_with('-') {
            canonical.push('-');
        }
    }
    canonical
}

/// Returns the name as `pkg_resources.safe_name` does, in which upstream's
/// texts name a distribution: runs of other characters than ASCII letters,
/// digits and `.` become one `-`.
pub fn safe_name(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    let mut replaced = false;
    for character in name.chars() {
        if character.is_ascii_alphanumeric() || character == '.' {
            safe.push(character);
            replaced = false;
        } else if !replaced {
            safe.push('-');
            replaced = true;
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        let name = ProjectName::new("My.Dotted-Pkg");
        for other in ["my-dotted.pkg", "my_dotted_pkg", "MY--dotted._pkg"] {
            assert_eq!(name, ProjectName::new(other), "{other}");
        }
        assert_ne!(name, ProjectName::new("mydottedpkg"));
        assert_eq!(name.to_string(), "My.Dotted-Pkg");
        assert_eq!(name.canonical(), "my-dotted-pkg");
        assert_eq!(safe_name("My.Dotted__Pkg"), "My.Dotted-Pkg");
    }
}
