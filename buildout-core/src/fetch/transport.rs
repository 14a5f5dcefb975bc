//! The border to the network: one request out, one reply in.

use std::fmt;
use std::io::Read;
use std::time::Duration;

use super::error::FetchError;
use super::redact::RedactedUrl;
use super::tls::TlsSettings;

/// A request for one resource.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TransportRequest {
    /// The resource, with its credentials if the URL has some.
    pub url: RedactedUrl,
    /// Header fields to send.
    pub headers: Vec<(String, String)>,
    /// How an encrypted connection is made.
    pub tls: TlsSettings,
    /// How long the server may be silent; as long as the transport has it
    /// otherwise.
    pub stall_timeout: Option<Duration>,
}

impl TransportRequest {
    /// Asks for a resource, without further header fields.
    pub fn new(url: impl Into<RedactedUrl>) -> Self {
        Self {
            url: url.into(),
            headers: Vec::new(),
            tls: TlsSettings::default(),
            stall_timeout: None,
        }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A reply, whose body has not been read yet.
pub struct TransportResponse {
    /// The resource that was replied with: the one asked for, or where the
    /// last redirect led. What it refers to is relative to this.
    pub url: RedactedUrl,
    /// The status code, after redirects.
    pub status: u16,
    /// The reason phrase.
    pub reason: String,
    /// The header fields.
    pub headers: Vec<(String, String)>,
    /// The body, as sent. Errors of kind `TimedOut` mean that the stall
    /// timeout expired; all others, that the connection broke.
    pub body: Box<dyn Read + Send>,
}

impl TransportResponse {
    /// Returns the first header field of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for TransportResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TransportResponse")
            .field("url", &self.url)
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// Performs requests; retries, resuming and storing happen above it.
///
/// An embedder can bring its own, and tests can do without a network.
pub trait Transport: Send + Sync {
    /// Performs a GET request, following redirects.
    ///
    /// # Errors
    ///
    /// Fails only if there is no reply: an error status is a reply.
    fn get(&self, request: &TransportRequest) -> Result<TransportResponse, FetchError>;

    /// Makes ready what the first request is going to need, for somebody who has time
    /// for it now. What is wrong with it is told by the request.
    fn prepare(&self, _tls: &TlsSettings) {}
}
