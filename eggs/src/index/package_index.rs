//! An index together with `find-links`: all that can be had of a project.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use buildout_core::event::Level;
use buildout_core::exec::cancel::CancellationToken;
use buildout_core::fetch::{
    DownloadRequest, Downloaded, Downloader, FetchError, RedactedUrl, Sleeper, ThreadSleeper,
    Transport,
};
use buildout_core::lock::{DistributionLock, LockFile};
use buildout_core::value::str_repr;

use super::ahead::WheelsAhead;
use super::archive_error::ArchiveError;
use super::candidate::{Candidate, CandidateLocation, NamedFile, read_file_name};
use super::client::{Client, Document, GZIP, PAGE_LIMIT};
use super::find_links::LinkedFiles;
use super::hosts::AllowedHosts;
use super::local::{Found, list, local_path};
use super::locked::LockedFiles;
use super::offer::{Note, Offer};
use super::page::{InvalidPage, Link, parse_html, parse_json, percent_decode};
use super::page_cache::PageCache;
use super::tags::WheelTags;
use super::wheel_metadata::{Servers, WheelMetadataError, read_metadata, wheel_metadata};
use crate::metadata::Metadata;
use crate::name::ProjectName;
use crate::settings::EggSettings;
use crate::version::{Specifiers, Version};
use crate::wheel::WheelStore;

/// What a page is asked for in: JSON if the server has it.
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
                      application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// The longest name of a file on Linux, in bytes.
const NAME_LIMIT: usize = 255;

/// Says which index is meant where none is named; asked when a page is needed,
/// and once.
pub type DefaultIndex = dyn Fn() -> Result<String, DefaultIndexError> + Send + Sync;

/// The default index cannot be found out.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to find out which index pip uses: {detail}")]
pub struct DefaultIndexError {
    /// Why.
    pub detail: String,
}

/// What an index needs from the world.
#[derive(Clone)]
pub struct IndexAccess {
    /// Carries pages and metadata.
    pub transport: Arc<dyn Transport>,
    /// Carries archives, and keeps them in the download cache if there is one:
    /// its cache is [`EggSettings::archives`], without a namespace.
    pub downloader: Downloader,
    /// Finds the index where none is named.
    pub default_index: Arc<DefaultIndex>,
    /// Where relative paths start: the buildout directory.
    pub directory: PathBuf,
    /// Where pages are remembered between runs.
    pub page_cache: Option<PathBuf>,
    /// The wheels and eggs that can be used.
    pub tags: Arc<WheelTags>,
    /// The version of Python that `requires-python` is compared with.
    pub python: Version,
    /// Wheels that are unpacked, which tell their metadata.
    pub wheels: Option<WheelStore>,
    /// What is locked, and what that means.
    pub lock: Option<(Arc<LockFile>, DistributionLock)>,
}

/// A value that is computed once, by the first thread that wants it.
pub(super) type Once<T> = Arc<OnceLock<T>>;

/// The metadata of a wheel, for all who ask.
type SharedMetadata = Result<Arc<Metadata>, Arc<WheelMetadataError>>;

/// An index together with `find-links`. Each page is read once; any number of
/// threads may ask.
pub struct Index {
    pub(super) access: IndexAccess,
    client: Client,
    index: Option<String>,
    pub(super) find_links: Vec<String>,
    pub(super) hosts: AllowedHosts,
    pub(super) is_offline: bool,
    pub(super) archives: Option<PathBuf>,
    pub(super) locked: Option<LockedFiles>,
    page_cache: Option<PageCache>,
    servers: Servers,
    pub(super) offers: Mutex<HashMap<String, Once<Arc<Offer>>>>,
    pub(super) kept_offers: Mutex<HashMap<String, Once<Option<Arc<Offer>>>>>,
    pub(super) linked: OnceLock<LinkedFiles>,
    /// What distributions have added to `find-links`.
    pub(super) added: Mutex<Vec<(String, Once<LinkedFiles>)>>,
    root: OnceLock<Result<Root, DefaultIndexError>>,
    metadata: Mutex<HashMap<String, Once<SharedMetadata>>>,
    pub(super) ahead: WheelsAhead,
}

/// Where pages of projects are.
#[derive(Clone, Debug)]
enum Root {
    Url(String),
    Directory(PathBuf),
}

