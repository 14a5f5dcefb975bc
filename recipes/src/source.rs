//! What a part downloads: the options `url`, `md5sum` and their kin.

use std::path::Path;

use buildout_core::extends::is_url;
use buildout_core::fetch::{
    Algorithm, Destination, DownloadError, DownloadRequest, Downloaded, Downloader,
    ExpectedDigests, FetchError, InvalidDigest, RedactedUrl, split_url_digest,
};
use buildout_core::profile::python_text::strip;
use buildout_core::recipe::{Construction, RecipeError, RecipeErrorKind};

use crate::boolean::parse_boolean;

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
    alternate: Option<RedactedUrl>,
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
        let alternate = part.option("alternate-url")?;
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
            alternate: alternate
                .filter(|url| !url.is_empty())
                .map(|url| RedactedUrl::from(&*url)),
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
            alternate: None,
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
        let destination = match destination {
            Some(path) => Destination::Path(path.to_owned()),
            None => Destination::Anywhere,
        };
        let mut request = DownloadRequest::new(self.url.clone())
            .expecting(self.expected.clone())
            .to(destination);
        request.alternate_urls.extend(self.alternate.clone());
        request.offline = self.offline;
        downloader
            .download(&request)
            .map_err(|error| self.failure(error))
    }

    fn failure(&self, error: DownloadError) -> RecipeError {
        let option = match &error {
            DownloadError::ChecksumMismatch { mismatch, .. } => {
                let pinned = self.pinned_by.iter();
                let mut pinned = pinned.filter(|(algorithm, _)| *algorithm == mismatch.algorithm);
                pinned.next().map_or(self.option, |(_, option)| option)
            }
            _ => self.option,
        };
        download_error(option, error)
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

fn download_error(option: &str, error: DownloadError) -> RecipeError {
    let hint = match &error {
        DownloadError::Fetch { source, .. } if matches!(**source, FetchError::Cancelled) => {
            return RecipeError::new(RecipeErrorKind::Cancelled, error);
        }
        DownloadError::ChecksumMismatch { mismatch, .. } => Some(format!(
            "its {} checksum is {}: write that one if you trust what was found",
            mismatch.algorithm, mismatch.actual
        )),
        DownloadError::Offline { .. } => {
            Some("run with `offline = false`, or have it in the download cache".to_owned())
        }
        DownloadError::LocalMissing { .. } => {
            Some("write the path of a file that exists, or a URL".to_owned())
        }
        DownloadError::CacheDirectoryMissing { path } => Some(format!(
            "make the directory `{}`, or unset `[buildout] download-cache`",
            path.display()
        )),
        _ => None,
    };
    let error = RecipeError::user(error).at_option(option);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}
