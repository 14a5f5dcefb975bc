//! The download utility: what upstream's `zc.buildout.download.Download` does.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::error::{ChecksumPlace, DownloadError};
use super::options::{CacheUse, DownloaderOptions, HashPolicy};
use super::request::{Content, Destination, DownloadRequest, Downloaded, Origin};
use crate::fetch::copy::{self, CopyError};
use crate::fetch::digest::{ExpectedDigests, StreamingDigests, digest_reader, encode_hex};
use crate::fetch::error::FetchError;
use crate::fetch::observer::{FetchEvent, FetchObserver, IgnoreEvents};
use crate::fetch::prefetch::{Prefetched, Prefetcher};
use crate::fetch::redact::RedactedUrl;
use crate::fetch::resource::{Resource, cache_key, local_path};
use crate::fetch::retrieve::Retrieval;
use crate::fetch::retry::{Sleeper, ThreadSleeper};
use crate::fetch::transport::Transport;

/// Downloads resources, through the cache if there is one.
///
/// It can be shared by threads. Any number of processes may use one cache:
/// entries appear and change atomically, complete and verified.
#[derive(Clone)]
pub struct Downloader {
    transport: Arc<dyn Transport>,
    observer: Arc<dyn FetchObserver>,
    sleeper: Arc<dyn Sleeper>,
    prefetcher: Option<Arc<Prefetcher>>,
    options: DownloaderOptions,
}

/// Bytes in a file that has no final name yet.
struct Staged {
    file: NamedTempFile,
    content: Content,
    source: RedactedUrl,
}

/// The cache directory, and where one resource is in it.
struct CacheEntry {
    directory: PathBuf,
    path: PathBuf,
}

impl Downloader {
    /// Combines a transport and options; reports to nobody.
    pub fn new(transport: Arc<dyn Transport>, options: DownloaderOptions) -> Self {
        Self {
            transport,
            observer: Arc::new(IgnoreEvents),
            sleeper: Arc::new(ThreadSleeper),
            prefetcher: None,
            options,
        }
    }

