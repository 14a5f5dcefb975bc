//! Everything the command takes from the process it runs in, read once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use buildout_core::calendar::date_of_day;
use buildout_core::exec::cancel::CancellationToken;

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
    /// How the program was called, for advice on what to type next.
    pub program: String,
    /// The path of this program, and the words that make it `buildout`, for the
    /// script `bin/buildout`. None, and no such script is written.
    pub launched_by: Vec<String>,
    /// A name for this run, which orders runs by time.
    pub run: String,
    /// Whether the process ends when the command has ended. Then large values
    /// are not taken apart before, which takes a tenth of a short command's time.
    pub ends_with_command: bool,
    /// Has the token cancelled from now on when the process is told to end. It is
    /// called by commands that have something to end in order.
    pub watch_signals: fn(&CancellationToken),
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
            program: std::env::args_os()
                .next()
                .and_then(|program| program.into_string().ok())
                .unwrap_or_else(|| "buildout".to_owned()),
            launched_by: std::env::current_exe()
                .ok()
                .and_then(|path| path.into_os_string().into_string().ok())
                .into_iter()
                .collect(),
            run: run_name(SystemTime::now(), std::process::id()),
            ends_with_command: false,
            watch_signals: |_| {},
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

    /// Returns the file with logins by host: `$NETRC`, else `~/.netrc`.
    pub fn netrc(&self) -> Option<PathBuf> {
        let named = self.variable("NETRC").filter(|path| !path.is_empty());
        match named {
            Some(path) => Some(PathBuf::from(&self.working_directory).join(path)),
            None => Some(PathBuf::from(self.home()?).join(".netrc")),
        }
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
    // It stands in the second line, so one read is enough.
    let mut status = [0; 256];
    let read = std::fs::File::open("/proc/self/status").and_then(|mut file| file.read(&mut status));
    String::from_utf8_lossy(&status[..read.unwrap_or_default()])
        .lines()
        .find_map(|line| line.strip_prefix("Umask:"))
        .and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(0o022)
}

/// Returns the time in UTC, to the millisecond, and the process, which keeps
/// runs of one moment apart.
fn run_name(time: SystemTime, process: u32) -> String {
    const DAY: u64 = 24 * 60 * 60;
    // A clock before 1970 is as good as none.
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, milliseconds) = (since.as_secs(), since.subsec_millis());
    let (year, month, day) = date_of_day(seconds / DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!(
        "{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}-{milliseconds:03}-{process}"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn runs_are_named_by_their_time() {
        // As `date -u --date=@SECONDS` tells.
        for (seconds, name) in [
            (0, "19700101-000000-007-42"),
            (951_782_399, "20000228-235959-007-42"),
            (951_782_400, "20000229-000000-007-42"),
            (951_868_800, "20000301-000000-007-42"),
            (1_767_225_599, "20251231-235959-007-42"),
            (1_795_893_532, "20261128-191852-007-42"),
            (4_107_542_400, "21000301-000000-007-42"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(7);
            assert_eq!(run_name(time, 42), name);
        }
    }
}
