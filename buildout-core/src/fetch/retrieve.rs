//! One resource into one file: attempts, resuming, limits and digests.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::digest::{BLOCK_SIZE, KnownDigests, StreamingDigests};
use super::error::FetchError;
use super::interruptible::interruptible_get;
use super::observer::{FetchEvent, FetchObserver};
use super::redact::RedactedUrl;
use super::retry::{RetryPolicy, Sleeper};
use super::tls::TlsSettings;
use super::transport::{Transport, TransportRequest, TransportResponse};

/// What a transfer needs besides the URL and the file.
pub(crate) struct Retrieval<'a> {
    pub(crate) transport: &'a Arc<dyn Transport>,
    pub(crate) sleeper: &'a dyn Sleeper,
    pub(crate) observer: &'a dyn FetchObserver,
    pub(crate) retry: &'a RetryPolicy,
    pub(crate) tls: &'a TlsSettings,
    pub(crate) maximum_size: Option<u64>,
    /// The digests that are wanted, of nothing yet.
    pub(crate) digests: StreamingDigests,
}

/// A file that grows during one or several attempts.
struct PartialFile<'a> {
    file: &'a File,
    path: &'a Path,
    digests: StreamingDigests,
    no_digests: &'a StreamingDigests,
    received: u64,
    /// What the server promised to keep as long as the resource is the same.
    validator: Option<String>,
    /// Size of the resource, as far as announced.
    total: Option<u64>,
}

impl PartialFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        let mut file = self.file;
        file.write_all(bytes)
            .map_err(|source| self.failed(source))?;
        self.digests.update(bytes);
        self.received += bytes.len() as u64;
        Ok(())
    }

    fn restart(&mut self) -> Result<(), FetchError> {
        let mut file = self.file;
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .map_err(|source| self.failed(source))?;
        self.digests.clone_from(self.no_digests);
        self.received = 0;
        self.total = None;
        self.validator = None;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> FetchError {
        FetchError::Output {
            path: self.path.to_owned(),
            source,
        }
    }
}

