//! The world as markers see it.

use std::io;

use buildout_core::profile::condition::{Access, ConditionEnvironment, PathKind, Uname};
use buildout_core::python::{PythonError, PythonIdentity};

/// The facts that markers ask for: those of the Python that distributions are
/// for, which need not run here, and those of the machine.
#[derive(Clone, Debug)]
pub struct MarkerEnvironment {
    python: PythonIdentity,
    uname: Uname,
}

impl MarkerEnvironment {
    /// Takes the facts.
    pub fn new(python: PythonIdentity, uname: Uname) -> Self {
        MarkerEnvironment { python, uname }
    }

    /// Returns the facts about Python.
    pub fn identity(&self) -> &PythonIdentity {
        &self.python
    }

    /// Returns the facts about the machine.
    pub fn machine(&self) -> &Uname {
        &self.uname
    }
}

/// Markers ask for nothing that changes: no variable and no file.
impl ConditionEnvironment for MarkerEnvironment {
    fn python(&self) -> Result<&PythonIdentity, PythonError> {
        Ok(&self.python)
    }

    fn uname(&self) -> &Uname {
        &self.uname
    }

    fn environment_variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn path_kind(&self, _path: &str) -> Option<PathKind> {
        None
    }

    fn can_access(&self, _path: &str, _access: Access) -> bool {
        false
    }

    fn read_file(&self, _path: &str) -> io::Result<String> {
        Err(io::Error::from(io::ErrorKind::NotFound))
    }
}
