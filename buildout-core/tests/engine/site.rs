//! A buildout directory for runs in this process.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buildout_core::configuration::{Configuration, ConfigurationRequest};
use buildout_core::dialect::{Dialect, DialectName};
use buildout_core::event::{ENGINE_LOGGER, Event, EventSink, Level};
use buildout_core::exec::cancel::CancellationToken;
use buildout_core::extends::{DownloadSettings, LoadError, LoadedText, ProfileLoader};
use buildout_core::fetch::{ClientOptions, HttpClient};
use buildout_core::profile::syntax::ConditionalHeader;
use buildout_core::recipe::{Environment, Registry, RunServices};
use buildout_core::run::{
    BuildoutSettings, ConstructionPolicy, Edge, Failure, InstallReport, Session, SessionOptions,
    SettingsReader, install,
};
use buildout_core::state::installed::{InstalledFile, InstalledState};

/// A directory, and whether it goes with the site.
enum Root {
    Own(tempfile::TempDir),
    Borrowed(PathBuf),
}

impl Root {
    fn path(&self) -> &Path {
        match self {
            Root::Own(directory) => directory.path(),
            Root::Borrowed(directory) => directory,
        }
    }
}

/// A buildout directory. Nothing of the user's environment is seen.
pub(crate) struct Site {
    root: Root,
    /// The name of the profile.
    profile: String,
    dialect: DialectName,
    jobs: usize,
    /// The environment variables that runs start with.
    pub(crate) environment: Environment,
    /// Cancels runs.
    pub(crate) cancellation: CancellationToken,
}

impl Site {
    /// Makes a site whose profile is `profile`; runs speak the default
    /// dialect.
    pub(crate) fn new(profile: &str) -> Self {
        let site = Site {
            root: Root::Own(tempfile::tempdir().unwrap()),
            profile: "buildout.cfg".to_owned(),
            dialect: DialectName::Slapos,
            jobs: 1,
            environment: Environment::new(),
            cancellation: CancellationToken::new(),
        };
        site.profile(profile);
        site
    }

    /// Takes a directory that belongs to another site, with another profile.
    pub(crate) fn at(directory: &Path, profile: &str) -> Self {
        Site {
            root: Root::Borrowed(directory.to_owned()),
            profile: profile.to_owned(),
            dialect: DialectName::Slapos,
            jobs: 1,
            environment: Environment::new(),
            cancellation: CancellationToken::new(),
        }
    }

    #[must_use]
    pub(crate) fn dialect(mut self, dialect: DialectName) -> Self {
        self.dialect = dialect;
        self
    }

    /// Lets runs have so many jobs; one is the default.
    #[must_use]
    pub(crate) fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    pub(crate) fn profile(&self, text: &str) {
        fs::write(self.path("buildout.cfg"), text).unwrap();
    }

    /// Replaces text of the profile, which must be there.
    #[track_caller]
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let profile = self.read("buildout.cfg");
        assert!(profile.contains(from), "{from}");
        self.profile(&profile.replace(from, to));
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.path().join(relative)
    }

    #[track_caller]
    pub(crate) fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    pub(crate) fn exists(&self, relative: &str) -> bool {
        self.path(relative).symlink_metadata().is_ok()
    }

    /// Reads the record of what is installed.
    pub(crate) fn state(&self) -> InstalledState {
        let file = InstalledFile::new(self.root.path(), ".installed.cfg");
        file.load().unwrap().unwrap_or_default()
    }

    /// Writes a record of what is installed.
    pub(crate) fn save_state(&self, state: &InstalledState) {
        let file = InstalledFile::new(self.root.path(), ".installed.cfg");
        file.save(state).unwrap();
    }

    /// Returns the recorded parts, in order.
    pub(crate) fn recorded(&self) -> Vec<String> {
        self.state().parts.keys().cloned().collect()
    }

    /// Returns the recorded paths of a part, relative to the buildout.
    #[track_caller]
    pub(crate) fn recorded_paths(&self, part: &str) -> Vec<String> {
        let prefix = format!("{}/", self.root.path().display());
        let paths = &self.state().parts[part].installed;
        paths.iter().map(|p| p.replace(&prefix, "")).collect()
    }

    /// Installs all parts.
    pub(crate) fn install(&self, registry: Registry) -> Run {
        self.install_parts(registry, &[])
    }

    /// Installs the named parts; all if there is none.
    pub(crate) fn install_parts(&self, registry: Registry, parts: &[&str]) -> Run {
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        let mut edges = Vec::new();
        let (result, events) = self.session(registry, |session| {
            let settings = self.read_settings(session, true)?;
            let report = install(session, &settings, &parts);
            edges = session.edges();
            report
        });
        Run {
            root: self.root.path().to_string_lossy().into_owned(),
            events,
            result,
            edges,
        }
    }

    /// Reads the settings of a session, and makes nothing.
    pub(crate) fn settings(&self, session: &Session<'_>) -> Result<BuildoutSettings, Failure> {
        self.read_settings(session, false)
    }

    fn read_settings(
        &self,
        session: &Session<'_>,
        create_caches: bool,
    ) -> Result<BuildoutSettings, Failure> {
        let how = SettingsReader {
            create_caches,
            default_jobs: self.jobs,
            configure_log: &|_, _| Ok(()),
        };
        BuildoutSettings::read(session, &how)
    }

    /// Gives `work` a session of the profile; returns the events as well.
    pub(crate) fn session<T>(
        &self,
        registry: Registry,
        work: impl FnOnce(&Session<'_>) -> Result<T, Failure>,
    ) -> (Result<T, Failure>, Vec<Event>) {
        let directory = self.root.path().to_string_lossy().into_owned();
        let conditions = |_: &ConditionalHeader<'_>| Ok(true);
        let configuration = Configuration::load(ConfigurationRequest {
            profile: Some(format!("{directory}/{}", self.profile)),
            working_directory: &directory,
            home_directory: None,
            user_defaults: None,
            assignments: Vec::new(),
            executable: "/usr/bin/python3",
            loader: &FileLoader,
            conditions: &conditions,
            dialect: Dialect::named(self.dialect),
        })
        .unwrap();
        let events = Arc::new(CollectedEvents::default());
        let services = RunServices::new(
            PathBuf::from(&directory),
            self.root.path().to_owned(),
            0o022,
            self.environment.clone(),
            Arc::new(HttpClient::new(ClientOptions::default())),
            Arc::clone(&events) as Arc<dyn EventSink>,
            self.cancellation.clone(),
        );
        let session = Session::new(SessionOptions {
            configuration: &configuration,
            registry,
            services: &services,
            conditions: &conditions,
            construct: ConstructionPolicy::All,
        });
        let result = work(&session);
        let events = std::mem::take(&mut *events.0.lock().unwrap());
        (result, events)
    }
}

