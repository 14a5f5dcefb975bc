//! What goes wrong between us and a master.

use buildout_core::fetch::FetchError;

use crate::marshal::{MarshalError, UnmarshalError};

/// A call that was not answered as it should be. The classes are those of
/// `slapos.slap.exception`, the texts what slapos.core says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlapError {
    /// 404: what was asked about does not exist, or there is nowhere to put
    /// it. Upstream's `NotFoundError`.
    #[error("{subject}")]
    NotFound {
        /// The URL, or what was looked for.
        subject: String,
        /// What the master says about it.
        detail: String,
    },
    /// 408, which means no timeout: the master is still working on it; or a
    /// value that it has not told yet. Upstream's `ResourceNotReady`.
    #[error("{subject}")]
    NotReady {
        /// The call, or what is missing.
        subject: String,
    },
    /// 401 or 403.
    #[error("{status} Client Error: {reason} for url: {url}")]
    Unauthorized {
        /// The status.
        status: u16,
        /// The reason phrase.
        reason: String,
        /// The URL.
        url: String,
        /// What the master says about it.
        detail: String,
    },
    /// The master, or what is before it, fails. Upstream's `ServerError`.
    #[error("{status} Server Error: {reason} for url: {url}")]
    Server {
        /// The status: 500, 502, 503, 520, 523, 524 or 526.
        status: u16,
        /// The reason phrase.
        reason: String,
        /// The URL.
        url: String,
        /// What the master says about it.
        detail: String,
    },
    /// Any other status that is no success.
    #[error("{status} {} Error: {reason} for url: {url}", if *status < 500 { "Client" } else { "Server" })]
    Status {
        /// The status.
        status: u16,
        /// The reason phrase.
        reason: String,
        /// The URL.
        url: String,
        /// What the master says about it.
        detail: String,
    },
    /// There is no answer. Upstream's `ConnectionError`.
    #[error(
        "Couldn't connect to the server. Please double check given master-url argument, and make \
         sure that IPv6 is enabled on your machine and that the server is available. The original \
         error was:\n{source}"
    )]
    Connection {
        /// Why.
        #[source]
        source: FetchError,
    },
    /// The answer breaks off, or is no text.
    #[error("the answer to {path} cannot be read: {detail}")]
    Broken {
        /// The call.
        path: String,
        /// In what way.
        detail: String,
    },
    /// The answer is no document, or not the one it should be.
    #[error("the answer to {path} makes no sense: {source}")]
    Garbled {
        /// The call.
        path: String,
        /// In what way.
        #[source]
        source: UnmarshalError,
    },
    /// The answer is no JSON, or not the document it should be.
    #[error("the answer to {path} makes no sense: {detail}")]
    GarbledJson {
        /// The call.
        path: String,
        /// In what way.
        detail: String,
    },
    /// The master leads to another one, which would get to see what is meant
    /// for it.
    #[error("the master redirects {from} to {to}")]
    Redirected {
        /// The URL that was asked.
        from: String,
        /// Where it leads.
        to: String,
    },
    /// A value that cannot be sent.
    #[error(transparent)]
    Marshal(#[from] MarshalError),
    /// A replay master does not know the call.
    #[error("the master was not prepared for the call {target}")]
    Unprepared {
        /// The call with its fields.
        target: String,
    },
}

impl SlapError {
    /// Says whether it is upstream's `ResourceNotReady`.
    pub fn is_not_ready(&self) -> bool {
        matches!(self, SlapError::NotReady { .. })
    }

    /// Says whether it is upstream's `NotFoundError`.
    pub fn is_not_found(&self) -> bool {
        matches!(self, SlapError::NotFound { .. })
    }

    /// Says whether the master is out of reach or fails, so that a node goes
    /// on with what it knows: `ConnectionError`, `ServerError` and
    /// `requests.HTTPError`.
    pub fn is_master_lost(&self) -> bool {
        match self {
            SlapError::Unauthorized { .. }
            | SlapError::Server { .. }
            | SlapError::Status { .. }
            | SlapError::Connection { .. }
            | SlapError::Broken { .. }
            | SlapError::Redirected { .. } => true,
            SlapError::NotFound { .. }
            | SlapError::NotReady { .. }
            | SlapError::Garbled { .. }
            | SlapError::GarbledJson { .. }
            | SlapError::Marshal(_)
            | SlapError::Unprepared { .. } => false,
        }
    }

    /// Returns the class of upstream's exception.
    pub fn upstream_exception(&self) -> &'static str {
        match self {
            SlapError::NotFound { .. } => "slapos.slap.exception.NotFoundError",
            SlapError::NotReady { .. } => "slapos.slap.exception.ResourceNotReady",
            SlapError::Server { .. } => "slapos.slap.exception.ServerError",
            SlapError::Connection { .. } | SlapError::Broken { .. } => {
                "slapos.slap.exception.ConnectionError"
            }
            SlapError::Unauthorized { .. }
            | SlapError::Status { .. }
            | SlapError::Redirected { .. } => "requests.exceptions.HTTPError",
            SlapError::Garbled { .. } | SlapError::Marshal(_) => "RuntimeError",
            SlapError::GarbledJson { .. } | SlapError::Unprepared { .. } => "ValueError",
        }
    }

    /// Returns what the master itself says, which upstream never shows.
    pub fn detail(&self) -> Option<&str> {
        match self {
            SlapError::NotFound { detail, .. }
            | SlapError::Unauthorized { detail, .. }
            | SlapError::Server { detail, .. }
            | SlapError::Status { detail, .. } => Some(detail.as_str()),
            _ => None,
        }
        .filter(|detail| !detail.is_empty())
    }

    /// Returns advice.
    pub fn hint(&self) -> Option<String> {
        match self {
            SlapError::Connection {
                source: FetchError::Tls { .. },
            } => Some(
                "check the certificate authority in `master_ca_file`, and `cert_file` and \
                 `key_file`"
                    .to_owned(),
            ),
            SlapError::Redirected { to, .. } => Some(format!("`master_url` may have to be {to}")),
            other => other
                .detail()
                .map(|detail| format!("the master says: {detail}")),
        }
    }
}
