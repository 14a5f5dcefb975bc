//! A host of plugins: a Python of a release with the release's slapos.core,
//! which forks for each promise (`harness.py`).
//!
//! Both sides write lines of JSON. The node sends requests, each with a number,
//! and answers; the host tells by that number that a promise was `started`, its
//! `output`, that it wants to `bang`, its `result`, and that it `ended`. The
//! pipe is the host's alone: what promises print does not come into it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use buildout_core::exec::cancel::{CallbackGuard, CancellationToken};
use buildout_core::exec::spawn::spawn;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::child::Owner;
use crate::process_tree::ProcessTree;

/// What the host does.
const HARNESS: &str = include_str!("harness.py");

/// What Python is told on its command line; the rest comes through the pipe, so
/// that lists of processes stay readable.
const BOOTSTRAP: &str =
    "import json, sys; settings = json.loads(sys.stdin.readline()); exec(settings['harness'])";

/// How long a host may take to import slapos.core, and to begin a promise.
pub(super) const START_LIMIT: Duration = Duration::from_secs(60);

/// A host with nothing to do ends by itself after so long.
const IDLE: Duration = Duration::from_secs(10);

/// How long a host whose work is done may take to end.
const END_LIMIT: Duration = Duration::from_secs(2);

/// The longest line that a host may write.
const LONGEST_LINE: u64 = 2 * 1024 * 1024;

/// How much of what a host complains is kept.
const COMPLAINT_LIMIT: usize = 16 * 1024;

/// The variable by which what a host started is known when the host is gone.
const MARK: &str = "SLAPOS_PROMISE_HOST";

/// The exit code by which a host tells that importing ahead is no good.
const NOT_AHEAD: i32 = 75;

/// What a host is for: promises that agree in all this share one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct HostKey {
    /// The release's Python.
    pub(super) interpreter: PathBuf,
    /// What comes first in the search path, with it the release's slapos.core.
    pub(super) path: Vec<String>,
    /// As whom it is run. Code of a release is never run by root, and what one
    /// user runs shares no memory with what another one does.
    pub(super) owner: Owner,
}

/// How a host is started.
#[derive(Clone, Debug)]
pub(super) struct HostCommand {
    pub(super) program: PathBuf,
    /// The words of `launch`, up to the program.
    pub(super) arguments: Vec<String>,
    pub(super) directory: PathBuf,
    pub(super) environment: BTreeMap<OsString, OsString>,
}

/// A host that does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// The release's Python cannot be run as the partition's user.
    #[error("{python} cannot be run for promises: {reason}")]
    Start {
        /// The Python.
        python: String,
        /// Why not.
        reason: String,
    },
    /// The release's slapos.core cannot be imported.
    #[error(
        "slapos.core cannot be imported by {python}, with the sys.path that plugins begin with:\n{complaint}"
    )]
    Import {
        /// The Python.
        python: String,
        /// What it says.
        complaint: String,
    },
    /// It takes for ever.
    #[error("{python} has not imported slapos.core after {} seconds", START_LIMIT.as_secs())]
    Slow {
        /// The Python.
        python: String,
    },
}

/// What a host tells of a promise.
#[derive(Clone, Debug)]
pub(super) enum HostEvent {
    /// It runs, as this process, which leads a session.
    Started(u32),
    /// It printed something.
    Output(String),
    /// It wants the master to be told; the node answers.
    Bang(String),
    /// Its result; none if it is not checked in this way.
    Result(Option<Value>),
    /// It ended, with all that it left in its group.
    Ended {
        /// How many bytes of output were not passed on.
        left_out: u64,
    },
    /// The host is gone.
    Lost,
}

/// Begun promises by their numbers.
#[derive(Default)]
struct Waiting {
    by_number: HashMap<u64, Sender<HostEvent>>,
    is_closed: bool,
}

struct Shared {
    requests: Mutex<Option<ChildStdin>>,
    /// None before it is started, and when it has been reaped.
    process: Mutex<Option<Pid>>,
    waiting: Mutex<Waiting>,
    next: AtomicU64,
    is_not_ahead: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn kill(&self) {
        // It is reaped only under this lock.
        if let Some(process) = *locked(&self.process) {
            let _ = kill_process(process, Signal::KILL);
        }
    }

