//! A buildout directory for tests that run whole installations in this
//! process, with real files and real commands.
#![allow(dead_code, reason = "each test binary uses its own selection")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use buildout_core::configuration::{
    Assignment, Configuration, ConfigurationRequest, choose_dialect,
};
use buildout_core::dialect::{Dialect, DialectName};
use buildout_core::event::{ENGINE_LOGGER, Event, EventSink, Level, LogRecord};
use buildout_core::exec::cancel::CancellationToken;
use buildout_core::extends::{Conditions, DownloadSettings, LoadError, LoadedText, ProfileLoader};
use buildout_core::fetch::{Algorithm, ClientOptions, Digests, HttpClient};
use buildout_core::profile::syntax::ConditionalHeader;
use buildout_core::recipe::{Environment, RecipeError, Registry, RunServices};
use buildout_core::run::{
    BuildoutSettings, ConstructionPolicy, Failure, InstallReport, Problem, Session, SessionOptions,
    SettingsReader, SubRunWorld, install,
};

use buildout_core::state::installed::InstalledFile;

/// The name by which [`TestSite`] shows its root in texts.
pub(crate) const ROOT: &str = "[ROOT]";

/// A directory with `buildout/` (the buildout directory) and whatever a test
/// puts beside it. Nothing of the user's environment is seen.
pub(crate) struct TestSite {
    root: tempfile::TempDir,
    dialect: Option<DialectName>,
    assignments: Vec<Assignment>,
    environment: Environment,
    executable: String,
    cancellation: CancellationToken,
}

impl Default for TestSite {
    fn default() -> Self {
        Self::new()
    }
}

