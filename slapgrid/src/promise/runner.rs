//! Checking the promises of partitions, side by side.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::due::{Check, Due, decide};
use super::error::PromiseError;
use super::host::HostKey;
use super::listing::{Promise, PromiseKind, promises_of};
use super::pool::HostPool;
use super::result::{PromiseResult, ResultKind};
use super::search_path::{NoSearchPath, search_path};
use super::store::PromiseStore;
use crate::bang::{BangError, Banged};
use crate::child::Owner;
use crate::clock::seconds_now;
use crate::files::{failed_to, read_file};
use crate::log::Logger;
use crate::node::Node;
use crate::slots::Slots;

/// A promise that takes longer than this keeps no other one waiting any more:
/// neither the next of its partition, nor one of another partition.
const COUNTED_FOR: Duration = Duration::from_secs(2);

/// The longest plugin that is read.
const LONGEST_PLUGIN: u64 = 1024 * 1024;

/// What checks promises during a pass: of all partitions together no more at
/// once than `parallel_promises`, with half as many hosts.
pub(crate) struct PromiseRunner<'a> {
    pub(super) node: &'a Node,
    pub(super) hosts: HostPool<'a>,
    slots: Slots,
}

/// A partition whose promises are checked.
pub(crate) struct CheckedPartition<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its directory.
    pub(crate) path: &'a Path,
    /// As whom its promises are run.
    pub(crate) owner: Owner,
    /// The Python of its release, if that has one.
    pub(crate) interpreter: Option<PathBuf>,
    /// The files of its certificate and key.
    pub(crate) certificate: Option<(PathBuf, PathBuf)>,
    pub(crate) log: &'a Logger,
    /// Tells the master that an anomaly lasts, with this message.
    pub(crate) bang: &'a (dyn Fn(&str) -> Result<Banged, BangError> + Sync),
}

/// One check of the promises of one partition.
pub(super) struct Launch<'a> {
    pub(super) runner: &'a PromiseRunner<'a>,
    pub(super) partition: &'a CheckedPartition<'a>,
    pub(super) store: PromiseStore,
    pub(super) check: Check,
    /// Whether there was an anomaly that the master was to be told of: only
    /// the first one of a check is.
    pub(super) has_banged: AtomicBool,
}

/// A promise that is to be run.
struct Task {
    /// Its place in the list.
    place: usize,
    promise: Promise,
    /// The host of a plugin.
    key: Option<HostKey>,
}

impl<'a> PromiseRunner<'a> {
    /// Returns what checks promises of partitions of a node.
    pub(crate) fn new(node: &'a Node) -> Self {
        let limit = node.configuration.parallel_promises;
        PromiseRunner {
            node,
            hosts: HostPool::new(node, limit.div_ceil(2)),
            slots: Slots::counting(limit, COUNTED_FOR),
        }
    }

    /// Checks the promises of a partition (`PromiseLauncher.run`).
    ///
    /// # Errors
    ///
    /// One does not hold, or cannot be checked. All others are checked
    /// nevertheless.
    pub(crate) fn check(
        &self,
        partition: &CheckedPartition<'_>,
        check: Check,
    ) -> Result<(), PromiseError> {
        let log = partition.log;
        log.info(format!("Checking {} promises...", partition.name));
        let promises = promises_of(partition.path)?;
        for path in &promises.bad {
            log.warning(format!("Bad promise file at '{}'.", path.display()));
        }
        if promises.list.is_empty() {
            return Ok(());
        }
        let owner = (self.node.surroundings.user == 0).then_some(partition.owner);
        let launch = Launch {
            runner: self,
            partition,
            store: PromiseStore::of(partition.path, owner),
            check,
            has_banged: AtomicBool::new(false),
        };
        launch.run(promises.list)
    }
}

