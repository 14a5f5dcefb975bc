//! The lock file: what a profile resolved to, so that a later run can insist
//! on the same.
//!
//! It records every profile from the network with its SHA-256 digest, every
//! download and every file of a Python distribution with its digests and size,
//! and the revision of every repository that a profile names without one. Local
//! files are not in it: they belong to
//! whatever the profile belongs to. [`LockFile::parse`] and `Display` are
//! inverse; [`drifts`] compares a lock with what a run found.

mod distribution;
mod drift;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use distribution::is_same_project;
pub use distribution::{DistributionLock, DistributionPurpose, LockedDistribution};
pub use drift::{Drift, PlannedPins, drifts};
pub(crate) use drift::{
    WantedDistributions, distribution_drifts, download_drifts, fits_all, profile_drifts,
    revision_drifts,
};
pub use text::LockSyntaxError;

use crate::fetch::{Digests, ExpectedDigests, LockedDigests};
use crate::state::atomic::{ReplaceError, replace_file};

/// The name of the file, in the buildout directory.
pub const LOCK_FILE: &str = "buildout.lock";

/// The version of the format; it rises when a reader of the old one would
/// misunderstand the new one.
pub const LOCK_VERSION: u32 = 1;

/// What is locked: distributions by the name of their file, the rest by URL as
/// it may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockFile {
    /// The SHA-256 digests of profiles.
    pub profiles: BTreeMap<String, [u8; 32]>,
    /// The files of Python distributions.
    pub distributions: BTreeMap<String, LockedDistribution>,
    /// The downloads of parts.
    pub downloads: BTreeMap<String, LockedDownload>,
    /// The revisions of repositories.
    pub revisions: BTreeMap<RevisionSource, String>,
}

/// What a revision is looked up from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RevisionSource {
    /// The repository, a URL or path as it may be shown.
    pub repository: String,
    /// What was looked up: a branch, or `HEAD`.
    pub reference: String,
}

impl fmt::Display for RevisionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.repository, self.reference)
    }
}

/// A download as it was when it was locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedDownload {
    /// The digests.
    pub digests: Digests,
    /// The number of bytes.
    pub size: u64,
}

/// A lock file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// There is none.
    #[error("There is no lock file `{}`.", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("failed to read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no lock file.
    #[error("`{}` is no lock file that this program can use: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: LockSyntaxError,
    },
    /// It cannot be written.
    #[error(transparent)]
    Write(#[from] ReplaceError),
}

impl LockError {
    /// Returns the next step.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            LockError::Missing { .. } => Some("make one with `buildout lock`"),
            LockError::Syntax { .. } => Some("remove it and make a new one with `buildout lock`"),
            _ => None,
        }
    }
}

impl LockFile {
    /// Returns the path of the lock file of a buildout directory.
    pub fn path(directory: &Path) -> PathBuf {
        directory.join(LOCK_FILE)
    }

    /// Reads a lock file.
    ///
    /// # Errors
    ///
    /// See [`LockError`].
    pub fn load(path: &Path) -> Result<Self, LockError> {
        let path = path.to_owned();
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text).map_err(|source| LockError::Syntax { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(LockError::Missing { path })
            }
            Err(source) => Err(LockError::Read { path, source }),
        }
    }

    /// Writes a lock file, in one step.
    ///
    /// # Errors
    ///
    /// [`LockError::Write`].
    pub fn save(&self, path: &Path) -> Result<(), LockError> {
        Ok(replace_file(path, self.to_string().as_bytes())?)
    }

    /// Returns the digests that downloads must have.
    pub fn digests(&self) -> LockedDigests {
        let digest =
            |(url, locked): (&String, &LockedDownload)| (url.clone(), locked.digests.sha256);
        let distributions = self.distributions.values();
        let distributions = distributions.map(|locked| (locked.url.clone(), locked.sha256));
        let downloads = self.downloads.iter().map(digest);
        downloads.chain(distributions).collect()
    }
}

impl LockedDownload {
    /// Says whether the digests are those that a profile pins.
    pub fn fits(&self, pins: &ExpectedDigests) -> bool {
        pins.verify(&self.digests).is_ok()
    }
}