impl Index {
    /// Combines settings and access; asks for nothing yet.
    pub fn new(settings: &EggSettings, mut access: IndexAccess) -> Self {
        // Like pip, a pre-release of Python counts as what it leads to.
        access.python = access.python.final_release();
        let options = access.downloader.options();
        let client = Client {
            transport: Arc::clone(&access.transport),
            sleeper: Arc::new(ThreadSleeper) as Arc<dyn Sleeper>,
            retry: options.retry,
            tls: options.tls.clone(),
            cancellation: CancellationToken::new(),
        };
        let (index, find_links) = match &settings.archives {
            // Then `find-links` and `index` are not looked at.
            Some(archives) if settings.install_from_cache => {
                (Some(archives.display().to_string()), Vec::new())
            }
            _ => (settings.index.clone(), settings.find_links.clone()),
        };
        let places: Vec<&str> = index.iter().chain(&find_links).map(|p| &**p).collect();
        let locked = access
            .lock
            .as_ref()
            .map(|(lock, meaning)| LockedFiles::new(lock, meaning, &access.tags, &places));
        Index {
            client,
            locked,
            index,
            find_links,
            hosts: AllowedHosts::new(&settings.allow_hosts),
            is_offline: settings.offline || options.offline,
            archives: settings.archives.clone(),
            page_cache: access.page_cache.as_deref().map(PageCache::new),
            servers: Servers::default(),
            offers: Mutex::default(),
            kept_offers: Mutex::default(),
            linked: OnceLock::new(),
            added: Mutex::default(),
            root: OnceLock::new(),
            metadata: Mutex::default(),
            ahead: WheelsAhead::default(),
            access,
        }
    }

    /// Ends requests when a token is cancelled, and lets later ones fail.
    #[must_use]
    pub fn cancelled_by(mut self, cancellation: CancellationToken) -> Self {
        self.client.cancellation = cancellation;
        self
    }

    /// Returns the version of Python that files are for.
    pub fn python(&self) -> &Version {
        &self.access.python
    }

    /// Tells whether a file is in the download cache.
    pub fn is_archived(&self, candidate: &Candidate) -> bool {
        self.archives
            .as_ref()
            .is_some_and(|archives| archives.join(&candidate.file_name).is_file())
    }

    /// Returns what was found out about a project, if it was asked for.
    pub(crate) fn known_offer(&self, project: &ProjectName) -> Option<Arc<Offer>> {
        let offer = Arc::clone(lock(&self.offers).get(project.canonical())?);
        offer.get().cloned()
    }

    /// Returns what can be had of a project. Failures of the network are part
    /// of the answer: like upstream, whoever asks does with what there is.
    pub fn offer(&self, project: &ProjectName) -> Arc<Offer> {
        let offer = once(&self.offers, project.canonical());
        let offer = offer.get_or_init(|| Arc::new(self.find_offer(project)));
        Arc::clone(offer)
    }

    /// Returns what could be had of a project when its page was last read, if
    /// that is remembered. No request is made for it.
    pub fn kept_offer(&self, project: &ProjectName) -> Option<Arc<Offer>> {
        if !self.may_ask() {
            return None;
        }
        let kept = once(&self.kept_offers, project.canonical());
        let kept = kept.get_or_init(|| self.find_kept_offer(project));
        kept.clone()
    }

    /// Returns what is locked of a project, if that is to be taken where it
    /// will do.
    pub(crate) fn preferred_offer(&self, project: &ProjectName) -> Option<Offer> {
        let locked = self.locked.as_ref().filter(|locked| !locked.is_only)?;
        let candidates = locked.candidates(project.canonical());
        (!candidates.is_empty()).then(|| Offer {
            candidates,
            ..Offer::default()
        })
    }

    /// Tells whether anybody may be asked at all.
    pub(super) fn may_ask(&self) -> bool {
        !self.is_offline && !self.is_locked()
    }

    /// Returns the metadata of a wheel, without the wheel if possible.
    ///
    /// # Errors
    /// They cannot be had, or are not what the index announces.
    pub fn metadata(
        &self,
        candidate: &Candidate,
    ) -> Result<Arc<Metadata>, Arc<WheelMetadataError>> {
        let known = once(&self.metadata, &candidate.location_key());
        let metadata = known.get_or_init(|| {
            if let Some(known) = self.known_metadata(candidate) {
                return Ok(Arc::new(known));
            }
            let whole = || self.archive(candidate);
            wheel_metadata(candidate, &self.client, &self.servers, &whole)
                .map(Arc::new)
                .map_err(Arc::new)
        });
        metadata.clone()
    }

