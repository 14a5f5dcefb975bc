//! Why an archive cannot be had, in the words of setuptools' `package_index`.

use buildout_core::fetch::{Algorithm, DownloadError, FetchError, RedactedUrl};

/// An archive that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Its bytes are not those that the index announces.
    #[error(
        "{} validation failed for {file_name}; possible download problem?",
        algorithm.name().to_lowercase()
    )]
    Digest {
        /// The file.
        file_name: String,
        /// The algorithm of the digest that differs.
        algorithm: Algorithm,
        /// Expected and actual digest, and which copy has it.
        #[source]
        source: Box<DownloadError>,
    },
    /// The server does not give it.
    #[error("Can't download {url}: {code} {reason}")]
    Status {
        /// The file.
        url: RedactedUrl,
        /// The status code.
        code: u16,
        /// The server's words.
        reason: String,
    },
    /// The network failed.
    #[error("Download error for {url}: {source}")]
    Network {
        /// The file.
        url: RedactedUrl,
        /// How.
        #[source]
        source: Box<FetchError>,
    },
    /// It is refused, or something of this machine failed.
    #[error(transparent)]
    Download(Box<DownloadError>),
}

impl ArchiveError {
    pub(super) fn new(file_name: &str, error: DownloadError) -> Self {
        match error {
            DownloadError::ChecksumMismatch { ref mismatch, .. } => ArchiveError::Digest {
                file_name: file_name.to_owned(),
                algorithm: mismatch.algorithm,
                source: Box::new(error),
            },
            DownloadError::Fetch { url, source } => match *source {
                FetchError::Status { code, reason, .. } => {
                    ArchiveError::Status { url, code, reason }
                }
                other => ArchiveError::Network {
                    url,
                    source: Box::new(other),
                },
            },
            other => ArchiveError::Download(Box::new(other)),
        }
    }

    /// Says whether the download was stopped, and did not fail by itself.
    pub fn is_cancellation(&self) -> bool {
        match self {
            ArchiveError::Network { source, .. } => matches!(**source, FetchError::Cancelled),
            ArchiveError::Download(error) => error.is_cancellation(),
            ArchiveError::Digest { .. } | ArchiveError::Status { .. } => false,
        }
    }
}
