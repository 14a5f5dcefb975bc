//! One budget of jobs for everything that runs at the same time.
//!
//! Parts run side by side, and each may run `make`, which would like to run
//! several compilers. A [`JobServer`] is the pool of tokens that GNU make's
//! jobserver protocol describes: a pipe with one byte for each job. Whoever
//! runs a command of a part takes a token first, which is the one job that a
//! `make` started so may always run; for each further one, that `make` takes a
//! token from the same pipe. So at no time are more jobs running than there are
//! tokens, however many parts and levels of `make` there are.
//!
//! The pipe is a named one, because a `make` of version 4.4 or newer opens it
//! by its path (`--jobserver-auth=fifo:PATH`), which also works through
//! programs that close what they inherit. Older ones only understand the
//! numbers of inherited descriptors (`--jobserver-auth=R,W`) and fail on a
//! path; so the form depends on the `make` that a command would find.
//!
//! A process that is itself run under a jobserver takes part in that one
//! ([`JobServer::of_environment`]) and brings no tokens of its own.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{self, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

use super::cancel::CancellationToken;
use super::spawn::spawn;
use crate::recipe::Environment;
use crate::state::debris::JOBS_PREFIX;

/// The variable through which `make` hears of its jobserver.
pub const MAKE_FLAGS: &str = "MAKEFLAGS";

/// The most jobs of one pool: a pipe holds at least this many bytes.
pub const JOB_LIMIT: usize = 4096;

/// The first version of GNU make that opens a pipe by its path.
const FIRST_WITH_PATH: (u32, u32) = (4, 4);

/// A pool of tokens, shared with the commands that it is given to.
#[derive(Debug)]
pub struct JobServer {
    /// This process's own way to the tokens, which does not block.
    tokens: File,
    /// What children inherit.
    inherited: Inherited,
    /// The token that a process under another jobserver has from the start.
    own: Mutex<Option<Implicit>>,
    /// For each program `make` met so far, whether it opens a path.
    makes: Mutex<HashMap<PathBuf, bool>>,
}

/// How children reach the tokens.
#[derive(Debug)]
enum Inherited {
    /// Through a pipe of ours.
    Pipe {
        /// Holds the path; removed in the end.
        _directory: tempfile::TempDir,
        path: PathBuf,
        reading: File,
        writing: File,
    },
    /// As this process does: `MAKEFLAGS` stays as it is.
    AsGiven,
}

/// The token that needs no byte of the pipe.
#[derive(Clone, Copy, Debug)]
struct Implicit;

/// The right to run one job, until it is dropped.
#[derive(Debug)]
pub struct JobToken<'s> {
    server: &'s JobServer,
    /// The byte to give back; `None` for the implicit token.
    byte: Option<u8>,
}

impl JobServer {
    /// Makes a pool of `jobs` tokens, at least one and at most [`JOB_LIMIT`],
    /// whose pipe is in a new directory in `parent`.
    ///
    /// # Errors
    ///
    /// The pipe cannot be made or opened.
    pub fn new(jobs: usize, parent: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix(JOBS_PREFIX)
            .tempdir_in(parent)?;
        let path = directory.path().join("tokens");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let tokens = open_tokens(&path)?;
        // Descriptions of their own, without the flags of ours.
        let reading = OpenOptions::new().read(true).open(&path)?;
        let writing = OpenOptions::new().write(true).open(&path)?;
        for end in [&reading, &writing] {
            fcntl_setfd(end, FdFlags::empty())?;
        }
        (&writing).write_all(&vec![b'+'; jobs.clamp(1, JOB_LIMIT)])?;
        Ok(JobServer {
            tokens,
            inherited: Inherited::Pipe {
                _directory: directory,
                path,
                reading,
                writing,
            },
            own: Mutex::new(None),
            makes: Mutex::default(),
        })
    }

