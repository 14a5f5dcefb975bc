//! What a part downloads: the options `url`, `md5sum` and their kin.

use std::path::Path;

use buildout_core::extends::is_url;
use buildout_core::fetch::{
    Algorithm, Destination, DownloadError, DownloadRequest, Downloaded, Downloader,
    ExpectedDigests, InvalidDigest, RedactedUrl, split_url_digest,
};
use buildout_core::profile::python_text::{split_words, strip};
use buildout_core::recipe::{Construction, PlannedDownload, RecipeError};

use crate::boolean::parse_boolean;
use crate::download_failure::download_error;

/// The options that hold a digest.
const DIGEST_OPTIONS: [(&str, Algorithm); 3] = [
    ("md5sum", Algorithm::Md5),
    ("sha256", Algorithm::Sha256),
    ("sha512", Algorithm::Sha512),
];

/// A resource and the digests that it must have.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    url: RedactedUrl,
    expected: ExpectedDigests,
    alternates: Vec<RedactedUrl>,
    offline: Option<bool>,
    /// The option that the resource comes from.
    option: &'static str,
    /// The options that hold digests.
    pinned_by: Vec<(Algorithm, &'static str)>,
}

impl Source {
    /// Reads `url` (whose fragment may hold digests), `alternate-url`,
    /// `md5sum`, `sha256`, `sha512` and `offline` of a part. Upstream knows
    /// MD5 only.
    ///
    /// # Errors
    ///
    /// `url` is missing, or a value cannot be used.
    pub(crate) fn read(part: &Construction<'_>) -> Result<Self, RecipeError> {
        let url = part.required("url")?;
        let (url, mut expected) =
            split_url_digest(&url).map_err(|error| digest_error("url", error))?;
        let alternates = part.option("alternate-url")?.unwrap_or_default();
        let mut pinned_by = Vec::new();
        for (option, algorithm) in DIGEST_OPTIONS {
            let Some(digest) = part.option(option)?.filter(|digest| !digest.is_empty()) else {
                continue;
            };
            let in_url = expected.get(algorithm).map(<[u8]>::to_vec);
            expected
                .set(algorithm, strip(&digest))
                .map_err(|error| digest_error(option, error))?;
            pinned_by.push((algorithm, option));
            if in_url.is_some_and(|known| expected.get(algorithm) != Some(&known[..])) {
                return Err(RecipeError::user(format!(
                    "`url` and `{option}` demand different {algorithm} checksums."
                ))
                .at_option(option)
                .with_hint("keep the right one of the two"));
            }
        }
        let offline = match part.option("offline")? {
            Some(value) if !value.is_empty() => Some(parse_boolean("offline", &value)?),
            _ => None,
        };
        Ok(Source {
            url: RedactedUrl::from(url),
            expected,
            alternates: split_words(&alternates).map(RedactedUrl::from).collect(),
            offline,
            option: "url",
            pinned_by,
        })
    }

    /// Makes a source of `URL` or `URL#digest`; a relative path is seen from
    /// `directory`.
    ///
    /// # Errors
    ///
    /// What follows `#` is no digest.
    pub(crate) fn with_fragment(
        text: &str,
        directory: &Path,
        option: &'static str,
    ) -> Result<Self, RecipeError> {
        let (url, expected) =
            split_url_digest(text).map_err(|error| digest_error(option, error))?;
        let url = if is_url(url) || url.starts_with("file:") {
            url.to_owned()
        } else {
            directory.join(url).to_string_lossy().into_owned()
        };
        Ok(Source {
            url: RedactedUrl::from(url),
            expected,
            alternates: Vec::new(),
            offline: None,
            option,
            pinned_by: Vec::new(),
        })
    }

    /// Tells whether there is a digest, so that the resource never changes.
    pub(crate) fn is_pinned(&self) -> bool {
        !self.expected.is_empty()
    }

    /// Downloads to `destination`, or wherever it is at hand.
    ///
    /// # Errors
    ///
    /// See [`DownloadError`].
    pub(crate) fn download(
        &self,
        downloader: &Downloader,
        destination: Option<&Path>,
    ) -> Result<Downloaded, RecipeError> {
        let mut request = self.request();
        if let Some(path) = destination {
            request.destination = Destination::Path(path.to_owned());
        }
        downloader
            .download(&request)
            .map_err(|error| self.failure(error))
    }

    /// Returns the download for those who make it ahead.
    pub(crate) fn planned(&self) -> PlannedDownload {
        PlannedDownload {
            request: self.request(),
            option: self.option,
        }
    }

    fn request(&self) -> DownloadRequest {
        let mut request = DownloadRequest::new(self.url.clone()).expecting(self.expected.clone());
        request.alternate_urls.clone_from(&self.alternates);
        request.offline = self.offline;
        request
    }

    fn failure(&self, error: DownloadError) -> RecipeError {
        let pinned_by = match &error {
            DownloadError::ChecksumMismatch { mismatch, .. } => {
                let mut pinned = self.pinned_by.iter();
                let found = pinned.find(|(algorithm, _)| *algorithm == mismatch.algorithm);
                found.map_or(self.option, |(_, option)| option)
            }
            _ => self.option,
        };
        download_error(self.option, pinned_by, error)
    }
}

fn digest_error(option: &str, error: InvalidDigest) -> RecipeError {
    let hint = match &error {
        InvalidDigest::NotHexadecimal { algorithm, .. } => format!(
            "the checksum must have {} hexadecimal digits",
            algorithm.size() * 2
        ),
        _ => "write `URL#sha256=DIGITS`, or only the URL".to_owned(),
    };
    RecipeError::user(error).at_option(option).with_hint(hint)
}