impl Retrieval<'_> {
    /// Fetches a resource into an empty file; returns its digests and size.
    ///
    /// A cut body is continued where it broke if the server named a validator
    /// for it, and fetched again from the start otherwise.
    pub(crate) fn run(
        &self,
        url: &RedactedUrl,
        file: &File,
        path: &Path,
    ) -> Result<(KnownDigests, u64), FetchError> {
        let mut partial = PartialFile {
            file,
            path,
            digests: self.digests.clone(),
            no_digests: &self.digests,
            received: 0,
            validator: None,
            total: None,
        };
        let mut attempt = 0;
        loop {
            let reason = match self.attempt(url, &mut partial) {
                Ok(()) => return Ok((partial.digests.finish(), partial.received)),
                Err(error) => error,
            };
            self.check_cancelled()?;
            if attempt >= self.retry.retries || !reason.is_transient() {
                return Err(reason);
            }
            attempt += 1;
            let asked_by_server = match &reason {
                FetchError::Status { retry_after, .. } => *retry_after,
                _ => None,
            };
            let delay = self.retry.delay(attempt, asked_by_server);
            self.observer.observe(&FetchEvent::Retry {
                url,
                attempt,
                delay,
                reason: &reason,
            });
            self.sleeper.sleep(delay);
            self.check_cancelled()?;
        }
    }

    fn attempt(&self, url: &RedactedUrl, partial: &mut PartialFile<'_>) -> Result<(), FetchError> {
        // urllib sends the same: nobody may compress the body on its way.
        let mut request = TransportRequest::new(url.clone()).header("Accept-Encoding", "identity");
        request.tls.clone_from(self.tls);
        let validator = partial.validator.clone().filter(|_| partial.received > 0);
        let resuming = validator.is_some();
        if let Some(validator) = validator {
            request = request
                .header("Range", format!("bytes={}-", partial.received))
                .header("If-Range", validator);
        } else {
            partial.restart()?;
        }
        let is_cancelled = || self.observer.is_cancelled();
        let mut response = interruptible_get(self.transport, request, is_cancelled)?;
        match response.status {
            206 if resuming => {
                if let Err(error) = check_content_range(&response, partial) {
                    partial.restart()?;
                    return Err(error);
                }
            }
            416 if resuming => {
                let size = response
                    .header("Content-Range")
                    .and_then(|value| value.trim().strip_prefix("bytes */")?.parse::<u64>().ok());
                if size == Some(partial.received) {
                    return Ok(());
                }
                partial.restart()?;
                return Err(FetchError::InvalidResponse {
                    detail: "the server refuses to continue the download".to_owned(),
                });
            }
            206 => {
                return Err(FetchError::InvalidResponse {
                    detail: "a part of the resource came without being asked for".to_owned(),
                });
            }
            200..=299 => {
                if resuming {
                    partial.restart()?;
                }
                partial.total = announced_length(&response);
                partial.validator = validator_of(&response);
            }
            code => {
                return Err(FetchError::Status {
                    code,
                    retry_after: retry_after(&response),
                    reason: response.reason,
                });
            }
        }
        if let (Some(total), Some(limit)) = (partial.total, self.maximum_size)
            && total > limit
        {
            return Err(FetchError::TooLarge { limit });
        }
        self.receive(url, &mut response, partial)
    }

    fn receive(
        &self,
        url: &RedactedUrl,
        response: &mut TransportResponse,
        partial: &mut PartialFile<'_>,
    ) -> Result<(), FetchError> {
        let mut block = vec![0; BLOCK_SIZE];
        loop {
            self.check_cancelled()?;
            let count = match response.body.read(&mut block) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // What has been received is kept; the next attempt continues
                // there.
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(FetchError::Stalled {
                        detail: error.to_string(),
                    });
                }
                Err(_) => return Err(truncated(partial)),
            };
            let after = partial.received + count as u64;
            if let Some(limit) = self.maximum_size
                && after > limit
            {
                return Err(FetchError::TooLarge { limit });
            }
            if partial.total.is_some_and(|total| after > total) {
                partial.restart()?;
                return Err(FetchError::InvalidResponse {
                    detail: "the body is longer than announced".to_owned(),
                });
            }
            partial.write(&block[..count])?;
            self.observer.observe(&FetchEvent::Progress {
                url,
                received: partial.received,
                total: partial.total,
            });
        }
        if partial.total.is_some_and(|total| partial.received < total) {
            return Err(truncated(partial));
        }
        Ok(())
    }

    fn check_cancelled(&self) -> Result<(), FetchError> {
        if self.observer.is_cancelled() {
            return Err(FetchError::Cancelled);
        }
        Ok(())
    }
}

fn truncated(partial: &PartialFile<'_>) -> FetchError {
    FetchError::Truncated {
        received: partial.received,
        expected: partial.total,
    }
}

/// Checks that a partial reply continues exactly where the file ends.
fn check_content_range(
    response: &TransportResponse,
    partial: &PartialFile<'_>,
) -> Result<(), FetchError> {
    let range = response.header("Content-Range").unwrap_or_default();
    let parsed = range.trim().strip_prefix("bytes ").and_then(|range| {
        let (span, total) = range.split_once('/')?;
        let (start, _) = span.split_once('-')?;
        Some((start.parse::<u64>().ok()?, total.parse::<u64>().ok()))
    });
    match parsed {
        Some((start, total))
            if start == partial.received
                && (total.is_none() || partial.total.is_none() || total == partial.total) =>
        {
            Ok(())
        }
        _ => Err(FetchError::InvalidResponse {
            detail: format!("unexpected Content-Range `{range}`"),
        }),
    }
}

fn announced_length(response: &TransportResponse) -> Option<u64> {
    response.header("Content-Length")?.trim().parse().ok()
}

/// Returns what `If-Range` accepts: a strong entity tag, else a date.
fn validator_of(response: &TransportResponse) -> Option<String> {
    if response
        .header("Accept-Ranges")
        .is_some_and(|units| units.trim() == "none")
    {
        return None;
    }
    response
        .header("ETag")
        .filter(|tag| tag.starts_with('"'))
        .or_else(|| response.header("Last-Modified"))
        .map(str::to_owned)
}

/// Returns the pause the server asks for, if given in seconds.
fn retry_after(response: &TransportResponse) -> Option<Duration> {
    let seconds = response.header("Retry-After")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
