//! Why a download failed, in upstream's words.

use std::path::PathBuf;

use crate::fetch::copy::CopyError;
use crate::fetch::digest::DigestMismatch;
use crate::fetch::error::FetchError;
use crate::fetch::redact::{Quoted, RedactedUrl};

/// Which copy of a resource had a wrong checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChecksumPlace {
    /// What the network gave.
    Download,
    /// The cache entry at this path; it is kept.
    Cached(PathBuf),
    /// The local file of this name, as written.
    Local(PathBuf),
}

/// A failed download.
///
/// Texts that upstream has are upstream's, except that passwords are hidden.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The bytes are not those that the profile pins.
    #[error("{}", checksum_text(url, place, mismatch))]
    ChecksumMismatch {
        /// The resource.
        url: RedactedUrl,
        /// The copy that was checked.
        place: ChecksumPlace,
        /// Expected and actual digest. Upstream tells neither.
        #[source]
        mismatch: Box<DigestMismatch>,
    },
    /// The network would be needed.
    #[error("Couldn't download {} in offline mode.", Quoted(&url.to_string()))]
    Offline {
        /// The resource.
        url: RedactedUrl,
    },
    /// A Python distribution is neither installed nor in the download cache, and
    /// the network would be needed.
    #[error(
        "We don't have a distribution for {requirement}\n\
         and can't install one in offline (no-install) mode.\n"
    )]
    NoDistribution {
        /// The requirement, with its pin.
        requirement: String,
    },
    /// The download cache is missing.
    #[error(
        "The directory:\n{}\nto be used as a download cache doesn't exist.\n",
        Quoted(&path.to_string_lossy())
    )]
    CacheDirectoryMissing {
        /// The directory.
        path: PathBuf,
    },
    /// There is no checksum, and the policy demands one.
    #[error("Refusing to download {} without a checksum.", Quoted(&url.to_string()))]
    Unpinned {
        /// The resource.
        url: RedactedUrl,
    },
    /// Only what is locked may be had, and this is not.
    #[error("{} is not in the lock file.", Quoted(&url.to_string()))]
    NotLocked {
        /// The resource.
        url: RedactedUrl,
    },
    /// The bytes are not those that were locked.
    #[error("{} is not what the lock file records: {mismatch}", Quoted(&url.to_string()))]
    LockMismatch {
        /// The resource.
        url: RedactedUrl,
        /// The locked and the actual digest.
        mismatch: Box<DigestMismatch>,
    },
    /// The transfer failed. Upstream says "extends" whatever it is for.
    #[error("Error downloading extends for URL {url}: {source}")]
    Fetch {
        /// The resource.
        url: RedactedUrl,
        /// How it failed.
        #[source]
        source: Box<FetchError>,
    },
    /// A local resource is missing. Upstream returns its path all the same, or
    /// fails with an internal error.
    #[error("Couldn't find local resource {}.", Quoted(&path.to_string_lossy()))]
    LocalMissing {
        /// The path that was looked at.
        path: PathBuf,
    },
    /// A checksum is demanded of a directory.
    #[error("Couldn't compute the checksum of directory {}.", Quoted(&path.to_string_lossy()))]
    ChecksumOfDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// Only the cache was to be filled, and there is none.
    #[error("Couldn't cache {}: no download cache is set.", Quoted(&url.to_string()))]
    NoCache {
        /// The resource.
        url: RedactedUrl,
    },
    /// The URL gives no usable name for a cache entry.
    #[error("Couldn't name a cache entry after {}.", Quoted(&url.to_string()))]
    NoCacheKey {
        /// The resource.
        url: RedactedUrl,
    },
    /// A file of this machine could not be read or written.
    #[error(transparent)]
    File(#[from] CopyError),
}

impl DownloadError {
    /// Says whether the download was stopped, and did not fail by itself.
    pub fn is_cancellation(&self) -> bool {
        matches!(self, Self::Fetch { source, .. } if matches!(**source, FetchError::Cancelled))
    }

    /// Returns the next step.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::ChecksumMismatch { mismatch, .. } => {
                return Some(format!(
                    "its {} checksum is {}: write that one if you trust what was found",
                    mismatch.algorithm, mismatch.actual
                ));
            }
            Self::CacheDirectoryMissing { path } => {
                return Some(format!(
                    "make the directory `{}`, or unset `[buildout] download-cache`",
                    path.display()
                ));
            }
            Self::Fetch { source, .. } => transfer_hint(source)?,
            Self::LocalMissing { .. } => "write the path of a file that exists, or a URL",
            Self::Offline { .. } | Self::NoDistribution { .. } => {
                "set `[buildout] download-cache` and run `buildout -O fetch` once; offline runs then find everything"
            }
            Self::NoCache { .. } => "set `[buildout] download-cache`",
            Self::Unpinned { .. } => {
                "pin it with `sha256 = DIGITS`; a run with `buildout:require-hashes=warn` tells the digits"
            }
            Self::NotLocked { .. } => "record it with `buildout lock`",
            Self::LockMismatch { .. } => {
                "if you trust the new content, record it with `buildout lock --upgrade URL`"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn transfer_hint(error: &FetchError) -> Option<&'static str> {
    Some(match error {
        FetchError::Status {
            code: 401 | 407, ..
        } => "the server wants a login: put one for the host into `~/.netrc`, or into the URL",
        FetchError::Status { code: 403, .. } => {
            "the server refuses this file, perhaps for want of a login: put one into `~/.netrc`"
        }
        FetchError::Status {
            code: 404 | 410, ..
        } => "the server does not have it: correct the URL, or give a copy as `alternate-url`",
        FetchError::Truncated { .. } => {
            "the connection broke off each time: run it again later, or give a copy as `alternate-url`"
        }
        FetchError::Stalled { .. } | FetchError::Connect { .. } | FetchError::Status { .. } => {
            "run it again later, or give a copy as `alternate-url`"
        }
        FetchError::Tls { .. } => {
            "if the server's certificate is from an authority of your own, name that in `[buildout] ca-bundle`"
        }
        _ => return None,
    })
}

fn checksum_text(url: &RedactedUrl, place: &ChecksumPlace, mismatch: &DigestMismatch) -> String {
    let algorithm = mismatch.algorithm;
    let url = url.to_string();
    match place {
        ChecksumPlace::Download => {
            format!("{algorithm} checksum mismatch downloading {}", Quoted(&url))
        }
        ChecksumPlace::Cached(path) => format!(
            "{algorithm} checksum mismatch for cached download from {} at {}",
            Quoted(&url),
            Quoted(&path.to_string_lossy())
        ),
        ChecksumPlace::Local(path) => format!(
            "{algorithm} checksum mismatch for local resource at {}.",
            Quoted(&path.to_string_lossy())
        ),
    }
}
