//! The settings of a run, read from `[buildout]`.
//!
//! Keeps the second half of `Buildout.__init__`: the standard directories are
//! made absolute, the options of `[buildout]` resolved and checked, each
//! default counted as used.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::download_settings;
use super::environment_policy::apply_policy;
use super::failure::{Failure, Problem};
use super::session::Session;
use crate::configuration::{BUILDOUT_SECTION, DIALECT_OPTION, default_option_names};
use crate::event::{Event, Level};
use crate::exec::jobserver::JOB_LIMIT;
use crate::extends::{Place, join};
use crate::fetch::CacheUse;
use crate::python::{PythonIdentitySource as _, PythonProbe};
use crate::recipe::DownloadPolicy;
use crate::resolve::Doing;
use crate::state::run_lock::WhenLocked;
use crate::value::str_repr;

/// The values of `on-failure`.
const ON_FAILURE: [(&str, OnFailure); 3] = [
    ("finish", OnFailure::Finish),
    ("kill", OnFailure::Kill),
    ("continue", OnFailure::Continue),
];

/// The values of `run-lock`.
const WHEN_LOCKED: [(&str, WhenLocked); 2] =
    [("wait", WhenLocked::Wait), ("fail", WhenLocked::Fail)];

/// What `[buildout]` says about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildoutSettings {
    /// The buildout directory.
    pub directory: PathBuf,
    /// The file that records what is installed; `None` if nothing is recorded.
    pub installed: Option<PathBuf>,
    /// The directories that a run makes, in order.
    pub directories: Vec<PathBuf>,
    /// `bin-directory`: where scripts go.
    pub bin_directory: PathBuf,
    /// `download-cache`, if set.
    pub download_cache: Option<PathBuf>,
    /// How many jobs may run at once: parts that run commands, and what these
    /// start through `make`.
    pub jobs: usize,
    /// What becomes of the others when a part fails.
    pub on_failure: OnFailure,
    /// What is done if another run is at work in the directory.
    pub when_locked: WhenLocked,
    /// `extends-cache`, if set.
    pub extends_cache: Option<PathBuf>,
    /// Whether the network is forbidden.
    pub offline: bool,
    /// How many downloads may run at once, ahead of the parts.
    pub parallel_downloads: usize,
    /// Whether newer things are looked for.
    pub newest: bool,
    /// Records of lower level are not shown: `log-level` less the verbosity.
    pub log_level: i64,
    /// Whether `verbosity` is set at all, by `-v`, `-q` or a profile.
    pub verbose: bool,
}

/// What becomes of the other parts when one fails. Nothing that is finished is
/// ever undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// What runs is finished, nothing new is begun.
    #[default]
    Finish,
    /// What runs is ended.
    Kill,
    /// All parts that do not wait for the failed one are installed.
    Continue,
}

/// How the settings are read.
pub struct SettingsReader<'r> {
    /// Whether the caches that do not exist are made, as every command of
    /// upstream does.
    pub create_caches: bool,
    /// The number of jobs if the configuration sets none.
    pub default_jobs: usize,
    /// Told the log's level and format as soon as they are known; may refuse
    /// the format.
    pub configure_log: &'r dyn Fn(i64, &str) -> Result<(), String>,
}

impl Session<'_> {
    /// Reads an option of a section that is `true` or `false`, and `false` if
    /// it is not there.
    ///
    /// # Errors
    ///
    /// Another value, or one that cannot be resolved.
    pub(super) fn boolean_option(
        &self,
        section: &str,
        option: &'static str,
    ) -> Result<bool, Failure> {
        let value = self.get_stored(section, option)?;
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Ok(false);
        };
        parse_boolean(option, &value)
            .map_err(|failure| failure.with_label(self.option_place(section, option, &value), ""))
    }
}

impl BuildoutSettings {
    /// Initialises `[buildout]` of `session` and reads the settings.
    ///
    /// # Errors
    ///
    /// An option cannot be resolved or has an unusable value.
    pub fn read(session: &Session<'_>, how: &SettingsReader<'_>) -> Result<Self, Failure> {
        Self::read_inner(session, how).map_err(|failure| failure.during(vec![Doing::Initializing]))
    }

