//! Asks a Python executable who it is.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{Access, access};
use rustix::process::{Pid, Signal, kill_process_group};

use super::cache::CacheEntry;
use super::identity::PROGRAM;
use super::{PythonError, PythonIdentity, PythonIdentitySource};
use crate::exec::spawn::spawn;
use crate::value::literal;

/// How long a Python may take to say what it is.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The program that is looked for on a search path.
const PROGRAM_NAME: &str = "python3";

/// The most that is read of an answer, in bytes.
const MAXIMUM_ANSWER: u64 = 64 * 1024;

/// Finds out the identity of a Python by running it, once, when it is first
/// asked for. With a cache directory, not even once for an executable that an
/// earlier run has asked and that has not changed since.
#[derive(Debug)]
pub struct PythonProbe {
    location: Location,
    cache_directory: Option<PathBuf>,
    environment: Option<Vec<(OsString, OsString)>>,
    timeout: Duration,
    identity: OnceLock<PythonIdentity>,
    /// Held while probing, so that two threads do not both run Python.
    probing: Mutex<()>,
}

#[derive(Debug)]
enum Location {
    Executable(PathBuf),
    SearchPath(OsString),
}

impl PythonProbe {
    /// Probes an executable.
    pub fn of_executable(executable: impl Into<PathBuf>) -> Self {
        Self::new(Location::Executable(executable.into()))
    }

    /// Probes the first `python3` on a search path, which has the form of
    /// `PATH`, that answers. A shim of a version manager may be a `python3` for
    /// which no version is selected, and then fails; the next one is asked.
    pub fn of_search_path(search_path: impl Into<OsString>) -> Self {
        Self::new(Location::SearchPath(search_path.into()))
    }

    fn new(location: Location) -> Self {
        Self {
            location,
            cache_directory: None,
            environment: None,
            timeout: TIMEOUT,
            identity: OnceLock::new(),
            probing: Mutex::new(()),
        }
    }

    /// Remembers answers in a directory, which is made if it is missing. A cache
    /// that cannot be read or written is as good as none.
    #[must_use]
    pub fn with_cache_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache_directory = Some(directory.into());
        self
    }

    /// Sets the whole environment in which Python runs. Without this it is that
    /// of this process.
    #[must_use]
    pub fn with_environment(
        mut self,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        self.environment = Some(environment.into_iter().collect());
        self
    }

    /// Sets how long Python may take instead of 10 seconds.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Tells whether the identity of an executable is known without running it.
    pub fn is_remembered(&self) -> bool {
        let Location::Executable(executable) = &self.location else {
            return self.identity.get().is_some();
        };
        self.identity.get().is_some()
            || self
                .entry(executable)
                .is_some_and(|entry| entry.read().is_some())
    }

    fn probe(&self) -> Result<PythonIdentity, PythonError> {
        let search_path = match &self.location {
            Location::Executable(executable) => return self.ask_or_remember(executable),
            Location::SearchPath(search_path) => search_path,
        };
        let mut first_failure = None;
        for candidate in candidates(search_path) {
            match self.ask_or_remember(&candidate) {
                Ok(identity) => return Ok(identity),
                Err(error) => first_failure = first_failure.or(Some(error)),
            }
        }
        Err(first_failure.unwrap_or_else(|| PythonError::NotFound {
            program: PROGRAM_NAME.to_owned(),
            search_path: search_path.to_string_lossy().into_owned(),
        }))
    }

    fn ask_or_remember(&self, executable: &Path) -> Result<PythonIdentity, PythonError> {
        let entry = self.entry(executable);
        if let Some(identity) = entry.as_ref().and_then(CacheEntry::read) {
            return Ok(identity);
        }
        let identity = self.ask(executable)?;
        if let Some(entry) = entry {
            // The next run asks again if this fails, which costs it little.
            let _ = entry.write(&identity);
        }
        Ok(identity)
    }

    /// Returns where an answer is remembered. An executable that cannot be examined is
    /// still asked.
    fn entry(&self, executable: &Path) -> Option<CacheEntry> {
        let directory = self.cache_directory.as_deref()?;
        CacheEntry::new(directory, executable).ok().flatten()
    }

    fn ask(&self, executable: &Path) -> Result<PythonIdentity, PythonError> {
        let run_error = |source| PythonError::Run {
            executable: executable.to_owned(),
            source,
        };
        let mut command = Command::new(executable);
        command
            .args(["-I", "-c", PROGRAM])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that a shim's children end with it.
            .process_group(0);
        if let Some(environment) = &self.environment {
            command.env_clear().envs(environment.iter().cloned());
        }
        let deadline = Instant::now() + self.timeout;
        let mut child = spawn(&mut command).map_err(run_error)?;
        let output = read_in_background(child.stdout.take());
        let messages = read_in_background(child.stderr.take());
        let result = receive(&output, deadline)
            .and_then(|output| Ok((output, receive(&messages, deadline)?)))
            .and_then(|texts| Ok((texts, wait(&mut child, deadline)?)));
        let ((answer, message), status) = match result {
            Ok(result) => result,
            Err(error) => {
                kill(&mut child);
                return Err(match error {
                    Failure::TimedOut => PythonError::TimedOut {
                        executable: executable.to_owned(),
                        seconds: self.timeout.as_secs(),
                    },
                    Failure::Io(source) => run_error(source),
                });
            }
        };
        if !status.success() {
            return Err(PythonError::Failed {
                executable: executable.to_owned(),
                status,
                message: last_lines(&message),
            });
        }
        literal::parse(&answer)
            .ok()
            .and_then(|value| PythonIdentity::from_value(&value))
            .ok_or_else(|| PythonError::Malformed {
                executable: executable.to_owned(),
                answer: answer.chars().take(200).collect(),
            })
    }
}