impl TestSite {
    /// Makes an empty site; runs speak the default dialect.
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("site-")
            .tempdir()
            .expect("a temporary directory can be made");
        for directory in ["buildout", "home", "tmp"] {
            fs::create_dir(root.path().join(directory)).expect("the site can be written to");
        }
        let path = std::env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/bin:/bin"));
        let environment = BTreeMap::from([
            (OsString::from("PATH"), path),
            (OsString::from("LC_ALL"), OsString::from("C")),
            (OsString::from("HOME"), root.path().join("home").into()),
        ]);
        TestSite {
            root,
            dialect: None,
            assignments: Vec::new(),
            environment,
            executable: "/usr/bin/python3".to_owned(),
            cancellation: CancellationToken::new(),
        }
    }

    /// Makes a site whose profile is `text`.
    pub(crate) fn with_profile(text: &str) -> Self {
        let site = Self::new();
        site.profile(text);
        site
    }

    /// Makes runs speak `dialect`, whatever the profile says.
    #[must_use]
    pub(crate) fn dialect(mut self, dialect: DialectName) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// Makes another Python the default of `[buildout] executable`.
    #[must_use]
    pub(crate) fn executable(mut self, path: &Path) -> Self {
        self.executable = path.to_string_lossy().into_owned();
        self
    }

    /// Adds a command line assignment.
    #[must_use]
    pub(crate) fn assign(mut self, section: &str, option: &str, value: &str) -> Self {
        self.assignments.push(Assignment {
            section: section.to_owned(),
            option: option.to_owned(),
            value: value.to_owned(),
        });
        self
    }

    /// Sets an environment variable of later runs.
    #[must_use]
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Returns the environment variables of runs.
    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Returns the token that cancels runs.
    pub(crate) fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// Returns the directory that holds everything of the site.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Returns a path in the buildout directory; absolute paths stay.
    pub(crate) fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root().join("buildout").join(relative)
    }

    /// Writes `buildout.cfg`.
    pub(crate) fn profile(&self, text: &str) {
        self.write("buildout.cfg", text);
    }

    /// Writes a file of the buildout directory, with its directories.
    pub(crate) fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("the site can be written to");
        }
        fs::write(&path, content).expect("the site can be written to");
        path
    }

    /// Writes a file and sets its mode.
    pub(crate) fn write_with_mode(
        &self,
        relative: impl AsRef<Path>,
        content: impl AsRef<[u8]>,
        mode: u32,
    ) -> PathBuf {
        let path = self.write(relative, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("the file is ours");
        path
    }

    /// Packs files (name, content, mode) into a tar archive compressed with
    /// gzip, and returns its path.
    pub(crate) fn archive(
        &self,
        relative: impl AsRef<Path>,
        files: &[(&str, &str, u32)],
    ) -> PathBuf {
        let source = tempfile::tempdir_in(self.root()).expect("the site can be written to");
        for (name, content, mode) in files {
            self.write_with_mode(source.path().join(name), content, *mode);
        }
        let path = self.write(relative, "");
        let status = std::process::Command::new("tar")
            .arg("-czf")
            .arg(&path)
            .arg("-C")
            .arg(source.path())
            .args([
                "--owner=0",
                "--group=0",
                "--sort=name",
                "--transform=s,^\\./,,",
                ".",
            ])
            .status()
            .expect("tar can be run");
        assert!(status.success(), "tar failed");
        path
    }

    /// Returns the MD5 checksum of a file of the buildout directory.
    pub(crate) fn md5(&self, relative: impl AsRef<Path>) -> String {
        let path = self.path(relative);
        let content = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Digests::of(&content).hex(Algorithm::Md5)
    }

    /// Reads a text file of the buildout directory.
    pub(crate) fn read(&self, relative: impl AsRef<Path>) -> String {
        let path = self.path(relative);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Returns the permission bits of a path of the buildout directory.
    pub(crate) fn mode(&self, relative: impl AsRef<Path>) -> u32 {
        let path = self.path(relative);
        let metadata = fs::symlink_metadata(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        metadata.permissions().mode() & 0o7777
    }

    /// Tells whether a path exists, a dangling link included.
    pub(crate) fn exists(&self, relative: impl AsRef<Path>) -> bool {
        self.path(relative).symlink_metadata().is_ok()
    }

    /// Lists what is below a directory, sorted: mode and relative path, links
    /// with their target.
    pub(crate) fn tree(&self, relative: impl AsRef<Path>) -> String {
        let top = self.path(relative);
        let mut left = vec![top.clone()];
        let mut lines = Vec::new();
        while let Some(directory) = left.pop() {
            for entry in fs::read_dir(&directory).expect("the directory can be read") {
                let path = entry.expect("the directory can be read").path();
                let metadata = fs::symlink_metadata(&path).expect("the entry exists");
                let name = path.strip_prefix(&top).expect("it is below").display();
                let mode = metadata.permissions().mode() & 0o7777;
                if metadata.is_symlink() {
                    let target = fs::read_link(&path).expect("it is a link");
                    lines.push(format!("{name} -> {}", target.display()));
                } else if metadata.is_dir() {
                    lines.push(format!("{name}/ {mode:o}"));
                    left.push(path);
                } else {
                    lines.push(format!("{name} {mode:o}"));
                }
            }
        }
        lines.sort();
        self.mask(&lines.join("\n"))
    }

    /// Returns an option that `.installed.cfg` records.
    pub(crate) fn recorded(&self, part: &str, option: &str) -> Option<String> {
        let file = InstalledFile::new(&self.path(""), ".installed.cfg");
        let state = file.load().expect("it can be read")?;
        let record = state.parts.get(part)?;
        let value = match option {
            "__buildout_installed__" => record.installed.join("\n"),
            option => record.options.get(option)?.clone(),
        };
        Some(self.mask(&value))
    }

    /// Lets the user write to all directories of the site again.
    pub(crate) fn make_writable(&self) {
        let mut left = vec![self.root().to_owned()];
        while let Some(directory) = left.pop() {
            // A directory that cannot be changed is not worth a failure here.
            let _ = fs::set_permissions(&directory, fs::Permissions::from_mode(0o755));
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    left.push(entry.path());
                }
            }
        }
    }

    /// Shows the root of the site as [`ROOT`].
    pub(crate) fn mask(&self, text: &str) -> String {
        text.replace(&*self.root().to_string_lossy(), ROOT)
    }

    /// Installs all parts of the profile.
    pub(crate) fn install(&self) -> Run {
        self.install_parts(&[])
    }

    /// Installs the named parts of the profile; all if there is none.
    pub(crate) fn install_parts(&self, parts: &[&str]) -> Run {
        let events = Arc::new(CollectedEvents::default());
        let result = self.run(parts, Arc::clone(&events));
        let events = std::mem::take(&mut *events.0.lock().expect("no sink panics"));
        Run {
            root: self.root().to_string_lossy().into_owned(),
            events,
            result,
        }
    }

    fn run(&self, parts: &[&str], events: Arc<CollectedEvents>) -> Result<InstallReport, Failure> {
        let directory = self.path("");
        let directory = directory.to_string_lossy();
        let working_directory = directory.trim_end_matches('/');
        let home = self.root().join("home");
        let home = home.to_string_lossy();
        let profile = format!("{working_directory}/buildout.cfg");
        let loader = FileLoader;
        let conditions = |_: &ConditionalHeader<'_>| Ok(true);
        let dialect = choose_dialect(self.dialect, &self.assignments, &[&profile], &loader)?;
        let configuration = Configuration::load(ConfigurationRequest {
            profile: Some(profile),
            working_directory,
            home_directory: Some(&home),
            user_defaults: None,
            assignments: self.assignments.clone(),
            executable: &self.executable,
            loader: &loader,
            conditions: &conditions,
            dialect,
        })?;
        let services = RunServices::new(
            PathBuf::from(working_directory),
            self.root().join("tmp"),
            0o022,
            self.environment.clone(),
            Arc::new(HttpClient::new(ClientOptions::default())),
            events,
            self.cancellation.clone(),
        );
        services.set_sub_runs(Arc::new(SubRuns {
            working_directory: working_directory.to_owned(),
            home: home.to_string(),
            dialect: self.dialect,
        }));
        let session = Session::new(SessionOptions {
            configuration: &configuration,
            registry: buildout_recipes::registry(),
            services: &services,
            conditions: &conditions,
            construct: ConstructionPolicy::All,
        });
        let how = SettingsReader {
            create_caches: true,
            default_jobs: 1,
            configure_log: &|_, _| Ok(()),
        };
        let settings = BuildoutSettings::read(&session, &how)?;
        let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
        install(&session, &settings, &parts)
    }
}

