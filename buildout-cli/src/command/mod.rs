//! The commands, one file each, and what they share: the loaded configuration
//! and a session over it.

mod annotate;
mod check;
mod completions;
mod fetch;
mod graph;
mod init;
mod install;
mod lock;
mod plan;
mod query;
mod recipes;
mod shared;
mod shell;
mod why;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use buildout_core::configuration::{
    BUILDOUT_SECTION, Configuration, ConfigurationRequest, choose_dialect,
};
use buildout_core::dialect::Dialect;
use buildout_core::event::{Event, EventSink, NoEvents};
use buildout_core::exec::cancel::CancellationToken;
use buildout_core::exec::shell_quote::quote;
use buildout_core::extends::{ExtendsError, LoadError, is_url, join, normalize_path};
use buildout_core::fetch::{
    ClientOptions, Digests, HttpClient, IgnoreEvents, ProfileFiles, Transport,
};
use buildout_core::host::HostFacts;
use buildout_core::lock::LockFile;
use buildout_core::profile::condition::ConditionError;
use buildout_core::profile::syntax::ConditionalHeader;
use buildout_core::python::PythonProbe;
use buildout_core::recipe::RunServices;
use buildout_core::resolve::Doing;
use buildout_core::run::{
    BuildoutSettings, ConstructionPolicy, Failure, FirstPhase, Problem, PythonPhases, PythonStep,
    Session, SessionOptions, SettingsReader, check_locked_profiles, is_named, names_python,
    remembered_python,
};

use crate::arguments::{Arguments, CommandName, Request};
use crate::log::PlainLog;
use crate::registry::{BRIDGED, registry};
use crate::sub_runs::SubRuns;
use crate::surroundings::Surroundings;
use crate::{Stop, Streams, help};

/// Runs what `arguments` ask for.
pub(crate) fn dispatch(
    arguments: Arguments,
    surroundings: &Surroundings,
    streams: &Streams,
    cancellation: &CancellationToken,
) -> Result<(), Stop> {
    let (command, words) = match &arguments.request {
        Request::Help => {
            streams.out(&help::text());
            return Ok(());
        }
        Request::CommandHelp(name, words) => {
            streams.out(&help::command_text(name, words).unwrap_or_else(help::text));
            return Ok(());
        }
        Request::Version => {
            streams.out(&format!("buildout version {}\n", env!("CARGO_PKG_VERSION")));
            return Ok(());
        }
        Request::Command(command, words) => (*command, words.clone()),
    };
    let mut world = World::new(&arguments, surroundings);
    match command {
        CommandName::Fetch => world.files = world.files.creating_cache(),
        CommandName::Lock => {
            let names = lock::upgrade_names(&words)?;
            let is_refreshed = move |url: &str| names.iter().any(|name| is_named(url, name));
            world.files = world.files.refreshing(is_refreshed);
        }
        _ => {}
    }
    let context = Context {
        world,
        lock: OnceCell::new(),
        arguments,
        surroundings,
        streams,
        cancellation,
    };
    // A thread of its own costs the shortest command more than it gives: until
    // here, and there, a signal just ends the process.
    if command != CommandName::Annotate {
        (surroundings.watch_signals)(cancellation);
    }
    match command {
        CommandName::Install => install::run(&context, &words),
        CommandName::Init => init::run_init(&context, &words),
        CommandName::Bootstrap => init::run_bootstrap(&context),
        CommandName::Annotate => annotate::run(&context, &words),
        CommandName::Plan => plan::run(&context, &words),
        CommandName::Query => query::run(&context, &words),
        CommandName::Why => why::run(&context, &words),
        CommandName::Graph => graph::run(&context, &words),
        CommandName::Shell => shell::run(&context, &words),
        CommandName::Check => check::run(&context, &words),
        CommandName::Shared => shared::run(&context, &words),
        CommandName::Fetch => fetch::run(&context, &words),
        CommandName::Lock => lock::run(&context, &words),
        CommandName::Recipes => recipes::run(&context, &words),
        CommandName::Completions => completions::run(&context, &words),
        CommandName::Setup | CommandName::Runsetup => Err(Stop::message(
            "The commands setup and runsetup run a setup.py and need Python; this program has no part in that.",
        )
        .with_hint("run `python3 -m pip install .` or `python3 setup.py` yourself")),
    }
}