impl PythonIdentitySource for PythonProbe {
    fn identity(&self) -> Result<&PythonIdentity, PythonError> {
        if let Some(identity) = self.identity.get() {
            return Ok(identity);
        }
        // What the lock protects cannot be left half done.
        let _probing = self.probing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(identity) = self.identity.get() {
            return Ok(identity);
        }
        let identity = self.probe()?;
        Ok(self.identity.get_or_init(|| identity))
    }
}

/// Returns the executables named `python3` on a search path, in order.
/// Relative directories are passed over, since what they mean depends on where
/// we are.
fn candidates(search_path: &OsStr) -> impl Iterator<Item = PathBuf> {
    std::env::split_paths(search_path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(PROGRAM_NAME))
        .filter(|candidate| candidate.is_file() && access(candidate, Access::EXEC_OK).is_ok())
}

enum Failure {
    TimedOut,
    Io(io::Error),
}

/// Reads a pipe in a thread of its own, since reading cannot time out.
fn read_in_background(pipe: Option<impl Read + Send + 'static>) -> Receiver<io::Result<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = match pipe {
            Some(pipe) => pipe.take(MAXIMUM_ANSWER).read_to_end(&mut bytes),
            None => Ok(0),
        };
        // Nobody listens any more after a timeout.
        let _ = sender.send(result.map(|_| bytes));
    });
    receiver
}

