//! The machine, as conditions of section headers see it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::dialect::Dialect;
use crate::profile::condition::{
    Access, ConditionEnvironment, ConditionError, ConditionNames, PathKind, Uname, evaluate,
};
use crate::profile::syntax::ConditionalHeader;
use crate::python::{PythonError, PythonIdentity, PythonIdentitySource};

/// The facts that conditions may ask for. Python is asked last: only what is
/// Python's own starts it.
pub struct HostFacts {
    uname: Uname,
    environment: BTreeMap<OsString, OsString>,
    python: Arc<dyn PythonIdentitySource + Send + Sync>,
}

impl HostFacts {
    /// Takes the environment variables and the Python from the caller, and the
    /// rest from the operating system.
    pub fn new(
        environment: BTreeMap<OsString, OsString>,
        python: Arc<dyn PythonIdentitySource + Send + Sync>,
    ) -> Self {
        let uname = rustix::system::uname();
        let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
        HostFacts {
            uname: Uname {
                system: text(uname.sysname()),
                node: text(uname.nodename()),
                release: text(uname.release()),
                version: text(uname.version()),
                machine: text(uname.machine()),
            },
            environment,
            python,
        }
    }

    /// Decides the condition of a section header.
    ///
    /// # Errors
    ///
    /// The condition fails, or uses what is not supported.
    pub fn decide(
        &self,
        header: &ConditionalHeader<'_>,
        dialect: &Dialect,
    ) -> Result<bool, ConditionError> {
        let names = ConditionNames {
            multiarch: dialect.multiarch,
        };
        evaluate(header.expression, names, self)
    }
}

impl ConditionEnvironment for HostFacts {
    fn python(&self) -> Result<&PythonIdentity, PythonError> {
        self.python.identity()
    }

    fn uname(&self) -> &Uname {
        &self.uname
    }

    fn environment_variable(&self, name: &str) -> Option<String> {
        let value = self.environment.get(std::ffi::OsStr::new(name))?;
        value.to_str().map(ToOwned::to_owned)
    }

    fn path_kind(&self, path: &str) -> Option<PathKind> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(if metadata.is_dir() {
            PathKind::Directory
        } else if metadata.is_file() {
            PathKind::File
        } else {
            PathKind::Other
        })
    }

    fn can_access(&self, path: &str, access: Access) -> bool {
        let mut wanted = rustix::fs::Access::EXISTS;
        for (asked, flag) in [
            (access.read, rustix::fs::Access::READ_OK),
            (access.write, rustix::fs::Access::WRITE_OK),
            (access.execute, rustix::fs::Access::EXEC_OK),
        ] {
            if asked {
                wanted |= flag;
            }
        }
        rustix::fs::access(Path::new(path), wanted).is_ok()
    }

    fn read_file(&self, path: &str) -> io::Result<String> {
        std::fs::read_to_string(path)
    }
}
