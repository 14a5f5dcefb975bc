//! Everything the command takes from the process it runs in, read once.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The process's directory, environment and the like.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The current directory.
    pub working_directory: String,
    /// The environment variables.
    pub environment: BTreeMap<OsString, OsString>,
    /// The mode bits that new files do not get.
    pub umask: u32,
    /// Whether failures may be coloured.
    pub colour: bool,
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
            colour: !no_colour && io::stderr().is_terminal(),
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
