//! What a condition may ask about the world.

use std::io;

use crate::python::{PythonError, PythonIdentity};

/// The facts of the operating system that `uname` gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uname {
    /// The name of the system, for instance `Linux`.
    pub system: String,
    /// The name of the host.
    pub node: String,
    /// The release, for instance `6.1.0-13-amd64`.
    pub release: String,
    /// The build of the release.
    pub version: String,
    /// The hardware, for instance `x86_64`.
    pub machine: String,
}

/// The world as conditions see it. Each method is asked only when an expression
/// needs the fact, so an implementation can be lazy; in particular only what is
/// really Python's own asks for [`python`](Self::python).
pub trait ConditionEnvironment {
    /// Returns the identity of the Python the profile is evaluated for.
    ///
    /// # Errors
    /// It has to be probed and the probe fails.
    fn python(&self) -> Result<&PythonIdentity, PythonError>;

    /// Returns what the operating system says about itself.
    fn uname(&self) -> &Uname;

    /// Returns Python's `sys.platform`. By default it is derived from
    /// [`uname`](Self::uname) as Python does for the systems we run on.
    fn sys_platform(&self) -> String {
        self.uname().system.to_lowercase()
    }

    /// Returns Python's `os.name`.
    fn os_name(&self) -> &str {
        "posix"
    }

    /// Returns Python's `sys.byteorder`: `little` or `big`. By default that of
    /// the machine this program was compiled for.
    fn byte_order(&self) -> &str {
        if cfg!(target_endian = "big") {
            "big"
        } else {
            "little"
        }
    }

    /// Returns the Debian-style triplet that the SlapOS dialect names
    /// `multiarch`. By default it is derived from the machine; nothing if the
    /// machine is not known.
    fn multiarch(&self) -> Option<String> {
        multiarch_of(&self.uname().machine).map(ToOwned::to_owned)
    }

    /// Returns name and version of the C library, as Python's
    /// `platform.libc_ver()` does, if known.
    fn libc_version(&self) -> Option<(String, String)> {
        None
    }

    /// Returns an environment variable.
    fn environment_variable(&self, name: &str) -> Option<String>;

    /// Tells what is at a path, following symbolic links; nothing if nothing
    /// is.
    fn path_kind(&self, path: &str) -> Option<PathKind>;

    /// Tells whether the process may use a path as `os.access` asks.
    fn can_access(&self, path: &str, access: Access) -> bool;

    /// Reads a whole text file.
    ///
    /// # Errors
    /// The file cannot be read or is not UTF-8.
    fn read_file(&self, path: &str) -> io::Result<String>;
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

/// The uses of a path that `os.access` asks about together. All false asks
/// whether the path exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Access {
    /// `os.R_OK`.
    pub read: bool,
    /// `os.W_OK`.
    pub write: bool,
    /// `os.X_OK`.
    pub execute: bool,
}

/// Returns Debian's triplet for a machine as `uname` names it.
pub fn multiarch_of(machine: &str) -> Option<&'static str> {
    Some(match machine {
        "x86_64" | "amd64" => "x86_64-linux-gnu",
        "i386" | "i486" | "i586" | "i686" => "i386-linux-gnu",
        "aarch64" | "arm64" => "aarch64-linux-gnu",
        "armv6l" | "armv7l" | "armv8l" => "arm-linux-gnueabihf",
        "riscv64" => "riscv64-linux-gnu",
        "loongarch64" => "loongarch64-linux-gnu",
        "ppc64le" => "powerpc64le-linux-gnu",
        "s390x" => "s390x-linux-gnu",
        _ => return None,
    })
}