/// Read-only directories would stay behind.
impl Drop for TestSite {
    fn drop(&mut self) {
        self.make_writable();
    }
}

/// What a run did.
pub(crate) struct Run {
    root: String,
    /// The events, in order.
    pub(crate) events: Vec<Event>,
    /// What the engine returned.
    pub(crate) result: Result<InstallReport, Failure>,
}

impl Run {
    fn mask(&self, text: &str) -> String {
        text.replace(&self.root, ROOT)
    }

    /// Returns the failure of the recipe that ended the run.
    ///
    /// # Panics
    ///
    /// No recipe did.
    #[track_caller]
    pub(crate) fn recipe_error(&self) -> &RecipeError {
        match &self.result {
            Err(failure) => match failure.problem() {
                Problem::Recipe { error, .. } => error,
                other => panic!("{other}\n{}", self.all_text()),
            },
            Ok(_) => panic!("the run succeeded\n{}", self.all_text()),
        }
    }

    /// Checks that the run succeeded.
    ///
    /// # Panics
    ///
    /// It did not.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        if let Err(failure) = &self.result {
            panic!("{}\n{}", self.describe(failure), self.all_text());
        }
        self
    }

    /// Returns the failure as upstream shows it (`While:` lines are left out),
    /// with the class of internal errors before it and the hint after it.
    ///
    /// # Panics
    ///
    /// The run succeeded.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        match &self.result {
            Ok(_) => panic!("the run succeeded\n{}", self.all_text()),
            Err(failure) => self.describe(failure),
        }
    }

    fn describe(&self, failure: &Failure) -> String {
        let mut text = match failure.upstream_exception() {
            Some(class) => format!("{class}: {failure}"),
            None => format!("Error: {failure}"),
        };
        if let Some(hint) = failure.hint() {
            let _ = write!(text, "\nhint: {hint}");
        }
        self.mask(&text)
    }

    /// Returns what upstream would log, the engine's own lines without their
    /// logger: `INFO part: text`.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log_from(Level::Debug)
    }

    /// Returns what upstream would log unless told to log more.
    pub(crate) fn usual_log(&self) -> Vec<String> {
        self.log_from(Level::Info)
    }

    /// Returns the usual log without the directories that a first run makes.
    pub(crate) fn work_log(&self) -> Vec<String> {
        let mut log = self.usual_log();
        log.retain(|line| !line.starts_with("INFO Creating directory "));
        log
    }

    fn log_from(&self, level: Level) -> Vec<String> {
        let records = self.events.iter().filter_map(Event::log_record);
        records
            .filter(|record| record.level >= level)
            .map(|record| self.show(&record))
            .collect()
    }

    /// Returns all log lines of one logger, without its name.
    pub(crate) fn log_of(&self, logger: &str) -> Vec<String> {
        let records = self.events.iter().filter_map(Event::log_record);
        records
            .filter(|record| &*record.logger == logger)
            .map(|record| self.mask(&format!("{} {}", record.level.name(), record.message)))
            .collect()
    }

    fn show(&self, record: &LogRecord) -> String {
        let level = record.level.name();
        let text = &record.message;
        self.mask(&match &*record.logger {
            ENGINE_LOGGER => format!("{level} {text}"),
            part => format!("{level} {part}: {text}"),
        })
    }

    /// Returns what the commands of the parts wrote, both streams together.
    pub(crate) fn output(&self) -> String {
        let mut text = Vec::new();
        for event in &self.events {
            if let Event::Output { bytes, .. } = event {
                text.extend_from_slice(bytes);
            }
        }
        self.mask(&String::from_utf8_lossy(&text))
    }

    fn all_text(&self) -> String {
        format!("{}\n{}", self.log().join("\n"), self.output())
    }
}

#[derive(Default)]
struct CollectedEvents(Mutex<Vec<Event>>);

impl EventSink for CollectedEvents {
    fn emit(&self, event: Event) {
        self.0.lock().expect("no sink panics").push(event);
    }
}

/// What runs within parts are made with.
struct SubRuns {
    working_directory: String,
    home: String,
    dialect: Option<DialectName>,
}

impl SubRunWorld for SubRuns {
    fn registry(&self) -> Registry {
        buildout_recipes::registry()
    }

    fn profiles(&self) -> Box<dyn ProfileLoader> {
        Box::new(FileLoader)
    }

    fn conditions(&self, _dialect: &Dialect) -> Box<Conditions<'_>> {
        Box::new(|_| Ok(true))
    }

    fn executable(&self) -> &str {
        "/usr/bin/python3"
    }

    fn working_directory(&self) -> &str {
        &self.working_directory
    }

    fn home_directory(&self) -> Option<&str> {
        Some(&self.home)
    }

    fn user_defaults(&self) -> Option<String> {
        None
    }

    fn dialect(&self) -> Option<DialectName> {
        self.dialect
    }

    fn default_jobs(&self) -> usize {
        1
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
