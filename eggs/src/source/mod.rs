//! Wheels out of source archives and checkouts.
//!
//! Python builds them: pip, in a process of the Python that the result is for,
//! with what the build asks for on its path. None of that has to be installed
//! in that Python, and nothing is fetched by pip: what is on the path was
//! chosen by our own resolution.

mod build;
mod pyproject;
mod requirements;
mod setup_cfg;
mod tree;

use std::io;
use std::path::PathBuf;

use buildout_core::exec::command::{Command, CommandError, Finished};
use buildout_core::exec::failure::CommandFailure;
use buildout_core::fetch::archive::UnpackError;
use buildout_core::recipe::PartRun;

pub(crate) use build::Workplace;
pub use build::{BuildSettings, Builder, Isolation, Patches, Provide};
pub use pyproject::build_requires;
pub(crate) use requirements::Product;
pub use setup_cfg::edit_setup_cfg;
pub(crate) use tree::unpack_source;

use crate::metadata::MetadataError;

/// Runs the commands of a build, and tells somebody of their output.
pub trait Commands: Sync {
    /// Runs a command to its end.
    ///
    /// # Errors
    ///
    /// It cannot be run to its end.
    fn run(&self, command: &Command) -> Result<Finished, CommandError>;
}

impl Commands for PartRun<'_> {
    fn run(&self, command: &Command) -> Result<Finished, CommandError> {
        self.run_command(command)
    }
}

/// A build that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The archive cannot be unpacked.
    #[error("failed to unpack `{archive}`")]
    Unpack {
        /// Its file name.
        archive: String,
        /// Why.
        #[source]
        source: UnpackError,
    },
    /// The archive has an entry that would be outside the place it is unpacked
    /// in.
    #[error("the archive `{archive}` is refused: its entry `{entry}` would be outside")]
    Hostile {
        /// The file name of the archive.
        archive: String,
        /// The name of the entry.
        entry: String,
    },
    /// There is nothing to build. The text is upstream's.
    #[error("Couldn't find a setup script in {archive}")]
    NoSetup {
        /// The file name of the archive.
        archive: String,
    },
    /// It is not clear what to build. The text is upstream's.
    #[error("Multiple setup scripts in {archive}")]
    SeveralSetups {
        /// The file name of the archive.
        archive: String,
    },
    /// What the build asks for cannot be had.
    #[error("failed to provide what building {what} needs: {source}")]
    Requirements {
        /// The distribution.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A patch does not fit.
    #[error("failed to apply the patch `{patch}` to {what}")]
    Patch {
        /// The distribution.
        what: String,
        /// The patch.
        patch: String,
        /// What the program said.
        #[source]
        source: Box<CommandFailure>,
    },
    /// A command failed. The text is zc.buildout 3's.
    #[error(
        "An error occurred when trying to install {what}. Look above this message for any errors that were output by pip install."
    )]
    Command {
        /// The distribution.
        what: String,
        /// The command.
        #[source]
        source: Box<CommandFailure>,
    },
    /// The command succeeded without leaving what it is for.
    #[error("building {what} left {found} wheels instead of one")]
    NoWheel {
        /// The distribution.
        what: String,
        /// How many wheels there are.
        found: usize,
    },
    /// The metadata that it left cannot be read.
    #[error("building {what} left metadata that cannot be used")]
    Metadata {
        /// The distribution.
        what: String,
        /// Why.
        #[source]
        source: MetadataError,
    },
    /// It left none.
    #[error("building {what} left no metadata")]
    NoMetadata {
        /// The distribution.
        what: String,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A file cannot be made or read.
    #[error("failed to {verb} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

pub(crate) fn failed(
    verb: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> BuildError {
    move |source| BuildError::Io {
        verb,
        path: path.into(),
        source,
    }
}
