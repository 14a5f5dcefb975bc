//! What a download reports while it runs.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use super::error::FetchError;
use super::redact::RedactedUrl;

/// One thing that happened during a download.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum FetchEvent<'a> {
    /// The cache is about to be looked at.
    CacheSearch {
        /// The cache directory, with its namespace. Ends with `/` if there is
        /// no namespace, as upstream shows it.
        directory: &'a Path,
    },
    /// The cache has no entry; what comes will be stored there.
    CacheMiss {
        /// The resource.
        url: &'a RedactedUrl,
        /// The path of the future entry.
        path: &'a Path,
    },
    /// A cache entry is used.
    CacheHit {
        /// The resource.
        url: &'a RedactedUrl,
        /// The path of the entry.
        path: &'a Path,
    },
    /// A file of this machine is used.
    LocalResource {
        /// The resource.
        url: &'a RedactedUrl,
    },
    /// The network is about to be used.
    Started {
        /// The resource.
        url: &'a RedactedUrl,
    },
    /// A source of the resource is about to be asked.
    Requested {
        /// The source.
        url: &'a RedactedUrl,
    },
    /// Bytes came in.
    Progress {
        /// The resource.
        url: &'a RedactedUrl,
        /// Bytes of the resource so far.
        received: u64,
        /// Bytes of the whole resource, if the server said so.
        total: Option<u64>,
    },
    /// An attempt failed and will be repeated.
    Retry {
        /// The resource.
        url: &'a RedactedUrl,
        /// Number of the attempt to come; the first repetition is 1.
        attempt: u32,
        /// The pause before it.
        delay: Duration,
        /// What went wrong.
        reason: &'a FetchError,
    },
    /// One source of several failed for good; the next one will be tried.
    SourceFailed {
        /// The resource that failed.
        url: &'a RedactedUrl,
        /// Why.
        reason: &'a dyn std::error::Error,
    },
    /// A source failed for good. There is nothing to log: whoever made the
    /// request learns why.
    Failed {
        /// The source.
        url: &'a RedactedUrl,
    },
    /// A resource without a checksum was had, and warnings are wanted.
    Unpinned {
        /// The resource.
        url: &'a RedactedUrl,
        /// Its SHA-256 digest in hexadecimal digits.
        sha256: &'a str,
    },
    /// A line of a download made ahead, logged now that somebody wants it.
    Deferred {
        /// The importance.
        level: LogLevel,
        /// The line.
        line: &'a str,
    },
    /// A network download is complete and verified.
    Finished {
        /// The resource.
        url: &'a RedactedUrl,
        /// Its size in bytes.
        size: u64,
    },
}

/// The importance of a log line, with the meaning it has in Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Shown with `-v`.
    Debug,
    /// Shown by default.
    Info,
    /// Shown unless the user asks for quiet.
    Warning,
}

impl FetchEvent<'_> {
    /// Returns the line to log, in upstream's words where upstream has some.
    pub fn log_line(&self) -> Option<(LogLevel, String)> {
        use LogLevel::{Debug, Info, Warning};
        match self {
            Self::CacheSearch { directory } => {
                Some((Debug, format!("Searching cache at {}", directory.display())))
            }
            Self::CacheMiss { url, path } => Some((
                Debug,
                format!("Cache miss; will cache {url} as {}", path.display()),
            )),
            Self::CacheHit { path, .. } => {
                Some((Debug, format!("Using cache file {}", path.display())))
            }
            Self::LocalResource { url } => Some((Debug, format!("Using local resource {url}"))),
            Self::Started { url } => Some((Info, format!("Downloading {url}"))),
            Self::Retry {
                url, delay, reason, ..
            } => Some((
                Warning,
                format!(
                    "Downloading {url} again in {:.1} s: {reason}",
                    delay.as_secs_f64()
                ),
            )),
            Self::SourceFailed { reason, .. } => {
                Some((Warning, format!("{reason}; trying the next source")))
            }
            Self::Unpinned { url, sha256 } => Some((
                Warning,
                format!("{url} has no checksum; pin it with `sha256 = {sha256}`"),
            )),
            Self::Deferred { level, line } => Some((*level, (*line).to_owned())),
            Self::Requested { .. }
            | Self::Progress { .. }
            | Self::Failed { .. }
            | Self::Finished { .. } => None,
        }
    }
}

/// Receives the events of downloads; called on the thread that downloads.
///
/// One download reports, in this order: `CacheSearch`, then `CacheHit` or
/// `CacheMiss` if there is a cache; `LocalResource`, or for each source
/// `Started`, `Requested`, any number of `Progress` and `Retry`, and `Finished`
/// or `Failed`. With a fallback cache, `CacheHit` follows the attempt to
/// refresh the entry. `Deferred` stands for whatever has a line to log.
pub trait FetchObserver: Send + Sync {
    /// Takes note of an event.
    fn observe(&self, event: &FetchEvent<'_>);

    /// Says whether downloads should stop; asked for every block of bytes.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct IgnoreEvents;

impl FetchObserver for IgnoreEvents {
    fn observe(&self, _event: &FetchEvent<'_>) {}
}

impl fmt::Debug for dyn FetchObserver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FetchObserver")
    }
}
