//! Downloads through cache, network and verification.

mod downloader;
mod error;
mod options;
mod request;

pub use downloader::Downloader;
pub use error::{ChecksumPlace, DownloadError};
pub use options::{CacheUse, DownloaderOptions, HashPolicy, LockedDigests};
pub use request::{Destination, DownloadRequest, Downloaded, Origin};