    fn send(&self, message: &Value) -> io::Result<()> {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        match &mut *locked(&self.requests) {
            Some(requests) => requests.write_all(&line),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn close(&self) {
        let mut waiting = locked(&self.waiting);
        waiting.is_closed = true;
        for sender in waiting.by_number.drain().map(|(_, sender)| sender) {
            // Whoever does not listen any more need not know.
            let _ = sender.send(HostEvent::Lost);
        }
    }
}

/// A host that runs. It is ended when nobody has it any more.
pub(super) struct Host {
    shared: Arc<Shared>,
    thread: Option<std::thread::JoinHandle<()>>,
    _registration: CallbackGuard,
}

impl Host {
    /// Starts a host, and waits until it has imported slapos.core. `is_ahead`
    /// tells whether it may import what promises of slapos.toolbox need once
    /// for all.
    ///
    /// # Errors
    ///
    /// See [`HostError`].
    pub(super) fn start(
        key: &HostKey,
        command: HostCommand,
        is_ahead: bool,
        cancellation: &CancellationToken,
    ) -> Result<Self, HostError> {
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            process: Mutex::default(),
            waiting: Mutex::default(),
            next: AtomicU64::new(0),
            is_not_ahead: AtomicBool::new(false),
        });
        let python = key.interpreter.display().to_string();
        let settings = json!({
            "harness": HARNESS,
            "path": key.path,
            "idle": IDLE.as_secs(),
            "ahead": is_ahead,
        });
        let (ready, readiness) = mpsc::channel();
        let follower = Follower {
            shared: Arc::clone(&shared),
            python: python.clone(),
            ready: Some(ready),
        };
        let start_error = |error: io::Error| HostError::Start {
            python: python.clone(),
            reason: error.to_string(),
        };
        // The host ends with the thread that started it, which so has to be one
        // that lasts.
        let thread = std::thread::Builder::new()
            .name("promise-host".to_owned())
            .spawn(move || follower.run(&command, &settings))
            .map_err(start_error)?;
        let registration = cancellation.on_cancel({
            let shared = Arc::clone(&shared);
            move || shared.kill()
        });
        let host = Host {
            shared,
            thread: Some(thread),
            _registration: registration,
        };
        match readiness.recv_timeout(START_LIMIT) {
            Ok(result) => result.map(|()| host),
            Err(RecvTimeoutError::Timeout) => {
                host.kill();
                Err(HostError::Slow { python })
            }
            Err(RecvTimeoutError::Disconnected) => Err(HostError::Start {
                python,
                reason: "it cannot be followed".to_owned(),
            }),
        }
    }

    /// Tells whether it still runs, as far as is known.
    pub(super) fn is_alive(&self) -> bool {
        !locked(&self.shared.waiting).is_closed
    }

    /// Tells whether it ended because importing ahead is no good.
    pub(super) fn is_not_ahead(&self) -> bool {
        self.shared.is_not_ahead.load(Ordering::Relaxed)
    }

    /// Begins a promise; a host that is gone tells so at once.
    pub(super) fn begin(&self, mut request: Value) -> (u64, Receiver<HostEvent>) {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        request["id"] = json!(number);
        let (sender, receiver) = mpsc::channel();
        {
            let mut waiting = locked(&self.shared.waiting);
            if waiting.is_closed {
                let _ = sender.send(HostEvent::Lost);
                return (number, receiver);
            }
            waiting.by_number.insert(number, sender);
        }
        if self.shared.send(&request).is_err() {
            // Its end, which is noticed by another thread, may be told twice.
            self.kill();
        }
        (number, receiver)
    }

    /// Answers a promise; one that is gone needs no answer.
    pub(super) fn answer(&self, number: u64, answer: &Value) {
        let _ = self.shared.send(&json!({"id": number, "answer": answer}));
    }

    /// Ends it, with all its promises.
    pub(super) fn kill(&self) {
        self.shared.kill();
    }

    /// Lets it end by itself.
    pub(super) fn dismiss(&self) {
        drop(locked(&self.shared.requests).take());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.dismiss();
        let Some(thread) = self.thread.take() else {
            return;
        };
        let end = Instant::now() + END_LIMIT;
        while !thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.kill();
        // It does nothing that could panic, and nothing holds it any more.
        let _ = thread.join();
    }
}

/// The thread that has started a host, and follows it to its end.
struct Follower {
    shared: Arc<Shared>,
    python: String,
    /// Who waits for it to be ready.
    ready: Option<Sender<Result<(), HostError>>>,
}