    /// Returns the pool that `environment` (that of this process) tells of, if
    /// there is one that works.
    pub fn of_environment(environment: &Environment) -> Option<Self> {
        let flags = environment.get(OsStr::new(MAKE_FLAGS))?;
        let value = words(flags).rev().find_map(jobserver_of)?;
        let path = match value.strip_prefix(b"fifo:") {
            Some(path) => PathBuf::from(OsStr::from_bytes(path)),
            None => {
                let (reading, _) = std::str::from_utf8(value).ok()?.split_once(',')?;
                let number: u32 = reading.parse().ok()?;
                PathBuf::from(format!("/dev/fd/{number}"))
            }
        };
        let is_pipe = rustix::fs::stat(&path)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
        Some(JobServer {
            tokens: is_pipe.then(|| open_tokens(&path).ok())??,
            inherited: Inherited::AsGiven,
            own: Mutex::new(Some(Implicit)),
            makes: Mutex::default(),
        })
    }

    /// Waits for a token; none if the wait was cancelled.
    ///
    /// # Errors
    ///
    /// The pipe is broken.
    pub fn acquire(&self, cancellation: &CancellationToken) -> io::Result<Option<JobToken<'_>>> {
        let (wake, waker) = UnixStream::pair()?;
        let _registration = cancellation.on_cancel(move || {
            // Nobody listens any more if this fails.
            let _ = waker.shutdown(Shutdown::Both);
        });
        loop {
            if cancellation.is_cancelled() {
                return Ok(None);
            }
            if let Some(token) = self.try_acquire()? {
                return Ok(Some(token));
            }
            let wait = |file| PollFd::from_borrowed_fd(file, PollFlags::IN);
            match poll(&mut [wait(self.tokens.as_fd()), wait(wake.as_fd())], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn try_acquire(&self) -> io::Result<Option<JobToken<'_>>> {
        if self.own().take().is_some() {
            return Ok(Some(JobToken {
                server: self,
                byte: None,
            }));
        }
        let mut byte = [0];
        match (&self.tokens).read(&mut byte) {
            Ok(1) => Ok(Some(JobToken {
                server: self,
                byte: Some(byte[0]),
            })),
            Ok(_) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn own(&self) -> std::sync::MutexGuard<'_, Option<Implicit>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the commands that are run with `environment` of this pool.
    pub fn announce(&self, environment: &mut Environment) {
        let Inherited::Pipe {
            path,
            reading,
            writing,
            ..
        } = &self.inherited
        else {
            return;
        };
        // A path with a blank would end there.
        let is_word = !path.as_os_str().as_bytes().contains(&b' ');
        let auth = if is_word && self.opens_path(environment) {
            format!("fifo:{}", path.display())
        } else {
            format!("{},{}", reading.as_raw_fd(), writing.as_raw_fd())
        };
        let given = environment.get(OsStr::new(MAKE_FLAGS));
        let flags = with_jobserver(given.map_or(OsStr::new(""), |flags| flags), &auth);
        environment.insert(OsString::from(MAKE_FLAGS), flags);
    }

    /// Tells whether the `make` that `environment` leads to opens a path. One
    /// that is not there, or is no GNU make, is given the older form, which
    /// hurts nobody.
    fn opens_path(&self, environment: &Environment) -> bool {
        let Some(path) = environment.get(OsStr::new("PATH")) else {
            return false;
        };
        let found = path
            .as_bytes()
            .split(|byte| *byte == b':')
            .filter(|directory| !directory.is_empty())
            .map(|directory| Path::new(OsStr::from_bytes(directory)).join("make"))
            .find(|program| program.is_file());
        let Some(program) = found else {
            return false;
        };
        let mut makes = self.makes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = makes.get(&program) {
            return *known;
        }
        let version = version_of_make(&program, environment);
        let opens_path = version.is_some_and(|version| version >= FIRST_WITH_PATH);
        makes.insert(program, opens_path);
        opens_path
    }
}

impl Drop for JobToken<'_> {
    fn drop(&mut self) {
        match self.byte {
            // A pipe without room for a byte that came from it is broken, and
            // nobody can be told.
            Some(byte) => drop((&self.server.tokens).write_all(&[byte])),
            None => *self.server.own() = Some(Implicit),
        }
    }
}

/// Opens a pipe for taking and giving back, without blocking.
fn open_tokens(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
}

fn version_of_make(program: &Path, environment: &Environment) -> Option<(u32, u32)> {
    let mut command = process::Command::new(program);
    command
        .arg("--version")
        .env_clear()
        .envs(environment)
        .env_remove(MAKE_FLAGS)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let output = spawn(&mut command).ok()?.wait_with_output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// Reads the first two numbers of "GNU Make 4.3".
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let version = text.lines().next()?.strip_prefix("GNU Make ")?;
    let mut numbers = version.split('.').map(|number| {
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        number[..digits].parse().ok()
    });
    Some((numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}

fn words(flags: &OsStr) -> impl DoubleEndedIterator<Item = &[u8]> {
    let words = flags.as_bytes().split(|byte| *byte == b' ');
    words.filter(|word| !word.is_empty())
}

/// Returns what follows `--jobserver-auth=`, or its older name.
fn jobserver_of(word: &[u8]) -> Option<&[u8]> {
    word.strip_prefix(b"--jobserver-auth=")
        .or_else(|| word.strip_prefix(b"--jobserver-fds="))
}

/// Puts a jobserver into the flags of `make`, in place of another one and of a
/// number of jobs.
///
/// The first word of the flags holds options of one letter without a dash; an
/// empty first word is written as a blank, so that `-j` is not taken for it.
fn with_jobserver(flags: &OsStr, auth: &str) -> OsString {
    let mut options = Vec::new();
    // What stands behind `--` are assignments.
    let mut assignments = Vec::new();
    let mut is_number = false;
    for (position, word) in words(flags).enumerate() {
        let follows_jobs = std::mem::take(&mut is_number);
        if !assignments.is_empty() || word == b"--" {
            assignments.push(word);
        } else if word == b"-j" || word == b"--jobs" {
            is_number = true;
        } else if jobserver_of(word).is_some()
            || word.starts_with(b"-j")
            || word.starts_with(b"--jobs=")
            || (follows_jobs && word.iter().all(u8::is_ascii_digit))
        {
        } else if position == 0 && !word.starts_with(b"-") && !word.contains(&b'=') {
            options.push(word);
        } else {
            if options.is_empty() {
                options.push(b"");
            }
            options.push(word);
        }
    }
    if options.is_empty() {
        options.push(b"");
    }
    let jobserver = format!("-j --jobserver-auth={auth}");
    options.push(jobserver.as_bytes());
    options.extend(assignments);
    OsString::from_vec(options.join(&b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(flags: Option<&str>) -> Environment {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut environment = Environment::from([(OsString::from("PATH"), path)]);
        if let Some(flags) = flags {
            environment.insert(OsString::from(MAKE_FLAGS), OsString::from(flags));
        }
        environment
    }

    #[test]
    fn flags_keep_what_is_not_about_jobs() {
        for (given, expected) in [
            ("", " -j --jobserver-auth=3,4"),
            ("-j8", " -j --jobserver-auth=3,4"),
            ("-j 8", " -j --jobserver-auth=3,4"),
            ("k", "k -j --jobserver-auth=3,4"),
            (" -j --jobserver-auth=5,6", " -j --jobserver-auth=3,4"),
            (
                "ks -j --jobserver-fds=5,6 --no-print-directory -- V=1 W=-j8",
                "ks --no-print-directory -j --jobserver-auth=3,4 -- V=1 W=-j8",
            ),
            (
                "--no-print-directory -j",
                " --no-print-directory -j --jobserver-auth=3,4",
            ),
        ] {
            let flags = with_jobserver(OsStr::new(given), "3,4");
            assert_eq!(flags, OsStr::new(expected), "{given}");
        }
    }

    #[test]
    fn versions_of_make_are_read() {
        assert_eq!(parse_version("GNU Make 4.3\nBuilt for"), Some((4, 3)));
        assert_eq!(parse_version("GNU Make 4.4.1"), Some((4, 4)));
        assert_eq!(parse_version("GNU Make 5.0rc1"), Some((5, 0)));
        assert_eq!(parse_version("bmake"), None);
        assert!(FIRST_WITH_PATH > (4, 3));
    }

    #[test]
    fn tokens_are_taken_and_come_back() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let server = JobServer::new(2, directory.path()).expect("it can be made");
        let token = CancellationToken::new();
        let first = server.acquire(&token).expect("it works");
        let second = server.acquire(&token).expect("it works");
        assert!(first.is_some() && second.is_some());
        assert!(server.try_acquire().expect("it works").is_none());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| server.acquire(&token).expect("it works").is_some());
            drop(first);
            assert!(waiting.join().expect("it ends"));
        });
        drop(second);
        token.cancel();
        assert!(server.acquire(&token).expect("it works").is_none());
        drop(server);
        let left = std::fs::read_dir(directory.path()).expect("it is there");
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn the_real_make_shares_the_tokens() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let at = |name: &str| directory.path().join(name);
        // Each target notes how many run at the same time.
        let makefile = "all: a b c d e f\na b c d e f:\n\
            \t@mkdir run.$@; set -- run.*; echo $$# >> counts; sleep 0.1; rmdir run.$@\n";
        std::fs::write(at("Makefile"), makefile).expect("it can be written");
        let counts = |jobs: usize| {
            let server = JobServer::new(jobs, directory.path()).expect("it can be made");
            let token = server.acquire(&CancellationToken::new());
            let token = token.expect("it works").expect("one is there");
            let mut environment = environment(Some("-j16"));
            server.announce(&mut environment);
            let output = process::Command::new("make")
                .current_dir(directory.path())
                .env_clear()
                .envs(&environment)
                .output()
                .expect("make can be run");
            drop(token);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && stderr.is_empty(), "{stderr}");
            let text = std::fs::read_to_string(at("counts")).expect("it was written");
            std::fs::remove_file(at("counts")).expect("it can be removed");
            let counts = text.lines().map(|line| line.trim().parse::<usize>());
            counts.map(|count| count.expect("a number")).max()
        };
        assert_eq!(counts(1), Some(1));
        let at_most_three = counts(3);
        assert!(
            at_most_three.is_some_and(|count| (2..=3).contains(&count)),
            "{at_most_three:?}"
        );
    }

    #[test]
    fn a_process_takes_part_in_the_jobserver_it_is_run_under() {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let outer = JobServer::new(1, directory.path()).expect("it can be made");
        let Inherited::Pipe {
            path,
            reading,
            writing,
            ..
        } = &outer.inherited
        else {
            panic!("it has a pipe");
        };
        for auth in [
            format!("fifo:{}", path.display()),
            format!("{},{}", reading.as_raw_fd(), writing.as_raw_fd()),
        ] {
            let flags = format!(" -j --jobserver-auth={auth}");
            let inner = JobServer::of_environment(&environment(Some(&flags)));
            let inner = inner.expect("it is there");
            let own = inner.try_acquire().expect("it works");
            let other = inner.try_acquire().expect("it works");
            assert!(own.is_some() && other.is_some());
            assert!(inner.try_acquire().expect("it works").is_none());
            assert!(outer.try_acquire().expect("it works").is_none());
            drop((own, other));
            let mut given = environment(Some(&flags));
            inner.announce(&mut given);
            assert_eq!(given, environment(Some(&flags)));
        }
        for flags in [
            "k",
            "-j4",
            "--jobserver-auth=fifo:/nonexistent",
            "--jobserver-auth=x,y",
        ] {
            assert!(JobServer::of_environment(&environment(Some(flags))).is_none());
        }
        assert!(JobServer::of_environment(&environment(None)).is_none());
    }
}