    /// Makes a file available on this machine, with the digests that the index
    /// gives, through the download cache if there is one.
    ///
    /// # Errors
    /// It cannot be had, or has other digests.
    pub fn archive(&self, candidate: &Candidate) -> Result<Downloaded, ArchiveError> {
        self.take_ahead(candidate)
            .unwrap_or_else(|| self.fetch_archive(candidate))
    }

    pub(super) fn fetch_archive(&self, candidate: &Candidate) -> Result<Downloaded, ArchiveError> {
        let url = match &candidate.location {
            CandidateLocation::Url(url) => url.clone(),
            CandidateLocation::File(path) => RedactedUrl::new(path.display().to_string()),
        };
        if let Some(archives) = &self.archives {
            // If that fails, the downloader tells why.
            let _ = fs::create_dir_all(archives);
        }
        let request = DownloadRequest::new(url).expecting(candidate.digests.clone());
        self.access
            .downloader
            .download(&request)
            .map_err(|error| ArchiveError::new(&candidate.file_name, error))
    }

    /// Returns the metadata of a wheel that is unpacked, or in the download
    /// cache. What is wrong with one is found out when it is used.
    fn known_metadata(&self, candidate: &Candidate) -> Option<Metadata> {
        let name = &candidate.file_name;
        if let (Some(wheels), Some(sha256)) = (&self.access.wheels, candidate.sha256())
            && let Ok(Some(wheel)) = wheels.find(&sha256, name)
        {
            return Some(wheel.metadata().clone());
        }
        let is_at_hand = candidate.is_of_network() && self.is_archived(candidate);
        if !is_at_hand {
            return None;
        }
        let archive = self.archive(candidate).ok()?;
        let file = fs::File::open(archive.path()).ok()?;
        let text = read_metadata(file, &candidate.project).ok()?;
        Metadata::of_headers(&String::from_utf8_lossy(&text), Path::new(name)).ok()
    }

    fn find_offer(&self, project: &ProjectName) -> Offer {
        let mut offer = Offer::default();
        self.add_linked(project, &mut offer);
        if let Some(locked) = self.locked.as_ref().filter(|locked| locked.is_only) {
            offer
                .candidates
                .extend(locked.candidates(project.canonical()));
            if let Ok(Root::Directory(directory)) = self.root() {
                let directory = directory.clone();
                self.add_directory(&directory, project, &mut offer);
            }
            offer.notes.clear();
            return offer;
        }
        match self.root() {
            Ok(Root::Url(root)) if self.is_offline => {
                let root = root.clone();
                self.add_kept(&root, project, &mut offer);
            }
            Ok(Root::Url(root)) => {
                let root = root.clone();
                self.add_pages(&root, project, &mut offer);
            }
            Ok(Root::Directory(directory)) => {
                let directory = directory.clone();
                self.add_directory(&directory, project, &mut offer);
            }
            Err(_) if self.is_offline => {}
            Err(error) => offer.unreachable.push(error.to_string()),
        }
        if !offer.has_page && !self.is_offline {
            let (level, message) = if offer.candidates.is_empty() {
                let name = str_repr(project.as_str());
                let message = format!("Couldn't find index page for {name} (maybe misspelled?)");
                (Level::Warning, message)
            } else {
                let name = str_repr(project.as_str());
                (
                    Level::Info,
                    format!("Couldn't retrieve index page for {name}"),
                )
            };
            offer.notes.push(Note::root(level, message));
        }
        self.prefer_described(&mut offer.candidates);
        offer
    }

    fn find_kept_offer(&self, project: &ProjectName) -> Option<Arc<Offer>> {
        let Ok(Root::Url(root)) = self.root() else {
            return None;
        };
        let links = self.kept_links(root, project)?;
        let mut offer = Offer {
            has_page: true,
            ..Offer::default()
        };
        self.add_linked(project, &mut offer);
        for link in links {
            offer
                .candidates
                .extend(self.candidate(Found::link(link), project, true));
        }
        self.prefer_described(&mut offer.candidates);
        Some(Arc::new(offer))
    }

