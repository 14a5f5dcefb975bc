//! The Python of a run, where a profile says which, and may even install it.
//!
//! `[buildout] python` names a section with an `executable`. Upstream's
//! extension slapos.rebootstrap installs that section and starts buildout again,
//! run by this Python; so what depends on the version of Python is decided for
//! the Python that is built. Here a run has two phases instead. In the first
//! one the configuration is loaded for the Python of the host, and the parts that
//! the executable comes from are installed. In the second one it is loaded for
//! the executable, and everything else happens.
//!
//! Which Python that was is remembered in [`OWN_DIRECTORY`], as upstream remembers it in
//! the first line of `bin/buildout`: later runs, and the commands that only look,
//! begin with it. They have no first phase unless the parts that make it have
//! changed.
//!
//! Loading is the front end's: [`PythonPhases`] tells what to load for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::failure::{Failure, Problem};
use super::install::install_first_phase;
use super::plan::Plan;
use super::session::Session;
use super::settings::BuildoutSettings;
use crate::configuration::{BUILDOUT_SECTION, Configuration};
use crate::event::{Event, Level};
use crate::profile::python_text::strip;
use crate::resolve::Doing;
use crate::state::OWN_DIRECTORY;
use crate::state::atomic::replace_file;

/// The option of `[buildout]` that names the section of the Python.
const PYTHON: &str = "python";

/// The option of that section.
const EXECUTABLE: &str = "executable";

/// The file in [`OWN_DIRECTORY`] with the path of the Python of the last run.
const FILE_NAME: &str = "python";

/// How many Pythons may follow each other: the section may be another one for the
/// Python that it made, but has to come to an end.
const LIMIT: usize = 4;

/// The Python that a profile names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ProfilePython {
    section: Arc<str>,
    executable: PathBuf,
    /// The parts that were constructed to know it, in order: it and what it needs.
    parts: Vec<Arc<str>>,
}

/// What the parts of the first phase were installed as: that counts for the second
/// one, for which some of their options may have other values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstPhase {
    pub(crate) parts: Vec<Arc<str>>,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PythonStep {
    /// The configuration is loaded for the right Python: the rest can follow.
    Go(FirstPhase),
    /// It is to be loaded for another one; `None` is the one of the host.
    LoadFor(Option<PathBuf>),
}

/// The way of a run to its Python.
#[derive(Clone, Debug)]
pub struct PythonPhases {
    host: PathBuf,
    /// The parts that were installed or found current for the Python before.
    first: Option<FirstPhase>,
    steps: usize,
}

impl PythonPhases {
    /// Begins with the Python of the host.
    pub fn new(host: impl Into<PathBuf>) -> Self {
        PythonPhases {
            host: host.into(),
            first: None,
            steps: 0,
        }
    }

    /// Finds out whether a session is over a configuration for the right Python,
    /// having installed that Python if need be.
    ///
    /// `loaded_for` is the Python that the configuration was loaded for, `None` for
    /// the one of the host.
    ///
    /// # Errors
    ///
    /// The section cannot be resolved, a part of the first phase fails, or each Python
    /// asks for yet another one.
    pub fn step(
        &mut self,
        session: &Session<'_>,
        settings: &BuildoutSettings,
        loaded_for: Option<&Path>,
    ) -> Result<PythonStep, Failure> {
        let Some(python) = named_python(session)? else {
            // The one that was remembered is nobody's any more.
            return match loaded_for {
                Some(_) => Ok(PythonStep::LoadFor(None)),
                None => self.go(settings, None),
            };
        };
        let is_right = *loaded_for.unwrap_or(&self.host) == *python.executable;
        let first = self.first.take();
        if is_right && (first.is_some() || !needs_work(session, settings, &python)?) {
            self.first = first;
            return self.go(settings, Some(&python.executable));
        }
        self.steps += 1;
        if self.steps > LIMIT {
            return Err(Failure::from(Problem::NoLastPython {
                section: python.section.to_string(),
                executable: python.executable,
            })
            .with_label(
                session.option_place(&python.section, EXECUTABLE, EXECUTABLE),
                "",
            ));
        }
        if python.parts.is_empty() {
            return Ok(PythonStep::LoadFor(Some(python.executable)));
        }
        if loaded_for.is_some() && first.is_none() {
            // What a Python is made by must not be what is made anew.
            return Ok(PythonStep::LoadFor(None));
        }
        install_first_phase(session, settings, &python.parts)?;
        if !python.executable.exists() {
            return Err(Failure::from(Problem::MissingPython {
                section: python.section.to_string(),
                executable: python.executable,
            })
            .with_label(
                session.option_place(&python.section, EXECUTABLE, EXECUTABLE),
                "",
            ));
        }
        let message = format!(
            "Going on with the Python of [{}]: {}",
            python.section,
            python.executable.display()
        );
        let events = &session.services().events;
        events.emit(Event::engine_log(Level::Info, message));
        self.first = Some(FirstPhase {
            parts: python.parts,
        });
        Ok(PythonStep::LoadFor(Some(python.executable)))
    }