    /// Reports to an observer.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn FetchObserver>) -> Self {
        self.observer = observer;
        self
    }

    /// Waits between attempts by other means than blocking the thread.
    #[must_use]
    pub fn with_sleeper(mut self, sleeper: Arc<dyn Sleeper>) -> Self {
        self.sleeper = sleeper;
        self
    }

    /// Takes what was fetched ahead.
    #[must_use]
    pub fn with_prefetcher(mut self, prefetcher: Option<Arc<Prefetcher>>) -> Self {
        self.prefetcher = prefetcher;
        self
    }

    /// Takes other options.
    #[must_use]
    pub fn with_options(mut self, change: impl FnOnce(&mut DownloaderOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// Returns the options.
    pub fn options(&self) -> &DownloaderOptions {
        &self.options
    }

    pub(crate) fn observer(&self) -> &Arc<dyn FetchObserver> {
        &self.observer
    }

    /// Makes a resource available as the request demands.
    ///
    /// # Errors
    ///
    /// See [`DownloadError`]. A failed download leaves the cache and the
    /// destination as they were.
    pub fn download(&self, request: &DownloadRequest) -> Result<Downloaded, DownloadError> {
        let downloaded = match Resource::parse(request.url.exposed()) {
            Resource::Local(path) => self.local(request, &path)?,
            Resource::Remote => {
                self.check_policy(request)?;
                let downloaded = self.remote(request)?;
                self.warn_of_unpinned(request, &downloaded);
                downloaded
            }
        };
        match &request.destination {
            Destination::Path(path) => self.place_copy(downloaded, path),
            Destination::Anywhere | Destination::CacheOnly => Ok(downloaded),
        }
    }

    /// Says whether the request is for a file or directory of this machine.
    pub fn is_local(&self, request: &DownloadRequest) -> bool {
        matches!(Resource::parse(request.url.exposed()), Resource::Local(_))
    }

    /// Says whether the cache has an entry for the request, whatever is in it.
    pub fn is_at_hand(&self, request: &DownloadRequest) -> bool {
        let Some(cache) = &self.options.cache else {
            return false;
        };
        let directory = self.options.directory.join(cache);
        let directory = directory.join(self.options.namespace.as_deref().unwrap_or(Path::new("")));
        cache_key(request.url.exposed(), self.options.hash_name)
            .is_some_and(|key| directory.join(key).exists())
    }

    /// Says whether the request must do without the network.
    pub fn is_offline(&self, request: &DownloadRequest) -> bool {
        request.offline.unwrap_or(self.options.offline)
    }

    /// Fails if the policy refuses a resource of the network, whatever it is.
    ///
    /// # Errors
    ///
    /// [`DownloadError::Unpinned`] and [`DownloadError::NotLocked`].
    pub fn check_policy(&self, request: &DownloadRequest) -> Result<(), DownloadError> {
        if let Some(locked) = &self.options.locked {
            let url = request.url.clone();
            return match locked.contains_key(&url.to_string()) {
                true => Ok(()),
                false => Err(DownloadError::NotLocked { url }),
            };
        }
        if self.options.require_hashes == HashPolicy::On && request.expected.is_empty() {
            return Err(DownloadError::Unpinned {
                url: request.url.clone(),
            });
        }
        Ok(())
    }

    fn warn_of_unpinned(&self, request: &DownloadRequest, downloaded: &Downloaded) {
        if self.options.require_hashes == HashPolicy::Warn
            && self.options.locked.is_none()
            && request.expected.is_empty()
            && let Some(sha256) = &downloaded.sha256
        {
            self.observer.observe(&FetchEvent::Unpinned {
                url: &request.url,
                sha256: &encode_hex(sha256),
            });
        }
    }

    fn remote(&self, request: &DownloadRequest) -> Result<Downloaded, DownloadError> {
        let prefetched = self
            .prefetcher
            .as_ref()
            .and_then(|prefetcher| prefetcher.take(request, || self.observer.is_cancelled()));
        if let Some(prefetched) = prefetched {
            return self.adopt(request, prefetched);
        }
        match self.cache_entry(request)? {
            Some(entry) => self.remote_cached(request, entry),
            None => self.remote_uncached(request),
        }
    }

    /// Makes a download that was made ahead look like one made now.
    fn adopt(
        &self,
        request: &DownloadRequest,
        prefetched: Prefetched,
    ) -> Result<Downloaded, DownloadError> {
        let Prefetched { downloaded, lines } = prefetched;
        for (level, line) in &lines {
            let level = *level;
            self.observer.observe(&FetchEvent::Deferred { level, line });
        }
        let Destination::Path(path) = &request.destination else {
            return Ok(downloaded);
        };
        if !downloaded.is_temporary() {
            return Ok(downloaded);
        }
        let path = self.options.directory.join(path);
        let mode = self.options.file_mode;
        copy::copy_bytes(downloaded.path(), &path, mode)?;
        Ok(downloaded.copied_to(path))
    }

    /// Finds the place of a resource in the cache; none without a cache.
    fn cache_entry(&self, request: &DownloadRequest) -> Result<Option<CacheEntry>, DownloadError> {
        let Some(cache) = &self.options.cache else {
            return match request.destination {
                Destination::CacheOnly => Err(DownloadError::NoCache {
                    url: request.url.clone(),
                }),
                _ => Ok(None),
            };
        };
        let cache = self.options.directory.join(cache);
        // Upstream shows and returns real paths.
        let cache = match fs::canonicalize(&cache) {
            Ok(cache) => cache,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(DownloadError::CacheDirectoryMissing { path: cache });
            }
            Err(error) => return Err(copy::failed("open", &cache)(error).into()),
        };
        // Joining an empty namespace adds the `/` that upstream's log shows.
        let directory = cache.join(self.options.namespace.as_deref().unwrap_or(Path::new("")));
        match fs::create_dir(&directory) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(copy::failed("create", &directory)(error).into()),
        }
        let key = cache_key(request.url.exposed(), self.options.hash_name).ok_or_else(|| {
            DownloadError::NoCacheKey {
                url: request.url.clone(),
            }
        })?;
        self.observer.observe(&FetchEvent::CacheSearch {
            directory: &directory,
        });
        let path = directory.join(key);
        Ok(Some(CacheEntry { directory, path }))
    }

    fn remote_cached(
        &self,
        request: &DownloadRequest,
        entry: CacheEntry,
    ) -> Result<Downloaded, DownloadError> {
        let cached = |origin, content| Downloaded::file(entry.path.clone(), origin, content);
        if !entry.path.exists() {
            self.observer.observe(&FetchEvent::CacheMiss {
                url: &request.url,
                path: &entry.path,
            });
            let staged = self.fetch(request, &entry.directory, self.options.file_mode)?;
            copy::commit_durably(staged.file, &entry.path)?;
            return Ok(cached(Origin::Network(staged.source), staged.content));
        }
        if self.options.cache_use != CacheUse::First {
            match self.fetch(request, &entry.directory, self.options.file_mode) {
                Ok(staged) => {
                    copy::commit_durably(staged.file, &entry.path)?;
                    self.observe_hit(request, &entry);
                    return Ok(cached(Origin::Network(staged.source), staged.content));
                }
                Err(error) if self.may_fall_back(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let content = self.check_entry(request, &entry)?;
        self.observe_hit(request, &entry);
        Ok(cached(Origin::Cache, content))
    }

    fn may_fall_back(&self, error: &DownloadError) -> bool {
        let (network_failure, any_failure) = match error {
            DownloadError::Offline { .. } => (true, true),
            DownloadError::Fetch { source, .. } => (
                source.is_network_failure(),
                !matches!(**source, FetchError::Cancelled),
            ),
            DownloadError::ChecksumMismatch { .. } | DownloadError::LockMismatch { .. } => {
                (false, false)
            }
            _ => (false, true),
        };
        match self.options.cache_use {
            CacheUse::First | CacheUse::Refresh => false,
            CacheUse::FallbackOnNetworkFailure => network_failure,
            CacheUse::FallbackOnAnyFailure => any_failure,
        }
    }

    fn observe_hit(&self, request: &DownloadRequest, entry: &CacheEntry) {
        self.observer.observe(&FetchEvent::CacheHit {
            url: &request.url,
            path: &entry.path,
        });
    }

    fn check_entry(
        &self,
        request: &DownloadRequest,
        entry: &CacheEntry,
    ) -> Result<Content, DownloadError> {
        let content = digest_file(&entry.path, self.digests_for(request))?;
        verify(request, &request.url, &content, || {
            ChecksumPlace::Cached(entry.path.clone())
        })?;
        self.verify_lock(request, &content)?;
        Ok(content)
    }

    fn remote_uncached(&self, request: &DownloadRequest) -> Result<Downloaded, DownloadError> {
        if let Destination::Path(path) = &request.destination {
            let path = self.options.directory.join(path);
            let directory = copy::parent_of(&path);
            let staged = self.fetch(request, directory, self.options.file_mode)?;
            copy::commit(staged.file, &path)?;
            let origin = Origin::Network(staged.source);
            return Ok(Downloaded::file(path, origin, staged.content));
        }
        let staged = self.fetch(request, &self.options.temporary_directory, 0o600)?;
        let origin = Origin::Network(staged.source);
        let temporary = staged.file.into_temp_path();
        Ok(Downloaded::temporary_file(
            temporary,
            origin,
            staged.content,
        ))
    }

    /// Downloads from the first source that works to a verified staged file.
    ///
    /// If all fail, the error is that of the first, which is the one the
    /// profile names; the others have been reported as events.
    fn fetch(
        &self,
        request: &DownloadRequest,
        directory: &Path,
        mode: u32,
    ) -> Result<Staged, DownloadError> {
        if request.offline.unwrap_or(self.options.offline) {
            return Err(DownloadError::Offline {
                url: request.url.clone(),
            });
        }
        let file = copy::stage_in(directory, mode)?;
        let mut url = &request.url;
        let mut alternates = request.alternate_urls.iter();
        let mut first_error = None;
        loop {
            let error = match self.fetch_source(request, url, &file) {
                Ok(content) => {
                    return Ok(Staged {
                        file,
                        content,
                        source: url.clone(),
                    });
                }
                Err(error) => error,
            };
            if !other_source_may_help(&error) {
                return Err(error);
            }
            let Some(next) = alternates.next() else {
                return Err(first_error.unwrap_or(error));
            };
            self.observer.observe(&FetchEvent::SourceFailed {
                url,
                reason: &error,
            });
            first_error.get_or_insert(error);
            url = next;
        }
    }

    fn fetch_source(
        &self,
        request: &DownloadRequest,
        url: &RedactedUrl,
        file: &NamedTempFile,
    ) -> Result<Content, DownloadError> {
        self.observer.observe(&FetchEvent::Started { url });
        self.observer.observe(&FetchEvent::Requested { url });
        let result = self.retrieve(request, url, file);
        self.observer.observe(&match &result {
            Ok(content) => FetchEvent::Finished {
                url,
                size: content.size,
            },
            Err(_) => FetchEvent::Failed { url },
        });
        result
    }

    fn retrieve(
        &self,
        request: &DownloadRequest,
        url: &RedactedUrl,
        file: &NamedTempFile,
    ) -> Result<Content, DownloadError> {
        let retrieval = Retrieval {
            transport: &self.transport,
            sleeper: &*self.sleeper,
            observer: &*self.observer,
            retry: &self.options.retry,
            tls: &self.options.tls,
            maximum_size: request.maximum_size,
            digests: self.digests_for(request),
        };
        let (digests, size) =
            retrieval
                .run(url, file.as_file(), file.path())
                .map_err(|source| DownloadError::Fetch {
                    url: url.clone(),
                    source: Box::new(source),
                })?;
        let content = Content { digests, size };
        verify(request, url, &content, || ChecksumPlace::Download)?;
        self.verify_lock(request, &content)?;
        Ok(content)
    }

    /// Returns what computes the digests that are wanted of a resource.
    fn digests_for(&self, request: &DownloadRequest) -> StreamingDigests {
        match self.options.all_digests {
            true => StreamingDigests::all(),
            false => StreamingDigests::demanded(&request.expected),
        }
    }

    /// Checks bytes of the network against the lock file, if one is in force.
    fn verify_lock(
        &self,
        request: &DownloadRequest,
        content: &Content,
    ) -> Result<(), DownloadError> {
        let Some(locked) = &self.options.locked else {
            return Ok(());
        };
        let expected = ExpectedDigests {
            sha256: locked.get(&request.url.to_string()).copied(),
            ..ExpectedDigests::none()
        };
        expected
            .verify_known(&content.digests)
            .map_err(|mismatch| DownloadError::LockMismatch {
                url: request.url.clone(),
                mismatch: Box::new(mismatch),
            })
    }

    /// Serves a file or directory of this machine.
    ///
    /// With a cache, upstream links the file into it once and then never looks
    /// at the file again, so that an edited local patch fails its new checksum
    /// until somebody empties the cache. Here the entry is a copy that follows
    /// the file; it still serves when the file is gone. But an entry that may
    /// be another resource's, because only the last component of the name is
    /// the same, is not overwritten: then the file serves in place.
    fn local(
        &self,
        request: &DownloadRequest,
        written: &Path,
    ) -> Result<Downloaded, DownloadError> {
        if written.as_os_str().is_empty() {
            // An empty URL does not mean the whole buildout directory.
            let path = PathBuf::new();
            return Err(DownloadError::LocalMissing { path });
        }
        let source = local_path(written, &self.options.directory);
        let is_directory = source.is_dir();
        if is_directory {
            self.observer
                .observe(&FetchEvent::LocalResource { url: &request.url });
            if !request.expected.is_empty() {
                return Err(DownloadError::ChecksumOfDirectory { path: source });
            }
            return Ok(Downloaded::directory(source));
        }
        let Some(entry) = self.cache_entry(request)? else {
            let content = self.check_local(request, written, &source)?;
            return Ok(Downloaded::file(source, Origin::Local, content));
        };
        let has_entry = entry.path.exists();
        if has_entry
            && !request.expected.is_empty()
            && self.options.cache_use == CacheUse::First
            && let Ok(content) = self.check_entry(request, &entry)
        {
            self.observe_hit(request, &entry);
            return Ok(Downloaded::file(entry.path, Origin::Cache, content));
        }
        if has_entry && !source.exists() {
            let content = self.check_entry(request, &entry)?;
            self.observe_hit(request, &entry);
            return Ok(Downloaded::file(entry.path, Origin::Cache, content));
        }
        if !has_entry {
            self.observer.observe(&FetchEvent::CacheMiss {
                url: &request.url,
                path: &entry.path,
            });
        }
        let content = self.check_local(request, written, &source)?;
        let is_current = has_entry
            && digest_file(&entry.path, self.digests_for(request))
                .is_ok_and(|old| old.digests == content.digests);
        if has_entry && !is_current && !self.options.hash_name {
            return Ok(Downloaded::file(source, Origin::Local, content));
        }
        if !is_current {
            copy::copy_file_durably(&source, &entry.path)?;
        }
        if has_entry {
            self.observe_hit(request, &entry);
        }
        Ok(Downloaded::file(entry.path, Origin::Local, content))
    }

    fn check_local(
        &self,
        request: &DownloadRequest,
        written: &Path,
        source: &Path,
    ) -> Result<Content, DownloadError> {
        self.observer
            .observe(&FetchEvent::LocalResource { url: &request.url });
        if !source.exists() {
            return Err(DownloadError::LocalMissing {
                path: source.to_owned(),
            });
        }
        let content = digest_file(source, self.digests_for(request))?;
        verify(request, &request.url, &content, || {
            ChecksumPlace::Local(written.to_owned())
        })?;
        Ok(content)
    }

    fn place_copy(
        &self,
        downloaded: Downloaded,
        destination: &Path,
    ) -> Result<Downloaded, DownloadError> {
        let destination = self.options.directory.join(destination);
        let is_same = match (
            fs::canonicalize(downloaded.path()),
            fs::canonicalize(&destination),
        ) {
            (Ok(source), Ok(destination)) => source == destination,
            _ => false,
        };
        if !is_same {
            if downloaded.sha256.is_some() {
                copy::copy_file(downloaded.path(), &destination)?;
            } else {
                copy::copy_directory(downloaded.path(), &destination)?;
            }
        }
        Ok(downloaded.copied_to(destination))
    }
}

impl std::fmt::Debug for Downloader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Downloader")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Says whether the resource, not this machine or the user, is to blame.
fn other_source_may_help(error: &DownloadError) -> bool {
    match error {
        DownloadError::ChecksumMismatch { .. } | DownloadError::LockMismatch { .. } => true,
        DownloadError::Fetch { source, .. } => !matches!(
            **source,
            FetchError::Cancelled | FetchError::Output { .. } | FetchError::Setup { .. }
        ),
        _ => false,
    }
}

fn digest_file(path: &Path, digests: StreamingDigests) -> Result<Content, CopyError> {
    let file = File::open(path).map_err(copy::failed("open", path))?;
    let (digests, size) = digest_reader(file, digests).map_err(copy::failed("read", path))?;
    Ok(Content { digests, size })
}

fn verify(
    request: &DownloadRequest,
    url: &RedactedUrl,
    content: &Content,
    place: impl FnOnce() -> ChecksumPlace,
) -> Result<(), DownloadError> {
    request
        .expected
        .verify_known(&content.digests)
        .map_err(|mismatch| DownloadError::ChecksumMismatch {
            url: url.clone(),
            place: place(),
            mismatch: Box::new(mismatch),
        })
}