/// What a run did.
pub(crate) struct Run {
    root: String,
    pub(crate) events: Vec<Event>,
    pub(crate) result: Result<InstallReport, Failure>,
    /// The references noticed.
    pub(crate) edges: Vec<Edge>,
}

impl Run {
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        if let Err(failure) = &self.result {
            panic!("{failure}\n{}", self.log().join("\n"));
        }
        self
    }

    #[track_caller]
    pub(crate) fn failure(&self) -> &Failure {
        match &self.result {
            Ok(_) => panic!("the run succeeded\n{}", self.log().join("\n")),
            Err(failure) => failure,
        }
    }

    /// Returns the failure as upstream shows it, with what was being done.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        let failure = self.failure();
        let mut text: String = failure
            .doing()
            .iter()
            .map(|doing| format!("{doing} "))
            .collect();
        text.push_str(&failure.to_string());
        text.replace(&self.root, "")
    }

    /// Returns what upstream logs about parts: no directories, and what
    /// recipes log with their name.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log_from(Level::Info)
    }

    pub(crate) fn log_from(&self, level: Level) -> Vec<String> {
        self.events
            .iter()
            .filter(|event| !matches!(event, Event::DirectoryCreated { .. }))
            .filter_map(Event::log_record)
            .filter(|record| record.level >= level)
            .map(|record| match &*record.logger {
                ENGINE_LOGGER => record.message,
                part => format!("{part}: {}", record.message),
            })
            .map(|line| line.replace(&self.root, ""))
            .collect()
    }

    /// Returns the sections whose unused options were reported, with those.
    pub(crate) fn unused(&self) -> Vec<String> {
        let unused = |event: &Event| match event {
            Event::UnusedOptions { section, options } => {
                Some(format!("{section}: {}", options.join(" ")))
            }
            _ => None,
        };
        self.events.iter().filter_map(unused).collect()
    }
}

/// Runs `work` on another thread, with the stack that threads have by default,
/// and fails if it takes too long: a deadlock is a failure, not a hang.
#[track_caller]
pub(crate) fn watched<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, finished) = channel();
    let thread = std::thread::Builder::new()
        .name("watched".to_owned())
        .stack_size(2 * 1024 * 1024)
        .spawn(move || {
            let _ = done.send(work());
        })
        .unwrap();
    match finished.recv_timeout(Duration::from_secs(60)) {
        Ok(value) => value,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("deadlock"),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => panic!("the work sent nothing"),
        },
    }
}

#[derive(Default)]
struct CollectedEvents(Mutex<Vec<Event>>);

impl EventSink for CollectedEvents {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// Reads profiles from files.
struct FileLoader;

impl ProfileLoader for FileLoader {
    fn load(&self, source: &str, _: &DownloadSettings) -> Result<LoadedText, LoadError> {
        let text = fs::read_to_string(source).map_err(|error| LoadError::Io {
            path: source.to_owned(),
            error,
        })?;
        Ok(LoadedText {
            text,
            downloaded_as: None,
        })
    }

    fn identity(&self, source: &str) -> String {
        source.to_owned()
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }
}

/// An environment variable's name or value.
pub(crate) fn os(text: &str) -> OsString {
    OsString::from(text)
}
