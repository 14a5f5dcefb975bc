//! What a recipe may use while it installs or updates its part.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::download_events::{DownloadEvents, DownloadIds};
use super::extensions::Extensions;
use super::handle::RemoteBuildout;
use super::redacted_events::RedactedEvents;
use super::registry::{Factory, documents};
use super::share::RunShare;
use crate::event::{Event, EventSink, Level, LogRecord, OutputStream};
use crate::exec::cancel::CancellationToken;
use crate::exec::command::{Command, CommandError, Finished};
use crate::exec::leftover::StartedGroup;
use crate::exec::output::StreamKind;
use crate::extends::UrlReplacements;
use crate::fetch::{
    CacheUse, DownloadRequest, Downloader, DownloaderOptions, HashPolicy, LockedDigests,
    MirrorTransport, Prefetcher, TlsSettings, Transport,
};
use crate::lock::{DistributionLock, LockFile};
use crate::resolve::OptionMap;
use crate::run::{SharedJournal, SubRunWorld};
use crate::state::build_environment::BuildEnvironment;
use crate::store::Claims;

/// What an installation or update leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Installed {
    /// The paths to remember and to remove on uninstallation.
    Paths(Vec<String>),
    /// Upstream's `None`: an update keeps the paths that were remembered; an
    /// installation remembers none, with a warning.
    Unchanged,
}

impl Installed {
    /// One path.
    pub fn path(path: impl Into<String>) -> Self {
        Installed::Paths(vec![path.into()])
    }

    /// No path: there is nothing to remove.
    pub fn nothing() -> Self {
        Installed::Paths(Vec::new())
    }
}

/// The environment variables of a run. A recipe may change them; later parts
/// see the change, the process itself does not.
pub type Environment = BTreeMap<OsString, OsString>;

/// What the engine offers to recipes besides the configuration. Everything of
/// the outer world is given here; recipes ask nobody else.
pub struct RunServices {
    /// The buildout directory, absolute.
    pub directory: PathBuf,
    /// Where temporary files go.
    pub temporary_directory: PathBuf,
    /// What is kept for all buildouts of a user, if anything is.
    pub cache_directory: Option<PathBuf>,
    /// The mode bits that new files do not get.
    pub umask: u32,
    /// Carries downloads: from mirrors if there are some, and within the time
    /// that `[buildout]` gives to servers.
    pub transport: Arc<dyn Transport>,
    mirrors: Arc<MirrorTransport>,
    /// How downloads are made, but for what `[buildout]` says.
    pub downloads: DownloaderOptions,
    /// Receives what happens, without the passwords of URLs.
    pub events: Arc<dyn EventSink>,
    /// Ends the run; cancelled with the token that was injected.
    pub cancellation: CancellationToken,
    /// The environment variables of the process; parts may see fewer.
    pub process_environment: Environment,
    /// The shared parts that the run uses.
    pub claims: Claims,
    /// What an embedder gives to its recipes, and what recipes share.
    pub extensions: Extensions,
    initial_environment: RwLock<Environment>,
    environment_digest: RwLock<Option<Arc<str>>>,
    environment: RwLock<Environment>,
    download_policy: RwLock<Option<DownloadPolicy>>,
    download_ids: Arc<DownloadIds>,
    locked: RwLock<Option<Locked>>,
    preferred_distributions: RwLock<Option<(Arc<LockFile>, Vec<String>)>>,
    prefetcher: RwLock<Option<Arc<Prefetcher>>>,
    sub_runs: RwLock<Option<Arc<dyn SubRunWorld>>>,
}

/// What `[buildout]` says about downloads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownloadPolicy {
    /// `download-cache`, absolute.
    pub cache: Option<PathBuf>,
    /// `offline`, or `install-from-cache`, which forbids the network as well.
    pub offline: bool,
    /// When the cache serves.
    pub cache_use: CacheUse,
    /// `require-hashes`.
    pub require_hashes: HashPolicy,
    /// `ca-bundle` and the options of the client's certificate.
    pub tls: TlsSettings,
    /// `socket-timeout`: how long a server may be silent.
    pub stall_timeout: Option<Duration>,
}

/// The lock in force.
struct Locked {
    file: Arc<LockFile>,
    digests: Arc<LockedDigests>,
}

/// Ends what fetches ahead when it is dropped: what nobody took is gone then.
#[must_use]
pub struct PrefetchGuard<'a>(&'a RunServices);

impl Drop for PrefetchGuard<'_> {
    fn drop(&mut self) {
        self.0.replace_prefetcher(None);
    }
}

