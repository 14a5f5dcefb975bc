//! What is told while distributions are looked for.

use buildout_core::event::Level;

/// The logger that upstream uses for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logger {
    /// `zc.buildout.easy_install`, whose records are shown without a name.
    EasyInstall,
    /// The root logger, which setuptools uses for pages; shown as `root: `.
    Root,
}

/// Receives what upstream logs, in upstream's order: never from the threads
/// that work ahead.
pub trait Log: Send + Sync {
    /// Takes a record.
    fn log(&self, logger: Logger, level: Level, message: String);

    /// Says whether the run is over.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Drops everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLog;

impl Log for NoLog {
    fn log(&self, _logger: Logger, _level: Level, _message: String) {}
}
