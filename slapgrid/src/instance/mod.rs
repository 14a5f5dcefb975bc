//! `slapos node instance`: the partitions, as the master wants them.

mod consumption;
mod currency;
mod error;
mod firewall;
mod install;
mod manager;
mod offline;
mod partition;
mod process;
mod profile;
mod promises;
mod report;
mod retention;
mod services;
mod state;
mod wanted;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use slap::{ComputerPartition, SlapError};

pub use currency::{Comparison, LastTime, Reason};
pub use error::PartitionError;
pub use partition::PARTITION_MODE;
pub use profile::{Tail, interpreter, tail_text};
pub use promises::process_promises;
pub use report::process_report;
pub use wanted::{RequestedState, UnusablePartition, WantedAccess, WantedPartition, check_name};

use crate::child::error_chain;
use crate::node::{Node, PassEnd};
use crate::promise::PromiseRunner;
use crate::slots::Slots;
use crate::supervisor::{Groups, LaunchError, Supervisor, update};
use partition::Partition;
use promises::PromiseTurn;

/// What is wanted of a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceOptions {
    /// Only these partitions; all if none are named.
    pub only: Vec<String>,
    /// Whether partitions that are current are processed.
    pub force: bool,
    /// Whether services of started partitions are stopped for now.
    pub force_stop: bool,
}

