//! One Python process, and the requests that it carries out.

use std::collections::HashMap;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use buildout_core::exec::cancel::CallbackGuard;
use buildout_core::exec::spawn::spawn;
use buildout_core::recipe::{Environment, RecipeError, RecipeErrorKind, RunServices};
use serde_json::{Map, Value, json};

use crate::changes::EnvironmentChanges;
use crate::failure::{Ending, ProcessError, crash};
use crate::frame::write_frame;
use crate::message::{PythonFailure, Reply};
use crate::process::Process;
use crate::pump::Pump;
use crate::sources::{BOOTSTRAP, CHILD, MODULES};

/// How long the process may take to end when the run is over.
const LAST_PATIENCE: Duration = Duration::from_secs(5);

/// The same when its connection broke.
const PATIENCE: Duration = Duration::from_secs(2);

/// How the recipes of a run are to behave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartSettings {
    /// Whether options may have values that are not strings.
    pub(crate) typed_values: bool,
    /// The lowest level of records that are shown, as Python's number.
    pub(crate) log_level: i64,
}

/// What a call of the process failed with.
#[derive(Debug)]
pub(crate) struct CallFailure {
    /// Which exception the process raises.
    pub(crate) kind: &'static str,
    /// Its argument.
    pub(crate) text: String,
    /// What the engine shows if nobody catches that.
    pub(crate) error: Box<RecipeError>,
}

/// Carries out calls of the process.
pub(crate) type Serve<'s> = dyn FnMut(&str, &[Value]) -> Result<Value, CallFailure> + 's;

/// What the requests and the thread that reads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) process: Process,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// For each request, who waits for its replies.
    waiting: HashMap<u64, Sender<Reply>>,
    /// The requests that are being carried out and the parts that they are
    /// for, innermost last.
    open: Vec<(u64, Arc<str>)>,
    /// How the process ended.
    ending: Option<Ending>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the part that the process works on.
    pub(crate) fn part(&self) -> Arc<str> {
        let state = self.state();
        match state.open.last() {
            Some((_, part)) => Arc::clone(part),
            None => Arc::from("buildout"),
        }
    }

    /// Gives a reply to who waits for it.
    pub(crate) fn pass_on(&self, request: u64, reply: Reply) {
        let mut state = self.state();
        let is_last = matches!(reply, Reply::Ended { .. });
        if let Some(waiting) = state.waiting.get(&request) {
            // Who has gone away needs no reply.
            let _ = waiting.send(reply);
        }
        if is_last {
            state.waiting.remove(&request);
            state.open.retain(|(open, _)| *open != request);
        }
    }

    /// Tells all who wait that there will be nothing more.
    pub(crate) fn close(&self, ending: Ending) {
        let mut state = self.state();
        state.waiting.clear();
        state.open.clear();
        state.ending.get_or_insert(ending);
    }

    fn open(&self, request: u64, part: &str) -> Result<Receiver<Reply>, ProcessError> {
        let (sender, receiver) = channel();
        let mut state = self.state();
        if let Some(ending) = &state.ending {
            return Err(ProcessError::Ended(ending.clone()));
        }
        state.waiting.insert(request, sender);
        state.open.push((request, Arc::from(part)));
        Ok(receiver)
    }

    fn ending(&self) -> Ending {
        self.state().ending.clone().unwrap_or(Ending::Unknown)
    }
}

/// One Python process.
pub(crate) struct Interpreter {
    to_process: Mutex<UnixStream>,
    shared: Arc<Shared>,
    next: AtomicU64,
    /// The variables as the process knows them.
    environment: Mutex<Environment>,
    /// The failures of the engine that the process was told of.
    failures: Mutex<HashMap<u64, RecipeError>>,
    pump: Option<JoinHandle<()>>,
    _on_cancel: CallbackGuard,
}

impl Interpreter {
    /// Starts `executable`.
    pub(crate) fn start(
        executable: &Path,
        services: &RunServices,
        settings: StartSettings,
    ) -> Result<Self, RecipeError> {
        let is_cancelled = services.cancellation.is_cancelled();
        let interpreter = Self::start_process(executable, services).map_err(|source| {
            ProcessError::Start {
                executable: executable.to_owned(),
                source,
            }
            .into_recipe_error(is_cancelled)
        })?;
        let sources: Map<String, Value> = MODULES
            .into_iter()
            .map(|(name, source)| (name.to_owned(), Value::from(source)))
            .collect();
        let body = json!({
            "directory": services.directory.to_string_lossy(),
            "typed_values": settings.typed_values,
            "log_level": settings.log_level,
            "arguments": ["buildout"],
            "sources": sources,
        });
        let mut serve_nothing = |name: &str, _: &[Value]| Err(unknown_call(name));
        interpreter.request("buildout", "start", body, services, &mut serve_nothing)?;
        Ok(interpreter)
    }

