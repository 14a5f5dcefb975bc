//! One child process for a recipe.
//!
//! A child gets exactly the environment it is given, nothing on standard input, and a process
//! group of its own, so that it can be ended with everything it started. Its output is read from
//! two pipes, cut into lines, passed to a sink, and the last lines are kept for an error report.
//!
//! # When a command is over
//!
//! A command is over when its process has exited *and* both pipes are closed. A process which it
//! left behind (a daemon) may hold the pipes open for ever. So after the exit, output is read for
//! at most [`CommandOptions::drain`] more; what has been written by then is delivered, the pipes
//! are closed, and [`Finished::output_abandoned`] tells so. What was left behind goes on running,
//! as after Python's `subprocess.call`, and gets SIGPIPE if it writes again.
//!
//! # Cancelling
//!
//! On a [`CancellationToken`]'s request the whole group gets SIGTERM (and SIGCONT, for stopped
//! processes). When the process has exited and both pipes are closed, or after
//! [`CommandOptions::grace`] at the latest, all that is left of the group gets SIGKILL. Processes
//! which made a session or group of their own are out of reach. The first process is reaped only
//! after the last signal, so that no signal can hit a stranger who inherited its number.
//!
//! No way out of [`Command::run`], a panic of the sink included, leaves the process running or a
//! zombie behind.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{self, Stdio},
    time::Duration,
};

use super::{
    cancel::CancellationToken,
    diagnosis::{Diagnoser, DiagnosingSink, Diagnosis},
    outcome::Outcome,
    output::{OutputSink, OutputTail},
    shell_quote::quote,
    spawn::spawn,
    supervise::supervise,
};

/// The shell of [`Command::shell`].
pub const SHELL: &str = "/bin/sh";

/// Limits of running a command, with defaults that suit a build.
#[derive(Clone, Debug)]
pub struct CommandOptions {
    /// How many of the last lines are kept for error reports (default 100).
    pub tail_lines: usize,
    /// How long a cancelled process group may take to end by itself (default 10 seconds).
    pub grace: Duration,
    /// How long output is awaited after the process has exited (default 1 second).
    pub drain: Duration,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self {
            tail_lines: 100,
            grace: Duration::from_secs(10),
            drain: Duration::from_secs(1),
        }
    }
}

/// A program to be run, with everything it depends on.
#[derive(Clone, Debug)]
pub struct Command {
    program: OsString,
    arguments: Vec<OsString>,
    directory: PathBuf,
    environment: BTreeMap<OsString, OsString>,
    options: CommandOptions,
}

/// A command which ran to its end, successfully or not.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How the process ended.
    pub outcome: Outcome,
    /// The last lines of its output.
    pub tail: OutputTail,
    /// The first error that its output tells of, if one was recognised. A
    /// command that ended well may have told of one, too.
    pub diagnosis: Option<Diagnosis>,
    /// Whether a process left behind still held the output open.
    pub output_abandoned: bool,
}

/// A command which could not be run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The directory to run in cannot be entered.
    #[error("failed to enter directory `{}` to run `{}`", directory.display(), program.display())]
    Directory {
        /// The program.
        program: OsString,
        /// The directory.
        directory: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The program does not start.
    #[error("failed to start `{}`", program.display())]
    Start {
        /// The program.
        program: OsString,
        /// The system's reason.
        source: io::Error,
    },
    /// Reading the output or waiting failed; the process was killed.
    #[error("failed to follow `{}`", program.display())]
    Follow {
        /// The program.
        program: OsString,
        /// The system's reason.
        source: io::Error,
    },
    /// The command was cancelled before it started, or was ended for that reason.
    #[error("`{}` was cancelled", program.display())]
    Cancelled {
        /// The program.
        program: OsString,
        /// How the process ended, if it had been started.
        outcome: Option<Outcome>,
        /// The last lines of its output.
        tail: OutputTail,
    },
}

