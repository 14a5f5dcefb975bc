//! Reading profiles from files and over http.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::Utf8Error;
use std::sync::Arc;

use rustix::io::Errno;

use rustc_hash::FxHashSet;

use super::digest::Digests;
use super::download::{
    CacheUse, DownloadError, DownloadRequest, Downloader, DownloaderOptions, Origin,
};
use super::mirror::MirrorTransport;
use super::observer::FetchObserver;
use super::profile_identity::ProfileIdentities;
use super::redact::RedactedUrl;
use super::tls::{ClientCertificate, TlsSettings};
use super::transport::Transport;
use crate::extends::{DownloadSettings, LoadError, LoadedText, Place, ProfileLoader, is_url};

/// How many bytes to expect of a profile.
const LIKELY_SIZE: usize = 16 * 1024;

/// Loads profiles as zc.buildout does: files by path, others through the
/// `extends-cache` if there is one.
pub struct ProfileFiles {
    working_directory: PathBuf,
    temporary_directory: PathBuf,
    transport: Arc<dyn Transport>,
    observer: Arc<dyn FetchObserver>,
    /// The digests of the profiles from the network, by URL as it may be shown.
    downloaded: RefCell<BTreeMap<String, Digests>>,
    /// Missing profiles that are taken for empty.
    left_out: RefCell<FxHashSet<String>>,
    creates_cache: bool,
    is_refreshed: Box<dyn Fn(&str) -> bool>,
    identities: ProfileIdentities,
    /// What files are read into, one after the other.
    buffer: RefCell<Vec<u8>>,
}

impl ProfileFiles {
    /// Reads relative names from `working_directory`.
    pub fn new(
        working_directory: impl Into<PathBuf>,
        temporary_directory: impl Into<PathBuf>,
        transport: Arc<dyn Transport>,
        observer: Arc<dyn FetchObserver>,
    ) -> Self {
        let working_directory = working_directory.into();
        ProfileFiles {
            identities: ProfileIdentities::new(working_directory.clone()),
            working_directory,
            temporary_directory: temporary_directory.into(),
            transport,
            observer,
            downloaded: RefCell::default(),
            left_out: RefCell::default(),
            creates_cache: false,
            is_refreshed: Box::new(|_| false),
            buffer: RefCell::new(Vec::with_capacity(LIKELY_SIZE)),
        }
    }

    /// Makes the `extends-cache` if it does not exist.
    #[must_use]
    pub fn creating_cache(mut self) -> Self {
        self.creates_cache = true;
        self
    }

    /// Does without the cache for the profiles whose URL, as it may be shown,
    /// `is_refreshed`.
    #[must_use]
    pub fn refreshing(mut self, is_refreshed: impl Fn(&str) -> bool + 'static) -> Self {
        self.is_refreshed = Box::new(is_refreshed);
        self
    }

    /// Takes a profile that is missing for empty, to find others.
    pub fn leave_out(&self, url: &str) {
        self.left_out.borrow_mut().insert(url.to_owned());
    }

    /// Returns the digests of the profiles that were loaded by URL, with or
    /// without the cache, by the URL as it may be shown.
    pub fn downloaded(&self) -> BTreeMap<String, Digests> {
        self.downloaded.borrow().clone()
    }

