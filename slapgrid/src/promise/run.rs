//! Running one promise, in a host or as a program, to its result.

use std::process::Command;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use buildout_core::value::str_repr;
use serde_json::{Value, json};

use super::cache::PromiseCache;
use super::due::failed_without_result;
use super::error::PromiseError;
use super::executable::{self, TERMINATION};
use super::history::{self, LineLevel, log_line};
use super::host::{Host, HostEvent, HostKey, START_LIMIT};
use super::listing::Promise;
use super::result::{PromiseResult, ResultKind, date_of, shortened};
use super::runner::Launch;
use crate::bang::Banged;
use crate::child::{SAFE_UMASK, clean_environment, error_chain};
use crate::clock::seconds_now;
use crate::launch;
use crate::process_tree::ProcessTree;

/// The steps of `execution-time`, in seconds: upstream looks that often.
const STEP: f64 = 0.05;

/// Minutes between two runs of an executable (`WrapPromise.__init__`).
const PERIODICITY: f64 = 2.0;

/// How many runs of an executable have to fail to be an anomaly
/// (`WrapPromise.anomaly`).
const ANOMALY_RUNS: usize = 3;

/// How long the end of a promise that was killed is waited for.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// What the message of a promise is that ended without a result.
const NO_OUTPUT: &str = "Error: No output returned by the promise";

/// How a promise in a host ended.
enum End {
    /// It ended, with this document as its result if it gave one; `Null` is that
    /// it is not checked in this way.
    Ended(Option<Value>),
    /// It took too long.
    TimedOut,
    /// The host was lost.
    Lost {
        /// Whether it may be for this promise that it was.
        is_suspect: bool,
    },
}