    fn kept_links(&self, root: &str, project: &ProjectName) -> Option<Vec<Link>> {
        let url = page_url(root, project.canonical());
        let document = self.page_cache.as_ref()?.get(&url)?.document;
        read_page(&document, &self.is_usable(project)).ok()
    }

    /// Describes the files of the download cache by the page of the project, if
    /// that is remembered.
    fn add_kept(&self, root: &str, project: &ProjectName, offer: &mut Offer) {
        for link in self.kept_links(root, project).unwrap_or_default() {
            let candidate = self.candidate(Found::link(link), project, true);
            let at_hand = candidate.filter(|candidate| self.is_archived(candidate));
            offer.candidates.extend(at_hand);
        }
    }

    /// A file of the download cache is described by the index: with the digest
    /// that it must have.
    fn prefer_described(&self, candidates: &mut Vec<Arc<Candidate>>) {
        let described: Vec<String> = candidates
            .iter()
            .filter(|candidate| matches!(candidate.location, CandidateLocation::Url(_)))
            .map(|candidate| candidate.file_name.clone())
            .collect();
        candidates.retain(|candidate| match &candidate.location {
            CandidateLocation::File(path) if self.archives.as_deref() == path.parent() => {
                !described.contains(&candidate.file_name)
            }
            _ => true,
        });
    }

    fn root(&self) -> &Result<Root, DefaultIndexError> {
        self.root.get_or_init(|| {
            let index = match &self.index {
                Some(index) => index.clone(),
                None => (self.access.default_index)()?,
            };
            Ok(match local_path(&index, &self.access.directory) {
                Some(directory) => Root::Directory(directory),
                None => Root::Url(index.trim_end_matches('/').to_owned()),
            })
        })
    }

    /// Reads the page of a project, under its canonical name, and if there is
    /// none, under the name as written, which old servers want.
    fn add_pages(&self, root: &str, project: &ProjectName, offer: &mut Offer) {
        let written = Some(project.as_str()).filter(|name| *name != project.canonical());
        for name in [project.canonical()].into_iter().chain(written) {
            let url = page_url(root, name);
            if !self.hosts.allow(url.exposed()) {
                return;
            }
            match self.page(&url, &self.is_usable(project)) {
                Ok(Some(links)) => {
                    offer.has_page = true;
                    for link in links {
                        offer
                            .candidates
                            .extend(self.candidate(Found::link(link), project, true));
                    }
                    return;
                }
                Ok(None) => offer.notes.push(Note::root(
                    Level::Debug,
                    format!("HTTP error: Not Found: {url}"),
                )),
                Err(error) => {
                    offer.notes.push(download_warning(&url, &error));
                    offer.unreachable.push(format!("{url}: {error}"));
                    return;
                }
            }
        }
    }

    /// Reads the files of a project in an index that is a directory: those in
    /// the directory of the project, or else all.
    fn add_directory(&self, root: &Path, project: &ProjectName, offer: &mut Offer) {
        for name in [project.canonical(), project.as_str()] {
            let directory = root.join(name);
            if name.contains('/') || !directory.is_dir() {
                continue;
            }
            offer.has_page = true;
            for found in list(&directory) {
                offer
                    .candidates
                    .extend(self.candidate(found, project, true));
            }
            return;
        }
        offer.notes.push(Note::root(
            Level::Warning,
            format!("Not found: {}/", root.join(project.canonical()).display()),
        ));
        for found in list(root) {
            offer
                .candidates
                .extend(self.candidate(found, project, false));
        }
    }

    /// Tells of the file names on the page of a project which may become candidates.
    fn is_usable<'i>(&'i self, project: &'i ProjectName) -> impl Fn(&str) -> bool + 'i {
        move |file_name| self.named(file_name, project, true).is_some()
    }

