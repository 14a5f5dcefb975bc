//! What all downloads of one downloader have in common.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::fetch::retry::RetryPolicy;
use crate::fetch::tls::TlsSettings;

/// When a cache entry is used although the network is allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheUse {
    /// Whenever there is one: nothing is fetched.
    #[default]
    First,
    /// After an attempt to replace it that failed because of the network
    /// (including offline mode), not because of what the server answered.
    FallbackOnNetworkFailure,
    /// After an attempt to replace it that failed in any way but a wrong
    /// checksum: upstream's `fallback=True`, used for `extends`.
    FallbackOnAnyFailure,
    /// Never: it is replaced, or the download fails.
    Refresh,
}

/// What becomes of a download from the network without a checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashPolicy {
    /// It is made.
    #[default]
    Off,
    /// It is made, and a warning tells how to pin it.
    Warn,
    /// It is refused.
    On,
}

/// The SHA-256 digests that resources of the network must have, by their URL
/// as [`RedactedUrl`](crate::fetch::RedactedUrl) shows it.
pub type LockedDigests = HashMap<String, [u8; 32]>;

/// What all downloads of one [`Downloader`](super::Downloader) have in common.
#[derive(Clone, Debug)]
pub struct DownloaderOptions {
    /// Where relative paths start: of the cache, local resources and
    /// destinations. Upstream uses the buildout directory for the first and
    /// the process's current directory for the others.
    pub directory: PathBuf,
    /// The download cache; must exist if given.
    pub cache: Option<PathBuf>,
    /// A directory inside the cache, made when needed.
    pub namespace: Option<PathBuf>,
    /// When a cache entry is used.
    pub cache_use: CacheUse,
    /// Names cache entries by the MD5 of the URL, not by its last component.
    pub hash_name: bool,
    /// Forbids the network.
    pub offline: bool,
    /// Where downloads without a destination are put.
    pub temporary_directory: PathBuf,
    /// Mode of new cache entries and outputs, before the umask. Upstream's are
    /// 0600 by the accident of `mkstemp`; the default here is 0666.
    pub file_mode: u32,
    /// How failed transfers are repeated.
    pub retry: RetryPolicy,
    /// How encrypted connections are made.
    pub tls: TlsSettings,
    /// What becomes of downloads without a checksum.
    pub require_hashes: HashPolicy,
    /// Whether all digests of what is downloaded are computed, for those who write them
    /// down. If not, then SHA-256 and what is expected.
    pub all_digests: bool,
    /// If given, all that may be had from the network, and its digests.
    pub locked: Option<Arc<LockedDigests>>,
}

impl DownloaderOptions {
    /// Uses no cache, and the network.
    pub fn new(directory: impl Into<PathBuf>, temporary_directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            cache: None,
            namespace: None,
            cache_use: CacheUse::First,
            hash_name: false,
            offline: false,
            temporary_directory: temporary_directory.into(),
            file_mode: 0o666,
            retry: RetryPolicy::default(),
            tls: TlsSettings::default(),
            require_hashes: HashPolicy::Off,
            all_digests: true,
            locked: None,
        }
    }
}
