//! Having a supervisord that runs.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use buildout_core::exec::cancel::CancellationToken;
use buildout_core::exec::command::{Command, CommandError, CommandOptions};
use buildout_core::exec::output::StreamKind;

use super::client::{Supervisor, SupervisorError};
use super::configuration::daemon_text;
use super::layout::Layout;
use super::orphans::stop_orphans;
use crate::configuration::{BuildoutOverride, Daemon};
use crate::files::{
    FileError, create_directory, create_private_directory, remove_file, update_file,
};
use crate::log::Logger;

/// The longest path of a socket, without the zero at its end.
const SOCKET_LIMIT: usize = 107;

/// What supervisord adds to the path of its socket while it makes it:
/// `.` and its number.
const SOCKET_SUFFIX: usize = 8;

/// How long a supervisord that shuts down, or starts, is waited for.
const WAITING: Duration = Duration::from_secs(40);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// supervisord cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// `instance_root` is not there.
    #[error("{} does not exist.", .0.display())]
    NoInstanceRoot(PathBuf),
    /// A directory or file cannot be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// The path of the socket is too long for the system.
    #[error("the path `{}` is too long for a socket: it may have {} bytes", .0.display(), SOCKET_LIMIT - SOCKET_SUFFIX)]
    PathTooLong(PathBuf),
    /// None is configured, and none can be provided.
    #[error("failed to provide supervisord")]
    NotProvided(#[source] Box<dyn Error + Send + Sync>),
    /// The program is not there.
    #[error("the supervisord of `[slapos] supervisord` does not exist: `{}`", .0.display())]
    NoProgram(PathBuf),
    /// It does not start.
    #[error("Failed to launch supervisord:\n{0}")]
    Failed(String),
    /// It started, but does not answer.
    #[error("supervisord does not answer")]
    Silent(#[source] SupervisorError),
}

impl LaunchError {
    /// Returns advice.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            LaunchError::NotProvided(_) => Some(
                "`supervisord = PATH` in `[slapos]` names one that is there; `[buildout-override]` says where distributions come from",
            ),
            LaunchError::NoProgram(_) => {
                Some("correct `supervisord`, or remove it: the node provides one then")
            }
            LaunchError::NoInstanceRoot(_) => Some("run `slapos node format --now`"),
            LaunchError::Silent(_) => {
                Some("`var/log/supervisord.log` in `instance_root` tells why it does not run")
            }
            LaunchError::PathTooLong(_) => Some("choose a shorter `instance_root`"),
            _ => None,
        }
    }
}

/// Provides supervisord for nodes that configure none.
pub trait ProvideSupervisord: fmt::Debug + Send + Sync {
    /// Returns the program below `directory`, installed unless it is there;
    /// supervisorctl is beside it. It comes from where `places` says.
    ///
    /// # Errors
    ///
    /// It cannot be had.
    fn provide(
        &self,
        directory: &Path,
        places: &BuildoutOverride,
        log: &Logger,
        cancellation: &CancellationToken,
    ) -> Result<PathBuf, Box<dyn Error + Send + Sync>>;
}

/// Writes supervisord's configuration and starts it.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// Where its files are.
    pub layout: Layout,
    /// `instance_root`.
    pub instance_root: PathBuf,
    /// The program, if configured.
    pub program: Option<PathBuf>,
    /// Provides it if not.
    pub provider: Arc<dyn ProvideSupervisord>,
    /// Where it comes from then.
    pub places: BuildoutOverride,
    /// The text of its configuration.
    pub configuration: String,
    /// What it runs for the whole node.
    pub daemons: Vec<Daemon>,
}

impl Launcher {
    /// Makes the directories, and writes the configuration if it differs
    /// (upstream's `createSupervisordConfiguration`).
    ///
    /// # Errors
    ///
    /// Something cannot be made.
    pub fn write_configuration(&self) -> Result<(), LaunchError> {
        if !self.instance_root.is_dir() {
            return Err(LaunchError::NoInstanceRoot(self.instance_root.clone()));
        }
        let socket = self.layout.socket();
        if socket.as_os_str().len() > SOCKET_LIMIT - SOCKET_SUFFIX {
            return Err(LaunchError::PathTooLong(socket));
        }
        for (directory, mode) in self.layout.directories() {
            create_directory(&directory, mode)?;
        }
        let configuration = self.layout.configuration();
        update_file(&configuration, self.configuration.as_bytes(), 0o600)?;
        for name in Daemon::NAMES {
            let file = self.layout.group(name);
            match self.daemons.iter().find(|daemon| daemon.name == name) {
                Some(daemon) => update_file(&file, daemon_text(daemon).as_bytes(), 0o600)?,
                None => remove_file(&file)?,
            };
        }
        Ok(())
    }

