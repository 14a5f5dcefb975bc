//! Everything the command takes from the process it runs in, read once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::terminal::{Style, TerminalSize};

/// The process's directory, environment and the like.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The current directory.
    pub working_directory: String,
    /// The environment variables.
    pub environment: BTreeMap<OsString, OsString>,
    /// The mode bits that new files do not get.
    pub umask: u32,
    /// How many jobs a run may have at once if nobody says: `BUILDOUT_JOBS`, or
    /// the number of processors.
    pub default_jobs: usize,
    /// Whether failures may be coloured.
    pub colour: bool,
    /// The terminal that standard output is, if it can show more than lines.
    pub terminal: Option<Terminal>,
}

/// A terminal that the view of a run can be drawn on.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// What it can show.
    pub style: Style,
    /// Whether standard error is a terminal too; they are one then.
    pub carries_stderr: bool,
    /// Asks for its size, which may change.
    pub ask_size: fn() -> Option<TerminalSize>,
}

impl Terminal {
    /// Returns its size; that of an old one if it does not know.
    pub fn size(&self) -> TerminalSize {
        let size = (self.ask_size)().filter(|size| size.columns > 0 && size.rows > 0);
        size.unwrap_or(TerminalSize {
            columns: 80,
            rows: 24,
        })
    }

    /// The terminal that this process writes to: none that only knows lines,
    /// and none that a build server pretends to be.
    fn of_process(environment: &BTreeMap<OsString, OsString>) -> Option<Self> {
        let variable = |name: &str| environment.get(OsStr::new(name)).filter(|v| !v.is_empty());
        let unattended = variable("CI").is_some_and(|value| value != "false" && value != "0");
        let kind = variable("TERM").filter(|kind| *kind != "dumb");
        if !io::stdout().is_terminal() || kind.is_none() || unattended {
            return None;
        }
        let language = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(variable);
        let language = language.map(|value| value.to_string_lossy().to_uppercase());
        let unicode = language.is_some_and(|l| l.contains("UTF-8") || l.contains("UTF8"));
        Some(Terminal {
            style: Style {
                colour: !environment.contains_key(OsStr::new("NO_COLOR")),
                unicode,
            },
            carries_stderr: io::stderr().is_terminal(),
            ask_size: || {
                let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
                Some(TerminalSize {
                    columns: size.ws_col.into(),
                    rows: size.ws_row.into(),
                })
            },
        })
    }
}

impl Surroundings {
    /// Reads them from this process.
    ///
    /// # Errors
    ///
    /// The current directory does not exist or has no UTF-8 name.
    pub fn of_process() -> io::Result<Self> {
        let environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        let working_directory = std::env::current_dir()?
            .into_os_string()
            .into_string()
            .map_err(|path| {
                let text = format!("the current directory {} is not UTF-8", path.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?;
        let no_colour = environment.contains_key(OsStr::new("NO_COLOR"));
        Ok(Surroundings {
            working_directory,
            umask: process_umask(),
            default_jobs: default_jobs(&environment),
            colour: !no_colour && io::stderr().is_terminal(),
            terminal: Terminal::of_process(&environment),
            environment,
        })
    }

    /// Returns an environment variable, if it is set and UTF-8.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(OsStr::new(name))?.to_str()
    }

    /// Returns the user's home directory.
    pub fn home(&self) -> Option<&str> {
        self.variable("HOME").filter(|home| !home.is_empty())
    }

    /// Returns the user's `default.cfg`, if it exists.
    pub fn user_defaults(&self) -> Option<String> {
        let directory = match self.variable("BUILDOUT_HOME") {
            Some(directory) => directory.to_owned(),
            None => format!("{}/.buildout", self.home()?.trim_end_matches('/')),
        };
        let path = PathBuf::from(&self.working_directory)
            .join(directory)
            .join("default.cfg");
        path.exists()
            .then(|| path.into_os_string().into_string().ok())
            .flatten()
    }

    /// Returns where temporary files go.
    pub fn temporary_directory(&self) -> PathBuf {
        let directory = self.variable("TMPDIR").filter(|path| !path.is_empty());
        PathBuf::from(directory.unwrap_or("/tmp"))
    }

    /// Returns where this program keeps what it may forget.
    pub fn cache_directory(&self) -> Option<PathBuf> {
        let directory = match self
            .variable("XDG_CACHE_HOME")
            .filter(|p| p.starts_with('/'))
        {
            Some(directory) => PathBuf::from(directory),
            None => PathBuf::from(self.home()?).join(".cache"),
        };
        Some(directory.join("buildout"))
    }

    /// Returns the first `python3` on the search path, without running it.
    pub fn python_on_path(&self) -> Option<PathBuf> {
        let path = self.environment.get(OsStr::new("PATH"))?;
        path.as_bytes()
            .split(|byte| *byte == b':')
            .filter(|directory| !directory.is_empty())
            .map(|directory| PathBuf::from(OsStr::from_bytes(directory)).join("python3"))
            .find(|candidate| candidate.is_file())
    }
}

/// Returns `BUILDOUT_JOBS` if that is a number from 1 on, else the number of
/// processors that may be used.
fn default_jobs(environment: &BTreeMap<OsString, OsString>) -> usize {
    let variable = environment.get(OsStr::new("BUILDOUT_JOBS"));
    variable
        .and_then(|jobs| jobs.to_str()?.parse().ok())
        .filter(|jobs| *jobs > 0)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Reads the umask without changing it for a moment, which other threads would
/// notice.
fn process_umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))
        .and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(0o022)
}
