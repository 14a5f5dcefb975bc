//! The promises of a partition in a pass, and the pass over promises alone.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::error::PartitionError;
use super::partition::Partition;
use super::wanted::{RequestedState, WantedPartition};
use super::{InstanceError, check_known, is_named};
use crate::bang::{BangError, BangLedger, Banged};
use crate::child::error_chain;
use crate::node::{Node, PassEnd};
use crate::promise::{Check, CheckedPartition, PromiseRunner};
use crate::slots::Slots;
use crate::supervisor::Supervisor;

/// How a partition has its promises checked in a pass.
pub(super) struct PromiseTurn<'a> {
    pub(super) runner: &'a PromiseRunner<'a>,
    /// Lets another partition be begun: promises are counted by themselves, and
    /// those that hang are to delay nobody.
    pub(super) step_aside: &'a (dyn Fn() + Sync),
}

impl Partition<'_> {
    /// Checks the promises (`_checkPromiseList`).
    pub(super) fn check_promises(
        &self,
        turn: &PromiseTurn<'_>,
        check: Check,
    ) -> Result<(), PartitionError> {
        (turn.step_aside)();
        let partition = CheckedPartition {
            name: self.name(),
            path: &self.path,
            owner: self.owner()?,
            interpreter: self
                .release_path()
                .and_then(|release| super::install::release_interpreter(&release))
                .map(PathBuf::from),
            certificate: self.certificate_files(),
            log: &self.log,
            bang: &|message| self.bang(message),
        };
        Ok(turn.runner.check(&partition, check)?)
    }

    /// Looks for anomalies of a partition with nothing to do, and tells the
    /// master what it may not know (`_checkPromiseAnomaly`).
    pub(super) fn check_anomalies(&self, turn: &PromiseTurn<'_>) -> Result<(), PartitionError> {
        let checked = self.check_promises(turn, Check::ANOMALY);
        self.make_up_for_bang();
        match checked {
            Ok(()) => self.confirm_started(),
            Err(error) if error.is_promise_failure() => {
                let text = error.to_string();
                self.log.error(&text);
                self.report_anomaly(&text)
            }
            Err(error) => Err(error),
        }
    }

    fn ledger(&self) -> BangLedger {
        let configuration = &self.node.configuration;
        BangLedger::of(
            &configuration.instance_root,
            self.name(),
            configuration.bang_quota,
        )
    }

    fn bang(&self, message: &str) -> Result<Banged, BangError> {
        self.ledger().bang(message, false, || {
            let master = self.node.master_of_partition(self.certificate_files());
            master.instance_bang(&self.wanted.reference, message)
        })
    }

    /// Makes the bang that the watchdog was not allowed to make, if that is
    /// possible now: it will not ask again.
    fn make_up_for_bang(&self) {
        let Some(message) = self.ledger().owed() else {
            return;
        };
        match self.bang(&message) {
            Ok(Banged::Done) => self.log.info(format!("Bang that was held back: {message}")),
            Ok(Banged::HeldBack { .. }) => {}
            // It is still owed.
            Err(error) => self.log.warning(error_chain(&error)),
        }
    }

    /// Forgets the bang that is owed, now that the partition was processed.
    pub(super) fn settle_bangs(&self) -> Result<(), PartitionError> {
        Ok(self.ledger().settle()?)
    }
}

/// Tests the promises of all started partitions, or of those that are named,
/// and tells nobody but the log (`processPromiseList`).
///
/// # Errors
///
/// The master does not tell what it wants, or does not know a partition.
pub fn process_promises(node: &Node, only: &[String]) -> Result<PassEnd, InstanceError> {
    node.log.info("Processing promises...");
    let computer = node
        .master
        .full_computer_information(&node.configuration.computer_id)?;
    check_known(&computer.partitions, only)?;
    let runner = PromiseRunner::new(node);
    // It is only asked of, never talked to.
    let supervisor = Supervisor::at(&node.layout().socket());
    let slots = Slots::new(node.configuration.parallel_partitions);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for partition in computer.partitions.iter().filter(|it| is_named(it, only)) {
            let slot = slots.take();
            if node.cancellation.is_cancelled() {
                break;
            }
            let (runner, supervisor, slots, failures) = (&runner, &supervisor, &slots, &failures);
            scope.spawn(move || {
                let step_aside = || slots.give_back(slot);
                let turn = PromiseTurn {
                    runner,
                    step_aside: &step_aside,
                };
                let text = match WantedPartition::of(partition) {
                    Ok(wanted) => test(node, &wanted, supervisor, &turn),
                    Err(error) => Err(error.to_string()),
                };
                if let Err(text) = text {
                    let name = partition.reference.partition_id.clone();
                    let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                    failures.push((name, text));
                }
                step_aside();
            });
        }
    });
    let failures = failures
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if failures.is_empty() {
        return Ok(PassEnd::Success);
    }
    node.log.info("Finished computer partitions.");
    for (name, text) in failures {
        node.log.info(format!("  {name}: {text}"));
    }
    Ok(PassEnd::PromiseFailure)
}

/// Tests the promises of a partition that is started.
fn test(
    node: &Node,
    wanted: &WantedPartition,
    supervisor: &Supervisor,
    turn: &PromiseTurn<'_>,
) -> Result<(), String> {
    let partition = Partition::new(node, wanted, supervisor);
    if RequestedState::parse(&wanted.state) != Some(RequestedState::Started) {
        return Ok(());
    }
    let name = wanted.name();
    partition.log.info(format!(
        "Processing Promises for Computer Partition {name}."
    ));
    let checked = match partition.path.is_dir() {
        true => partition.check_promises(turn, Check::TEST),
        false => Err(PartitionError::NoDirectory(partition.path.clone())),
    };
    checked.map_err(|error| {
        let text = error_chain(&error);
        partition.log.error(&text);
        text
    })
}
