//! How a process ended.

use std::{fmt, os::unix::process::ExitStatusExt as _, process::ExitStatus};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It exited with this status; 0 is success.
    Exited(i32),
    /// This signal ended it.
    Signalled(i32),
}

impl Outcome {
    /// Returns whether the process exited with status 0.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }

    /// Returns the end of the message of Python's `subprocess.CalledProcessError`, which begins
    /// with `Command 'COMMAND' ` (the command is a text, or the `repr` of its list of arguments).
    ///
    /// ```
    /// use buildout_core::exec::outcome::Outcome;
    /// let text = Outcome::Exited(2).python_text();
    /// assert_eq!(text, "returned non-zero exit status 2.");
    /// let text = Outcome::Signalled(15).python_text();
    /// assert_eq!(text, "died with <Signals.SIGTERM: 15>.");
    /// ```
    pub fn python_text(self) -> String {
        match self {
            Self::Exited(status) => format!("returned non-zero exit status {status}."),
            Self::Signalled(signal) => match signal_name(signal) {
                Some(name) => format!("died with <Signals.{name}: {signal}>."),
                None => format!("died with unknown signal {signal}."),
            },
        }
    }
}

impl From<ExitStatus> for Outcome {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, Some(signal)) => Self::Signalled(signal),
            // A process that was waited for has one of the two.
            (None, None) => Self::Exited(status.into_raw()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status) => write!(formatter, "exit status {status}"),
            Self::Signalled(signal) => match signal_name(*signal) {
                Some(name) => write!(formatter, "signal {signal} ({name})"),
                None => write!(formatter, "signal {signal}"),
            },
        }
    }
}

/// The names of the signals 1 to 31 on Linux, as Python has them.
const SIGNAL_NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

fn signal_name(signal: i32) -> Option<&'static str> {
    match signal {
        34 => Some("SIGRTMIN"),
        64 => Some("SIGRTMAX"),
        _ => {
            let index = usize::try_from(signal).ok()?.checked_sub(1)?;
            SIGNAL_NAMES.get(index).copied()
        }
    }
}