    /// Reads the profile called `source` from `path`, which messages call
    /// `shown`.
    fn read_file(&self, path: &Path, shown: &str, source: &str) -> Result<String, LoadError> {
        let mut buffer = self.buffer.borrow_mut();
        buffer.clear();
        // `take` keeps the library from asking for the size of the file first,
        // which costs as much as reading it.
        let read = File::open(path).and_then(|file| file.take(u64::MAX).read_to_end(&mut buffer));
        read.map_err(|error| LoadError::Io {
            path: shown.to_owned(),
            error,
        })?;
        match std::str::from_utf8(&buffer) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(encoding_error(error, &buffer, source)),
        }
    }

    fn download(&self, url: &str, settings: &DownloadSettings) -> Result<LoadedText, LoadError> {
        if self.left_out.borrow().contains(url) {
            return Ok(LoadedText {
                text: String::new(),
                downloaded_as: None,
            });
        }
        let shown_url = RedactedUrl::new(url).to_string();
        let mut options =
            DownloaderOptions::new(&self.working_directory, &self.temporary_directory);
        options.hash_name = true;
        options.offline = settings.offline;
        options.cache = settings.extends_cache.as_ref().map(PathBuf::from);
        if settings.newest {
            options.cache_use = CacheUse::FallbackOnAnyFailure;
        }
        if (self.is_refreshed)(&shown_url) {
            options.cache_use = CacheUse::Refresh;
        }
        options.tls = self.tls(settings);
        if let Some(cache) = options.cache.as_ref().filter(|_| self.creates_cache) {
            // If it cannot be made, the download says that it is missing.
            let _ = fs::create_dir_all(self.working_directory.join(cache));
        }
        let replacements = settings.url_replacements.clone();
        let mirrors = MirrorTransport::new(Arc::clone(&self.transport), replacements);
        let downloader =
            Downloader::new(Arc::new(mirrors), options).with_observer(Arc::clone(&self.observer));
        let downloaded = downloader
            .download(&DownloadRequest::new(url))
            .map_err(|error| match &error {
                // Upstream opens it like any file, and says what that says.
                DownloadError::LocalMissing { path } => LoadError::Io {
                    path: path.to_string_lossy().into_owned(),
                    error: Errno::NOENT.into(),
                },
                DownloadError::Offline { .. } => LoadError::Offline {
                    error: error.into(),
                },
                _ => LoadError::Download {
                    user: !matches!(error, DownloadError::File(_)),
                    error: error.into(),
                },
            })?;
        if let Some(digests) = &downloaded.digests
            && downloaded.origin != Origin::Local
        {
            let mut known = self.downloaded.borrow_mut();
            known.insert(shown_url, digests.clone());
        }
        let path = downloaded.path().to_owned();
        let shown = path.to_string_lossy().into_owned();
        let text = self.read_file(&path, &shown, url)?;
        Ok(LoadedText {
            text,
            downloaded_as: Some(shown),
        })
    }

    fn tls(&self, settings: &DownloadSettings) -> TlsSettings {
        let path = |path: &String| self.working_directory.join(path);
        TlsSettings {
            ca_bundle: settings.ca_bundle.as_ref().map(path),
            client: settings
                .client_certificate
                .as_ref()
                .map(|certificate| ClientCertificate {
                    certificate: path(certificate),
                    key: settings.client_key.as_ref().map(path),
                    hosts: settings.client_certificate_hosts.clone(),
                }),
        }
    }
}

impl ProfileLoader for ProfileFiles {
    fn load(&self, source: &str, settings: &DownloadSettings) -> Result<LoadedText, LoadError> {
        if is_url(source) {
            return self.download(source, settings);
        }
        let path = match source.starts_with('/') {
            true => Cow::Borrowed(Path::new(source)),
            false => Cow::Owned(self.working_directory.join(source)),
        };
        let text = self.read_file(&path, source, source)?;
        Ok(LoadedText {
            text,
            downloaded_as: None,
        })
    }

    fn identity(&self, source: &str) -> String {
        self.identities.of(source)
    }

    fn exists(&self, path: &str) -> bool {
        self.working_directory.join(path).exists()
    }
}

/// Explains bytes that are not UTF-8 in Python's words.
fn encoding_error(error: Utf8Error, bytes: &[u8], source: &str) -> LoadError {
    let offset = error.valid_up_to();
    let byte = bytes.get(offset).copied().unwrap_or_default();
    let detail = match (error.error_len(), byte) {
        (None, _) => "unexpected end of data",
        (Some(_), 0xc2..=0xf4) => "invalid continuation byte",
        (Some(_), _) => "invalid start byte",
    };
    let newlines = bytes[..offset]
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    let line = bytes[..offset]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let end = bytes[offset..].iter().position(|byte| *byte == b'\n');
    let end = end.map_or(bytes.len(), |length| offset + length);
    let text = String::from_utf8_lossy(&bytes[line..end]);
    // What stands before the first bad byte is UTF-8 and keeps its length.
    let start = offset - line;
    LoadError::Encoding {
        byte,
        offset,
        detail,
        place: Box::new(Place {
            source: Arc::from(source),
            line: u32::try_from(newlines + 1).unwrap_or(u32::MAX),
            span: start..start + char::REPLACEMENT_CHARACTER.len_utf8(),
            text: text.trim_end().to_owned(),
        }),
    }
}
