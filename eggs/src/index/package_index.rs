//! An index together with `find-links`: all that can be had of a project.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use buildout_core::event::Level;
use buildout_core::fetch::{
    DownloadError, DownloadRequest, Downloaded, Downloader, FetchError, RedactedUrl, Sleeper,
    ThreadSleeper, Transport,
};
use buildout_core::value::str_repr;

use super::candidate::{Candidate, CandidateLocation, read_file_name};
use super::client::{Client, Document, PAGE_LIMIT};
use super::hosts::AllowedHosts;
use super::page::{InvalidPage, Link, parse_html, parse_json, percent_decode};
use super::page_cache::PageCache;
use super::tags::WheelTags;
use super::wheel_metadata::{Servers, WheelMetadataError, wheel_metadata};
use crate::log::Logger;
use crate::metadata::Metadata;
use crate::name::ProjectName;
use crate::settings::EggSettings;
use crate::version::{Specifiers, Version};

/// What a page is asked for in: JSON if the server has it.
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
                      application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

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
}

/// What there is of a project.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// The files that can be used, in no order.
    pub candidates: Vec<Arc<Candidate>>,
    /// Whether the index has a page of the project.
    pub has_page: bool,
    /// What could not be asked, and why, as a text: newer files may be there.
    pub unreachable: Vec<String>,
    /// What upstream logs.
    pub notes: Vec<Note>,
}

/// A record for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The logger.
    pub logger: Logger,
    /// The importance.
    pub level: Level,
    /// The text.
    pub message: String,
}

impl Note {
    fn root(level: Level, message: String) -> Self {
        Note {
            logger: Logger::Root,
            level,
            message,
        }
    }
}

/// A value that is computed once, by the first thread that wants it.
type Once<T> = Arc<OnceLock<T>>;

/// An index together with `find-links`. Each page is read once; any number of
/// threads may ask.
pub struct Index {
    access: IndexAccess,
    client: Client,
    index: Option<String>,
    find_links: Vec<String>,
    hosts: AllowedHosts,
    is_offline: bool,
    archives: Option<PathBuf>,
    page_cache: Option<PageCache>,
    servers: Servers,
    offers: Mutex<HashMap<String, Once<Arc<Offer>>>>,
    kept_offers: Mutex<HashMap<String, Once<Option<Arc<Offer>>>>>,
    linked: OnceLock<LinkedFiles>,
    root: OnceLock<Result<Root, DefaultIndexError>>,
    metadata: Mutex<HashMap<String, Once<Result<Arc<Metadata>, Arc<WheelMetadataError>>>>>,
}

/// What `find-links` gives.
#[derive(Default)]
struct LinkedFiles {
    links: Vec<Found>,
    unreachable: Vec<String>,
    notes: Vec<Note>,
}

/// A file before it is known of which project.
#[derive(Clone)]
enum Found {
    Link(Link),
    File(PathBuf),
}

/// Where pages of projects are.
#[derive(Clone, Debug)]
enum Root {
    Url(String),
    Directory(PathBuf),
}

impl Index {
    /// Combines settings and access; asks for nothing yet.
    pub fn new(settings: &EggSettings, access: IndexAccess) -> Self {
        let options = access.downloader.options();
        let client = Client {
            transport: Arc::clone(&access.transport),
            sleeper: Arc::new(ThreadSleeper) as Arc<dyn Sleeper>,
            retry: options.retry,
            tls: options.tls.clone(),
            stopped: Arc::new(AtomicBool::new(false)),
        };
        let (index, find_links) = match &settings.archives {
            // Then `find-links` and `index` are not looked at.
            Some(archives) if settings.install_from_cache => {
                (Some(archives.display().to_string()), Vec::new())
            }
            _ => (settings.index.clone(), settings.find_links.clone()),
        };
        Index {
            client,
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
            root: OnceLock::new(),
            metadata: Mutex::default(),
            access,
        }
    }

