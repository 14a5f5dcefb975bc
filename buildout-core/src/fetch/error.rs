//! Why a resource could not be had from the network.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The cause reported by a lower layer, kept for error chains.
pub type ErrorSource = Box<dyn Error + Send + Sync>;

/// A failed transfer.
///
/// The texts are what Python's `urllib` says for the same failure, because
/// upstream puts them behind `Error downloading extends for URL U: `. No text
/// contains a URL, so none can contain credentials.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server answered, but not with the resource.
    #[error("HTTP Error {code}: {reason}")]
    Status {
        /// The status code.
        code: u16,
        /// The reason phrase the server sent, else the usual one.
        reason: String,
        /// How long the server asks to wait, if it does.
        retry_after: Option<Duration>,
    },
    /// There is no connection: name not found, refused, unreachable, reset.
    #[error("<urlopen error {detail}>")]
    Connect {
        /// What happened, such as `[Errno 111] Connection refused`.
        detail: String,
        /// The layer below.
        #[source]
        source: ErrorSource,
    },
    /// The connection is not trustworthy, or the peer does not speak TLS.
    #[error("<urlopen error [SSL] {detail}>")]
    Tls {
        /// What happened.
        detail: String,
        /// The layer below.
        #[source]
        source: ErrorSource,
    },
    /// The connection could not be made in time, or no byte came for too long.
    #[error("<urlopen error timed out> ({detail})")]
    Stalled {
        /// Which limit was reached.
        detail: String,
    },
    /// The body ended before its announced end, or the connection broke.
    #[error(
        "<urlopen error retrieval incomplete: got only {received} out of {} bytes>",
        expected.map_or("an unknown number of".to_owned(), |expected| expected.to_string())
    )]
    Truncated {
        /// Bytes of the resource received so far.
        received: u64,
        /// Size of the resource, if the server announced it.
        expected: Option<u64>,
    },
    /// The resource is larger than the caller allows.
    #[error("the resource is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The server keeps redirecting.
    #[error("redirected more than {limit} times")]
    TooManyRedirects {
        /// The limit.
        limit: usize,
    },
    /// The server broke the protocol.
    #[error("invalid reply: {detail}")]
    InvalidResponse {
        /// In what way.
        detail: String,
    },
    /// The URL cannot be understood.
    #[error("<urlopen error {detail}>")]
    InvalidUrl {
        /// In what way.
        detail: String,
    },
    /// No transport speaks the URL's scheme.
    #[error("<urlopen error unknown url type: {scheme}>")]
    UnknownScheme {
        /// The scheme.
        scheme: String,
    },
    /// The bytes could not be stored.
    #[error("failed to write `{}`: {source}", path.display())]
    Output {
        /// The file being written.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The HTTP client could not be built from its options.
    #[error("failed to set up the HTTP client: {source}")]
    Setup {
        /// The cause, shared because the client is built once.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The observer asked to stop.
    #[error("download cancelled")]
    Cancelled,
}

impl FetchError {
    /// Says whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Status { code, .. } => matches!(code, 408 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::Connect { .. }
            | Self::Stalled { .. }
            | Self::Truncated { .. }
            | Self::InvalidResponse { .. } => true,
            Self::Tls { .. }
            | Self::TooLarge { .. }
            | Self::TooManyRedirects { .. }
            | Self::InvalidUrl { .. }
            | Self::UnknownScheme { .. }
            | Self::Output { .. }
            | Self::Setup { .. }
            | Self::Cancelled => false,
        }
    }

    /// Says whether the network is to blame, rather than the resource: only
    /// then is an old copy as good as a new one.
    pub fn is_network_failure(&self) -> bool {
        match self {
            Self::Status { code, .. } => *code >= 500 || *code == 429 || *code == 408,
            other => other.is_transient() || matches!(other, Self::TooManyRedirects { .. }),
        }
    }
}
