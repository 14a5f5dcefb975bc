//! Programs that the node runs for releases and partitions: as the owner of
//! their directory, in a clean environment, with a limit on time and output.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use buildout_core::exec::cancel::CancellationToken;
use buildout_core::exec::command::{Command, CommandError, Finished};
use buildout_core::exec::jobserver::JobServer;
use buildout_core::exec::outcome::Outcome;
use buildout_core::exec::output::{OutputSink, StreamKind};

use crate::files::{FileError, failed_to};
use crate::launch::{Identity, Launch, LaunchFailure};
use crate::log::Logger;
use crate::node::Node;

/// The umask of everything the node runs.
pub const SAFE_UMASK: u32 = 0o027;

/// How much output is kept for an error report: the last of it.
const KEPT_OUTPUT: usize = 256 * 1024;

/// The variables that are removed, beside the locale's.
const REMOVED: [&str; 16] = [
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONY2K",
    "PYTHONOPTIMIZE",
    "PYTHONDEBUG",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONINSPECT",
    "PYTHONUNBUFFERED",
    "PYTHONVERBOSE",
    "CONFIG_SITE",
    "ENV",
    "LOGNAME",
    "TEMP",
    "TMP",
    "TMPDIR",
];

/// The variables of the locale that are removed; `LC_ALL` stays.
const REMOVED_LOCALE: [&str; 14] = [
    "LANG",
    "LANGUAGE",
    "LC_ADDRESS",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_IDENTIFICATION",
    "LC_MEASUREMENT",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NAME",
    "LC_NUMERIC",
    "LC_PAPER",
    "LC_TELEPHONE",
    "LC_TIME",
];

/// Returns the environment of what the node runs (upstream's
/// `getCleanEnvironment`).
pub fn clean_environment(
    environment: &BTreeMap<OsString, OsString>,
    home: &Path,
) -> BTreeMap<OsString, OsString> {
    let mut environment = environment.clone();
    for name in REMOVED.iter().chain(&REMOVED_LOCALE) {
        environment.remove(OsStr::new(name));
    }
    environment.remove(OsStr::new("LC_SOURCED"));
    environment.insert("PYTHONNOUSERSITE".into(), "true".into());
    environment.insert("HOME".into(), home.into());
    environment
}

/// The owner of a directory, as whom its programs are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    /// The user.
    pub(crate) user: u32,
    /// The group.
    pub(crate) group: u32,
}

impl Owner {
    /// Returns the owner of a directory.
    ///
    /// # Errors
    ///
    /// It is not there.
    pub(crate) fn of(directory: &Path) -> Result<Self, FileError> {
        let metadata = fs::metadata(directory).map_err(failed_to("examine", directory))?;
        Ok(Owner {
            user: metadata.uid(),
            group: metadata.gid(),
        })
    }
}

/// A program to be run.
pub(crate) struct Child<'a> {
    pub(crate) words: Vec<String>,
    pub(crate) directory: &'a Path,
    pub(crate) home: PathBuf,
    pub(crate) owner: Owner,
    pub(crate) timeout: Option<Duration>,
    /// `SLAPGRID_INSTANCE_ROOT`: what requests instances notes them below.
    pub(crate) instance_root: Option<&'a Path>,
    /// The budget of jobs that it shares.
    pub(crate) jobs: Option<&'a JobServer>,
}