    fn start_process(executable: &Path, services: &RunServices) -> std::io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let (wake, waker) = UnixStream::pair()?;
        let environment = services.environment();
        let mut command = Command::new(executable);
        // Nothing but the distributions that the profile asks for is to be
        // seen, whatever else is installed.
        command
            .args(["-I", "-S", "-c", BOOTSTRAP])
            .env_clear()
            .envs(&environment)
            .current_dir(&services.directory)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        let mut child = spawn(&mut command)?;
        drop(command);
        let pipes = (child.stdout.take(), child.stderr.take());
        let shared = Arc::new(Shared {
            process: Process::new(child),
            state: Mutex::default(),
        });
        let (Some(stdout), Some(stderr)) = pipes else {
            return Err(std::io::Error::other("the process has no pipes"));
        };
        let pump = Pump {
            connection: ours.try_clone()?,
            wake,
            stdout: stdout.into(),
            stderr: stderr.into(),
            shared: Arc::clone(&shared),
            events: Arc::clone(&services.events),
            cancellation: services.cancellation.clone(),
        };
        let pump = std::thread::Builder::new()
            .name("python".to_owned())
            .spawn(move || pump.run())?;
        let interpreter = Interpreter {
            to_process: Mutex::new(ours),
            shared,
            next: AtomicU64::new(1),
            environment: Mutex::new(environment),
            failures: Mutex::default(),
            pump: Some(pump),
            _on_cancel: services.cancellation.on_cancel(move || {
                // Nobody listens any more if this fails.
                let _ = waker.shutdown(Shutdown::Both);
            }),
        };
        interpreter.write(CHILD.as_bytes())?;
        Ok(interpreter)
    }

    /// Has the process do something for a part, and carries out its calls
    /// meanwhile.
    pub(crate) fn request(
        &self,
        part: &str,
        action: &str,
        mut body: Value,
        services: &RunServices,
        serve: &mut Serve<'_>,
    ) -> Result<Value, RecipeError> {
        let failed =
            |error: ProcessError| error.into_recipe_error(services.cancellation.is_cancelled());
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let replies = self.shared.open(id, part).map_err(failed)?;
        body["id"] = Value::from(id);
        body["do"] = Value::from(action);
        if let Some(changes) = self.changes_since(services) {
            body["environment"] = changes.to_value();
        }
        self.send(&body).map_err(failed)?;
        loop {
            let Ok(reply) = replies.recv() else {
                return Err(failed(ProcessError::Ended(self.shared.ending())));
            };
            match reply {
                Reply::Call {
                    number,
                    name,
                    arguments,
                } => {
                    let answer = match serve(&name, &arguments) {
                        Ok(value) => json!({"to": number, "value": value}),
                        Err(failure) => json!({"to": number, "error": self.keep(failure)}),
                    };
                    self.send(&answer).map_err(failed)?;
                }
                Reply::Ended {
                    result,
                    environment,
                } => {
                    if let Some(changes) = environment {
                        self.take_changes(&changes, services);
                    }
                    return result.map_err(|failure| self.recipe_error(failure));
                }
            }
        }
    }

    /// Keeps a failure, and returns what the process is told of it.
    fn keep(&self, failure: CallFailure) -> Value {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let told = json!({"kind": failure.kind, "text": failure.text, "failure": number});
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.insert(number, *failure.error);
        told
    }

    fn recipe_error(&self, failure: PythonFailure) -> RecipeError {
        match failure {
            PythonFailure::User(text) => RecipeError::user(text),
            PythonFailure::Engine { number, text } => {
                let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
                failures
                    .remove(&number)
                    .unwrap_or_else(|| RecipeError::user(text))
            }
            PythonFailure::Exit(code) => {
                RecipeError::new(RecipeErrorKind::Exit(code), "the recipe has exited")
            }
            PythonFailure::Cancelled(text) => RecipeError::new(RecipeErrorKind::Cancelled, text),
            PythonFailure::Crash {
                exception,
                text,
                traceback,
            } => crash(&exception, text, traceback),
        }
    }

    /// Returns how the variables of the run differ from what the process
    /// knows, which it is about to learn.
    fn changes_since(&self, services: &RunServices) -> Option<EnvironmentChanges> {
        let mut known = self.environment();
        let now = services.environment();
        let changes = EnvironmentChanges::between(&known, &now)?;
        *known = now;
        Some(changes)
    }

    /// Has later parts see what a recipe changed.
    fn take_changes(&self, changes: &EnvironmentChanges, services: &RunServices) {
        changes.apply(&mut self.environment());
        let mut environment = services.environment();
        changes.apply(&mut environment);
        services.set_environment(environment);
    }

    fn environment(&self) -> MutexGuard<'_, Environment> {
        self.environment
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, message: &Value) -> Result<(), ProcessError> {
        self.write(message.to_string().as_bytes())
            .map_err(|source| {
                // A closed connection means that the process is gone, and how it
                // ended says more.
                match source.kind() {
                    std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset => {
                        ProcessError::Ended(self.shared.wait_for_ending())
                    }
                    _ => ProcessError::Send(source),
                }
            })
    }

    fn write(&self, payload: &[u8]) -> std::io::Result<()> {
        let mut stream = self
            .to_process
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        write_frame(&mut *stream, payload)
    }
}

impl Shared {
    /// Waits until the process has ended, which it is about to.
    fn wait_for_ending(&self) -> Ending {
        let status = self.process.end(PATIENCE);
        status.map_or(Ending::Unknown, Ending::Status)
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        let stream = self
            .to_process
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        // The process ends at the end of its connection.
        let _ = stream.shutdown(Shutdown::Write);
        self.shared.process.end(LAST_PATIENCE);
        if let Some(pump) = self.pump.take() {
            // It ends with the process, and does nothing that could panic but
            // in a sink of events.
            let _ = pump.join();
        }
    }
}

/// The process calls something that there is not: a bug in its sources.
pub(crate) fn unknown_call(name: &str) -> CallFailure {
    let text = format!("the engine knows no call `{name}`");
    CallFailure {
        kind: "internal",
        text: text.clone(),
        error: Box::new(RecipeError::internal("RuntimeError", text)),
    }
}