/// A pass that cannot be begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstanceError {
    /// There is no supervisord.
    #[error(transparent)]
    Supervisor(#[from] LaunchError),
    /// The master does not say what it wants.
    #[error(transparent)]
    Master(#[from] SlapError),
    /// Partitions that the master does not know.
    #[error("Unknown partition{}: {}", if .0.len() == 1 { "" } else { "s" }, .0.join(", "))]
    Unknown(Vec<String>),
    /// `instance_root` cannot be read.
    #[error("failed to list `{}`", path.display())]
    Root {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

/// Returns a supervisord to work with; that of somebody else if this node may
/// not start one.
pub(crate) fn supervisor_of(node: &Node) -> Result<Supervisor, LaunchError> {
    let launcher = node.launcher();
    launcher.write_configuration()?;
    if node.configuration.forbid_supervisord_automatic_launch {
        return launcher.await_running(&node.cancellation);
    }
    launcher.launch(&node.log, &node.cancellation)
}

/// Brings the partitions in step with what the master wants
/// (`processComputerPartitionList`). Several are worked on at once, begun in
/// the master's order, each by itself.
///
/// # Errors
///
/// The pass cannot be begun. What fails of a partition is reported to the
/// master, and the others go on.
pub fn process_partitions(
    node: &Node,
    options: &InstanceOptions,
) -> Result<PassEnd, InstanceError> {
    node.log.info("Processing computer partitions...");
    let supervisor = supervisor_of(node)?;
    // What a killed run left undone.
    if let Err(error) = update(&supervisor, Groups::All, &node.log) {
        node.log.warning(error_chain(&error));
    }
    let computer = node
        .master
        .full_computer_information(&node.configuration.computer_id);
    let computer = match computer {
        Err(error) if error.is_master_lost() => {
            node.log.error(error_chain(&error));
            return offline::process_offline(node, &supervisor);
        }
        result => result?,
    };
    check_known(&computer.partitions, &options.only)?;
    let pass = Pass {
        node,
        options,
        supervisor: &supervisor,
        runner: PromiseRunner::new(node),
        outcome: Mutex::new(Outcome::default()),
    };
    let partitions = computer.partitions.iter();
    let partitions: Vec<_> = partitions
        .filter(|it| is_named(it, &options.only))
        .collect();
    pass.run(&partitions);
    let outcome = pass
        .outcome
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if outcome.master_lost {
        return offline::process_offline(node, &supervisor);
    }
    node.log.info("Finished computer partitions.");
    node.log.info("=".repeat(80));
    for (errors, title) in [
        (
            &outcome.errors,
            "Error while processing the following partitions:",
        ),
        (
            &outcome.promise_errors,
            "Error with promises for the following partitions:",
        ),
    ] {
        if !errors.is_empty() {
            node.log.info(title);
        }
        for (name, kind, text) in errors {
            node.log.info(format!("  {name}[{kind}]: {text}"));
        }
    }
    Ok(if outcome.failed {
        PassEnd::Failure
    } else if !outcome.promise_errors.is_empty() {
        PassEnd::PromiseFailure
    } else {
        PassEnd::Success
    })
}

/// Tells whether a partition is among those that are named; all are if none is.
fn is_named(partition: &ComputerPartition, only: &[String]) -> bool {
    only.is_empty() || only.contains(&partition.reference.partition_id)
}

fn check_known(partitions: &[ComputerPartition], only: &[String]) -> Result<(), InstanceError> {
    let is_known = |name: &String| {
        partitions
            .iter()
            .any(|partition| partition.reference.partition_id == *name)
    };
    let mut unknown: Vec<String> = only
        .iter()
        .filter(|name| !is_known(name))
        .cloned()
        .collect();
    unknown.sort();
    unknown.dedup();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(InstanceError::Unknown(unknown))
}

/// What came out of a pass.
#[derive(Default)]
struct Outcome {
    /// Something failed.
    failed: bool,
    /// The master is out of reach, or fails.
    master_lost: bool,
    /// No partition is begun any more: the master is out of reach.
    ended: bool,
    /// Partitions with their types and errors, in the order of their ends.
    errors: Vec<(String, String, String)>,
    /// Partitions with promises that do not hold, likewise.
    promise_errors: Vec<(String, String, String)>,
}

struct Pass<'a> {
    node: &'a Node,
    options: &'a InstanceOptions,
    supervisor: &'a Supervisor,
    runner: PromiseRunner<'a>,
    outcome: Mutex<Outcome>,
}

impl Pass<'_> {
    fn run(&self, partitions: &[&ComputerPartition]) {
        let slots = Slots::new(self.node.configuration.parallel_partitions);
        std::thread::scope(|scope| {
            for partition in partitions {
                let slot = slots.take();
                if self.node.cancellation.is_cancelled() || self.outcome().ended {
                    break;
                }
                let worker = std::thread::Builder::new()
                    .name(partition.reference.partition_id.replace('\0', " "))
                    .spawn_scoped(scope, {
                        let slots = &slots;
                        move || {
                            // It may have been given back before.
                            let give_back = || slots.give_back(slot);
                            self.process_isolated(partition, &give_back);
                            give_back();
                        }
                    });
                if worker.is_err() {
                    // Without another thread, by this one.
                    self.process_isolated(partition, &|| {});
                    slots.give_back(slot);
                }
            }
        });
    }

    fn outcome(&self) -> std::sync::MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Processes a partition so that no mistake in it, nor in this program,
    /// harms another one.
    fn process_isolated(&self, partition: &ComputerPartition, step_aside: &(dyn Fn() + Sync)) {
        let turn = PromiseTurn {
            runner: &self.runner,
            step_aside,
        };
        let result = catch_unwind(AssertUnwindSafe(|| self.process(partition, &turn)));
        if let Err(panic) = result {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                .unwrap_or_default();
            self.node.log.error(format!(
                "{}: internal error: {text}",
                partition.reference.partition_id
            ));
            self.outcome().failed = true;
        }
    }

    fn process(&self, partition: &ComputerPartition, turn: &PromiseTurn<'_>) {
        let node = self.node;
        let wanted = match WantedPartition::of(partition) {
            Ok(wanted) => wanted,
            Err(error) => {
                node.log.error(error.to_string());
                self.outcome().failed = true;
                return;
            }
        };
        let partition = Partition::new(node, &wanted, self.supervisor);
        if !partition.path.exists() {
            // Upstream's exit code does not show it.
            let error = PartitionError::NoDirectory(partition.path.clone());
            partition.log.error(error.to_string());
            partition.report_error(&error.to_string());
            return;
        }
        if wanted.is_free() {
            match process::clean_free(&partition.path) {
                Ok(false) => {}
                Ok(true) => partition.log.warning(format!(
                    "Free partition {} contains file(s) in {}.",
                    wanted.name(),
                    partition.path.display()
                )),
                Err(error) => partition.log.error(error_chain(&error)),
            }
            return;
        }
        let result = partition.prepare_by_managers().and_then(|()| {
            let processed = partition.process(self.options, turn);
            if node.cancellation.is_cancelled() {
                return processed;
            }
            // Also if something went wrong: a promise may wait for just this.
            let applied = Partition::new(node, &wanted, self.supervisor).apply_managers();
            match (processed, applied) {
                (Err(error), Err(second)) => {
                    node.log.named(wanted.name()).error(error_chain(&second));
                    Err(error)
                }
                (processed, applied) => processed.and(applied),
            }
        });
        if let Err(error) = result {
            self.take_error(&wanted, &error);
        }
    }

    fn take_error(&self, wanted: &WantedPartition, error: &PartitionError) {
        let partition = Partition::new(self.node, wanted, self.supervisor);
        let text = error_chain(error);
        if error.is_master_lost() {
            partition.log.error(text);
            let mut outcome = self.outcome();
            outcome.master_lost = true;
            // A master that answers may still serve the other partitions.
            outcome.ended |= matches!(
                error,
                PartitionError::Master(SlapError::Connection { .. } | SlapError::Broken { .. })
            );
            return;
        }
        if !error.is_told() {
            partition.log.error(&text);
        }
        if !self.node.cancellation.is_cancelled() {
            partition.report_error(&text);
        }
        let kind = wanted.software_type.as_deref().unwrap_or("(not ready)");
        let line = (wanted.name().to_owned(), kind.to_owned(), text);
        let mut outcome = self.outcome();
        if error.is_promise_failure() {
            outcome.promise_errors.push(line);
        } else {
            outcome.failed = true;
            outcome.errors.push(line);
        }
    }
}