    fn read_inner(session: &Session<'_>, how: &SettingsReader<'_>) -> Result<Self, Failure> {
        session.absolutise_directories();
        // These are looked at before anything is resolved.
        let offline = raw_boolean(session, "offline")?;
        let newest = !offline && raw_boolean(session, "newest")?;
        session.reach(BUILDOUT_SECTION)?;
        let reader = Reader { session };
        let directory = reader.required("directory")?.to_string();
        for name in ["bin", "parts", "eggs", "develop-eggs"] {
            let option = format!("{name}-directory");
            let value = reader.required(&option)?;
            reader.set(&option, &join(&directory, &value, false));
        }
        let installed = reader.required("installed")?;
        let installed = (!installed.is_empty()).then(|| join(&directory, &installed, false));
        if let Some(installed) = &installed {
            reader.set("installed", installed);
        }
        let log_format = reader.required("log-format")?;
        let log_level = reader.log_level()?;
        (how.configure_log)(log_level, &log_format).map_err(|message| {
            let hint =
                "the fields are `%(name)s`, `%(levelname)s`, `%(levelno)d` and `%(message)s`";
            reader.unusable("log-format", message, hint)
        })?;
        let stall_timeout = reader.socket_timeout()?;
        let versions = reader.required("versions")?;
        if !versions.is_empty() {
            session.reach(&versions)?;
        }
        for option in [
            "prefer-final",
            "use-dependency-links",
            "allow-picked-versions",
            "show-picked-versions",
        ] {
            reader.boolean(option)?;
        }
        reader.required("update-versions-file")?;
        reader.optional("index")?;
        let download_cache = reader.optional("download-cache")?;
        let extends_cache = reader.optional("extends-cache")?;
        if session.dialect().eggs_directory_version.is_some() {
            let version = reader.required("eggs-directory-version")?;
            if !version.is_empty() {
                let eggs = reader.required("eggs-directory")?;
                reader.set("eggs-directory", &join(&eggs, &version, false));
            }
        }
        if reader.is_true("abi-tag-eggs")? {
            let eggs = reader.required("eggs-directory")?;
            reader.set("eggs-directory", &join(&eggs, &reader.abi_tag()?, false));
        }
        let eggs = reader.required("eggs-directory")?;
        let set = |cache: &Arc<str>| !cache.is_empty();
        let absolute = |cache: Arc<str>| PathBuf::from(join(&directory, &cache, false));
        let download_cache = download_cache.filter(set).map(absolute);
        let extends_cache = extends_cache.filter(set).map(absolute);
        if how.create_caches {
            let eggs = Some(eggs).filter(set).map(absolute);
            let caches = [download_cache.clone(), extends_cache.clone(), eggs];
            for cache in caches.into_iter().flatten() {
                create_all(session, &cache)?;
            }
            if let Some(cache) = &download_cache {
                // Eggs go there, by upstream's tools and ours.
                let eggs = cache.join("dist");
                fs::create_dir_all(&eggs).map_err(|error| create_failure(&eggs, error))?;
            }
        }
        let install_from_cache = reader.boolean("install-from-cache")?;
        if install_from_cache && offline {
            return Err(Failure::from(Problem::Setting {
                option: "install-from-cache",
                message: "install-from-cache can't be used with offline mode.\nNothing is installed, even from cache, in offline\nmode, which might better be called 'no-install mode'.\n".to_owned(),
            })
            .with_label(
                session.option_place(BUILDOUT_SECTION, "install-from-cache", "true"),
                "",
            )
            .with_hint(Some(
                "remove the option: nothing is fetched offline anyway; or run with `-O`".to_owned(),
            )));
        }
        for name in default_option_names(session.dialect()) {
            reader.required(name)?;
        }
        reader.optional(DIALECT_OPTION)?;
        apply_policy(session, Path::new(&directory), how.create_caches)?;
        let replacements = download_settings::url_replacements(&reader)?;
        session.services().set_url_replacements(replacements);
        let require_hashes = download_settings::require_hashes(&reader)?;
        let parallel_downloads = download_settings::parallel_downloads(&reader)?;
        let tls = download_settings::tls(&reader, &directory)?;
        let mut directories = Vec::new();
        for name in ["bin", "parts", "develop-eggs"] {
            let path = reader.required(&format!("{name}-directory"))?;
            directories.push(PathBuf::from(&*path));
        }
        let bin_directory = directories[0].clone();
        let jobs = reader
            .jobs()?
            .unwrap_or(how.default_jobs)
            .clamp(1, JOB_LIMIT);
        let on_failure = reader
            .choice("on-failure", &ON_FAILURE)?
            .unwrap_or_default();
        let when_locked = reader.choice("run-lock", &WHEN_LOCKED)?;
        session.services().set_download_policy(DownloadPolicy {
            cache: download_cache.clone(),
            offline: offline || install_from_cache,
            cache_use: CacheUse::First,
            require_hashes,
            tls,
            stall_timeout,
        });
        Ok(BuildoutSettings {
            installed: installed.map(PathBuf::from),
            directories,
            bin_directory,
            download_cache,
            extends_cache,
            directory: PathBuf::from(directory),
            jobs,
            on_failure,
            when_locked: when_locked.unwrap_or(WhenLocked::Wait),
            offline,
            parallel_downloads,
            newest,
            log_level,
            verbose: reader.optional("verbosity")?.is_some(),
        })
    }