    /// Ends the requests under way; later ones fail.
    pub fn stop(&self) {
        self.client.stopped.store(true, Ordering::Relaxed);
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
        let kept = once(&self.kept_offers, project.canonical());
        let kept = kept.get_or_init(|| self.find_kept_offer(project));
        kept.clone()
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
    pub fn archive(&self, candidate: &Candidate) -> Result<Downloaded, DownloadError> {
        let url = match &candidate.location {
            CandidateLocation::Url(url) => url.clone(),
            CandidateLocation::File(path) => RedactedUrl::new(path.display().to_string()),
        };
        if let Some(archives) = &self.archives {
            // If that fails, the downloader tells why.
            let _ = fs::create_dir_all(archives);
        }
        let request = DownloadRequest::new(url).expecting(candidate.digests.clone());
        self.access.downloader.download(&request)
    }

    fn find_offer(&self, project: &ProjectName) -> Offer {
        let mut offer = Offer::default();
        self.add_linked(project, &mut offer);
        match self.root() {
            Ok(Root::Url(root)) if !self.is_offline => {
                let root = root.clone();
                self.add_pages(&root, project, &mut offer);
            }
            Ok(Root::Url(_)) => {}
            Ok(Root::Directory(directory)) => {
                let directory = directory.clone();
                self.add_directory(&directory, project, &mut offer);
            }
            Err(_) if self.is_offline => {}
            Err(error) => offer.unreachable.push(error.to_string()),
        }
        if !offer.has_page {
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
        let cache = self.page_cache.as_ref()?;
        let Ok(Root::Url(root)) = self.root() else {
            return None;
        };
        let url = page_url(root, project.canonical());
        let document = cache.get(&url)?.document;
        let links = read_page(&document).ok()?;
        let mut offer = Offer {
            has_page: true,
            ..Offer::default()
        };
        self.add_linked(project, &mut offer);
        for link in links {
            offer
                .candidates
                .extend(self.candidate(Found::Link(link), project, true));
        }
        self.prefer_described(&mut offer.candidates);
        Some(Arc::new(offer))
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
            match self.page(&url) {
                Ok(Some(links)) => {
                    offer.has_page = true;
                    for link in links {
                        offer
                            .candidates
                            .extend(self.candidate(Found::Link(link), project, true));
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

    fn add_linked(&self, project: &ProjectName, offer: &mut Offer) {
        let linked = self.linked.get_or_init(|| self.find_linked());
        for found in &linked.links {
            let candidate = self.candidate(found.clone(), project, false);
            offer.candidates.extend(candidate);
        }
        offer.unreachable.extend(linked.unreachable.iter().cloned());
        offer.notes.extend(linked.notes.iter().cloned());
    }

    /// Reads all that `find-links` names, the download cache first.
    fn find_linked(&self) -> LinkedFiles {
        let mut linked = LinkedFiles::default();
        if let Some(archives) = &self.archives {
            linked.links.extend(list(archives));
        }
        for entry in &self.find_links {
            self.add_entry(entry, &mut linked);
        }
        linked
    }

    fn add_entry(&self, entry: &str, linked: &mut LinkedFiles) {
        if let Some(path) = local_path(entry, &self.access.directory) {
            if path.is_dir() {
                linked.links.extend(list(&path));
            } else if !path.exists() {
                let message = format!("Not found: {entry}");
                linked.notes.push(Note::root(Level::Warning, message));
            } else if is_html(&path) {
                linked.links.extend(read_local_page(&path));
            } else {
                linked.links.push(Found::File(path));
            }
            return;
        }
        let url = RedactedUrl::new(entry);
        let link = Link::to(&url);
        if self.is_offline || !self.hosts.allow(entry) {
            return;
        }
        if has_archive_name(&link.file_name) {
            linked.links.push(Found::Link(link));
            return;
        }
        match self.page(&url) {
            Ok(Some(links)) => linked.links.extend(links.into_iter().map(Found::Link)),
            Ok(None) => {
                let message = format!("HTTP error: Not Found: {url}");
                linked.notes.push(Note::root(Level::Warning, message));
            }
            Err(error) => {
                linked.notes.push(download_warning(&url, &error));
                linked.unreachable.push(format!("{url}: {error}"));
            }
        }
    }

    /// Reads a page of the network; nothing if there is none.
    fn page(&self, url: &RedactedUrl) -> Result<Option<Vec<Link>>, PageError> {
        let kept = self.page_cache.as_ref().and_then(|cache| cache.get(url));
        let mut headers = vec![("Accept", ACCEPT.to_owned())];
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
        Ok(Some(read_page(&document)?))
    }

    fn candidate(
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
                (link.file_name.clone(), link, location)
            }
            Found::File(path) => {
                let file_name = path.file_name()?.to_str()?.to_owned();
                let link = Link::to(&RedactedUrl::new(""));
                (file_name, link, CandidateLocation::File(path))
            }
        };
        // A name with a slash is no file of a page.
        if file_name.contains('/') {
            return None;
        }
        let hint = is_page_of_project.then_some(project);
        let named = read_file_name(&file_name, hint, &self.access.tags)?;
        let named_project = ProjectName::new(named.project);
        if named_project != *project {
            return None;
        }
        if let CandidateLocation::Url(url) = &location
            && !self.hosts.allow(url.exposed())
        {
            return None;
        }
        if !fits_python(link.requires_python.as_deref(), &self.access.python) {
            return None;
        }
        Some(Arc::new(Candidate {
            project: named_project,
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
enum PageError {
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

fn once<T>(values: &Mutex<HashMap<String, Once<T>>>, key: &str) -> Once<T> {
    let mut values = values.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(values.entry(key.to_owned()).or_default())
}

fn page_url(root: &str, name: &str) -> RedactedUrl {
    RedactedUrl::new(format!("{root}/{name}/"))
}

fn download_warning(url: &RedactedUrl, error: &PageError) -> Note {
    let message = format!("Download error on {url}: {error} -- Some packages may not be found!");
    Note::root(Level::Warning, message)
}

/// Reads the links of a page by its type. Servers of files call a page of JSON
/// anything, so what looks like an object is taken for one.
fn read_page(document: &Document) -> Result<Vec<Link>, PageError> {
    let content_type = document.header("Content-Type").unwrap_or("text/html");
    let kind = content_type.to_ascii_lowercase();
    if kind.contains("json") {
        return Ok(parse_json(&document.body, &document.url)?);
    }
    if !kind.contains("html") {
        return Err(PageError::Kind {
            content_type: content_type.to_owned(),
        });
    }
    let text = String::from_utf8_lossy(&document.body);
    Ok(parse_html(&text, &document.url))
}

/// Returns the path that an entry of `find-links` or `index` names; nothing if
/// it is a URL of the network.
fn local_path(entry: &str, directory: &Path) -> Option<PathBuf> {
    let scheme = entry.get(..7).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("file://") {
        let rest = &entry[7..];
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        let path = path.split('#').next().unwrap_or_default();
        return Some(PathBuf::from(percent_decode(path)));
    }
    (!entry.contains("://")).then(|| directory.join(entry))
}

/// Lists the files of a directory, sorted, and the links of its `index.html`.
fn list(directory: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let mut found: Vec<Found> = Vec::new();
    let page = directory.join("index.html");
    if page.is_file() {
        found.extend(read_local_page(&page));
    }
    found.extend(paths.into_iter().map(Found::File));
    found
}

fn is_html(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "html" || extension == "htm")
}

/// Reads the links of a local page.
fn read_local_page(path: &Path) -> Vec<Found> {
    let Ok(text) = fs::read(path) else {
        return Vec::new();
    };
    let base = RedactedUrl::new(format!("file://{}", path.display()));
    let text = String::from_utf8_lossy(&text);
    parse_html(&text, &base)
        .into_iter()
        .map(Found::Link)
        .collect()
}

fn has_archive_name(file_name: &str) -> bool {
    [
        ".whl", ".egg", ".egg.zip", ".tar.gz", ".tar.bz2", ".tar", ".zip", ".tgz",
    ]
    .iter()
    .any(|suffix| file_name.ends_with(suffix))
}
