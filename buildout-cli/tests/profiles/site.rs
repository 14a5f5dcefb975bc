//! A directory of a test, and runs of the program under test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A fresh directory, removed at the end unless `PROFILES_KEEP` is set.
pub(crate) struct Site {
    _directory: Option<TempDir>,
    path: PathBuf,
    environment: BTreeMap<&'static str, OsString>,
}

impl Site {
    /// Makes the directory, and in it a home directory for the programs that run.
    pub(crate) fn create(name: &str) -> Self {
        Self::create_in(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
    }

    /// The same in the system's directory for temporary files: paths of sockets must be short.
    pub(crate) fn in_short_path(name: &str) -> Self {
        Self::create_in(&std::env::temp_dir(), name)
    }

    fn create_in(parent: &Path, name: &str) -> Self {
        let directory = fs::create_dir_all(parent)
            .and_then(|()| parent.canonicalize())
            .and_then(|parent| {
                tempfile::Builder::new()
                    .prefix(&format!("profiles-{name}-"))
                    .tempdir_in(parent)
            })
            .unwrap_or_else(|error| {
                panic!("cannot make a directory in {}: {error}", parent.display())
            });
        let path = directory.path().to_owned();
        let kept = std::env::var_os("PROFILES_KEEP").is_some();
        let directory = if kept {
            let _path = directory.keep();
            None
        } else {
            Some(directory)
        };
        let site = Site {
            _directory: directory,
            environment: BTreeMap::from([
                ("HOME", path.join("home").into()),
                // Outputs are compared; no slow run may end with a summary.
                ("BUILDOUT_PROGRESS", "never".into()),
                ("LC_ALL", "C".into()),
                ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ]),
            path,
        };
        site.make_directory("home");
        site
    }

    /// Sets a variable for all programs that run.
    pub(crate) fn with_variable(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.insert(name, value.into());
        self
    }

    /// Returns a path in the directory, or the directory itself for an empty name.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.path.join(relative)
    }

    /// Makes a directory in the directory.
    pub(crate) fn make_directory(&self, relative: &str) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(&path)
            .unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
        path
    }

    /// Reads a file of the directory.
    pub(crate) fn read(&self, relative: &str) -> String {
        let path = self.path(relative);
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    /// Prepares a program: in this directory, with only this site's environment.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.path)
            .env_clear()
            .envs(&self.environment)
            .stdin(std::process::Stdio::null());
        command
    }

    /// Runs a program to its end.
    pub(crate) fn output(&self, program: &Path, arguments: &[&str]) -> Output {
        self.command(program)
            .args(arguments)
            .output()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()))
    }

    /// Runs buildout, which must succeed, and returns what it did.
    pub(crate) fn buildout(&self, arguments: &[&str]) -> Run {
        let output = self.output(Path::new(env!("CARGO_BIN_EXE_buildout")), arguments);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "buildout {arguments:?} ended with {}\n--- stdout\n{stdout}\n--- stderr\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr),
        );
        Run { stdout }
    }
}

/// A run of buildout that succeeded.
pub(crate) struct Run {
    stdout: String,
}

impl Run {
    /// Returns what happened to parts, in order: lines such as `Installing zlib.`
    ///
    /// The programs that parts run write to the same stream, but not lines of this form.
    pub(crate) fn actions(&self) -> Vec<&str> {
        let is_action = |line: &&str| {
            let mut words = line.split(' ');
            let verb = words.next().unwrap_or_default();
            let object = words.next().unwrap_or_default();
            ["Installing", "Updating", "Uninstalling"].contains(&verb)
                && object.ends_with('.')
                && words.next().is_none()
        };
        self.stdout.lines().filter(is_action).collect()
    }

    /// Returns the parts that were not just kept, sorted: those that were installed or uninstalled.
    pub(crate) fn changed_parts(&self) -> Vec<&str> {
        let actions = self.actions().into_iter();
        let mut parts: Vec<&str> = actions
            .filter(|action| !action.starts_with("Updating "))
            .filter_map(|action| action.split(' ').nth(1))
            .map(|part| part.trim_end_matches('.'))
            .collect();
        parts.sort_unstable();
        parts.dedup();
        parts
    }
}
