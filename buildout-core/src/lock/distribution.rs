//! What is locked of Python distributions: each file that a resolution took.

use std::fmt;

/// A file that becomes a Python distribution, as it was when it was locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedDistribution {
    /// The project, as the file spells it.
    pub name: String,
    /// The version.
    pub version: String,
    /// Where the index says it is, as it may be shown.
    pub url: String,
    /// The digest.
    pub sha256: [u8; 32],
    /// The number of bytes.
    pub size: u64,
    /// What it is for.
    pub purpose: DistributionPurpose,
    /// What a source archive requires, in the form of PEP 508: nobody can ask
    /// it before it is built. Wheels tell by themselves.
    pub requires: Vec<String>,
    /// The extras that a source archive provides.
    pub extras: Vec<String>,
}

/// What a distribution is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DistributionPurpose {
    /// It becomes an egg of the buildout, or the source of one.
    #[default]
    Installation,
    /// Only builds need it.
    Build,
}

impl fmt::Display for LockedDistribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// What locked distributions mean to a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistributionLock {
    /// No others may be taken, and no index is asked.
    Only,
    /// They are taken where they will do, but for those with these names:
    /// projects, files or URLs.
    Preferred {
        /// What may move.
        except: Vec<String>,
    },
}

impl LockedDistribution {
    /// Says whether the entry of a file goes by a name: that of the file, its
    /// URL, or the project in any spelling.
    pub fn is_named(&self, file: &str, name: &str) -> bool {
        file == name || self.url == name || is_same_project(&self.name, name)
    }
}

/// Says whether two names are spellings of one project (PEP 503).
pub(crate) fn is_same_project(left: &str, right: &str) -> bool {
    let parts = |name: &str| -> Vec<String> {
        let parts = name.split(['-', '_', '.']);
        parts
            .filter(|part| !part.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    parts(left) == parts(right)
}
