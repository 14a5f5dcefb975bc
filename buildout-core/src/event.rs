//! What a run tells about itself.
//!
//! One enum is the contract between the engine and its front ends; a terminal
//! view, a plain log and a machine format are three renderings of it. Events
//! that zc.buildout logs know upstream's record ([`Event::log_record`]); all
//! have a form for machines ([`Event::to_json`]), which `docs/events.md`
//! documents. What a run did and when is a [`Timeline`].

mod critical_path;
mod json;
mod timeline;

use std::path::PathBuf;
use std::sync::Arc;

use crate::resolve::OptionMap;
use crate::run::Reason;
use crate::value::str_repr;

pub use critical_path::{CriticalPath, PathStep};
pub use timeline::{DownloadSpan, PartEnd, PartSpan, PhaseSpan, Timeline};

/// The version of the events; it rises when a variant or a member of its
/// machine form changes its meaning or goes away. New ones do not raise it.
pub const EVENT_VERSION: u32 = 1;

/// The importance of a log record, Python's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 10.
    Debug,
    /// 20.
    Info,
    /// 30.
    Warning,
    /// 40.
    Error,
}

impl Level {
    /// Returns Python's number.
    pub fn number(self) -> i64 {
        match self {
            Level::Debug => 10,
            Level::Info => 20,
            Level::Warning => 30,
            Level::Error => 40,
        }
    }

    /// Returns Python's name.
    pub fn name(self) -> &'static str {
        match self {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warning => "WARNING",
            Level::Error => "ERROR",
        }
    }
}

/// The name of upstream's own logger.
pub const ENGINE_LOGGER: &str = "zc.buildout";

/// A record of Python's `logging`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// The importance.
    pub level: Level,
    /// The logger: [`ENGINE_LOGGER`], or the part for what recipes log.
    pub logger: Arc<str>,
    /// The text, possibly of several lines.
    pub message: String,
}

/// What is done to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartAction {
    /// It is installed anew.
    Install,
    /// It is brought up to date.
    Update,
    /// What it had installed is removed.
    Uninstall,
}

/// Identifies a download among those of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DownloadId(pub u64);

/// How a download ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadEnd {
    /// It is complete and verified.
    Complete,
    /// It failed; whoever wanted it tells why.
    Failed,
}

/// Which stream of a command a chunk of output comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Two parts of which one must be finished before the other starts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartOrder {
    /// The part that comes first.
    pub before: Arc<str>,
    /// The part that needs it.
    pub after: Arc<str>,
}

/// Something that happened in a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// An entry of `optional-extends` does not exist.
    ExtendsSkipped {
        /// The entry.
        name: String,
    },
    /// A directory of the buildout was made.
    DirectoryCreated {
        /// The directory.
        path: String,
    },
    /// The wanted parts are constructed; nothing was done yet.
    Configured {
        /// The sections in use, sorted, with their options as far as known.
        sections: Vec<(Arc<str>, OptionMap)>,
    },
    /// The order that the installations and updates will keep.
    PartsOrdered {
        /// The pairs, in no order of their own.
        order: Vec<PartOrder>,
    },
    /// What is to be done is decided, and what is no longer wanted is
    /// uninstalled: the installations and updates begin.
    InstallationStarted {
        /// The parts to install or update, in order.
        parts: Vec<Arc<str>>,
        /// How many jobs may run at once.
        jobs: usize,
    },
    /// Work on a part starts.
    PartStarted {
        /// The part.
        part: Arc<str>,
        /// What is done.
        action: PartAction,
    },
    /// Work on a part ended well.
    PartFinished {
        /// The part.
        part: Arc<str>,
        /// What was done.
        action: PartAction,
    },
    /// Work on a part failed or was cancelled.
    PartFailed {
        /// The part.
        part: Arc<str>,
        /// What was being done.
        action: PartAction,
    },
    /// A part enters a phase of its installation or update.
    PartPhase {
        /// The part.
        part: Arc<str>,
        /// The phase, in a word or two: "configure", "make".
        phase: Arc<str>,
    },
    /// Work must wait for another process.
    Waiting {
        /// The part that waits; `None` if the whole run does.
        part: Option<Arc<str>>,
        /// What for, as the end of "waiting for ...".
        what: String,
    },
    /// A download from the network starts.
    DownloadStarted {
        /// The download.
        download: DownloadId,
        /// The part that wants it; `None` if none does yet.
        part: Option<Arc<str>>,
        /// The address, without credentials.
        url: String,
    },
    /// Bytes of a download came in.
    DownloadProgress {
        /// The download.
        download: DownloadId,
        /// Bytes so far.
        received: u64,
        /// Bytes in all, if the server said so.
        total: Option<u64>,
    },
    /// A download ended.
    DownloadFinished {
        /// The download.
        download: DownloadId,
        /// Bytes received.
        received: u64,
        /// How it ended.
        end: DownloadEnd,
    },
    /// A part's recipe has a way of its own to uninstall, which runs.
    UninstallRecipe {
        /// The part.
        part: Arc<str>,
    },
    /// A part cannot stay as it is: it is uninstalled, and installed anew if
    /// it is still wanted.
    PartChanged {
        /// The part.
        part: Arc<str>,
        /// Why, the most telling reason first.
        reasons: Vec<Reason>,
    },
    /// An option differs from the one a part was installed with.
    OptionChanged {
        /// The part.
        part: Arc<str>,
        /// The option.
        option: Arc<str>,
        /// Its recorded value; `None` if the option is new.
        old: Option<Arc<str>>,
        /// Its value now; `None` if the option is gone.
        new: Option<Arc<str>>,
    },
    /// Options of a section were never read.
    UnusedOptions {
        /// The section.
        section: Arc<str>,
        /// The options, sorted.
        options: Vec<Arc<str>>,
    },
    /// A recipe returned no list of paths from its installation.
    NothingReturned {
        /// The part.
        part: Arc<str>,
    },
    /// A path of an uninstalled part was left alone: it lies outside the
    /// buildout.
    PathRefused {
        /// The part.
        part: Arc<str>,
        /// The path.
        path: PathBuf,
    },
    /// A log record of a recipe, or one of the engine's without a variant.
    Log(LogRecord),
    /// Output of a command that a part runs.
    Output {
        /// The part.
        part: Arc<str>,
        /// The stream.
        stream: OutputStream,
        /// The bytes, as they came.
        bytes: Vec<u8>,
    },
}