/// A program that did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChildFailure {
    /// It cannot be run as its user.
    #[error(transparent)]
    Launch(#[from] LaunchFailure),
    /// It cannot be run.
    #[error("{0}")]
    Start(String),
    /// It failed.
    #[error("{outcome}")]
    Failed {
        /// How it ended.
        outcome: Outcome,
        /// The last of its output.
        output: String,
    },
    /// It took too long, and was killed with all it started.
    #[error("killed after {} seconds", limit.as_secs())]
    TimedOut {
        /// The limit.
        limit: Duration,
        /// The last of its output.
        output: String,
    },
    /// The node was asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl Node {
    /// Returns as whom programs of `owner` are run: nobody else than this
    /// process's user, unless that is root.
    pub(crate) fn identity(&self, owner: Owner) -> Result<Option<Identity>, LaunchFailure> {
        if self.surroundings.user != 0 {
            return Ok(None);
        }
        let accounts = &self.surroundings.accounts;
        let groups = match accounts.by_number(owner.user) {
            Some(account) => accounts.groups_of(&account.name, owner.group),
            None => vec![owner.group],
        };
        let identity = Identity {
            user: owner.user,
            group: owner.group,
            groups,
        };
        identity.checked().map(Some)
    }

    /// Runs a program to its end; its output goes to the log line by line.
    ///
    /// # Errors
    ///
    /// See [`ChildFailure`].
    pub(crate) fn run(&self, child: &Child<'_>, log: &Logger) -> Result<(), ChildFailure> {
        let identity = self.identity(child.owner)?;
        let mut environment = clean_environment(&self.surroundings.environment, &child.home);
        if let Some(root) = child.instance_root {
            environment.insert("SLAPGRID_INSTANCE_ROOT".into(), root.into());
        }
        // Another user cannot open the pipe of ours.
        if let Some(jobs) = child.jobs.filter(|_| identity.is_none()) {
            jobs.announce(&mut environment);
        }
        let launch = Launch {
            umask: SAFE_UMASK,
            parent: std::process::id(),
            identity,
            leads_session: false,
            words: child.words.clone(),
        };
        let mut arguments = vec!["launch".to_owned()];
        arguments.extend(launch.command_words());
        log.debug(format!(
            "Invoking: '{}' in directory '{}'",
            child.words.join(" "),
            child.directory.display()
        ));
        let command = Command::new(
            &self.surroundings.program,
            arguments,
            child.directory,
            environment,
        );
        let mut output = Output::default();
        let mut sink = |_: StreamKind, line: &[u8]| {
            let line = String::from_utf8_lossy(line);
            log.info(&line);
            output.push(&line);
        };
        let result = run_within(&command, &mut sink, &self.cancellation, child.timeout);
        match result {
            Ok(finished) if finished.outcome.is_success() => Ok(()),
            Ok(finished) => Err(ChildFailure::Failed {
                outcome: finished.outcome,
                output: output.into_text(),
            }),
            Err(Unfinished::TimedOut(limit)) => Err(ChildFailure::TimedOut {
                limit,
                output: output.into_text(),
            }),
            Err(Unfinished::Cancelled) => Err(ChildFailure::Cancelled),
            Err(Unfinished::Failed(error)) => Err(ChildFailure::Start(error_chain(&error))),
        }
    }
}

/// A command that did not come to its end.
#[derive(Debug)]
pub(crate) enum Unfinished {
    /// It took longer than this, and was killed with all it started.
    TimedOut(Duration),
    /// The node was asked to stop.
    Cancelled,
    /// It cannot be run.
    Failed(CommandError),
}

/// Runs a command to its end, for `limit` at most.
pub(crate) fn run_within(
    command: &Command,
    sink: &mut dyn OutputSink,
    cancellation: &CancellationToken,
    limit: Option<Duration>,
) -> Result<Finished, Unfinished> {
    let token = cancellation.child();
    let timed_out = AtomicBool::new(false);
    let result = std::thread::scope(|scope| {
        let (end, ended) = mpsc::channel::<()>();
        if let Some(limit) = limit {
            let (token, timed_out) = (&token, &timed_out);
            scope.spawn(move || {
                if ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                    timed_out.store(true, Ordering::Relaxed);
                    token.cancel();
                }
            });
        }
        let result = command.run(sink, &token);
        drop(end);
        result
    });
    match (result, limit) {
        (Ok(finished), _) => Ok(finished),
        (Err(CommandError::Cancelled { .. }), Some(limit)) if timed_out.into_inner() => {
            Err(Unfinished::TimedOut(limit))
        }
        (Err(CommandError::Cancelled { .. }), _) => Err(Unfinished::Cancelled),
        (Err(error), _) => Err(Unfinished::Failed(error)),
    }
}

/// Returns an error with its causes.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// The last lines of an output.
#[derive(Default)]
struct Output {
    lines: VecDeque<String>,
    bytes: usize,
    left_out: u64,
}

impl Output {
    fn push(&mut self, line: &str) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.bytes > KEPT_OUTPUT {
            let Some(first) = self.lines.pop_front() else {
                break;
            };
            self.bytes -= first.len() + 1;
            self.left_out += 1;
        }
    }

    fn into_text(self) -> String {
        let mut text = String::with_capacity(self.bytes);
        if self.left_out > 0 {
            text.push_str(&format!("... {} lines left out\n", self.left_out));
        }
        for line in self.lines {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_clean() {
        let before = [
            ("PYTHONPATH", "x"),
            ("LC_ALL", "C"),
            ("LANG", "de"),
            ("HOME", "/root"),
            ("PATH", "/bin"),
        ];
        let before = before.map(|(name, value)| (name.into(), value.into()));
        let after = clean_environment(&BTreeMap::from(before), Path::new("/p"));
        let after: Vec<String> = after
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        assert_eq!(
            after,
            ["HOME=/p", "LC_ALL=C", "PATH=/bin", "PYTHONNOUSERSITE=true"]
        );
    }

    #[test]
    fn a_flood_leaves_its_end() {
        let mut output = Output::default();
        for number in 0..100_000 {
            output.push(&format!("line {number}"));
        }
        let text = output.into_text();
        assert!(text.len() < KEPT_OUTPUT + 100);
        assert!(text.starts_with("... ") && text.ends_with("line 99999\n"));
    }
}