impl Launch<'_> {
    /// Runs a plugin. A host that is lost is replaced, by one for this promise
    /// alone if it may have been this promise who did it.
    pub(super) fn run_plugin(
        &self,
        promise: &Promise,
        key: &HostKey,
    ) -> Result<Option<PromiseResult>, PromiseError> {
        let hosts = &self.runner.hosts;
        let mut is_alone = false;
        for _ in 0..3 {
            let host = if is_alone {
                hosts.lease_alone(key)?
            } else {
                hosts.lease(key)?
            };
            let start = Instant::now();
            match self.follow(promise, &host) {
                End::Ended(Some(Value::Null)) => return Ok(None),
                End::Ended(document) => {
                    let result = document.and_then(|document| PromiseResult::of(&document));
                    let taken = self.steps(start.elapsed());
                    return Ok(Some(match result {
                        // Where it is from is known better here.
                        Some(result) => PromiseResult {
                            message: result.message.as_deref().map(shortened),
                            kind: result.kind,
                            failed: result.failed,
                            date: result.date,
                            ..self.result(promise, String::new(), false, taken)
                        },
                        None => self.without_result(promise, NO_OUTPUT, taken),
                    }));
                }
                End::TimedOut => return Ok(Some(self.timed_out(promise))),
                End::Lost { .. } if self.runner.node.cancellation.is_cancelled() => {
                    return Err(PromiseError::Cancelled);
                }
                // It had nothing to do for long, and ended at this moment.
                End::Lost { is_suspect: false } => {}
                End::Lost { is_suspect: true } => {
                    self.partition.log.warning(format!(
                        "The host of the promise {} was lost.",
                        promise.name
                    ));
                    if is_alone {
                        break;
                    }
                    is_alone = true;
                }
            }
        }
        Ok(Some(self.without_result(promise, NO_OUTPUT, STEP)))
    }

    fn request(&self, promise: &Promise) -> Value {
        let configuration = &self.runner.node.configuration;
        let partition = self.partition;
        let path = partition.path.to_string_lossy();
        let (certificate, key) = partition.certificate.clone().unzip();
        let is_anomaly = self.check.kind == ResultKind::Anomaly;
        json!({
            "path": promise.path,
            "name": promise.name,
            "partition": path,
            "anomaly": is_anomaly,
            "bang": is_anomaly && !self.has_banged.load(Ordering::Relaxed),
            "config": {
                "path": promise.path,
                "name": promise.name,
                "log-folder": format!("{path}/.slapgrid/promise/log"),
                "partition-folder": path,
                "debug": Value::Null,
                "promise-timeout": configuration.promise_timeout.as_secs(),
                "master-url": configuration.master_url,
                "partition-cert": certificate,
                "partition-key": key,
                "partition-id": partition.name,
                "computer-id": configuration.computer_id,
            },
        })
    }

    /// Has a host run a promise, to its end or that of its time.
    fn follow(&self, promise: &Promise, host: &Host) -> End {
        let log = self.partition.log;
        let (number, events) = host.begin(self.request(promise));
        let mut process = None;
        let mut result = None;
        let mut deadline = Instant::now() + START_LIMIT;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match events.recv_timeout(left) {
                Ok(HostEvent::Started(id)) => {
                    process = Some(id);
                    deadline = Instant::now() + self.limit();
                }
                Ok(HostEvent::Output(text)) => text.lines().for_each(|line| log.info(line)),
                Ok(HostEvent::Bang(message)) => {
                    let asked = Instant::now();
                    host.answer(number, &self.bang(promise, &message));
                    // It is not to blame for a slow master.
                    deadline += asked.elapsed();
                }
                Ok(HostEvent::Result(document)) => {
                    result = Some(document.unwrap_or(Value::Null));
                }
                Ok(HostEvent::Ended { left_out }) => {
                    if left_out > 0 {
                        log.info(format!("... {left_out} bytes left out"));
                    }
                    return End::Ended(result);
                }
                Ok(HostEvent::Lost) | Err(RecvTimeoutError::Disconnected) => {
                    if let Some(process) = process {
                        ProcessTree::of(process).kill();
                    }
                    let is_suspect = process.is_some();
                    return End::Lost { is_suspect };
                }
                Err(RecvTimeoutError::Timeout) => {
                    let Some(process) = process else {
                        // What it needs is imported before it is begun.
                        host.kill();
                        return End::Lost { is_suspect: true };
                    };
                    self.end_by_force(promise, process, host, &events);
                    return End::TimedOut;
                }
            }
        }
    }

    fn limit(&self) -> Duration {
        self.runner.node.configuration.promise_timeout
    }

    /// Asks a promise to end, and kills it with all that it started.
    fn end_by_force(
        &self,
        promise: &Promise,
        process: u32,
        host: &Host,
        events: &Receiver<HostEvent>,
    ) {
        let tree = ProcessTree::of(process);
        tree.terminate();
        if !await_end(events, TERMINATION) {
            let log = self.partition.log;
            log.info(format!("Killing process {}...", promise.name));
            tree.kill();
            if !await_end(events, KILL_LIMIT) {
                // Not even that helps, or the host does not notice.
                host.kill();
            }
            return;
        }
        tree.kill();
    }

    /// Tells the master of an anomaly that a plugin found, if it is the first
    /// one of this check; returns the answer for the plugin.
    fn bang(&self, promise: &Promise, message: &str) -> Value {
        if self.has_banged.swap(true, Ordering::Relaxed) {
            return json!({"bang": "no"});
        }
        let log = self.partition.log;
        match (self.partition.bang)(message) {
            Ok(Banged::Done) => {
                log.info(format!("Bang with message {}.", str_repr(message)));
                json!({"bang": "done"})
            }
            Ok(Banged::HeldBack { quota }) => {
                let text = format!(
                    "Bang with message {} held back: {quota} in an hour are enough (option 'bang_quota').",
                    str_repr(message)
                );
                log.warning(&text);
                json!({"bang": "held back", "text": text})
            }
            Err(error) => {
                let text = error_chain(&error);
                log.warning(&text);
                // It is due again in the next pass, which so tries it again.
                if let Err(error) = self.store.set_next_run(promise.title(), seconds_now()) {
                    log.warning(error_chain(&error));
                }
                json!({"bang": "failed", "text": text})
            }
        }
    }

    /// Runs an executable (`WrapPromise`).
    pub(super) fn run_executable(&self, promise: &Promise) -> Result<PromiseResult, PromiseError> {
        let title = promise.title();
        let began = SystemTime::now();
        let timestamp = seconds_now();
        self.store.set_cache(
            title,
            &PromiseCache {
                is_tested: true,
                is_anomaly_detected: true,
                periodicity: PERIODICITY,
                next_run_after: timestamp + PERIODICITY * 60.0,
                timestamp,
                // Upstream names its own wrapper, which is not here.
                module_file: promise.path.clone(),
                module_file_mtime: modified(promise),
            },
        )?;
        let since = began.duration_since(UNIX_EPOCH).unwrap_or_default();
        let random = 100 + since.subsec_micros() % 900;
        let transaction = format!("{}-{random}", since.as_secs());
        let append = |level, message: &str| {
            let line = log_line(SystemTime::now(), level, &transaction, message);
            self.store.append_log(title, &line)
        };
        let node = self.runner.node;
        let start = Instant::now();
        let is_cancelled = || node.cancellation.is_cancelled();
        let ended = executable::run(self.command(promise)?, self.limit(), &is_cancelled).map_err(
            |source| PromiseError::Run {
                name: promise.name.clone(),
                source,
            },
        )?;
        if is_cancelled() {
            return Err(PromiseError::Cancelled);
        }
        if ended.timed_out {
            let name = str_repr(&promise.name);
            append(
                LineLevel::Info,
                &format!("Terminating promise process {name}"),
            )?;
        }
        match ended.success {
            Some(true) => append(LineLevel::Info, &ended.output)?,
            Some(false) => append(LineLevel::Error, &ended.output)?,
            None => {}
        }
        if ended.timed_out {
            return Ok(self.timed_out(promise));
        }
        let runs = match self.check.kind {
            ResultKind::Test => 1,
            ResultKind::Anomaly => ANOMALY_RUNS,
        };
        let verdict = history::decide(&self.store.log(title), runs, runs);
        let taken = self.steps(start.elapsed());
        Ok(PromiseResult {
            // Of neither sort of check are these results anomalies, which the
            // master would be told of.
            kind: ResultKind::Test,
            ..self.result(promise, verdict.message, verdict.failed, taken)
        })
    }

    fn command(&self, promise: &Promise) -> Result<Command, PromiseError> {
        let node = self.runner.node;
        let partition = self.partition;
        let surroundings = &node.surroundings;
        let launch = launch::Launch {
            umask: SAFE_UMASK,
            parent: std::process::id(),
            identity: node.identity(partition.owner)?,
            leads_session: true,
            words: vec![promise.path.to_string_lossy().into_owned()],
        };
        let account = surroundings.accounts.by_number(partition.owner.user);
        let home = account.map_or(partition.path, |account| account.home.as_ref());
        let mut command = Command::new(&surroundings.program);
        command
            .arg("launch")
            .args(launch.command_words())
            .current_dir(partition.path)
            .env_clear()
            .envs(clean_environment(&surroundings.environment, home));
        Ok(command)
    }

    fn result(
        &self,
        promise: &Promise,
        message: String,
        failed: bool,
        execution_time: f64,
    ) -> PromiseResult {
        PromiseResult {
            title: promise.title().to_owned(),
            name: promise.name.clone(),
            path: promise.path.to_string_lossy().into_owned(),
            execution_time,
            kind: self.check.kind,
            failed,
            date: date_of(SystemTime::now()),
            message: Some(shortened(&message)),
        }
    }

    fn without_result(&self, promise: &Promise, message: &str, taken: f64) -> PromiseResult {
        let last = self.store.result(promise.title());
        let failed = failed_without_result(self.check.kind, last.as_ref());
        self.result(promise, message.to_owned(), failed, taken)
    }

    fn timed_out(&self, promise: &Promise) -> PromiseResult {
        let seconds = self.limit().as_secs();
        let message = format!("Error: Promise timed out after {seconds} seconds");
        let taken = self.steps(self.limit());
        self.without_result(promise, &message, taken)
    }

    /// Returns a time in seconds, in upstream's steps.
    fn steps(&self, time: Duration) -> f64 {
        let limit = (self.limit().as_secs_f64() / STEP).floor();
        let steps = (time.as_secs_f64() / STEP).ceil();
        steps.clamp(1.0, limit.max(1.0)) * STEP
    }
}

/// Waits for the end of a promise, and tells whether it came.
fn await_end(events: &Receiver<HostEvent>, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match events.recv_timeout(left) {
            Ok(HostEvent::Ended { .. } | HostEvent::Lost) => return true,
            // It may ask for what it likes, but it ends.
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => return true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
    }
}

/// Returns when a promise's file was changed, in seconds since the epoch.
fn modified(promise: &Promise) -> f64 {
    let metadata = std::fs::metadata(&promise.path);
    let modified = metadata.and_then(|metadata| metadata.modified());
    let since = modified.map(|time| time.duration_since(UNIX_EPOCH).unwrap_or_default());
    since.unwrap_or_default().as_secs_f64()
}