/// What every command gets.
pub(crate) struct Context<'a> {
    pub(crate) arguments: Arguments,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) streams: &'a Streams,
    cancellation: &'a CancellationToken,
    world: World,
    /// The lock in force, once the configuration is loaded.
    lock: OnceCell<LockFile>,
}

/// What a command does with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionKind {
    /// It installs: all recipes are constructed, directories made.
    Run,
    /// It downloads: only recipes that do nothing by it are constructed.
    Fetch,
    /// It looks: in silence, and nothing is made.
    Look,
}

/// Puts a sink around another one, for a buildout directory.
pub(crate) type SinkAround<'a> = dyn Fn(&Path, Arc<dyn EventSink>) -> Arc<dyn EventSink> + 'a;

/// What a session is used for.
pub(crate) struct SessionUse<'a> {
    /// The log that the configuration configures.
    pub(crate) log: &'a PlainLog,
    /// Where events go.
    pub(crate) events: Arc<dyn EventSink>,
    /// Puts another sink around that, for the buildout directory.
    pub(crate) around: &'a SinkAround<'a>,
    pub(crate) kind: SessionKind,
}

/// The parts of the outer world that loading and running need.
struct World {
    transport: Arc<dyn Transport>,
    files: ProfileFiles,
    /// The Python of the host.
    python: RunPython,
}

/// The Python that a configuration is loaded for.
#[derive(Clone)]
struct RunPython {
    /// The default of `[buildout] executable`.
    executable: String,
    host: Arc<HostFacts>,
    /// Whether the profile names it.
    is_of_profile: bool,
}

impl RunPython {
    fn new(executable: String, probe: PythonProbe, surroundings: &Surroundings) -> Self {
        let environment = surroundings.environment.clone();
        let mut probe = probe.with_environment(environment.clone());
        if let Some(cache) = surroundings.cache_directory() {
            probe = probe.with_cache_directory(cache.join("python"));
        }
        RunPython {
            executable,
            host: Arc::new(HostFacts::new(environment, Arc::new(probe))),
            is_of_profile: false,
        }
    }

    /// Takes the one that a profile names.
    fn of_profile(executable: &Path, surroundings: &Surroundings) -> Self {
        let probe = PythonProbe::of_executable(executable);
        let executable = executable.to_string_lossy().into_owned();
        RunPython {
            is_of_profile: true,
            ..RunPython::new(executable, probe, surroundings)
        }
    }

    /// Returns its path if the profile names it; nothing for the one of the host.
    fn of_profile_path(&self) -> Option<&Path> {
        self.is_of_profile.then(|| Path::new(&self.executable))
    }

    fn decide(
        &self,
        header: &ConditionalHeader<'_>,
        dialect: &Dialect,
    ) -> Result<bool, ConditionError> {
        self.host.decide(header, dialect)
    }
}

impl World {
    fn new(arguments: &Arguments, surroundings: &Surroundings) -> Self {
        let temporary = surroundings.temporary_directory();
        let transport: Arc<dyn Transport> = Arc::new(HttpClient::new(client_options(surroundings)));
        let files = ProfileFiles::new(
            &surroundings.working_directory,
            &temporary,
            Arc::clone(&transport),
            Arc::new(IgnoreEvents),
        );
        let named = arguments
            .python
            .as_ref()
            .map(|python| join(&surroundings.working_directory, python, false));
        let probe = match &named {
            Some(python) => PythonProbe::of_executable(python),
            None => {
                let path = surroundings.environment.get(std::ffi::OsStr::new("PATH"));
                PythonProbe::of_search_path(path.cloned().unwrap_or_default())
            }
        };
        let executable = named.or_else(|| {
            let found = surroundings.python_on_path()?;
            found.into_os_string().into_string().ok()
        });
        let executable = executable.unwrap_or_else(|| "/usr/bin/python3".to_owned());
        World {
            transport,
            files,
            python: RunPython::new(executable, probe, surroundings),
        }
    }
}