impl Command {
    /// Makes a command which runs a program in a directory.
    ///
    /// A program without a slash is looked up in the `PATH` of the command's environment; a
    /// relative one with a slash starts from `directory`. Nothing of this process's environment
    /// is inherited.
    pub fn new(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        directory: impl Into<PathBuf>,
        environment: BTreeMap<OsString, OsString>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            directory: directory.into(),
            environment,
            options: CommandOptions::default(),
        }
    }

    /// Makes a command which has the shell run a script (`subprocess` with `shell=True`).
    pub fn shell(
        script: impl AsRef<OsStr>,
        directory: impl Into<PathBuf>,
        environment: BTreeMap<OsString, OsString>,
    ) -> Self {
        let arguments = [OsStr::new("-c"), script.as_ref()];
        Self::new(SHELL, arguments, directory, environment)
    }

    /// Sets the limits.
    #[must_use]
    pub fn with_options(mut self, options: CommandOptions) -> Self {
        self.options = options;
        self
    }

    /// Returns the program.
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Returns the arguments.
    pub fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// Returns the environment, to change it.
    pub fn environment_mut(&mut self) -> &mut BTreeMap<OsString, OsString> {
        &mut self.environment
    }

    /// Returns the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the environment.
    pub fn environment(&self) -> &BTreeMap<OsString, OsString> {
        &self.environment
    }

    /// Returns what a person would type: the script of [`Self::shell`], or program and arguments.
    pub fn text(&self) -> String {
        match &*self.arguments {
            [option, script] if self.program == SHELL && option == "-c" => {
                script.to_string_lossy().into_owned()
            }
            arguments => {
                let words = std::iter::once(&self.program).chain(arguments);
                let words = words.map(|word| quote(&word.to_string_lossy()).into_owned());
                words.collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// Runs the command to its end on this thread. A failure of the program itself is no error
    /// here; see [`Finished::outcome`]. A request to cancel which comes after the process has
    /// exited does not hide its outcome.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub fn run(
        &self,
        sink: &mut dyn OutputSink,
        cancellation: &CancellationToken,
    ) -> Result<Finished, CommandError> {
        self.run_observed(sink, cancellation, |_| {})
    }

    /// Runs the command as [`run`](Self::run) does, and tells the number of the process, which
    /// leads the group of the same number, once it has started.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub fn run_observed(
        &self,
        sink: &mut dyn OutputSink,
        cancellation: &CancellationToken,
        started: impl FnOnce(u32),
    ) -> Result<Finished, CommandError> {
        let program = || self.program.clone();
        let mut tail = OutputTail::new(self.options.tail_lines);
        if cancellation.is_cancelled() {
            return Err(CommandError::Cancelled {
                program: program(),
                outcome: None,
                tail,
            });
        }
        let mut command = process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(&self.directory)
            .env_clear()
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let child = spawn(&mut command).map_err(|source| self.start_error(source))?;
        started(child.id());
        let mut sink = DiagnosingSink {
            diagnoser: Diagnoser::new(),
            sink,
        };
        let end = supervise(child, &mut sink, &mut tail, cancellation, &self.options).map_err(
            |source| CommandError::Follow {
                program: program(),
                source,
            },
        )?;
        if end.cancelled {
            return Err(CommandError::Cancelled {
                program: program(),
                outcome: Some(end.outcome),
                tail,
            });
        }
        Ok(Finished {
            outcome: end.outcome,
            tail,
            diagnosis: sink.diagnoser.finish(),
            output_abandoned: end.output_abandoned,
        })
    }

    /// The system gives the same reason for a missing program and a missing directory.
    fn start_error(&self, source: io::Error) -> CommandError {
        let program = self.program.clone();
        let directory = self.directory.clone();
        match fs::metadata(&directory) {
            Ok(metadata) if metadata.is_dir() => CommandError::Start { program, source },
            Ok(_) => CommandError::Directory {
                program,
                directory,
                source: io::ErrorKind::NotADirectory.into(),
            },
            Err(source) => CommandError::Directory {
                program,
                directory,
                source,
            },
        }
    }
}
