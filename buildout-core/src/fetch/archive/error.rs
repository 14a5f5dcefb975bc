//! Why an archive could not be unpacked.

use std::io;
use std::path::{Path, PathBuf};

use super::format::Compression;
use super::is_truncation;
use crate::fetch::copy::CopyError;

/// A failed unpacking. Entry names are shown with foreign bytes replaced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// A file of this machine could not be read or written.
    #[error(transparent)]
    File(#[from] CopyError),
    /// The file is no archive. The text is setuptools'.
    #[error("Not a recognized archive type: {}", path.display())]
    Unrecognized {
        /// The file.
        path: PathBuf,
    },
    /// The file is an archive of a kind that is not supported.
    #[error("{kind} archives are not supported: {}", path.display())]
    UnsupportedFormat {
        /// The file.
        path: PathBuf,
        /// The kind, such as `RAR`.
        kind: &'static str,
    },
    /// The file is compressed, but what it contains is no tar archive.
    #[error("not a tar archive compressed with {compression}: {}", path.display())]
    NotTarInside {
        /// The file.
        path: PathBuf,
        /// Its compression.
        compression: Compression,
    },
    /// The archive ends too early.
    #[error("truncated archive: {}", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// The archive is damaged.
    #[error("damaged archive {}: {source}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// An entry needs something that is not supported: encryption, an unusual
    /// compression method, a sparse file of the newest kind.
    #[error("entry `{entry}` of {} is not supported: {detail}", path.display())]
    UnsupportedEntry {
        /// The archive.
        path: PathBuf,
        /// The entry's name.
        entry: String,
        /// What it needs.
        detail: String,
    },
    /// An entry lies below a symlink, and so would be written elsewhere.
    #[error("entry `{entry}` leads through the symlink `{}`", symlink.display())]
    ThroughSymlink {
        /// The entry's name.
        entry: String,
        /// The symlink, in the destination.
        symlink: PathBuf,
    },
    /// An entry lies below something that is no directory.
    #[error("entry `{entry}` lies below `{}`, which is no directory", blocking.display())]
    NotADirectory {
        /// The entry's name.
        entry: String,
        /// The file in the way, in the destination.
        blocking: PathBuf,
    },
    /// An entry that is no directory has the name of one.
    #[error("entry `{entry}` would replace a directory")]
    DirectoryInTheWay {
        /// The entry's name.
        entry: String,
    },
    /// A hard link leads to nothing that was unpacked before it. Upstream fails
    /// with an internal error, or looks for a later entry.
    #[error("entry `{entry}` is a hard link to `{target}`, which was not unpacked")]
    LinkTargetMissing {
        /// The entry's name.
        entry: String,
        /// The name it leads to.
        target: String,
    },
    /// The limit on unpacked bytes is exceeded.
    #[error("the archive unpacks to more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// The limit on entries is exceeded.
    #[error("the archive has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// A name or a link's target is too long, or has too many components.
    #[error("the archive has a name that is too long or too deeply nested: `{entry}...`")]
    NameTooLong {
        /// The first bytes of the name.
        entry: String,
    },
    /// The data about one entry (long names, extended headers) is too large.
    #[error("the archive describes one entry in more than {limit} bytes")]
    MetadataTooLarge {
        /// The limit.
        limit: u64,
    },
    /// The destination has contents.
    #[error("destination `{}` is not empty", path.display())]
    DestinationNotEmpty {
        /// The destination.
        path: PathBuf,
    },
    /// There is no top-level directory to strip, and there has to be.
    #[error(
        "cannot strip the top-level directory of {}: the archive's root has {found} entries{}",
        path.display(),
        if *found == 1 { ", which is no directory" } else { "" }
    )]
    NoTopLevel {
        /// The archive.
        path: PathBuf,
        /// Entries found in the root.
        found: usize,
    },
}

impl UnpackError {
    pub(super) fn corrupt(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if is_truncation(&source) {
            Self::Truncated { path }
        } else {
            Self::Corrupt { path, source }
        }
    }
}