/// Takes proxies and certificates from the environment, as Python's library
/// and curl do, and logins from where they do.
pub(crate) fn client_options(surroundings: &Surroundings) -> ClientOptions {
    let variable = |name: &str| surroundings.variable(name).map(ToOwned::to_owned);
    ClientOptions {
        netrc: surroundings.netrc(),
        ..ClientOptions::from_variables(variable)
    }
}

impl Context<'_> {
    /// Fails if the run was interrupted.
    pub(crate) fn heed_cancellation(&self) -> Result<(), Failure> {
        if self.cancellation.is_cancelled() {
            return Err(Problem::Cancelled.into());
        }
        Ok(())
    }

    /// Returns the profile as an absolute path or a URL.
    pub(crate) fn profile(&self) -> String {
        let name = &self.arguments.profile;
        if is_url(name) {
            return name.clone();
        }
        normalize_path(&join(&self.surroundings.working_directory, name, false))
    }

    /// Loads and merges the configuration for the Python of the last run, and checks
    /// that its profiles are those of the lock, if there has to be one.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        let (configuration, _) = self.load_as_before()?;
        Ok(configuration)
    }

    /// The same, with that Python: the host's, if the profile names none.
    fn load_as_before(&self) -> Result<(Configuration, RunPython), Failure> {
        let load_for = |executable: &Path| {
            let python = RunPython::of_profile(executable, self.surroundings);
            Ok::<_, Failure>((self.load_for(&python)?, python))
        };
        let expected = self.expected_directory();
        if let Some(executable) = remembered_python(&expected) {
            let (configuration, python) = load_for(&executable)?;
            if names_python(&configuration) {
                return Ok((configuration, python));
            }
        }
        let configuration = self.load_for(&self.world.python)?;
        let directory = self.buildout_directory(&configuration);
        if names_python(&configuration)
            && directory != expected
            && let Some(executable) = remembered_python(&directory)
        {
            return load_for(&executable);
        }
        Ok((configuration, self.world.python.clone()))
    }

    /// Loads the configuration for a Python.
    fn load_for(&self, python: &RunPython) -> Result<Configuration, Failure> {
        let mut missing = Vec::new();
        let loaded = loop {
            let loaded = self.load_once(python);
            let url = loaded.as_ref().err().and_then(missing_profile);
            match (loaded, url) {
                // It is left out, to find what else is missing.
                (Err(error), Some(url)) => {
                    self.world.files.leave_out(&url);
                    missing.push(error);
                }
                (loaded, _) => break loaded,
            }
        };
        let initializing = |failure: Failure| failure.during(vec![Doing::Initializing]);
        if let Some(failure) = Failure::of_missing_profiles(missing) {
            return Err(initializing(failure));
        }
        let configuration = loaded.map_err(Failure::from).map_err(initializing)?;
        if self.arguments.locked {
            let path = LockFile::path(&self.buildout_directory(&configuration));
            let lock = LockFile::load(&path).map_err(Failure::from)?;
            check_locked_profiles(&lock, path, &self.remote_profiles()).map_err(initializing)?;
            // It is set once: a command loads its configuration once.
            let _ = self.lock.set(lock);
        }
        Ok(configuration)
    }

    /// Returns the digests of the profiles that were loaded by URL.
    pub(crate) fn remote_profiles(&self) -> BTreeMap<String, Digests> {
        self.world.files.downloaded()
    }

    fn load_once(&self, python: &RunPython) -> Result<Configuration, ExtendsError> {
        let profile = self.profile();
        let defaults = self
            .arguments
            .user_defaults
            .then(|| self.surroundings.user_defaults())
            .flatten();
        let mut sources = vec![profile.as_str()];
        sources.extend(defaults.as_deref());
        let dialect = choose_dialect(
            self.arguments.dialect,
            &self.arguments.assignments,
            &sources,
            &self.world.files,
        )?;
        let conditions = |header: &ConditionalHeader<'_>| python.decide(header, &dialect);
        Configuration::load(ConfigurationRequest {
            profile: Some(profile.clone()),
            working_directory: &self.surroundings.working_directory,
            home_directory: self.surroundings.home(),
            user_defaults: defaults.clone(),
            assignments: self.arguments.assignments.clone(),
            executable: &python.executable,
            loader: &self.world.files,
            conditions: &conditions,
            dialect: dialect.clone(),
        })
    }

    /// Returns what runs within parts are made with.
    fn sub_runs(&self, python: &RunPython) -> Arc<SubRuns> {
        let surroundings = self.surroundings;
        let defaults = self.arguments.user_defaults;
        Arc::new(SubRuns {
            transport: Arc::clone(&self.world.transport),
            host: Arc::clone(&python.host),
            executable: python.executable.clone(),
            working_directory: surroundings.working_directory.clone(),
            temporary_directory: surroundings.temporary_directory(),
            home_directory: surroundings.home().map(ToOwned::to_owned),
            user_defaults: defaults.then(|| surroundings.user_defaults()).flatten(),
            dialect: self.arguments.dialect,
            default_jobs: surroundings.default_jobs,
        })
    }

    /// Loads the configuration and lets `work` use a session over it, with
    /// `[buildout]` read. The log goes where `log` prints.
    pub(crate) fn with_session<T>(
        &self,
        log: &Arc<PlainLog>,
        kind: SessionKind,
        work: impl FnOnce(&Configuration, &Session<'_>, &BuildoutSettings) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let events: Arc<dyn EventSink> = match kind {
            SessionKind::Run | SessionKind::Fetch => Arc::<PlainLog>::clone(log),
            SessionKind::Look => Arc::new(NoEvents),
        };
        let how = SessionUse {
            log,
            events,
            around: &|_, sink| sink,
            kind,
        };
        self.with_session_for(how, work)
    }

    /// The same, for a use of its own.
    pub(crate) fn with_session_for<T>(
        &self,
        how: SessionUse<'_>,
        work: impl FnOnce(&Configuration, &Session<'_>, &BuildoutSettings) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let (configuration, python) = self.load_as_before()?;
        self.with_session_over(configuration, &python, &how, work)
    }

    /// The same for a run that installs: its Python is the one that the profile names,
    /// which is installed before the rest. `failed` makes the end of a run of the failure
    /// to do so.
    pub(crate) fn with_session_in_phases<T>(
        &self,
        how: &SessionUse<'_>,
        failed: impl Fn(&Session<'_>, &BuildoutSettings, Failure) -> Stop,
        work: impl Fn(&Session<'_>, &BuildoutSettings, &FirstPhase) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let mut phases = PythonPhases::new(&self.world.python.executable);
        let (mut configuration, mut python) = self.load_as_before()?;
        loop {
            let done =
                self.with_session_over(configuration, &python, how, |_, session, settings| {
                    let step = phases.step(session, settings, python.of_profile_path());
                    match step.map_err(|failure| failed(session, settings, failure))? {
                        PythonStep::Go(first) => work(session, settings, &first).map(Ok),
                        PythonStep::LoadFor(next) => Ok(Err(next)),
                    }
                })?;
            python = match done {
                Ok(result) => return Ok(result),
                Err(Some(executable)) => RunPython::of_profile(&executable, self.surroundings),
                Err(None) => self.world.python.clone(),
            };
            configuration = self.load_for(&python)?;
        }
    }

    fn with_session_over<T>(
        &self,
        configuration: Configuration,
        python: &RunPython,
        how: &SessionUse<'_>,
        work: impl FnOnce(&Configuration, &Session<'_>, &BuildoutSettings) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let SessionUse {
            log,
            events,
            around,
            kind,
        } = how;
        let configuration = Rc::new(configuration);
        if self.surroundings.ends_with_command {
            // One reference more than are ever given back.
            std::mem::forget(Rc::clone(&configuration));
        }
        let directory = self.buildout_directory(&configuration);
        let events = around(&directory, Arc::clone(events));
        let mut services = RunServices::new(
            directory,
            self.surroundings.temporary_directory(),
            self.surroundings.umask,
            self.surroundings.environment.clone(),
            Arc::clone(&self.world.transport),
            events,
            self.cancellation.clone(),
        );
        services.cache_directory = self.surroundings.cache_directory();
        if let Some(lock) = self.lock.get() {
            services.set_lock(lock.clone());
        }
        for name in &configuration.skipped_extends {
            let name = name.clone();
            services.events.emit(Event::ExtendsSkipped { name });
        }
        services.set_sub_runs(self.sub_runs(python));
        let conditions =
            |header: &ConditionalHeader<'_>| python.decide(header, &configuration.dialect);
        let session = Session::new(SessionOptions {
            configuration: &configuration,
            registry: registry(&configuration),
            services: &services,
            conditions: &conditions,
            construct: match kind {
                SessionKind::Run => ConstructionPolicy::All,
                SessionKind::Fetch | SessionKind::Look => ConstructionPolicy::PureOnly,
            },
        });
        let reader = SettingsReader {
            create_caches: *kind != SessionKind::Look,
            default_jobs: self.surroundings.default_jobs,
            configure_log: &|level, format| log.configure(level, format),
        };
        let settings = BuildoutSettings::read(&session, &reader)?;
        // Read when the registry was made, when nothing noted who reads what.
        session.get_stored(BUILDOUT_SECTION, BRIDGED)?;
        work(&configuration, &session, &settings)
    }

    /// Returns the command line of `command` that sees the same configuration,
    /// to be typed as it is.
    pub(crate) fn command_line(&self, command: &[&str]) -> String {
        self.command_line_before()(command)
    }

    /// Returns what makes such command lines, to be kept.
    fn command_line_before(&self) -> impl Fn(&[&str]) -> String + use<> {
        let mut before = vec![self.surroundings.program.clone()];
        before.extend(self.arguments.configuration_words());
        move |command| {
            let before = before.iter().map(String::as_str);
            let words = before.chain(command.iter().copied());
            words.map(quote).collect::<Vec<_>>().join(" ")
        }
    }

    /// Returns the buildout directory as far as it is known before the profile is read.
    fn expected_directory(&self) -> PathBuf {
        let working = &self.surroundings.working_directory;
        let assignments = self.arguments.assignments.iter().rev();
        let mut assigned = assignments.filter(|assignment| {
            assignment.section == BUILDOUT_SECTION && assignment.option == "directory"
        });
        if let Some(assignment) = assigned.next() {
            return PathBuf::from(join(working, &assignment.value, false));
        }
        let profile = PathBuf::from(self.profile());
        match profile.parent() {
            Some(directory) if profile.is_absolute() => directory.to_owned(),
            _ => PathBuf::from(working),
        }
    }

    /// The directory that parts see before `[buildout]` is resolved.
    pub(crate) fn buildout_directory(&self, configuration: &Configuration) -> PathBuf {
        let directory = configuration.option("buildout", "directory");
        let directory = directory.map_or("", |option| &*option.value);
        PathBuf::from(join(&self.surroundings.working_directory, directory, false))
    }
}

/// Returns the URL of a profile that an offline run misses.
fn missing_profile(error: &ExtendsError) -> Option<String> {
    match error {
        ExtendsError::Unreadable {
            source_name,
            reason: LoadError::Offline { .. },
            ..
        } => Some(source_name.to_string()),
        _ => None,
    }
}

/// The values of `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

impl Format {
    fn parse(name: &str) -> Result<Self, Stop> {
        match name {
            "json" => Ok(Format::Json),
            "text" => Ok(Format::Text),
            other => Err(
                Stop::message(format!("Invalid value for option --format: {other}"))
                    .with_hint("`--format` is `text` or `json`"),
            ),
        }
    }
}

/// Takes `--format VALUE` and the given switches out of a command's words.
pub(crate) fn take_options(
    words: &[String],
    switches: &[&str],
) -> Result<(Format, Vec<String>, Vec<String>), Stop> {
    let mut format = Format::Text;
    let mut given = Vec::new();
    let mut rest = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = if word == "--format" {
            words.next().map(String::as_str)
        } else {
            word.strip_prefix("--format=")
        };
        match value {
            Some(value) => format = Format::parse(value)?,
            None if word == "--format" => {
                return Err(Stop::message("No value specified for option --format"));
            }
            None if switches.contains(&word.as_str()) => given.push(word.clone()),
            None => rest.push(word.clone()),
        }
    }
    Ok((format, given, rest))
}
