//! Downloads: one HTTP client, streaming digests, the download cache, and safe
//! unpacking of archives.
//!
//! This is an edge of the engine, where input and output happen. What it needs
//! from the world (directories, proxies, a transport, a way to wait) is given
//! as data or as a trait; it reads no environment and prints nothing, but
//! reports [`FetchEvent`]s to a [`FetchObserver`].
//!
//! * [`Downloader`] takes a [`DownloadRequest`] through cache, network and
//!   verification, as `zc.buildout.download.Download` does.
//! * [`Prefetcher`] does so ahead of those who want the downloads.
//! * [`HttpClient`] is the [`Transport`] of real runs; [`client_builder`] serves those who
//!   speak another protocol with the same options.
//! * [`archive`] unpacks what was downloaded.
//! * [`Digests`] and [`ExpectedDigests`] are of use on their own.

pub mod archive;
mod client;
mod copy;
mod digest;
mod download;
mod error;
mod interruptible;
mod lookup;
mod mirror;
mod netrc;
mod observer;
mod prefetch;
mod profile_identity;
mod profiles;
mod redact;
mod resource;
mod retrieve;
mod retry;
#[cfg(any(test, feature = "test-server"))]
pub mod test_server;
mod tls;
mod transport;

#[cfg(test)]
mod tests;

pub use client::{
    ClientOptions, HttpClient, ProxyRule, ProxyScope, client_builder, reason_phrase,
    request_failure, resolve_reference,
};
pub use copy::CopyError;
pub use digest::{
    Algorithm, DigestMismatch, Digests, ExpectedDigests, InvalidDigest, encode_hex,
    split_url_digest,
};
pub use download::{
    CacheUse, ChecksumPlace, Destination, DownloadError, DownloadRequest, Downloaded, Downloader,
    DownloaderOptions, HashPolicy, LockedDigests, Origin,
};
pub use error::{ErrorSource, FetchError};
pub use interruptible::interruptible_get;
pub use mirror::MirrorTransport;
pub use netrc::{Login, Netrc, NetrcError};
pub use observer::{FetchEvent, FetchObserver, IgnoreEvents, LogLevel};
pub use prefetch::Prefetcher;
pub use profiles::ProfileFiles;
pub use redact::RedactedUrl;
pub use resource::cache_key;
pub use retry::{RetryPolicy, Sleeper, ThreadSleeper};
pub use tls::{ClientCertificate, TlsSettings};
pub use transport::{Transport, TransportRequest, TransportResponse};
