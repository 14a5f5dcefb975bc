//! A failure of a run, with everything needed to explain it.

use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::downloads::{RefusedDownload, show_refused};
use super::locking::LockProblem;
use crate::extends::{ExtendsError, Place};
use crate::fetch::RedactedUrl;
use crate::recipe::{RecipeError, RecipeErrorKind};
use crate::resolve::{Doing, ResolveProblem};
use crate::state::installed::InstalledError;
use crate::state::journal::JournalError;
use crate::state::removal::RemovalError;
use crate::state::run_lock::LockError;
use crate::value::str_repr;

/// A place in a profile that has to do with a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub place: Place,
    /// What it has to do with the failure.
    pub text: String,
}

/// What failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The profiles cannot be loaded.
    Extends(ExtendsError),
    /// The configuration cannot be resolved.
    Resolve(ResolveProblem),
    /// An option of `[buildout]` has an unusable value.
    Setting {
        /// The option.
        option: &'static str,
        /// Upstream's text.
        message: String,
    },
    /// `recipe` is not `distribution` or `distribution:entry`.
    RecipeReference {
        /// The part.
        part: String,
        /// The value.
        value: String,
    },
    /// Nothing implements a recipe.
    UnknownRecipe {
        /// The part.
        part: String,
        /// The value of `recipe`.
        recipe: String,
    },
    /// The recipe of a part acts on the world when it is constructed, which
    /// is not wanted now.
    NotConstructed {
        /// The part.
        part: String,
        /// The value of `recipe`.
        recipe: String,
    },
    /// A recipe failed.
    Recipe {
        /// The part.
        part: String,
        /// How.
        error: RecipeError,
    },
    /// A recipe panicked, which is a bug in it.
    RecipePanicked {
        /// The part.
        part: String,
        /// The message of the panic.
        message: String,
    },
    /// Another run is at work in the directory.
    RunLock(LockError),
    /// The journal of the run cannot be read or written.
    Journal(JournalError),
    /// A thread cannot be started.
    Thread(std::io::Error),
    /// Downloads cannot be made, known before anything was done.
    Downloads(Vec<RefusedDownload>),
    /// Profiles are in no cache, and the network is forbidden.
    MissingProfiles(Vec<ExtendsError>),
    /// A lock file is wrong, or the run is not what it locks.
    Lock(LockProblem),
    /// The record of what is installed cannot be read or written.
    State(InstalledError),
    /// What is to be removed cannot be bounded.
    Removal(RemovalError),
    /// What a part installed cannot be removed.
    Uninstall {
        /// The part.
        part: String,
        /// Why each path stays.
        failures: Vec<RemovalError>,
    },
    /// A file or directory cannot be made or read.
    Io {
        /// What was tried, as a verb.
        verb: &'static str,
        /// The path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The parts that the Python of a profile comes from are installed, and it is not
    /// there.
    MissingPython {
        /// The section that `[buildout] python` names.
        section: String,
        /// Its `executable`.
        executable: PathBuf,
    },
    /// For each Python that a profile names, it names another one.
    NoLastPython {
        /// The section that `[buildout] python` names.
        section: String,
        /// Its `executable`, for the last one tried.
        executable: PathBuf,
    },
    /// Something that upstream does and this engine does not.
    Unsupported {
        /// What it is.
        what: String,
    },
    /// The run was cancelled.
    Cancelled,
    /// A handle outlived the run.
    EngineGone,
    /// A handle for other threads was used on the engine thread.
    EngineThread,
    /// The engine answered a call with the answer of another one: a bug.
    UnexpectedAnswer,
}

/// A failure of a run.
#[derive(Debug)]
pub struct Failure {
    problem: Box<Problem>,
    /// What was being done, outermost first.
    doing: Vec<Doing>,
    /// The places to show: the cause first, then what led to it.
    labels: Vec<Label>,
    hint: Option<String>,
    /// What else failed in the same run.
    others: Vec<Failure>,
    backtrace: Arc<Backtrace>,
}

impl Failure {
    /// Adds what else failed.
    #[must_use]
    pub(crate) fn with_others(mut self, others: Vec<Failure>) -> Self {
        self.others.extend(others);
        self
    }