fn receive(receiver: &Receiver<io::Result<Vec<u8>>>, deadline: Instant) -> Result<String, Failure> {
    let bytes = receiver
        .recv_timeout(deadline.saturating_duration_since(Instant::now()))
        .map_err(|_| Failure::TimedOut)?
        .map_err(Failure::Io)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Waits for a child that has closed its output, and so is about to end.
fn wait(child: &mut Child, deadline: Instant) -> Result<std::process::ExitStatus, Failure> {
    loop {
        if let Some(status) = child.try_wait().map_err(Failure::Io)? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            return Err(Failure::TimedOut);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn kill(child: &mut Child) {
    // Both fail only if the child has already ended, which is what we want.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    /// Writes an executable shell script.
    fn script(path: &Path, body: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The executable of the Python on the search path of the test, behind any
    /// shim.
    fn real_python() -> PathBuf {
        let probe = PythonProbe::of_search_path(std::env::var_os("PATH").unwrap());
        probe
            .identity()
            .expect("the tests need a real `python3` on the PATH")
            .executable
            .clone()
    }

    /// A script that counts its runs in a file and then is a real Python.
    fn counting_python(path: &Path, count: &Path) {
        let (count, python) = (count.display(), real_python());
        script(
            path,
            &format!("echo run >> '{count}'\nexec '{}' \"$@\"", python.display()),
        );
    }

    fn runs(count: &Path) -> usize {
        fs::read_to_string(count).map_or(0, |text| text.lines().count())
    }

    #[test]
    fn the_facts_are_those_of_the_real_python() {
        let python = real_python();
        let probe = PythonProbe::of_executable(&python);
        let identity = probe.identity().unwrap();
        let answer = Command::new(&python)
            .args([
                "-c",
                "import platform, sys; v = sys.version_info; print(v.major, v.minor, v.micro, \
                 platform.python_version(), platform.python_implementation(), sys.byteorder, \
                 sys.maxsize, platform.architecture()[0], sys.implementation.name)",
            ])
            .output()
            .unwrap();
        let version = &identity.version;
        assert_eq!(
            String::from_utf8(answer.stdout).unwrap().trim_end(),
            format!(
                "{} {} {} {} {} {} {} {}bit {}",
                version.major,
                version.minor,
                version.micro,
                identity.version_text,
                identity.implementation,
                identity.byte_order,
                identity.maximum_size,
                identity.pointer_bits,
                identity.implementation_name
            )
        );
        assert!(identity.build.starts_with(&identity.version_text));
        assert_eq!(identity.executable, python);
    }

    #[test]
    fn python_runs_once_and_only_if_asked() {
        let directory = tempfile::tempdir().unwrap();
        let (python, count) = (directory.path().join("python3"), directory.path().join("n"));
        counting_python(&python, &count);
        let probe = PythonProbe::of_executable(&python);
        assert_eq!(runs(&count), 0);
        probe.identity().unwrap();
        probe.identity().unwrap();
        assert_eq!(runs(&count), 1);
    }

    #[test]
    fn a_script_is_asked_every_time_despite_the_cache() {
        let directory = tempfile::tempdir().unwrap();
        let (python, count) = (directory.path().join("python3"), directory.path().join("n"));
        counting_python(&python, &count);
        for _ in 0..2 {
            let probe = PythonProbe::of_executable(&python)
                .with_cache_directory(directory.path().join("cache"));
            probe.identity().unwrap();
        }
        assert_eq!(runs(&count), 2);
    }

    #[test]
    fn a_binary_is_remembered_until_it_changes_or_the_cache_breaks() {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("deep/cache");
        let python = directory.path().join("python3");
        std::os::unix::fs::symlink(real_python(), &python).unwrap();
        let ask = |timeout| {
            PythonProbe::of_executable(&python)
                .with_cache_directory(&cache)
                .with_timeout(timeout)
                .identity()
                .cloned()
        };
        let entry = || {
            let mut files: Vec<PathBuf> = fs::read_dir(&cache)
                .unwrap()
                .map(|file| file.unwrap().path())
                .collect();
            assert_eq!(files.len(), 1, "one entry and no temporary file");
            files.remove(0)
        };
        let identity = ask(TIMEOUT).unwrap();
        // No Python starts in no time, so this comes from the cache.
        assert_eq!(ask(Duration::ZERO).unwrap(), identity);
        let good = fs::read_to_string(entry()).unwrap();
        for broken in [
            "",
            "nonsense",
            &good[..good.len() / 2],
            // Another time or size of the executable.
            &good.replacen(".", ".9", 1),
            // Another format.
            &good.replacen("identity 1", "identity 2", 1),
        ] {
            fs::write(entry(), broken).unwrap();
            assert!(ask(Duration::ZERO).is_err(), "{broken:?} is not believed");
            assert_eq!(ask(TIMEOUT).unwrap(), identity);
            assert_eq!(fs::read_to_string(entry()).unwrap(), good, "and is mended");
        }
    }

    #[test]
    fn a_cache_that_cannot_be_made_does_no_harm() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let probe = PythonProbe::of_executable(real_python()).with_cache_directory(file.join("x"));
        assert!(probe.identity().is_ok());
    }

    #[test]
    fn the_search_passes_over_a_shim_without_a_version() {
        let directory = tempfile::tempdir().unwrap();
        let count = directory.path().join("n");
        let (shims, real) = (directory.path().join("shims"), directory.path().join("bin"));
        script(
            &shims.join("python3"),
            "echo 'pyenv: python3: command not found' >&2\nexit 127",
        );
        counting_python(&real.join("python3"), &count);
        let search_path = std::env::join_paths([
            Path::new("relative"),
            &directory.path().join("missing"),
            &shims,
            &real,
        ])
        .unwrap();
        assert!(PythonProbe::of_search_path(&search_path).identity().is_ok());
        assert_eq!(runs(&count), 1);
        let error = PythonProbe::of_search_path(shims.as_os_str())
            .identity()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "`{}` failed to say what Python it is (exit status: 127): \
                 pyenv: python3: command not found",
                shims.join("python3").display()
            )
        );
    }

    #[test]
    fn failures_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let ask = |path: &Path, timeout| {
            PythonProbe::of_executable(path)
                .with_timeout(timeout)
                .identity()
                .cloned()
                .unwrap_err()
        };
        assert!(matches!(
            ask(&path("missing"), TIMEOUT),
            PythonError::Run { source, .. } if source.kind() == io::ErrorKind::NotFound
        ));
        assert!(matches!(
            PythonProbe::of_search_path(directory.path().as_os_str()).identity(),
            Err(PythonError::NotFound { .. })
        ));
        script(&path("liar"), "echo '{1: 2}'");
        assert!(matches!(
            ask(&path("liar"), TIMEOUT),
            PythonError::Malformed { answer, .. } if answer == "{1: 2}\n"
        ));
        // The child of the script would keep the pipes open for a minute.
        script(&path("slow"), "sleep 60 & sleep 60");
        let start = Instant::now();
        assert!(matches!(
            ask(&path("slow"), Duration::from_millis(200)),
            PythonError::TimedOut { .. }
        ));
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn the_environment_is_the_given_one() {
        let directory = tempfile::tempdir().unwrap();
        let python = directory.path().join("python3");
        let body = format!(
            "echo \"$A-$HOME\" >&2; exec {} \"$@\" $B",
            real_python().display()
        );
        script(&python, &format!("{body}; exit 1"));
        let probe =
            PythonProbe::of_executable(&python).with_environment([("A".into(), "1".into())]);
        assert!(probe.identity().is_ok());
        script(&python, "echo \"$A-$HOME\" >&2; exit 1");
        let probe =
            PythonProbe::of_executable(&python).with_environment([("A".into(), "1".into())]);
        assert!(matches!(
            probe.identity(),
            Err(PythonError::Failed { message, .. }) if message == "1-"
        ));
    }
}
