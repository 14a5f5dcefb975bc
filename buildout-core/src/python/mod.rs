//! The identity of the Python a profile is evaluated for.
//!
//! Only conditions, egg tags and the bridge to Python recipes need it. It comes
//! from a [`PythonIdentitySource`], which is asked when it is needed: a run that
//! never asks starts no Python.

mod cache;
mod identity;
mod probe;
#[cfg(test)]
pub(crate) mod reference;
pub mod version;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

pub use identity::{PythonIdentity, VersionInfo};
pub use probe::PythonProbe;

/// Where the identity of Python comes from.
pub trait PythonIdentitySource {
    /// Returns the identity, finding it out at the first call.
    ///
    /// # Errors
    /// It cannot be found out.
    fn identity(&self) -> Result<&PythonIdentity, PythonError>;
}

/// A known identity is its own source.
impl PythonIdentitySource for PythonIdentity {
    fn identity(&self) -> Result<&PythonIdentity, PythonError> {
        Ok(self)
    }
}

/// Why the identity of a Python cannot be found out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PythonError {
    /// The search path has no such program.
    #[error("failed to find `{program}` on the search path `{search_path}`")]
    NotFound {
        /// The program looked for.
        program: String,
        /// The value of `PATH`.
        search_path: String,
    },
    /// The program cannot be started, or its output not be read.
    #[error("failed to run `{executable}` to find out about Python")]
    Run {
        /// The program.
        executable: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The program did not end in time, and was killed.
    #[error("`{executable}` did not say what Python it is within {seconds} seconds")]
    TimedOut {
        /// The program.
        executable: PathBuf,
        /// The limit.
        seconds: u64,
    },
    /// The program failed.
    #[error("`{executable}` failed to say what Python it is ({status}): {message}")]
    Failed {
        /// The program.
        executable: PathBuf,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to its standard error.
        message: String,
    },
    /// The program answered something else than was asked.
    #[error("`{executable}` gave an answer that is not the identity of a Python: {answer}")]
    Malformed {
        /// The program.
        executable: PathBuf,
        /// The beginning of the answer.
        answer: String,
    },
}