impl RunServices {
    /// Combines what was injected.
    pub fn new(
        directory: PathBuf,
        temporary_directory: PathBuf,
        umask: u32,
        environment: Environment,
        transport: Arc<dyn Transport>,
        events: Arc<dyn EventSink>,
        cancellation: CancellationToken,
    ) -> Self {
        let downloads = DownloaderOptions::new(&directory, &temporary_directory);
        let mirrors = MirrorTransport::new(transport, UrlReplacements::default());
        let mirrors = Arc::new(mirrors);
        RunServices {
            directory,
            temporary_directory,
            cache_directory: None,
            umask,
            transport: Arc::<MirrorTransport>::clone(&mirrors),
            mirrors,
            downloads,
            events: Arc::new(RedactedEvents(events)),
            cancellation: cancellation.child(),
            process_environment: environment.clone(),
            claims: Claims::default(),
            extensions: Extensions::default(),
            initial_environment: RwLock::new(environment.clone()),
            environment_digest: RwLock::new(None),
            environment: RwLock::new(environment),
            download_policy: RwLock::new(None),
            download_ids: Arc::default(),
            locked: RwLock::new(None),
            preferred_distributions: RwLock::new(None),
            prefetcher: RwLock::new(None),
            sub_runs: RwLock::new(None),
        }
    }

    /// Tells what `[buildout]` says about downloads, once it is known; it
    /// takes the place of what [`downloads`](Self::downloads) has there.
    pub fn set_download_policy(&self, settings: DownloadPolicy) {
        self.mirrors.set_stall_timeout(settings.stall_timeout);
        *self
            .download_policy
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(settings);
    }

    /// Fetches from elsewhere what `[buildout] url-replace` tells, once it is
    /// known.
    pub(crate) fn set_url_replacements(&self, replacements: UrlReplacements) {
        self.mirrors.set_replacements(replacements);
    }

    /// Allows runs within parts, made with this.
    pub fn set_sub_runs(&self, world: Arc<dyn SubRunWorld>) {
        let mut place = self
            .sub_runs
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *place = Some(world);
    }

    /// Returns what runs within parts are made with.
    pub(crate) fn sub_runs(&self) -> Option<Arc<dyn SubRunWorld>> {
        let world = self.sub_runs.read().unwrap_or_else(PoisonError::into_inner);
        world.clone()
    }

