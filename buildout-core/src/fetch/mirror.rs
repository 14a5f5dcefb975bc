//! What `[buildout]` says about all requests of a run: from elsewhere than the URL
//! says (`url-replace`), and how long a server may be silent (`socket-timeout`).

use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::error::FetchError;
use super::redact::RedactedUrl;
use super::resource::Resource;
use super::tls::TlsSettings;
use super::transport::{Transport, TransportRequest, TransportResponse};
use crate::extends::UrlReplacements;

/// A transport that asks mirrors for what they have. Nobody above it notices:
/// caches, hashes, locks and messages have the original URLs.
pub struct MirrorTransport {
    transport: Arc<dyn Transport>,
    replacements: RwLock<UrlReplacements>,
    stall_timeout: RwLock<Option<Duration>>,
}

impl MirrorTransport {
    /// Puts replacements before a transport.
    pub fn new(transport: Arc<dyn Transport>, replacements: UrlReplacements) -> Self {
        MirrorTransport {
            transport,
            replacements: RwLock::new(replacements),
            stall_timeout: RwLock::default(),
        }
    }

    /// Replaces other URLs from now on.
    pub fn set_replacements(&self, replacements: UrlReplacements) {
        *self
            .replacements
            .write()
            .unwrap_or_else(PoisonError::into_inner) = replacements;
    }

    /// Gives servers so long from now on; as long as the transport does if `None`.
    pub fn set_stall_timeout(&self, timeout: Option<Duration>) {
        *self
            .stall_timeout
            .write()
            .unwrap_or_else(PoisonError::into_inner) = timeout;
    }
}

impl Transport for MirrorTransport {
    fn prepare(&self, tls: &TlsSettings) {
        self.transport.prepare(tls);
    }

    fn get(&self, request: &TransportRequest) -> Result<TransportResponse, FetchError> {
        let mut request = request.clone();
        if request.stall_timeout.is_none() {
            let given = self.stall_timeout.read();
            request.stall_timeout = *given.unwrap_or_else(PoisonError::into_inner);
        }
        let replacements = self
            .replacements
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let Some(moved) = replacements.replace(request.url.exposed()) else {
            return self.transport.get(&request);
        };
        if let Resource::Local(path) = Resource::parse(&moved) {
            return Ok(match File::open(&path) {
                Ok(file) => reply(&request, 200, "OK", Box::new(file)),
                Err(error) => reply(&request, 404, &reason(&error), Box::new(io::empty())),
            });
        }
        request.url = RedactedUrl::new(moved);
        let mut response = self.transport.get(&request)?;
        if let Some(original) = replacements.restore(response.url.exposed()) {
            // What a page refers to is relative to what was asked for.
            response.url = RedactedUrl::new(original);
        }
        Ok(response)
    }
}

fn reply(
    request: &TransportRequest,
    status: u16,
    reason: &str,
    body: Box<dyn Read + Send>,
) -> TransportResponse {
    TransportResponse {
        url: request.url.clone(),
        status,
        reason: reason.to_owned(),
        headers: Vec::new(),
        body,
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "File not found in the mirror".to_owned(),
        _ => format!("The mirror's file cannot be read: {error}"),
    }
}
