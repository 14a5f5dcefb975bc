//! Python distributions that parts are going to take, known before any part is
//! installed.

use crate::fetch::DownloadRequest;
use crate::lock::{DistributionPurpose, LockedDistribution};

/// What a plan of distributions begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DistributionBasis {
    /// Nothing but develop eggs: the plan is the same whatever is installed.
    Nothing,
    /// What is installed: the plan says what an installation adds.
    Installed,
}

/// A file of the network that is to become a distribution.
#[derive(Clone, Debug)]
pub struct PlannedDistribution {
    /// The project, as the file spells it.
    pub name: String,
    /// The version.
    pub version: String,
    /// The name of the file.
    pub file: String,
    /// Where it is, and the digests that the index gives.
    pub request: DownloadRequest,
    /// Its size in bytes, if the index says so.
    pub size: Option<u64>,
    /// What it is for.
    pub purpose: DistributionPurpose,
    /// What a source archive requires.
    pub requires: Vec<String>,
    /// The extras that a source archive provides.
    pub extras: Vec<String>,
}

/// The distributions that a part is going to take.
#[derive(Clone, Debug, Default)]
pub struct PlannedDistributions {
    /// The files, those of builds included.
    pub files: Vec<PlannedDistribution>,
    /// Requirements, with their pins, that nothing satisfies which may be used,
    /// each with what is locked of the project.
    pub missing: Vec<(String, Vec<String>)>,
    /// Whether something is going to be built.
    pub builds: bool,
    /// What could not be found out before the installation, for a person.
    pub unknown: Vec<String>,
}

impl PlannedDistributions {
    /// Adds what another plan has.
    pub fn extend(&mut self, other: Self) {
        self.files.extend(other.files);
        self.missing.extend(other.missing);
        self.builds |= other.builds;
        self.unknown.extend(other.unknown);
    }
}

impl PlannedDistribution {
    /// Makes the entry of a lock.
    pub(crate) fn locked(&self, sha256: [u8; 32], size: u64) -> LockedDistribution {
        LockedDistribution {
            name: self.name.clone(),
            version: self.version.clone(),
            url: self.request.url.to_string(),
            sha256,
            size,
            purpose: self.purpose,
            requires: self.requires.clone(),
            extras: self.extras.clone(),
        }
    }
}
