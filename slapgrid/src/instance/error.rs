//! What goes wrong with a partition. Texts are upstream's: the master shows
//! them.

use std::path::PathBuf;

use slap::SlapError;

use super::wanted::UnusablePartition;
use crate::child::ChildFailure;
use crate::files::FileError;
use crate::firewalld::FirewallError;
use crate::promise::PromiseError;
use crate::supervisor::SupervisorError;
use crate::supervisor::configuration::UnusableName;

/// A partition that could not be made what the master wants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// The directory is missing.
    #[error("Partition directory {} does not exist.", .0.display())]
    NoDirectory(PathBuf),
    /// The directory's mode is not exactly what it must be.
    #[error("Wrong permissions in {}: actual permissions are: 0{actual:o}, wanted are 0{wanted:o}", path.display())]
    Permissions {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        actual: u32,
        /// What it must be.
        wanted: u32,
    },
    /// There is not enough space.
    #[error("Not enough space for {}: available {available}, required {required} (option 'instance_min_free_space')", path.display())]
    Space {
        /// Where.
        path: PathBuf,
        /// What there is.
        available: String,
        /// What there should be.
        required: String,
    },
    /// The release is not there.
    #[error("Software Release {url} is not present on system.\nCannot deploy instance.")]
    NoRelease {
        /// The release.
        url: String,
    },
    /// The release has no template for instances.
    #[error("Software Release {url} is not correctly installed.\nMissing file: {}", file.display())]
    NoTemplate {
        /// The release.
        url: String,
        /// The template.
        file: PathBuf,
    },
    /// The release has several `bin/bootstrap*`.
    #[error("More than one bootstrap candidate found.")]
    Bootstraps,
    /// The release's `bin/bootstrap*` failed.
    #[error("Failed to bootstrap buildout in '{}'.:\n{output}\n", directory.display())]
    Bootstrap {
        /// The partition's directory.
        directory: PathBuf,
        /// What it said.
        output: String,
    },
    /// The profile failed.
    #[error("Failed to run buildout profile in directory '{}':\n{output}\n", directory.display())]
    Profile {
        /// The partition's directory.
        directory: PathBuf,
        /// What the run said.
        output: String,
    },
    /// The profile took too long.
    #[error("Failed to run buildout profile in directory '{}':\n{output}... killed after {seconds} seconds (option 'partition_timeout')\n", directory.display())]
    TimedOut {
        /// The partition's directory.
        directory: PathBuf,
        /// What the run said.
        output: String,
        /// The limit.
        seconds: u64,
    },
    /// The program that destroys the instance failed.
    #[error("Failed to destroy Computer Partition in '{}'.\n{output}", directory.display())]
    Destroy {
        /// The partition's directory.
        directory: PathBuf,
        /// What it said.
        output: String,
    },
    /// A manager needs a program that is not there.
    #[error("the program {0} is not installed (option 'manager_list')")]
    NoProgram(&'static str),
    /// Something cannot be run.
    #[error(transparent)]
    Run(ChildFailure),
    /// The master wants a state that does not exist.
    #[error("Computer Partition '{partition}' has unsupported state: {state}")]
    State {
        /// The partition.
        partition: String,
        /// The state.
        state: String,
    },
    /// The master names something that cannot be a partition.
    #[error(transparent)]
    Unusable(#[from] UnusablePartition),
    /// The master does not know the partition's certificate.
    #[error("Partition {0} is not known by SlapOS Master.")]
    NoCertificate(String),
    /// A file cannot be written or removed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A service cannot be described to supervisord.
    #[error(transparent)]
    Service(#[from] UnusableName),
    /// supervisord does not do it.
    #[error(transparent)]
    Supervisor(#[from] SupervisorError),
    /// A promise does not hold, or cannot be checked.
    #[error(transparent)]
    Promise(#[from] PromiseError),
    /// The master does not answer, or refuses.
    #[error(transparent)]
    Master(#[from] SlapError),
    /// firewalld does not do it.
    #[error(transparent)]
    Firewall(#[from] FirewallError),
    /// The master's list of the tree's addresses is none.
    #[error("the master answers for the addresses of the tree of {0} with {1}, which is no list")]
    TreeAddresses(String, String),
    /// A mistake of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl PartitionError {
    /// Tells whether the log has the details already.
    pub(super) fn is_told(&self) -> bool {
        matches!(
            self,
            PartitionError::Profile { .. } | PartitionError::Bootstrap { .. }
        )
    }

    /// Tells whether a promise does not hold.
    pub(super) fn is_promise_failure(&self) -> bool {
        matches!(self, PartitionError::Promise(error) if error.is_failure())
    }

    /// Tells whether the master is lost, rather than the partition wrong.
    pub(super) fn is_master_lost(&self) -> bool {
        matches!(self, PartitionError::Master(error) if error.is_master_lost())
    }
}