    /// Returns the program that is configured, else the one that the node
    /// provides for itself.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn installed_program(
        &self,
        log: &Logger,
        cancellation: &CancellationToken,
    ) -> Result<PathBuf, LaunchError> {
        match &self.program {
            Some(program) if program.exists() => Ok(program.clone()),
            Some(program) => Err(LaunchError::NoProgram(program.clone())),
            None => {
                // What is below is the node's alone.
                create_private_directory(&self.instance_root.join("var/slapgrid"))?;
                let directory = self.layout.program_directory();
                self.provider
                    .provide(&directory, &self.places, log, cancellation)
                    .map_err(LaunchError::NotProvided)
            }
        }
    }

    /// Returns the supervisord that runs, starting it if there is none
    /// (upstream's `launchSupervisord`).
    ///
    /// # Errors
    ///
    /// There is none, and none can be started.
    pub fn launch(
        &self,
        log: &Logger,
        cancellation: &CancellationToken,
    ) -> Result<Supervisor, LaunchError> {
        let supervisor = Supervisor::at(&self.layout.socket());
        if self.layout.socket().exists() && self.find_running(&supervisor, log, cancellation) {
            log.debug("Supervisord already running.");
            self.mend_watchdog(&supervisor, log);
            return Ok(supervisor);
        }
        let program = self.installed_program(log, cancellation)?;
        let services = stop_orphans(&self.layout, log, cancellation);
        log.info("Launching supervisord with clean environment.");
        self.start(&program, cancellation)?;
        let supervisor = self.await_running(cancellation)?;
        for service in services {
            // One that is there no more, or was started by now, need not be.
            if let Err(error) = supervisor.begin_process(&service)
                && !error.is_fault("BAD_NAME")
                && !error.is_fault("ALREADY_STARTED")
            {
                log.warning(format!("{service} cannot be started again: {error}"));
            }
        }
        Ok(supervisor)
    }

    /// Waits for the supervisord that somebody has started.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub fn await_running(
        &self,
        cancellation: &CancellationToken,
    ) -> Result<Supervisor, LaunchError> {
        let supervisor = Supervisor::at(&self.layout.socket());
        let begin = Instant::now();
        loop {
            match supervisor.state() {
                Ok(state) if state == "RUNNING" => return Ok(supervisor),
                Err(error) if begin.elapsed() > WAITING => return Err(LaunchError::Silent(error)),
                _ if cancellation.is_cancelled() => {
                    return Err(LaunchError::Failed("cancelled".to_owned()));
                }
                _ => sleep(PAUSE),
            }
        }
    }

    /// Tells whether one runs; waits for one that shuts down.
    fn find_running(
        &self,
        supervisor: &Supervisor,
        log: &Logger,
        cancellation: &CancellationToken,
    ) -> bool {
        let begin = Instant::now();
        let mut told = false;
        loop {
            let shuts_down = match supervisor.state() {
                Ok(state) if state == "RUNNING" => return true,
                Ok(state) => state == "SHUTDOWN",
                Err(error) => error.is_fault("SHUTDOWN_STATE"),
            };
            if !shuts_down || begin.elapsed() > WAITING || cancellation.is_cancelled() {
                return false;
            }
            if !told {
                log.info("Supervisor in shutdown procedure, will check again later.");
                told = true;
            }
            sleep(PAUSE);
        }
    }

    fn start(&self, program: &Path, cancellation: &CancellationToken) -> Result<(), LaunchError> {
        let configuration = self.layout.configuration();
        let arguments = [OsString::from("-c"), configuration.into_os_string()];
        // The number of a process that is gone would be taken for another's.
        let (program, arguments) = interpreter_first(program, arguments);
        let command = Command::new(program, arguments, &self.instance_root, BTreeMap::new())
            .with_options(CommandOptions {
                // The daemon keeps no pipe: what comes later is in its log.
                drain: Duration::from_millis(100),
                ..CommandOptions::default()
            });
        let mut output = String::new();
        let mut collect = |_: StreamKind, line: &[u8]| {
            output.push_str(&String::from_utf8_lossy(line));
            output.push('\n');
        };
        match command.run(&mut collect, cancellation) {
            Ok(finished) if finished.outcome.is_success() => Ok(()),
            Ok(_) => Err(LaunchError::Failed(output)),
            Err(CommandError::Start { program, source }) => Err(LaunchError::Failed(format!(
                "{}: {source}",
                Path::new(&program).display()
            ))),
            Err(error) => Err(LaunchError::Failed(error.to_string())),
        }
    }

    /// Starts the watchdog anew if it does not run. Of a supervisord that
    /// cannot run it, only the log tells.
    fn mend_watchdog(&self, supervisor: &Supervisor, log: &Logger) {
        match supervisor.process("watchdog") {
            Ok(info) if info.is_running() => return,
            Ok(_) => {}
            Err(error) if error.is_fault("BAD_NAME") => {}
            Err(error) => return log.warning(error.to_string()),
        }
        let mend = || {
            match supervisor.remove_group("watchdog") {
                Err(error) if !error.is_fault("BAD_NAME") => return Err(error),
                _ => {}
            }
            supervisor.reload_configuration()?;
            supervisor.add_group("watchdog")
        };
        if let Err(error) = mend() {
            log.warning(format!("The watchdog cannot be started: {error}"));
        }
    }
}

/// Names the interpreter of a script's first line, which the system refuses to
/// read if it is long.
fn interpreter_first(
    program: &Path,
    arguments: impl IntoIterator<Item = OsString>,
) -> (OsString, Vec<OsString>) {
    let mut words = shebang(program).unwrap_or_default();
    words.push(program.as_os_str().to_owned());
    let first = words.remove(0);
    words.extend(arguments);
    (first, words)
}

fn shebang(program: &Path) -> Option<Vec<OsString>> {
    let begin = read_beginning(program).ok()?;
    let line = begin
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let line = std::str::from_utf8(line).ok()?;
    let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
    (!words.is_empty()).then_some(words)
}

fn read_beginning(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut begin = Vec::new();
    fs::File::open(path)?.take(4096).read_to_end(&mut begin)?;
    Ok(begin)
}
