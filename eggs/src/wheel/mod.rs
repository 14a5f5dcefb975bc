//! Wheels, and the eggs that are made of them.
//!
//! A wheel is unpacked once for a user, below the digest of its archive
//! ([`WheelStore`]). An egg is made of links to those files
//! ([`UnpackedWheel::make_egg`]); only what differs from egg to egg is
//! written. Both appear whole or not at all: they are made beside their place
//! and renamed.

mod egg;
mod egg_name;
mod file_name;
mod link;
mod store;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use buildout_core::fetch::archive::UnpackError;

pub use egg::{EggMaking, RequirementFilter};
pub use egg_name::{EggName, EggTarget};
pub use file_name::WheelFileName;
pub use link::LinkMode;
pub use store::{UnpackedWheel, WheelStore};

use crate::metadata::MetadataError;

/// A wheel that no egg can be made of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WheelError {
    /// The name is not that of a wheel.
    #[error("`{name}` is not the file name of a wheel")]
    FileName {
        /// The name.
        name: String,
    },
    /// The archive cannot be unpacked.
    #[error("failed to unpack the wheel `{wheel}`")]
    Unpack {
        /// The file name of the wheel.
        wheel: String,
        /// Why.
        #[source]
        source: UnpackError,
    },
    /// The archive holds what no wheel may hold.
    #[error("the wheel `{wheel}` is refused: {what}")]
    Refused {
        /// The file name of the wheel.
        wheel: String,
        /// What it holds.
        what: String,
    },
    /// The metadata cannot be read.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
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

fn failed(verb: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> WheelError {
    move |source| WheelError::Io {
        verb,
        path: path.into(),
        source,
    }
}
