//! What a recipe may use while it installs or updates its part.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::handle::RemoteBuildout;
use super::share::RunShare;
use crate::event::{Event, EventSink, Level, LogRecord, OutputStream};
use crate::exec::cancel::CancellationToken;
use crate::exec::command::{Command, CommandError, Finished};
use crate::exec::output::StreamKind;
use crate::fetch::{Downloader, DownloaderOptions, FetchEvent, FetchObserver, LogLevel, Transport};
use crate::resolve::OptionMap;
use crate::run::SharedJournal;
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
    /// The mode bits that new files do not get.
    pub umask: u32,
    /// Carries downloads.
    pub transport: Arc<dyn Transport>,
    /// How downloads are made, but for what `[buildout]` says.
    pub downloads: DownloaderOptions,
    /// Receives what happens.
    pub events: Arc<dyn EventSink>,
    /// Ends the run; cancelled with the token that was injected.
    pub cancellation: CancellationToken,
    /// The shared parts that the run uses.
    pub claims: Claims,
    /// The environment variables as the run started.
    pub initial_environment: Environment,
    environment: RwLock<Environment>,
    download_policy: RwLock<Option<DownloadPolicy>>,
}

/// What `[buildout]` says about downloads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DownloadPolicy {
    /// `download-cache`, absolute.
    pub cache: Option<PathBuf>,
    /// `offline`, or `install-from-cache`, which forbids the network as well.
    pub offline: bool,
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
        RunServices {
            directory,
            temporary_directory,
            umask,
            transport,
            downloads,
            events,
            cancellation: cancellation.child(),
            claims: Claims::default(),
            initial_environment: environment.clone(),
            environment: RwLock::new(environment),
            download_policy: RwLock::new(None),
        }
    }

    /// Tells what `[buildout]` says about downloads, once it is known; it
    /// takes the place of what [`downloads`](Self::downloads) has there.
    pub fn set_download_policy(&self, settings: DownloadPolicy) {
        *self
            .download_policy
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(settings);
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

    /// Returns a downloader that names cache entries by the MD5 of the URL,
    /// as all of SlapOS's recipes do.
    pub fn downloader(&self) -> Downloader {
        let observer = DownloadEvents {
            events: Arc::clone(&self.events),
            cancellation: self.cancellation.clone(),
        };
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
        }
        Downloader::new(Arc::clone(&self.transport), options).with_observer(Arc::new(observer))
    }

    /// Returns `path` seen from the buildout directory.
    pub fn absolute(&self, path: impl AsRef<Path>) -> PathBuf {
        self.directory.join(path)
    }
}

/// Turns what downloads report into events.
struct DownloadEvents {
    events: Arc<dyn EventSink>,
    cancellation: CancellationToken,
}

impl FetchObserver for DownloadEvents {
    fn observe(&self, event: &FetchEvent<'_>) {
        if let Some((level, message)) = event.log_line() {
            let level = match level {
                LogLevel::Debug => Level::Debug,
                LogLevel::Info => Level::Info,
                LogLevel::Warning => Level::Warning,
            };
            self.events.emit(Event::engine_log(level, message));
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }
}

/// The paths that an installation has made so far.
#[derive(Debug)]
pub struct CreatedPaths {
    part: Arc<str>,
    paths: Mutex<Vec<PathBuf>>,
    journal: Option<SharedJournal>,
}

impl CreatedPaths {
    /// Starts without a path; those to come are also written to the journal.
    pub(crate) fn new(part: Arc<str>, journal: Option<SharedJournal>) -> Self {
        CreatedPaths {
            part,
            paths: Mutex::default(),
            journal,
        }
    }

    /// Notes a path.
    pub fn add(&self, path: impl Into<PathBuf>) {
        let path = path.into();
        if let Some(journal) = &self.journal {
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
    options: &'a OptionMap,
    buildout: &'a RemoteBuildout,
    services: &'a RunServices,
    created: &'a CreatedPaths,
    share: &'a RunShare,
}

impl<'a> PartRun<'a> {
    pub(crate) fn new(
        part: Arc<str>,
        options: &'a OptionMap,
        buildout: &'a RemoteBuildout,
        services: &'a RunServices,
        created: &'a CreatedPaths,
        share: &'a RunShare,
    ) -> Self {
        PartRun {
            part,
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

    /// Returns one of them.
    pub fn option(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(|value| &**value)
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
    /// run, the command hears of their budget.
    ///
    /// # Errors
    ///
    /// The command cannot be run to its end; a failure of the program itself
    /// is none.
    pub fn run_command(&self, command: &Command) -> Result<Finished, CommandError> {
        let mut sink = |stream: StreamKind, line: &[u8]| {
            let mut bytes = line.to_vec();
            bytes.push(b'\n');
            self.services.events.emit(Event::Output {
                part: Arc::clone(&self.part),
                stream: match stream {
                    StreamKind::Stdout => OutputStream::Stdout,
                    StreamKind::Stderr => OutputStream::Stderr,
                },
                bytes,
            });
        };
        let cancellation = &self.services.cancellation;
        match self.share.jobs() {
            Some(jobs) => {
                let mut command = command.clone();
                jobs.announce(command.environment_mut());
                command.run(&mut sink, cancellation)
            }
            None => command.run(&mut sink, cancellation),
        }
    }
}
