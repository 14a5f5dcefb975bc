//! What is asked of a downloader, and what it answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempPath;

use crate::fetch::digest::{Digests, ExpectedDigests, KnownDigests};
use crate::fetch::redact::RedactedUrl;

/// Where the caller wants the resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destination {
    /// Anywhere: the cache entry, the local file itself, or else a temporary
    /// file. Not to be modified unless temporary. Upstream's `path=None`.
    #[default]
    Anywhere,
    /// A path, which is replaced. The file is the caller's own: it shares no
    /// inode with a cache entry or a local source, as upstream's may.
    Path(PathBuf),
    /// Only the cache has to have it.
    CacheOnly,
}

/// One thing to download.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DownloadRequest {
    /// `http`, `https` or `file` URL, or a path.
    pub url: RedactedUrl,
    /// What the bytes must have as digests.
    pub expected: ExpectedDigests,
    /// Where they go.
    pub destination: Destination,
    /// Other network URLs of the same bytes, tried in order if `url` fails or
    /// gives other bytes. The cache entry is that of `url`.
    pub alternate_urls: Vec<RedactedUrl>,
    /// Overrides [`DownloaderOptions::offline`](super::DownloaderOptions::offline).
    pub offline: Option<bool>,
    /// Refuses larger resources, in bytes.
    pub maximum_size: Option<u64>,
}

impl DownloadRequest {
    /// Asks for a resource, anywhere, without checks.
    pub fn new(url: impl Into<RedactedUrl>) -> Self {
        Self {
            url: url.into(),
            expected: ExpectedDigests::none(),
            destination: Destination::Anywhere,
            alternate_urls: Vec::new(),
            offline: None,
            maximum_size: None,
        }
    }

    /// Demands digests.
    #[must_use]
    pub fn expecting(mut self, expected: ExpectedDigests) -> Self {
        self.expected = expected;
        self
    }

    /// Sets the destination.
    #[must_use]
    pub fn to(mut self, destination: Destination) -> Self {
        self.destination = destination;
        self
    }
}

/// Where the bytes came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The network, just now, from this URL.
    Network(RedactedUrl),
    /// An entry the cache had.
    Cache,
    /// A file or directory of this machine.
    Local,
}

/// A resource that is there.
#[derive(Clone, Debug)]
pub struct Downloaded {
    path: PathBuf,
    /// Has the path instead, for a file that is to be removed.
    temporary: Option<Arc<TempPath>>,
    /// Where the bytes came from.
    pub origin: Origin,
    /// Their SHA-256 digest; none for a directory.
    pub sha256: Option<[u8; 32]>,
    /// Their digests; none for a directory, and where
    /// [`all_digests`](super::DownloaderOptions::all_digests) are not wanted.
    pub digests: Option<Digests>,
    /// Their number; 0 for a directory.
    pub size: u64,
}

impl Downloaded {
    /// Returns the path of the file, or of the directory.
    pub fn path(&self) -> &Path {
        match &self.temporary {
            Some(temporary) => temporary,
            None => &self.path,
        }
    }

    /// Says whether the file is temporary: it goes away with this value and
    /// its clones.
    pub fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

/// What is known of the bytes of a file.
#[derive(Clone)]
pub(super) struct Content {
    pub(super) digests: KnownDigests,
    pub(super) size: u64,
}

impl Downloaded {
    pub(super) fn file(path: PathBuf, origin: Origin, content: Content) -> Self {
        Self {
            path,
            temporary: None,
            origin,
            sha256: Some(content.digests.sha256),
            digests: content.digests.all(),
            size: content.size,
        }
    }

    pub(super) fn temporary_file(file: TempPath, origin: Origin, content: Content) -> Self {
        Self {
            temporary: Some(Arc::new(file)),
            ..Self::file(PathBuf::new(), origin, content)
        }
    }

    pub(super) fn directory(path: PathBuf) -> Self {
        Self {
            path,
            temporary: None,
            origin: Origin::Local,
            sha256: None,
            digests: None,
            size: 0,
        }
    }

    /// Describes a copy of the same bytes.
    pub(super) fn copied_to(self, path: PathBuf) -> Self {
        Self {
            path,
            temporary: None,
            ..self
        }
    }
}