    /// Returns the environment variables that parts see as the run starts.
    pub fn initial_environment(&self) -> Environment {
        self.initial_environment
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Has the run start with other environment variables, and their digest
    /// enter the signatures, once `[buildout]` has told so.
    pub(crate) fn set_clean_environment(&self, environment: Environment, digest: Arc<str>) {
        let mut initial = self
            .initial_environment
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        initial.clone_from(&environment);
        drop(initial);
        *self
            .environment_digest
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(digest);
        self.set_environment(environment);
    }

    /// Returns a digest of the initial environment if it is clean, so that it
    /// is part of what identifies a result; `None` if parts inherit whatever
    /// there is.
    pub fn environment_digest(&self) -> Option<Arc<str>> {
        self.environment_digest
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes what was told about downloads, for those to come.
    pub(crate) fn change_download_policy(&self, change: impl FnOnce(&mut DownloadPolicy)) {
        let mut policy = self
            .download_policy
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = &mut *policy {
            change(policy);
        }
    }

    /// Returns the environment variables as they are now.
    pub fn environment(&self) -> Environment {
        self.environment
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces the environment variables, for this part and later ones.
    pub fn set_environment(&self, environment: Environment) {
        *self
            .environment
            .write()
            .unwrap_or_else(PoisonError::into_inner) = environment;
    }

    /// Logs under the name of a part.
    pub fn log(&self, part: &Arc<str>, level: Level, message: String) {
        self.events.emit(Event::Log(LogRecord {
            level,
            logger: Arc::clone(part),
            message,
        }));
    }

    /// Prints lines among the output of a part.
    pub fn print(&self, part: &Arc<str>, text: &str) {
        self.events.emit(Event::Output {
            part: Arc::clone(part),
            stream: OutputStream::Stdout,
            bytes: format!("{text}\n").into_bytes(),
        });
    }

    /// Allows only downloads that are locked, as they were locked.
    pub fn set_lock(&self, lock: LockFile) {
        let digests = Arc::new(lock.digests());
        let mut place = self.locked.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Locked {
            file: Arc::new(lock),
            digests,
        });
    }

    /// Returns the lock in force.
    pub fn lock(&self) -> Option<Arc<LockFile>> {
        let locked = self.locked.read().unwrap_or_else(PoisonError::into_inner);
        locked.as_ref().map(|locked| Arc::clone(&locked.file))
    }

    /// Has distributions of a lock taken where they will do, but for those
    /// that `except` names.
    pub(crate) fn prefer_distributions(&self, lock: LockFile, except: Vec<String>) {
        let mut place = self
            .preferred_distributions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *place = Some((Arc::new(lock), except));
    }

    /// Returns the lock that distributions come from, and what that means.
    pub fn distribution_lock(&self) -> Option<(Arc<LockFile>, DistributionLock)> {
        if let Some(lock) = self.lock() {
            return Some((lock, DistributionLock::Only));
        }
        let preferred = self
            .preferred_distributions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let (lock, except) = preferred.clone()?;
        Some((lock, DistributionLock::Preferred { except }))
    }

    /// Starts to fetch what parts are going to download, `limit` at a time;
    /// [downloaders](Self::downloader) take it from there until the guard is
    /// dropped.
    pub fn prefetch(
        &self,
        requests: impl IntoIterator<Item = DownloadRequest>,
        limit: usize,
    ) -> PrefetchGuard<'_> {
        let prefetcher = Prefetcher::start(&self.downloader(), requests, limit);
        self.replace_prefetcher(Some(Arc::new(prefetcher)));
        PrefetchGuard(self)
    }

    fn replace_prefetcher(&self, prefetcher: Option<Arc<Prefetcher>>) {
        let mut place = self
            .prefetcher
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let ended = std::mem::replace(&mut *place, prefetcher);
        drop(place);
        // This may take a moment.
        drop(ended);
    }

    /// Returns a downloader that names cache entries by the MD5 of the URL,
    /// as all of SlapOS's recipes do.
    pub fn downloader(&self) -> Downloader {
        self.downloader_for(None)
    }

    fn downloader_for(&self, part: Option<Arc<str>>) -> Downloader {
        self.downloader_with(part, |_| {})
    }

    /// Returns a downloader that differs from the run's by what `change` makes
    /// of its options; its events name `part`, if there is one.
    pub fn downloader_with(
        &self,
        part: Option<Arc<str>>,
        change: impl FnOnce(&mut DownloaderOptions),
    ) -> Downloader {
        let observer = DownloadEvents::new(
            Arc::clone(&self.events),
            self.cancellation.clone(),
            Arc::clone(&self.download_ids),
            part,
        );
        let mut options = DownloaderOptions {
            hash_name: true,
            ..self.downloads.clone()
        };
        let settings = self
            .download_policy
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(settings) = &*settings {
            options.cache.clone_from(&settings.cache);
            options.offline = settings.offline;
            options.cache_use = settings.cache_use;
            options.require_hashes = settings.require_hashes;
            options.tls.clone_from(&settings.tls);
        }
        let locked = self.locked.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(locked) = &*locked {
            options.locked = Some(Arc::clone(&locked.digests));
        }
        change(&mut options);
        let prefetcher = self
            .prefetcher
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Downloader::new(Arc::clone(&self.transport), options)
            .with_observer(Arc::new(observer))
            .with_prefetcher(prefetcher.clone())
    }

    /// Returns `path` seen from the buildout directory.
    pub fn absolute(&self, path: impl AsRef<Path>) -> PathBuf {
        self.directory.join(path)
    }
}

/// The paths that an installation has made so far.
#[derive(Debug)]
pub struct CreatedPaths {
    part: Arc<str>,
    paths: Mutex<Vec<PathBuf>>,
    /// Whether the journal is to know the paths.
    is_installation: bool,
    journal: Option<SharedJournal>,
}

impl CreatedPaths {
    /// Starts without a path. Those that an installation makes are also written
    /// to the journal; after an update, what was there before stays.
    pub(crate) fn new(
        part: Arc<str>,
        is_installation: bool,
        journal: Option<SharedJournal>,
    ) -> Self {
        CreatedPaths {
            part,
            paths: Mutex::default(),
            is_installation,
            journal,
        }
    }

    /// Notes that a command of the part starts, or has ended.
    fn note_command(&self, group: StartedGroup, ended: bool) {
        if let Some(journal) = &self.journal {
            journal.note_command(&self.part, group, ended);
        }
    }

    /// Notes a path.
    pub fn add(&self, path: impl Into<PathBuf>) {
        let path = path.into();
        if let Some(journal) = self.journal.as_ref().filter(|_| self.is_installation) {
            journal.note_created(&self.part, path.clone());
        }
        self.paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(path);
    }

    /// Returns the paths in the order they were noted.
    pub fn list(&self) -> Vec<PathBuf> {
        self.paths
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The installation or update of one part, on a worker thread.
pub struct PartRun<'a> {
    part: Arc<str>,
    /// Whose recipe it is; nobody's if eggs are developed.
    factory: Option<&'a dyn Factory>,
    options: &'a OptionMap,
    buildout: &'a RemoteBuildout,
    services: &'a RunServices,
    created: &'a CreatedPaths,
    share: &'a RunShare,
}

impl<'a> PartRun<'a> {
    pub(crate) fn new(
        part: Arc<str>,
        factory: Option<&'a dyn Factory>,
        options: &'a OptionMap,
        buildout: &'a RemoteBuildout,
        services: &'a RunServices,
        created: &'a CreatedPaths,
        share: &'a RunShare,
    ) -> Self {
        PartRun {
            part,
            factory,
            options,
            buildout,
            services,
            created,
            share,
        }
    }

