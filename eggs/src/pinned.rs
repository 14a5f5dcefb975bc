//! A distribution that is taken only with known bytes: what the program needs for
//! itself, and no profile asks for.

use std::path::PathBuf;

use crate::index::{ArchiveError, Index};
use crate::name::ProjectName;
use crate::supply::{EggError, sha256_of};
use crate::wheel::{WheelError, WheelStore};

/// A wheel and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinnedWheel<'a> {
    /// The project.
    pub project: &'a str,
    /// The name of the file.
    pub file_name: &'a str,
    /// The SHA-256 digest of the file, in lower-case hexadecimal digits.
    pub sha256: &'a str,
}

/// A pinned wheel that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinnedWheelError {
    /// The index does not have it.
    #[error("the index has no {file_name}{}", shown_reasons(.unreachable))]
    Missing {
        /// The name of the file.
        file_name: String,
        /// What could not be asked, and why.
        unreachable: Vec<String>,
    },
    /// It cannot be fetched.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Its bytes cannot be read.
    #[error(transparent)]
    Read(#[from] EggError),
    /// Its bytes are others.
    #[error("{file_name} has the SHA-256 digest {found}, and should have {expected}")]
    Digest {
        /// The name of the file.
        file_name: String,
        /// The digest that is known.
        expected: String,
        /// The digest of what the index has.
        found: String,
    },
    /// It cannot be unpacked.
    #[error(transparent)]
    Wheel(#[from] WheelError),
}

fn shown_reasons(unreachable: &[String]) -> String {
    match unreachable {
        [] => String::new(),
        reasons => format!(": {}", reasons.join("; ")),
    }
}

impl PinnedWheel<'_> {
    /// Returns the directory with the wheel's modules, fetched and unpacked into
    /// the store unless it is there. Nothing is unpacked before its bytes are
    /// known to be right.
    ///
    /// # Errors
    ///
    /// See [`PinnedWheelError`].
    pub fn provide(&self, index: &Index, store: &WheelStore) -> Result<PathBuf, PinnedWheelError> {
        if let Some(found) = store.find(self.sha256, self.file_name)? {
            return Ok(found.directory().to_owned());
        }
        let offer = index.offer(&ProjectName::new(self.project));
        let candidate = offer
            .candidates
            .iter()
            .find(|candidate| candidate.file_name == self.file_name);
        let Some(candidate) = candidate else {
            return Err(PinnedWheelError::Missing {
                file_name: self.file_name.to_owned(),
                unreachable: offer.unreachable.clone(),
            });
        };
        let archive = index.archive(candidate)?;
        let found = sha256_of(&archive)?;
        if found != self.sha256 {
            return Err(PinnedWheelError::Digest {
                file_name: self.file_name.to_owned(),
                expected: self.sha256.to_owned(),
                found,
            });
        }
        let wheel = store.unpack(archive.path(), self.sha256, self.file_name)?;
        Ok(wheel.directory().to_owned())
    }
}