    fn go(
        &mut self,
        settings: &BuildoutSettings,
        python: Option<&Path>,
    ) -> Result<PythonStep, Failure> {
        remember(&settings.directory, python)?;
        Ok(PythonStep::Go(self.first.take().unwrap_or_default()))
    }
}

/// Tells whether a configuration names a section for its Python.
pub fn names_python(configuration: &Configuration) -> bool {
    let named = configuration.option(BUILDOUT_SECTION, PYTHON);
    named.is_some_and(|option| is_section(&option.value))
}

/// Returns the Python that the last run in a directory was for, if the profile said
/// which and it is still there.
pub fn remembered_python(directory: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(file(directory)).ok()?;
    let executable = PathBuf::from(text.strip_suffix('\n')?);
    (executable.is_absolute() && executable.is_file()).then_some(executable)
}

/// Reaches the section that `[buildout] python` names, and so all that its
/// `executable` needs; nothing if that is missing, which is told by who needs it.
fn named_python(session: &Session<'_>) -> Result<Option<ProfilePython>, Failure> {
    let initializing = |failure: Failure| failure.during(vec![Doing::Initializing]);
    let named = session.get_stored(BUILDOUT_SECTION, PYTHON)?;
    let named = named.unwrap_or_default();
    if !is_section(&named) {
        return Ok(None);
    }
    // `slapos.rebootstrap` has more come first.
    session.extensions().map_err(initializing)?;
    let section: Arc<str> = Arc::from(strip(&named));
    let place = || session.option_place(BUILDOUT_SECTION, PYTHON, &section);
    let executable = session
        .get_stored(&section, EXECUTABLE)
        .map_err(|failure| initializing(failure.with_label(place(), "needed here")))?;
    let executable = executable.filter(|executable| !executable.is_empty());
    Ok(executable.map(|executable| ProfilePython {
        executable: session.services().absolute(&*session.read_form(executable)),
        parts: session.parts(),
        section,
    }))
}

fn is_section(named: &str) -> bool {
    !matches!(strip(named), "" | BUILDOUT_SECTION)
}

/// Tells whether a Python has to be installed, wholly or in part.
fn needs_work(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    python: &ProfilePython,
) -> Result<bool, Failure> {
    if python.parts.is_empty() {
        return Ok(false);
    }
    let names: Vec<String> = python.parts.iter().map(ToString::to_string).collect();
    let plan = Plan::new(session, settings, &names);
    // The signatures are options only while it is decided.
    for part in &python.parts {
        session.unsign(part);
    }
    Ok(!python.executable.exists() || plan?.has_changes())
}

/// Remembers the Python of a run, or that the profile does not say which.
fn remember(directory: &Path, python: Option<&Path>) -> Result<(), Failure> {
    let path = file(directory);
    let failed = |source: io::Error| {
        let (verb, path) = ("write", path.clone());
        Failure::from(Problem::Io { verb, path, source })
    };
    let Some(python) = python else {
        return match fs::remove_file(&path) {
            // What is wrong with the directory is told by who needs it.
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                Err(failed(error))
            }
            _ => Ok(()),
        };
    };
    let text = format!("{}\n", python.display());
    if fs::read_to_string(&path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    fs::create_dir_all(directory.join(OWN_DIRECTORY)).map_err(failed)?;
    replace_file(&path, text.as_bytes()).map_err(|error| failed(io::Error::other(error)))
}

fn file(directory: &Path) -> PathBuf {
    directory.join(OWN_DIRECTORY).join(FILE_NAME)
}