    /// Makes the directories of the buildout that do not exist.
    ///
    /// # Errors
    ///
    /// A directory cannot be made; its parent must exist.
    pub fn create_directories(&self, session: &Session<'_>) -> Result<(), Failure> {
        for directory in &self.directories {
            if !directory.exists() {
                announce(session, directory);
                fs::create_dir(directory).map_err(|error| {
                    create_failure(directory, error).during(vec![Doing::SettingUpDirectories])
                })?;
            }
        }
        Ok(())
    }
}

fn create_all(session: &Session<'_>, directory: &Path) -> Result<(), Failure> {
    if directory.exists() {
        return Ok(());
    }
    announce(session, directory);
    fs::create_dir_all(directory).map_err(|error| create_failure(directory, error))
}

fn announce(session: &Session<'_>, directory: &Path) {
    session.services().events.emit(Event::DirectoryCreated {
        path: directory.to_string_lossy().into_owned(),
    });
}

fn create_failure(path: &Path, source: std::io::Error) -> Failure {
    let path = path.to_owned();
    Problem::Io {
        verb: "create directory",
        path,
        source,
    }
    .into()
}

fn raw_boolean(session: &Session<'_>, option: &'static str) -> Result<bool, Failure> {
    let state = session.state.borrow();
    let value = state
        .configured
        .get(BUILDOUT_SECTION)
        .and_then(|section| section.get(option))
        .map(|option| Arc::clone(&option.value))
        .unwrap_or_default();
    drop(state);
    parse_boolean(option, &value).map_err(|failure| {
        let place = session.option_place(BUILDOUT_SECTION, option, &value);
        failure.with_label(place, "")
    })
}

fn parse_boolean(option: &'static str, value: &str) -> Result<bool, Failure> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(Failure::from(Problem::Setting {
            option,
            message: format!("Invalid value for '{option}' option: {}", str_repr(other)),
        })
        .with_hint(Some("use `true` or `false`".to_owned()))),
    }
}

/// Reads options of `[buildout]`.
pub(super) struct Reader<'s, 'a> {
    session: &'s Session<'a>,
}

impl Reader<'_, '_> {
    pub(super) fn optional(&self, option: &str) -> Result<Option<Arc<str>>, Failure> {
        self.session.get_stored(BUILDOUT_SECTION, option)
    }

    fn required(&self, option: &str) -> Result<Arc<str>, Failure> {
        match self.optional(option)? {
            Some(value) => Ok(value),
            None => Err(self.session.missing_option(BUILDOUT_SECTION, option)),
        }
    }

    fn set(&self, option: &str, value: &str) {
        let mut state = self.session.state.borrow_mut();
        if let Some(section) = state.sections.get_mut(BUILDOUT_SECTION) {
            section.data.insert(Arc::from(option), Arc::from(value));
        }
    }

    fn boolean(&self, option: &'static str) -> Result<bool, Failure> {
        let value = self.required(option)?;
        parse_boolean(option, &value).map_err(|failure| {
            let place = self.session.option_place(BUILDOUT_SECTION, option, &value);
            failure.with_label(place, "")
        })
    }

    /// A boolean that need not be there.
    fn is_true(&self, option: &'static str) -> Result<bool, Failure> {
        let Some(value) = self.optional(option)? else {
            return Ok(false);
        };
        parse_boolean(option, &value)
            .map_err(|failure| failure.with_label(self.place(option, &value), ""))
    }