    /// Returns what else failed in the same run, in the order of time.
    pub fn others(&self) -> &[Failure] {
        &self.others
    }

    /// Returns the resource that a recipe may not download, if this is what
    /// failed.
    pub(super) fn missing_offline(&self) -> Option<&RedactedUrl> {
        match &*self.problem {
            Problem::Recipe { error, .. } => error.missing_offline(),
            _ => None,
        }
    }

    /// Tells whether this is only the consequence of a request to stop.
    pub fn is_cancelled(&self) -> bool {
        match &*self.problem {
            Problem::Cancelled | Problem::RunLock(LockError::Cancelled { .. }) => true,
            Problem::Recipe { error, .. } => error.kind() == RecipeErrorKind::Cancelled,
            _ => false,
        }
    }

    /// Returns where in the engine the failure arose. It is always captured,
    /// which costs microseconds; only showing it looks for symbols.
    pub fn backtrace(&self) -> &Backtrace {
        &self.backtrace
    }

    /// Puts what was being done around the failure.
    #[must_use]
    pub fn during(mut self, mut doing: Vec<Doing>) -> Self {
        doing.append(&mut self.doing);
        self.doing = doing;
        self
    }

    /// Adds a place to show.
    #[must_use]
    pub fn with_label(mut self, place: Option<Place>, text: impl Into<String>) -> Self {
        if let Some(place) = place {
            self.labels.push(Label {
                place,
                text: text.into(),
            });
        }
        self
    }

    /// Adds a place to show unless there is one already.
    #[must_use]
    pub(crate) fn with_only_label(self, place: Option<Place>, text: &str) -> Self {
        if self.labels.is_empty() {
            self.with_label(place, text)
        } else {
            self
        }
    }

    /// Adds advice, unless there is some already.
    #[must_use]
    pub fn with_hint(mut self, hint: Option<String>) -> Self {
        self.hint = self.hint.or(hint);
        self
    }

    /// Returns what failed.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// Returns the part whose recipe failed, if one did.
    pub fn part(&self) -> Option<&str> {
        match &*self.problem {
            Problem::Recipe { part, .. } | Problem::RecipePanicked { part, .. } => Some(part),
            _ => None,
        }
    }

    /// Returns what was being done, outermost first.
    pub fn doing(&self) -> &[Doing] {
        &self.doing
    }

    /// Returns the places to show: the cause first, then what led to it.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// Returns advice that, followed, mends the failure.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the exit code of the command.
    pub fn exit_code(&self) -> i32 {
        match &*self.problem {
            Problem::Recipe { error, .. } => match error.kind() {
                RecipeErrorKind::Exit(code) => code,
                _ => 1,
            },
            _ => 1,
        }
    }

    /// Tells whether a recipe ended the run by itself, without an error.
    pub fn is_exit(&self) -> bool {
        matches!(
            &*self.problem,
            Problem::Recipe { error, .. } if matches!(error.kind(), RecipeErrorKind::Exit(_))
        )
    }