impl Event {
    /// A record of the engine's own logger.
    pub fn engine_log(level: Level, message: impl Into<String>) -> Self {
        Event::Log(LogRecord {
            level,
            logger: Arc::from(ENGINE_LOGGER),
            message: message.into(),
        })
    }

    /// Returns what zc.buildout logs for this event, if it does.
    pub fn log_record(&self) -> Option<LogRecord> {
        let (level, message) = match self {
            Event::Log(record) => return Some(record.clone()),
            Event::DirectoryCreated { path } => (
                Level::Info,
                format!("Creating directory {}.", str_repr(path)),
            ),
            Event::PartStarted { part, action } => {
                let verb = match action {
                    PartAction::Install => "Installing",
                    PartAction::Update => "Updating",
                    PartAction::Uninstall => "Uninstalling",
                };
                (Level::Info, format!("{verb} {part}."))
            }
            Event::UninstallRecipe { .. } => (Level::Info, "Running uninstall recipe.".to_owned()),
            Event::OptionChanged {
                part,
                option,
                old,
                new,
            } => {
                let message = match (old, new) {
                    (Some(_), None) => format!("Part {part}, dropped option {option}."),
                    (None, _) => format!("Part {part}, new option {option}."),
                    (Some(old), Some(new)) => format!(
                        "Part {part}, option {option} changed:\n{} != {}",
                        str_repr(new),
                        str_repr(old)
                    ),
                };
                (Level::Debug, message)
            }
            Event::UnusedOptions { section, options } => {
                let names: Vec<String> = options.iter().map(|name| str_repr(name)).collect();
                let message = format!(
                    "Section `{section}` contains unused option(s): {}.\nThis may be an indication for either a typo in the option's name or a bug in the used recipe.",
                    names.join(" ")
                );
                (Level::Warning, message)
            }
            Event::NothingReturned { part } => (
                Level::Warning,
                format!(
                    "The {part} install returned None.  A path or iterable os paths should be returned."
                ),
            ),
            Event::PathRefused { path, .. } => (
                Level::Warning,
                format!(
                    "Not removing '{}': it lies outside the buildout directory.",
                    path.display()
                ),
            ),
            Event::Waiting { part, what } => {
                let message = match part {
                    Some(part) => format!("Part {part} is waiting for {what}."),
                    None => format!("Waiting for {what}."),
                };
                (Level::Info, message)
            }
            Event::ExtendsSkipped { .. }
            | Event::Configured { .. }
            | Event::PartsOrdered { .. }
            | Event::InstallationStarted { .. }
            | Event::PartChanged { .. }
            | Event::PartFinished { .. }
            | Event::PartFailed { .. }
            | Event::PartPhase { .. }
            | Event::DownloadStarted { .. }
            | Event::DownloadProgress { .. }
            | Event::DownloadFinished { .. }
            | Event::Output { .. } => return None,
        };
        Some(LogRecord {
            level,
            logger: Arc::from(ENGINE_LOGGER),
            message,
        })
    }
}

/// Receives the events of a run, from any of its threads.
pub trait EventSink: Send + Sync {
    /// Takes one event. Must not block for long: the engine waits.
    fn emit(&self, event: Event);
}

/// A sink that drops everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn emit(&self, _event: Event) {}
}