    /// The tag of the binary interface of Python, such as `cp311`: that of the
    /// executable, which is asked for it.
    fn abi_tag(&self) -> Result<String, Failure> {
        const OPTION: &str = "abi-tag-eggs";
        let services = self.session.services();
        let executable = self.required("executable")?;
        let mut probe = PythonProbe::of_executable(services.absolute(&*executable))
            .with_environment(services.process_environment.clone());
        if let Some(cache) = &services.cache_directory {
            probe = probe.with_cache_directory(cache.join("python"));
        }
        let unusable = |message: String| {
            self.unusable(
                OPTION,
                message,
                "set it to `false`, or name a CPython with `--python`",
            )
        };
        let identity = probe
            .identity()
            .map_err(|error| unusable(error.to_string()))?;
        if identity.implementation_name != "cpython" {
            let name = &identity.implementation;
            return Err(unusable(format!("the tag of {name} is not known")));
        }
        let (major, minor) = (identity.version.major, identity.version.minor);
        let threads = match identity.build.contains("free-threading build") {
            true => "t",
            false => "",
        };
        Ok(format!("cp{major}{minor}{threads}"))
    }

    /// `log-level` less the verbosity.
    fn log_level(&self) -> Result<i64, Failure> {
        let level = self.required("log-level")?;
        let number: i64 = match &*level {
            "DEBUG" => 10,
            "INFO" => 20,
            "WARNING" => 30,
            "ERROR" => 40,
            "CRITICAL" => 50,
            other => other.trim().parse().map_err(|_| {
                let hint = "use `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL` or a number";
                self.unusable("log-level", format!("Invalid logging level {other}"), hint)
            })?,
        };
        let verbosity: i64 = match self.optional("verbosity")? {
            None => 0,
            Some(text) => text.trim().parse().map_err(|_| {
                let hint = "use a number, or remove the option and call with `-v` or `-q`";
                self.unusable("verbosity", format!("Invalid verbosity {text}"), hint)
            })?,
        };
        Ok(number - verbosity)
    }

    /// `jobs`, if it is set.
    fn jobs(&self) -> Result<Option<usize>, Failure> {
        let Some(text) = self.optional("jobs")?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        match text.trim().parse() {
            Ok(jobs) if jobs > 0 => Ok(Some(jobs)),
            _ => {
                let message = format!("Invalid number of jobs {}", str_repr(&text));
                Err(self.unusable("jobs", message, "write a number from 1 on"))
            }
        }
    }

    /// An option that is one of some words, if it is set.
    fn choice<T: Copy>(
        &self,
        option: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Option<T>, Failure> {
        let Some(text) = self.optional(option)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        if let Some((_, choice)) = choices.iter().find(|(name, _)| **name == *text) {
            return Ok(Some(*choice));
        }
        let names: Vec<String> = choices
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let message = format!("Invalid value for '{option}' option: {}", str_repr(&text));
        let hint = format!("use {}", names.join(" or "));
        Err(self.unusable(option, message, &hint))
    }

    /// Reads how long a server may be silent, and tells it as upstream does.
    fn socket_timeout(&self) -> Result<Option<Duration>, Failure> {
        const OPTION: &str = "socket-timeout";
        let timeout = self.required(OPTION)?;
        if timeout.is_empty() {
            return Ok(None);
        }
        let (event, stall_timeout) = match timeout.trim().parse::<i64>() {
            Ok(seconds) => {
                let Some(given) = u64::try_from(seconds).ok().filter(|given| *given > 0) else {
                    let shown = str_repr(&timeout);
                    let message = format!("Invalid value for '{OPTION}' option: {shown}");
                    return Err(self.unusable(OPTION, message, "use a number from 1 on"));
                };
                let text = format!("Setting socket time out to {seconds} seconds.");
                let event = Event::engine_log(Level::Info, text);
                (event, Some(Duration::from_secs(given)))
            }
            Err(_) => {
                let text = format!(
                    "Default socket timeout is used !\nValue in configuration is not numeric: [{timeout}].\n"
                );
                (Event::engine_log(Level::Warning, text), None)
            }
        };
        self.session.services().events.emit(event);
        Ok(stall_timeout)
    }

    pub(super) fn unusable(&self, option: &'static str, message: String, hint: &str) -> Failure {
        Failure::from(Problem::Setting { option, message })
            .with_label(self.place(option, ""), "")
            .with_hint(Some(hint.to_owned()))
    }

    pub(super) fn place(&self, option: &str, needle: &str) -> Option<Place> {
        self.session.option_place(BUILDOUT_SECTION, option, needle)
    }
}
