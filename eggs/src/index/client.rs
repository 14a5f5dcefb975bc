//! Small documents of the network: pages and metadata, each with a limit.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use buildout_core::exec::cancel::CancellationToken;
use buildout_core::fetch::{
    FetchError, RedactedUrl, RetryPolicy, Sleeper, TlsSettings, Transport, TransportRequest,
    TransportResponse, interruptible_get,
};

/// The largest page that is read, in bytes. The largest of PyPI has some ten
/// megabytes, and in memory it takes several times as much.
pub(super) const PAGE_LIMIT: u64 = 32 * 1024 * 1024;

/// The largest metadata file that is read, in bytes.
pub(super) const METADATA_LIMIT: u64 = 8 * 1024 * 1024;

/// How much memory is taken at once for a body because of what is announced.
const ANNOUNCED_LIMIT: u64 = 4 * 1024 * 1024;

/// How pages and metadata may be packed: some are ten times as large unpacked.
pub(super) const GZIP: &str = "gzip";

/// A reply that was read to its end.
pub(super) struct Document {
    pub(super) url: RedactedUrl,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Document {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Makes requests, and repeats those that failed for a moment.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) sleeper: Arc<dyn Sleeper>,
    pub(super) retry: RetryPolicy,
    pub(super) tls: TlsSettings,
    /// Cancelled when nobody waits any more.
    pub(super) cancellation: CancellationToken,
}

impl Client {
    /// Gets a document. A status of the client's fault is no error, since what
    /// it means depends on the document.
    pub(super) fn get(
        &self,
        url: &RedactedUrl,
        headers: &[(&str, String)],
        limit: u64,
    ) -> Result<Document, FetchError> {
        let mut attempt = 0;
        loop {
            let error = match self.attempt(url, headers, limit) {
                Ok(document) => return Ok(document),
                Err(error) => error,
            };
            self.check_cancelled()?;
            if attempt >= self.retry.retries || !error.is_transient() {
                return Err(error);
            }
            attempt += 1;
            let asked = match &error {
                FetchError::Status { retry_after, .. } => *retry_after,
                _ => None,
            };
            self.sleeper.sleep(self.retry.delay(attempt, asked));
            self.check_cancelled()?;
        }
    }

    fn attempt(
        &self,
        url: &RedactedUrl,
        headers: &[(&str, String)],
        limit: u64,
    ) -> Result<Document, FetchError> {
        let mut request = TransportRequest::new(url.clone());
        for (name, value) in headers {
            request = request.header(*name, value.clone());
        }
        request.tls.clone_from(&self.tls);
        let is_cancelled = || self.cancellation.is_cancelled();
        let mut response = interruptible_get(&self.transport, request, is_cancelled)?;
        if response.status >= 500 || matches!(response.status, 408 | 425 | 429) {
            let seconds = response.header("Retry-After").map(str::trim);
            return Err(FetchError::Status {
                code: response.status,
                retry_after: seconds
                    .and_then(|seconds| seconds.parse().ok())
                    .map(Duration::from_secs),
                reason: response.reason,
            });
        }
        let mut body = self.read(&mut response, limit)?;
        if response
            .header("Content-Encoding")
            .is_some_and(|encoding| encoding.eq_ignore_ascii_case(GZIP))
        {
            body = unpacked(&body, limit)?;
        }
        Ok(Document {
            url: response.url,
            status: response.status,
            headers: response.headers,
            body,
        })
    }

    fn read(&self, response: &mut TransportResponse, limit: u64) -> Result<Vec<u8>, FetchError> {
        let expected = response
            .header("Content-Length")
            .and_then(|length| length.trim().parse::<u64>().ok());
        if expected.is_some_and(|expected| expected > limit) {
            return Err(FetchError::TooLarge { limit });
        }
        // What is announced need not come.
        let announced = expected.unwrap_or_default().min(ANNOUNCED_LIMIT);
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or_default());
        let mut block = vec![0; 64 * 1024];
        loop {
            self.check_cancelled()?;
            let truncated = || FetchError::Truncated {
                received: body.len() as u64,
                expected,
            };
            match response.body.read(&mut block) {
                Ok(0) if expected.is_some_and(|expected| (body.len() as u64) < expected) => {
                    return Err(truncated());
                }
                Ok(0) => return Ok(body),
                Ok(count) => body.extend_from_slice(&block[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                    return Err(FetchError::Stalled {
                        detail: error.to_string(),
                    });
                }
                Err(_) => return Err(truncated()),
            }
            if body.len() as u64 > limit {
                return Err(FetchError::TooLarge { limit });
            }
        }
    }

    fn check_cancelled(&self) -> Result<(), FetchError> {
        if self.cancellation.is_cancelled() {
            return Err(FetchError::Cancelled);
        }
        Ok(())
    }
}

fn unpacked(packed: &[u8], limit: u64) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    let decoder = flate2::read::MultiGzDecoder::new(packed);
    let read = decoder.take(limit + 1).read_to_end(&mut body);
    read.map_err(|error| FetchError::InvalidResponse {
        detail: format!("it is no {GZIP} stream: {error}"),
    })?;
    if body.len() as u64 > limit {
        return Err(FetchError::TooLarge { limit });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn what_is_packed_has_the_same_limit() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&[b'x'; 10_000]).unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(unpacked(&packed, 10_000).unwrap().len(), 10_000);
        assert!(matches!(
            unpacked(&packed, 9_999),
            Err(FetchError::TooLarge { limit: 9_999 })
        ));
        assert!(unpacked(b"page", 10).is_err());
    }
}