impl Launch<'_> {
    fn run(&self, promises: Vec<Promise>) -> Result<(), PromiseError> {
        let log = self.partition.log;
        let names: Vec<String> = promises.iter().map(|it| it.name.clone()).collect();
        self.store
            .remove_deprecated(|name| names.iter().any(|known| known == name));
        // By the places of the promises in the list.
        let mut failures: Vec<Option<String>> = vec![None; names.len()];
        let mut due = Vec::new();
        let mut skipped = 0;
        let now = seconds_now();
        for (place, promise) in promises.into_iter().enumerate() {
            let cache = self.store.cache(promise.title());
            match decide(cache.as_ref(), self.check, now) {
                Due::NotThus => skipped += 1,
                Due::NotYet => {
                    skipped += 1;
                    let result = self.store.result(promise.title());
                    if let Some(result) = result.filter(|result| result.failed) {
                        log.error(result.text());
                        failures[place] = Some(result.text().to_owned());
                    }
                }
                Due::Now => due.push((place, promise)),
            }
        }
        let mut first_error = None;
        let tasks = self.tasks(due, &mut first_error);
        for (place, end) in self.run_tasks(&tasks) {
            match end {
                Ok(Some(result)) if result.failed => {
                    log.error(result.text());
                    failures[place] = Some(result.text().to_owned());
                }
                Ok(_) => {}
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        if skipped > 0 {
            log.info(format!("{skipped} promises didn't need to be checked."));
        }
        if let Some(error) = first_error {
            return Err(error);
        }
        let failure = names.into_iter().zip(failures);
        match failure
            .filter_map(|(name, message)| Some((name, message?)))
            .next()
        {
            Some((name, message)) => Err(PromiseError::Failed { name, message }),
            None => Ok(()),
        }
    }

    /// Finds the hosts of plugins.
    fn tasks(
        &self,
        due: Vec<(usize, Promise)>,
        first_error: &mut Option<PromiseError>,
    ) -> Vec<Task> {
        let mut tasks = Vec::new();
        let mut without: Vec<(usize, Promise, NoSearchPath)> = Vec::new();
        for (place, promise) in due {
            if promise.kind == PromiseKind::Executable {
                tasks.push(Task {
                    place,
                    promise,
                    key: None,
                });
                continue;
            }
            let Some(interpreter) = self.partition.interpreter.clone() else {
                let name = promise.name;
                first_error.get_or_insert(PromiseError::NoInterpreter { name });
                continue;
            };
            let text = match read_file(&promise.path, LONGEST_PLUGIN) {
                Ok(text) => text,
                Err(error) => {
                    let error = failed_to("read", &promise.path)(error);
                    first_error.get_or_insert(error.into());
                    continue;
                }
            };
            match search_path(&text) {
                Ok(path) => tasks.push(Task {
                    place,
                    promise,
                    key: Some(HostKey {
                        interpreter,
                        path,
                        owner: self.partition.owner,
                    }),
                }),
                Err(reason) => without.push((place, promise, reason)),
            }
        }
        // Upstream takes the path of one plugin for all.
        let shared = tasks.iter().find_map(|task| task.key.clone());
        for (place, promise, reason) in without {
            if let Some(key) = shared.clone() {
                tasks.push(Task {
                    place,
                    promise,
                    key: Some(key),
                });
            } else {
                let name = promise.name;
                first_error.get_or_insert(PromiseError::NoSearchPath { name, reason });
            }
        }
        tasks.sort_by_key(|task| task.place);
        tasks
    }

    /// Runs promises one after the other; one that takes long is left running,
    /// beside the next ones. Returns what came of each.
    fn run_tasks(
        &self,
        tasks: &[Task],
    ) -> Vec<(usize, Result<Option<PromiseResult>, PromiseError>)> {
        let turns = Slots::counting(1, COUNTED_FOR);
        let ends = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for task in tasks {
                if let Some(key) = &task.key {
                    // A host that has to be started is no promise that takes long. If
                    // it cannot be, the promise tells.
                    drop(self.runner.hosts.lease(key));
                }
                let turn = turns.take();
                let slot = self.runner.slots.take();
                let work = || {
                    let end = self.run_task(task);
                    let mut ends = ends.lock().unwrap_or_else(PoisonError::into_inner);
                    ends.push((task.place, end));
                };
                let (turns, slots) = (&turns, &self.runner.slots);
                let worker = std::thread::Builder::new()
                    .name(format!("promise {}", task.place))
                    .spawn_scoped(scope, move || {
                        work();
                        slots.give_back(slot);
                        turns.give_back(turn);
                    });
                if let Err(error) = worker {
                    slots.give_back(slot);
                    turns.give_back(turn);
                    let end = Err(PromiseError::Run {
                        name: task.promise.name.clone(),
                        source: error,
                    });
                    let mut ends = ends.lock().unwrap_or_else(PoisonError::into_inner);
                    ends.push((task.place, end));
                }
            }
        });
        let mut ends = ends.into_inner().unwrap_or_else(PoisonError::into_inner);
        ends.sort_by_key(|(place, _)| *place);
        ends
    }

    fn run_task(&self, task: &Task) -> Result<Option<PromiseResult>, PromiseError> {
        if self.runner.node.cancellation.is_cancelled() {
            return Err(PromiseError::Cancelled);
        }
        self.partition
            .log
            .info(format!("Checking promise {}...", task.promise.name));
        let result = match &task.key {
            Some(key) => self.run_plugin(&task.promise, key)?,
            None => Some(self.run_executable(&task.promise)?),
        };
        if let Some(result) = &result {
            if result.failed && result.kind == ResultKind::Anomaly {
                self.has_banged.store(true, Ordering::Relaxed);
            }
            self.store.set_result(result)?;
        }
        Ok(result)
    }
}
