//! What goes wrong with the promises of a partition.

use buildout_core::value::str_repr;

use super::host::HostError;
use super::search_path::NoSearchPath;
use crate::files::FileError;
use crate::launch::LaunchFailure;

/// Promises that do not hold, or cannot be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromiseError {
    /// One does not hold: the first that does not. The text is upstream's.
    #[error("Promise {} failed with output: {message}", str_repr(name))]
    Failed {
        /// The name of its file.
        name: String,
        /// What it says.
        message: String,
    },
    /// The release does not say which Python its plugins are for.
    #[error(
        "the release names no Python in bin/buildout to run the promise {} with",
        str_repr(name)
    )]
    NoInterpreter {
        /// The name of a plugin.
        name: String,
    },
    /// A plugin does not say where the release's slapos.core is, and neither
    /// does another one.
    #[error("the promise {} cannot be run: {reason}", str_repr(name))]
    NoSearchPath {
        /// The name of the plugin.
        name: String,
        /// Why not.
        reason: NoSearchPath,
    },
    /// The release's slapos.core cannot be run.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Nothing can be run as the partition's user.
    #[error(transparent)]
    Launch(#[from] LaunchFailure),
    /// A program cannot be run or followed.
    #[error("failed to run the promise {}: {source}", str_repr(name))]
    Run {
        /// The name of its file.
        name: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file of the promises cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The node was asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl PromiseError {
    /// Tells whether a promise does not hold, rather than cannot be checked.
    pub fn is_failure(&self) -> bool {
        matches!(self, PromiseError::Failed { .. })
    }
}