    /// Returns the name of the part.
    pub fn part(&self) -> &str {
        &self.part
    }

    /// Returns the options as they were when the part's turn came.
    pub fn options(&self) -> &OptionMap {
        self.options
    }

    /// Returns one of them that the recipe documents.
    pub fn option(&self, option: &str) -> Option<&str> {
        self.check_documented(option);
        self.options.get(option).map(|value| &**value)
    }

    /// Insists, in debug builds, on the recipe documenting an option that it
    /// reads.
    pub fn check_documented(&self, option: &str) {
        if let Some(factory) = self.factory {
            debug_assert!(
                documents(factory, option),
                "{} reads `{option}`, which it does not document",
                factory.descriptor().name
            );
        }
    }

    /// Returns a handle to the configuration, which may be cloned and sent to
    /// other threads.
    pub fn buildout(&self) -> &RemoteBuildout {
        self.buildout
    }

    /// Returns what the engine offers besides the configuration.
    pub fn services(&self) -> &RunServices {
        self.services
    }

    /// Returns a downloader whose events name the part.
    pub fn downloader(&self) -> Downloader {
        self.services.downloader_for(Some(Arc::clone(&self.part)))
    }

    /// Returns what a run within this part takes over from the run that the
    /// part belongs to ([`install_within`](crate::run::install_within)).
    pub fn share(&self) -> &RunShare {
        self.share
    }

    /// Notes that `path` is being made: if the installation fails, or the run
    /// is killed, it is removed.
    pub fn created(&self, path: impl Into<PathBuf>) {
        self.created.add(path);
    }

    /// Logs as upstream's recipes do, under the name of the part.
    pub fn log(&self, level: Level, message: impl Into<String>) {
        self.services.log(&self.part, level, message.into());
    }

    /// Prints text as upstream's recipes do with `print`: it is part of the
    /// part's output.
    pub fn print(&self, text: &str) {
        self.services.print(&self.part, text);
    }

    /// Tells which phase of its work the part enters, in a word or two.
    pub fn enter_phase(&self, phase: &str) {
        self.services.events.emit(Event::PartPhase {
            part: Arc::clone(&self.part),
            phase: Arc::from(phase),
        });
    }

    /// Tells that the part must wait for another process; `what` is the end of
    /// "waiting for ...".
    pub fn waits_for(&self, what: String) {
        self.services.events.emit(Event::Waiting {
            part: Some(Arc::clone(&self.part)),
            what,
        });
    }

    /// Runs a command and passes its output on as events. If several jobs may
    /// run, the command hears of their budget. What it runs in is recorded, so
    /// that a person can enter it later.
    ///
    /// # Errors
    ///
    /// The command cannot be run to its end; a failure of the program itself
    /// is none.
    pub fn run_command(&self, command: &Command) -> Result<Finished, CommandError> {
        let events = &self.services.events;
        self.record_environment(command);
        events.emit(Event::CommandStarted {
            part: Arc::clone(&self.part),
            command: command.text(),
            directory: command.directory().to_owned(),
        });
        let mut sink = |stream: StreamKind, line: &[u8]| {
            let mut bytes = line.to_vec();
            bytes.push(b'\n');
            events.emit(Event::Output {
                part: Arc::clone(&self.part),
                stream: match stream {
                    StreamKind::Stdout => OutputStream::Stdout,
                    StreamKind::Stderr => OutputStream::Stderr,
                },
                bytes,
            });
        };
        let cancellation = &self.services.cancellation;
        let mut group = None;
        let mut started = |process| {
            let started = StartedGroup::of_leader(process);
            self.created.note_command(started, false);
            group = Some(started);
        };
        let result = match self.share.jobs() {
            Some(jobs) => {
                let mut command = command.clone();
                jobs.announce(command.environment_mut());
                command.run_observed(&mut sink, cancellation, &mut started)
            }
            None => command.run_observed(&mut sink, cancellation, &mut started),
        };
        if let Some(group) = group {
            self.created.note_command(group, true);
        }
        events.emit(Event::CommandEnded {
            part: Arc::clone(&self.part),
            outcome: result.as_ref().ok().map(|finished| finished.outcome),
        });
        result
    }

    /// A record that cannot be written costs a convenience, not the part.
    fn record_environment(&self, command: &Command) {
        let environment = BuildEnvironment::of(command, &self.services.initial_environment());
        if let Err(error) = environment.record(&self.services.directory, &self.part) {
            let part = &self.part;
            let message = format!(
                "`buildout shell {part}` will not know the environment of the part: {error}."
            );
            self.services
                .events
                .emit(Event::engine_log(Level::Warning, message));
        }
    }
}