impl Follower {
    fn run(mut self, command: &HostCommand, settings: &Value) {
        static HOSTS: AtomicU64 = AtomicU64::new(0);
        let number = HOSTS.fetch_add(1, Ordering::Relaxed);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let mark = format!(
            "{}-{number}-{}",
            std::process::id(),
            now.unwrap_or_default().as_nanos()
        );
        let mut process = Command::new(&command.program);
        process
            .args(&command.arguments)
            .args([&*self.python, "-c", BOOTSTRAP])
            .current_dir(&command.directory)
            .env_clear()
            .envs(&command.environment)
            .env(MARK, &mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = match spawn(&mut process) {
            Ok(child) => child,
            Err(error) => {
                self.shared.close();
                let python = self.python.clone();
                let reason = error.to_string();
                return self.tell(Err(HostError::Start { python, reason }));
            }
        };
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        *locked(&self.shared.process) = id;
        *locked(&self.shared.requests) = child.stdin.take();
        let (complained, complaint) = mpsc::channel();
        if let Some(errors) = child.stderr.take() {
            // A reader that is kept waiting, by something that Python left
            // behind, is left behind, too.
            std::thread::spawn(move || complained.send(read_end(errors)));
        }
        // What cannot be sent shows in that it does not become ready.
        let _ = self.shared.send(settings);
        if let Some(output) = child.stdout.take() {
            self.follow(output);
        }
        let status = {
            let mut process = locked(&self.shared.process);
            if let Some(process) = *process {
                let _ = kill_process(process, Signal::KILL);
            }
            *process = None;
            child.wait()
        };
        let code = status.ok().and_then(|status| status.code());
        if code != Some(0) {
            ProcessTree::with_variable(&format!("{MARK}={mark}")).kill();
        }
        let is_not_ahead = code == Some(NOT_AHEAD);
        self.shared
            .is_not_ahead
            .store(is_not_ahead, Ordering::Relaxed);
        self.shared.close();
        if self.ready.is_some() {
            let complaint = complaint.recv_timeout(Duration::from_secs(1));
            self.tell(Err(HostError::Import {
                python: self.python.clone(),
                complaint: complaint.unwrap_or_default(),
            }));
        }
    }

    fn tell(&mut self, result: Result<(), HostError>) {
        if let Some(ready) = self.ready.take() {
            // Nobody may wait any more.
            let _ = ready.send(result);
        }
    }

    /// Hands on what the host tells, to its end or until it makes no sense.
    fn follow(&mut self, output: impl Read) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut output)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut line);
            if read.is_err() || line.last() != Some(&b'\n') {
                return;
            }
            let Ok(message) = serde_json::from_slice::<Value>(&line) else {
                return;
            };
            if message.get("ready").is_some() {
                self.tell(Ok(()));
            } else if let Some((number, event)) = event_of(message) {
                let mut waiting = locked(&self.shared.waiting);
                let is_end = matches!(event, HostEvent::Ended { .. });
                if let Some(sender) = waiting.by_number.get(&number) {
                    let _ = sender.send(event);
                }
                if is_end {
                    waiting.by_number.remove(&number);
                }
            }
        }
    }
}

/// Reads a message of the host; none if it is nothing that is known.
fn event_of(mut message: Value) -> Option<(u64, HostEvent)> {
    let number = message.get("id")?.as_u64()?;
    let message = message.as_object_mut()?;
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let event = if let Some(process) = message.get("started") {
        HostEvent::Started(u32::try_from(process.as_u64()?).ok()?)
    } else if let Some(output) = message.get("output") {
        HostEvent::Output(text(output)?)
    } else if let Some(bang) = message.get("bang") {
        HostEvent::Bang(text(bang)?)
    } else if let Some(result) = message.remove("result") {
        HostEvent::Result((!result.is_null()).then_some(result))
    } else {
        message.get("ended")?;
        HostEvent::Ended {
            left_out: message.get("left_out")?.as_u64()?,
        }
    };
    Some((number, event))
}

/// Reads to the end and returns the last of it.
fn read_end(mut errors: impl Read) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = errors.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..count]);
        if kept.len() > 2 * COMPLAINT_LIMIT {
            kept.drain(..kept.len() - COMPLAINT_LIMIT);
        }
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_tells_is_understood() {
        let event = |text: &str| event_of(serde_json::from_str(text).unwrap());
        assert!(matches!(
            event(r#"{"id": 3, "started": 77}"#),
            Some((3, HostEvent::Started(77)))
        ));
        assert!(matches!(
            event(r#"{"id": 3, "result": null}"#),
            Some((3, HostEvent::Result(None)))
        ));
        assert!(matches!(
            event(r#"{"id": 3, "ended": 9, "left_out": 5}"#),
            Some((3, HostEvent::Ended { left_out: 5 }))
        ));
        for nonsense in ["3", "{}", r#"{"id": 3}"#, r#"{"id": -1, "started": 7}"#] {
            assert!(event(nonsense).is_none(), "{nonsense}");
        }
    }
}