    /// Reads a page of the network; nothing if there is none. Links to files whose
    /// names are not wanted may be left out.
    pub(super) fn page(
        &self,
        url: &RedactedUrl,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Vec<Link>>, PageError> {
        let kept = self.page_cache.as_ref().and_then(|cache| cache.get(url));
        let mut headers = vec![
            ("Accept", ACCEPT.to_owned()),
            ("Accept-Encoding", GZIP.to_owned()),
        ];
        let tag = kept.as_ref().and_then(|kept| kept.entity_tag.clone());
        headers.extend(tag.map(|tag| ("If-None-Match", tag)));
        let document = self.client.get(url, &headers, PAGE_LIMIT)?;
        let document = match (document.status, kept) {
            (304, Some(kept)) => kept.document,
            (200..=299, _) => {
                if let Some(cache) = &self.page_cache {
                    cache.put(url, &document);
                }
                document
            }
            (404 | 410, _) => return Ok(None),
            (code, _) => return Err(PageError::Status { code }),
        };
        Ok(Some(read_page(&document, is_wanted)?))
    }

    /// Reads the name of a file that is one of a project and fits this machine.
    fn named(
        &self,
        file_name: &str,
        project: &ProjectName,
        is_page_of_project: bool,
    ) -> Option<NamedFile> {
        // What cannot be the name of a file is none.
        if file_name.contains('/') || file_name.len() > NAME_LIMIT {
            return None;
        }
        let hint = is_page_of_project.then_some(project);
        read_file_name(file_name, hint, &self.access.tags)
            .filter(|named| ProjectName::new(&named.project) == *project)
    }

    pub(super) fn candidate(
        &self,
        found: Found,
        project: &ProjectName,
        is_page_of_project: bool,
    ) -> Option<Arc<Candidate>> {
        let (file_name, link, location) = match found {
            Found::Link(link) => {
                let location = match link.url.exposed().strip_prefix("file://") {
                    Some(path) => CandidateLocation::File(PathBuf::from(percent_decode(path))),
                    None => CandidateLocation::Url(link.url.clone()),
                };
                (link.file_name.clone(), *link, location)
            }
            Found::File(path) => {
                let file_name = path.file_name()?.to_str()?.to_owned();
                let link = Link::to(&RedactedUrl::new(""));
                (file_name, link, CandidateLocation::File(path))
            }
        };
        let named = self.named(&file_name, project, is_page_of_project)?;
        if let CandidateLocation::Url(url) = &location
            && !self.hosts.allow(url.exposed())
        {
            return None;
        }
        if !fits_python(link.requires_python.as_deref(), &self.access.python) {
            return None;
        }
        Some(Arc::new(Candidate {
            project: ProjectName::new(named.project),
            version: named.version,
            kind: named.kind,
            file_name,
            location,
            digests: link.digests,
            unverifiable: link.unverifiable,
            requires_python: link.requires_python,
            yanked: link.yanked,
            metadata_file: link.metadata_file,
            size: link.size,
        }))
    }
}

/// A page that could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Page(#[from] InvalidPage),
    #[error("HTTP Error {code}")]
    Status { code: u16 },
    #[error("the page is neither HTML nor JSON but `{content_type}`")]
    Kind { content_type: String },
}

impl Candidate {
    /// Returns a text that is this file's own.
    pub(crate) fn location_key(&self) -> String {
        match &self.location {
            CandidateLocation::Url(url) => url.exposed().to_owned(),
            CandidateLocation::File(path) => path.display().to_string(),
        }
    }
}

/// Tells whether files for some versions of Python are for this one. Like pip,
/// no notice is taken of what cannot be understood.
pub(crate) fn fits_python(requires_python: Option<&str>, python: &Version) -> bool {
    requires_python
        .and_then(Specifiers::parse)
        .is_none_or(|specifiers| specifiers.contain(python))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn once<T>(values: &Mutex<HashMap<String, Once<T>>>, key: &str) -> Once<T> {
    Arc::clone(lock(values).entry(key.to_owned()).or_default())
}

fn page_url(root: &str, name: &str) -> RedactedUrl {
    RedactedUrl::new(format!("{root}/{name}/"))
}

pub(super) fn download_warning(url: &RedactedUrl, error: &PageError) -> Note {
    let message = format!("Download error on {url}: {error} -- Some packages may not be found!");
    Note::root(Level::Warning, message)
}

/// Reads the links of a page by its type. Servers of files call a page of JSON
/// anything, so what looks like an object is taken for one.
fn read_page(
    document: &Document,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Link>, PageError> {
    let content_type = document.header("Content-Type").unwrap_or("text/html");
    let kind = content_type.to_ascii_lowercase();
    if kind.contains("json") {
        return Ok(parse_json(&document.body, &document.url, is_wanted)?);
    }
    if !kind.contains("html") {
        return Err(PageError::Kind {
            content_type: content_type.to_owned(),
        });
    }
    let text = String::from_utf8_lossy(&document.body);
    Ok(parse_html(&text, &document.url))
}