    /// Returns the class of the exception that upstream shows for this as an
    /// internal error; `None` for errors of the user.
    pub fn upstream_exception(&self) -> Option<&'static str> {
        match &*self.problem {
            Problem::Extends(error) if !error.is_user_error() => Some(error.upstream_exception()),
            Problem::Resolve(ResolveProblem::SectionExists { .. }) => Some("KeyError"),
            Problem::RecipeReference { .. } => Some("ValueError"),
            Problem::Recipe { error, .. } => match error.kind() {
                RecipeErrorKind::Internal { exception } => Some(exception),
                _ => None,
            },
            Problem::RecipePanicked { .. } => Some("Panic"),
            Problem::Io { .. } | Problem::Thread(_) => Some("OSError"),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Extends(error) => error.fmt(f),
            Problem::Resolve(problem) => problem.fmt(f),
            Problem::Setting { message, .. } => f.write_str(message),
            Problem::RecipeReference { value, .. } => {
                write!(f, "Invalid recipe: {}", str_repr(value))
            }
            Problem::UnknownRecipe { recipe, .. } => {
                write!(f, "There is no recipe {}.", str_repr(recipe))
            }
            Problem::NotConstructed { recipe, .. } => write!(
                f,
                "the recipe {} acts on the world when it is constructed",
                str_repr(recipe)
            ),
            Problem::Recipe { error, .. } => error.fmt(f),
            Problem::RecipePanicked { part, message } => {
                write!(f, "the recipe of part `{part}` panicked: {message}")
            }
            Problem::RunLock(error) => error.fmt(f),
            Problem::Journal(error) => error.fmt(f),
            Problem::Thread(error) => write!(f, "failed to start a thread: {error}"),
            Problem::Downloads(refused) => show_refused(refused, f),
            Problem::MissingProfiles(errors) => {
                write!(f, "{} profiles cannot be loaded:", errors.len())?;
                errors.iter().try_for_each(|error| write!(f, "\n  {error}"))
            }
            Problem::Lock(problem) => problem.fmt(f),
            Problem::State(error) => error.fmt(f),
            Problem::Removal(error) => error.fmt(f),
            Problem::Uninstall { part, failures } => {
                write!(f, "failed to remove what part `{part}` installed:")?;
                for failure in failures {
                    write!(f, "\n  {failure}")?;
                    if let Some(source) = failure.source() {
                        write!(f, ": {source}")?;
                    }
                }
                Ok(())
            }
            Problem::Io { verb, path, source } => {
                write!(f, "failed to {verb} `{}`: {source}", path.display())
            }
            Problem::MissingPython {
                section,
                executable,
            } => write!(
                f,
                "the parts that [{section}] needs are installed, and there is no Python `{}`",
                executable.display()
            ),
            Problem::NoLastPython {
                section,
                executable,
            } => write!(
                f,
                "[{section}] is another one for each Python that it makes, for `{}` too",
                executable.display()
            ),
            Problem::Unsupported { what } => write!(f, "Not supported: {what}."),
            Problem::Cancelled => f.write_str("the run was cancelled"),
            Problem::EngineGone => f.write_str("the run this handle belongs to is over"),
            Problem::EngineThread => {
                f.write_str("a handle for other threads was used on the engine thread")
            }
            Problem::UnexpectedAnswer => f.write_str("the engine gave an answer to another call"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.problem {
            Problem::Extends(error) => error.source(),
            Problem::Recipe { error, .. } => error.source(),
            Problem::Journal(error) => error.source(),
            Problem::State(error) => error.source(),
            Problem::Removal(error) => error.source(),
            Problem::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Failure {
            problem: Box::new(problem),
            doing: Vec::new(),
            labels: Vec::new(),
            hint: None,
            others: Vec::new(),
            backtrace: Arc::new(Backtrace::force_capture()),
        }
    }
}

impl From<ExtendsError> for Failure {
    fn from(error: ExtendsError) -> Self {
        let labels = error
            .places()
            .into_iter()
            .map(|place| Label {
                place: place.clone(),
                text: String::new(),
            })
            .collect();
        let hint = error.hint();
        Failure {
            labels,
            hint,
            ..Problem::Extends(error).into()
        }
    }
}

impl Failure {
    /// Tells of all profiles that an offline run misses; `None` without any.
    pub fn of_missing_profiles(mut errors: Vec<ExtendsError>) -> Option<Self> {
        if errors.len() < 2 {
            return errors.pop().map(Failure::from);
        }
        let places = errors.iter().flat_map(ExtendsError::places);
        let labels = places.map(|place| Label {
            place: place.clone(),
            text: String::new(),
        });
        Some(Failure {
            labels: labels.collect(),
            hint: errors.first().and_then(ExtendsError::hint),
            ..Problem::MissingProfiles(errors).into()
        })
    }
}

impl From<ResolveProblem> for Failure {
    fn from(problem: ResolveProblem) -> Self {
        Problem::Resolve(problem).into()
    }
}

impl From<InstalledError> for Failure {
    fn from(error: InstalledError) -> Self {
        let hint = error.hint();
        Failure::from(Problem::State(error)).with_hint(hint)
    }
}
