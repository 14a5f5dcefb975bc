//! What resolution needs of whoever keeps distributions.

use std::error::Error;
use std::sync::Arc;

use buildout_core::fetch::{DownloadError, Downloaded};

use crate::distribution::Distribution;
use crate::index::Candidate;
use crate::name::ProjectName;
use crate::requirement::Requirement;

/// Why a supply failed; its text begins with upstream's.
pub type SupplyError = Box<dyn Error + Send + Sync>;

/// Knows which distributions are there. It is asked from several threads, some
/// of which may outlive a resolution for a moment.
pub trait Inventory: Send + Sync {
    /// Returns the distributions of a project that are there: the eggs
    /// directory, develop eggs, and what else is on the search path. The order
    /// does not matter.
    ///
    /// What a [`Supply`] has made since the last call is among them.
    ///
    /// # Errors
    /// A directory or the metadata in it cannot be read.
    fn installed(&self, project: &ProjectName) -> Result<Vec<Arc<Distribution>>, SupplyError>;
}

/// Makes distributions.
pub trait Supply: Sync {
    /// Makes a distribution of an offered file and keeps it.
    ///
    /// Several may be made at once, but none twice.
    ///
    /// # Errors
    /// It cannot be downloaded, built or stored.
    fn install(&self, order: &Order<'_>) -> Result<Arc<Distribution>, SupplyError>;
}

/// A file that is to become a distribution.
pub struct Order<'a> {
    /// The requirement for whose sake it was chosen, with its pin.
    pub requirement: &'a Requirement,
    /// The file.
    pub candidate: &'a Candidate,
    pub(crate) archive: &'a (dyn Fn() -> Result<Downloaded, DownloadError> + Sync),
}

impl Order<'_> {
    /// Makes the file available on this machine, verified: that of the
    /// download cache, or a temporary one that goes away with the value.
    ///
    /// Whoever has the distribution already, by the digest of the file, need
    /// not ask.
    ///
    /// # Errors
    /// It cannot be had, or has other digests than the index says.
    pub fn archive(&self) -> Result<Downloaded, DownloadError> {
        (self.archive)()
    }
}
