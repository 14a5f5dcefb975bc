//! The commands, one file each, and what they share: the loaded configuration
//! and a session over it.

mod annotate;
mod completions;
mod graph;
mod init;
mod install;
mod plan;
mod query;
mod shared;
mod why;

use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::configuration::{Configuration, ConfigurationRequest, choose_dialect};
use buildout_core::dialect::Dialect;
use buildout_core::event::{Event, EventSink, NoEvents};
use buildout_core::exec::cancel::CancellationToken;
use buildout_core::extends::{ExtendsError, is_url, join, normalize_path};
use buildout_core::fetch::{ClientOptions, HttpClient, IgnoreEvents, ProfileFiles, Transport};
use buildout_core::host::HostFacts;
use buildout_core::profile::condition::ConditionError;
use buildout_core::profile::syntax::ConditionalHeader;
use buildout_core::python::PythonProbe;
use buildout_core::recipe::RunServices;
use buildout_core::resolve::Doing;
use buildout_core::run::{
    BuildoutSettings, ConstructionPolicy, Failure, Session, SessionOptions, SettingsReader,
};

use crate::arguments::{Arguments, CommandName, Request};
use crate::log::PlainLog;
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
        Request::Version => {
            streams.out(&format!("buildout version {}\n", env!("CARGO_PKG_VERSION")));
            return Ok(());
        }
        Request::Command(command, words) => (*command, words.clone()),
    };
    let context = Context {
        world: World::new(&arguments, surroundings),
        arguments,
        surroundings,
        streams,
        cancellation,
    };
    match command {
        CommandName::Install => install::run(&context, &words),
        CommandName::Init => init::run_init(&context, &words),
        CommandName::Bootstrap => init::run_bootstrap(&context),
        CommandName::Annotate => annotate::run(&context, &words),
        CommandName::Plan => plan::run(&context, &words),
        CommandName::Query => query::run(&context, &words),
        CommandName::Shared => shared::run(&context, &words),
        CommandName::Why => why::run(&context, &words),
        CommandName::Graph => graph::run(&context, &words),
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
}

/// What a session is used for.
pub(crate) struct SessionUse<'a> {
    /// The log that the configuration configures.
    pub(crate) log: &'a PlainLog,
    /// Where events go.
    pub(crate) events: Arc<dyn EventSink>,
    pub(crate) construct: ConstructionPolicy,
    /// Whether the directories of caches are made.
    pub(crate) create_caches: bool,
}

/// The parts of the outer world that loading and running need.
struct World {
    transport: Arc<dyn Transport>,
    files: ProfileFiles,
    host: HostFacts,
    executable: String,
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
        let executable = named.clone().or_else(|| {
            let found = surroundings.python_on_path()?;
            found.into_os_string().into_string().ok()
        });
        let mut probe = match &named {
            Some(python) => PythonProbe::of_executable(python),
            None => {
                let path = surroundings.environment.get(std::ffi::OsStr::new("PATH"));
                PythonProbe::of_search_path(path.cloned().unwrap_or_default())
            }
        }
        .with_environment(surroundings.environment.clone());
        if let Some(cache) = surroundings.cache_directory() {
            probe = probe.with_cache_directory(cache.join("python"));
        }
        World {
            transport,
            files,
            host: HostFacts::new(surroundings.environment.clone(), Arc::new(probe)),
            executable: executable.unwrap_or_else(|| "/usr/bin/python3".to_owned()),
        }
    }
}

/// Takes proxies from the environment, as Python's library and curl do.
fn client_options(surroundings: &Surroundings) -> ClientOptions {
    ClientOptions::from_variables(|name| surroundings.variable(name).map(ToOwned::to_owned))
}

impl Context<'_> {
    /// Returns the profile as an absolute path or a URL.
    pub(crate) fn profile(&self) -> String {
        let name = &self.arguments.profile;
        if is_url(name) {
            return name.clone();
        }
        normalize_path(&join(&self.surroundings.working_directory, name, false))
    }

    /// Loads and merges the configuration.
    pub(crate) fn load(&self) -> Result<Configuration, Failure> {
        let initializing =
            |error: ExtendsError| Failure::from(error).during(vec![Doing::Initializing]);
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
        )
        .map_err(initializing)?;
        let conditions = self.conditions(&dialect);
        Configuration::load(ConfigurationRequest {
            profile: Some(profile.clone()),
            working_directory: &self.surroundings.working_directory,
            home_directory: self.surroundings.home(),
            user_defaults: defaults.clone(),
            assignments: self.arguments.assignments.clone(),
            executable: &self.world.executable,
            loader: &self.world.files,
            conditions: &conditions,
            dialect: dialect.clone(),
        })
        .map_err(initializing)
    }

    fn conditions(
        &self,
        dialect: &Dialect,
    ) -> impl Fn(&ConditionalHeader<'_>) -> Result<bool, ConditionError> {
        let dialect = dialect.clone();
        move |header| self.world.host.decide(header, &dialect)
    }

    /// Loads the configuration and lets `work` use a session over it, with
    /// `[buildout]` read. The log goes where `log` prints.
    pub(crate) fn with_session<T>(
        &self,
        log: &Arc<PlainLog>,
        construct: ConstructionPolicy,
        work: impl FnOnce(&Configuration, &Session<'_>, &BuildoutSettings) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let acts = construct == ConstructionPolicy::All;
        let events: Arc<dyn EventSink> = match acts {
            true => Arc::<PlainLog>::clone(log),
            false => Arc::new(NoEvents),
        };
        let how = SessionUse {
            log,
            events,
            construct,
            create_caches: acts,
        };
        self.with_session_for(how, work)
    }

    /// The same, for a use of its own.
    pub(crate) fn with_session_for<T>(
        &self,
        how: SessionUse<'_>,
        work: impl FnOnce(&Configuration, &Session<'_>, &BuildoutSettings) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let SessionUse {
            log,
            events,
            construct,
            create_caches,
        } = how;
        let configuration = self.load()?;
        for name in &configuration.skipped_extends {
            events.emit(Event::ExtendsSkipped { name: name.clone() });
        }
        let services = RunServices::new(
            self.buildout_directory(&configuration),
            self.surroundings.temporary_directory(),
            self.surroundings.umask,
            self.surroundings.environment.clone(),
            Arc::clone(&self.world.transport),
            events,
            self.cancellation.clone(),
        );
        let conditions = self.conditions(&configuration.dialect);
        let session = Session::new(SessionOptions {
            configuration: &configuration,
            registry: buildout_recipes::registry(),
            services: &services,
            conditions: &conditions,
            construct,
        });
        let how = SettingsReader {
            create_caches,
            default_jobs: self.surroundings.default_jobs,
            configure_log: &|level, format| log.configure(level, format),
        };
        let settings = BuildoutSettings::read(&session, &how)?;
        work(&configuration, &session, &settings)
    }

    /// The directory that parts see before `[buildout]` is resolved.
    fn buildout_directory(&self, configuration: &Configuration) -> PathBuf {
        let directory = configuration.option("buildout", "directory");
        let directory = directory.map_or("", |option| &*option.value);
        PathBuf::from(join(&self.surroundings.working_directory, directory, false))
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
