//! `slapos node report`: what was used is told to the master, and partitions
//! that it wants destroyed are removed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use slap::SlapError;

use super::error::PartitionError;
use super::manager::WAIT_LIST;
use super::partition::{Partition, text_of};
use super::retention::Retention;
use super::wanted::WantedPartition;
use super::{InstanceError, supervisor_of};
use crate::child::{Child, ChildFailure, error_chain};
use crate::files::{empty_directory, names_in, read_text, remove_file};
use crate::node::{Node, PassEnd};
use crate::slots::Slots;
use crate::supervisor::Supervisor;
use crate::usage::deliver;

/// Has the instances report what they used, sends that, and destroys what the
/// master wants destroyed.
///
/// # Errors
///
/// The pass cannot be begun. What fails of a partition is reported to the
/// master, and the others go on.
pub fn process_report(node: &Node) -> Result<PassEnd, InstanceError> {
    let supervisor = supervisor_of(node)?;
    let computer = node
        .master
        .full_computer_information(&node.configuration.computer_id)?;
    let mut failed = false;
    let mut wanted = Vec::new();
    for partition in &computer.partitions {
        match WantedPartition::of(partition) {
            Ok(it) if !it.is_free() => wanted.push(it),
            Ok(_) => {}
            Err(error) => {
                node.log.error(error.to_string());
                failed = true;
            }
        }
    }
    failed |= !run_reports(node, &wanted, &supervisor);
    if node.cancellation.is_cancelled() {
        return Ok(PassEnd::Failure);
    }
    let names: Vec<&str> = wanted.iter().map(WantedPartition::name).collect();
    let delivery = deliver(node, &names);
    failed |= delivery.failed;
    for wanted in &wanted {
        if node.cancellation.is_cancelled() {
            failed = true;
            break;
        }
        let partition = Partition::new(node, wanted, &supervisor);
        let is_unsent = delivery.unsent.contains(wanted.name());
        if let Some(problem) = delivery.problem.as_deref().filter(|_| is_unsent) {
            partition.report_error(problem);
        }
        if wanted.state != "destroyed" {
            continue;
        }
        if let Err(error) = partition.retire(is_unsent) {
            failed = true;
            let text = error_chain(&error);
            partition.log.error(&text);
            partition.report_error(&text);
        }
    }
    node.log.info("Finished usage reports.");
    Ok(if failed {
        PassEnd::Failure
    } else {
        PassEnd::Success
    })
}

/// Runs the partitions' own reports, several at once. Returns whether all went
/// well.
fn run_reports(node: &Node, wanted: &[WantedPartition], supervisor: &Supervisor) -> bool {
    let slots = Slots::new(node.configuration.parallel_partitions);
    let failed = AtomicBool::new(false);
    let report = |wanted: &WantedPartition| {
        let partition = Partition::new(node, wanted, supervisor);
        let result = catch_unwind(AssertUnwindSafe(|| partition.report_consumption()));
        match result {
            Ok(Ok(true)) => return,
            Ok(Ok(false)) => {}
            Ok(Err(error)) => partition.log.error(error_chain(&error)),
            Err(_) => partition.log.error("internal error in a usage report"),
        }
        failed.store(true, Ordering::Relaxed);
    };
    std::thread::scope(|scope| {
        for wanted in wanted {
            // Most have no programs that report.
            if !wanted
                .path(&node.configuration.instance_root)
                .join("etc/report")
                .is_dir()
            {
                continue;
            }
            let slot = slots.take();
            if node.cancellation.is_cancelled() {
                break;
            }
            let (report, slots) = (&report, &slots);
            let worker = std::thread::Builder::new().spawn_scoped(scope, move || {
                report(wanted);
                slots.give_back(slot);
            });
            if worker.is_err() {
                // Without another thread, by this one.
                report(wanted);
                slots.give_back(slot);
            }
        }
    });
    !failed.into_inner()
}

impl Partition<'_> {
    /// Stops the partition, and removes it if nothing stands against it, such as
    /// usage that the master does not know of.
    fn retire(&self, is_unsent: bool) -> Result<(), PartitionError> {
        self.stop()?;
        if self.path.exists() {
            self.update_certificate()?;
            // No pass may have come by since the master wants it destroyed.
            self.remove_protection()?;
        }
        self.report_stopped();
        self.apply_managers_before_removal()?;
        if is_unsent {
            self.log.info(format!(
                "Ignoring destruction of '{}', as no report usage was sent",
                self.name()
            ));
            return Ok(());
        }
        if self.is_waited_for()? {
            self.log
                .info("There are running processes into the partition, wait until they finish...");
            return Ok(());
        }
        if !self.destroy()? {
            return Ok(());
        }
        match self.node.master.destroyed(&self.wanted.reference) {
            Ok(answer) if answer != "OK" => self.log.info(answer),
            Ok(_) => self.state.forget()?,
            // The next pass tells it again.
            Err(error @ (SlapError::NotFound { .. } | SlapError::Server { .. })) => {
                self.log.debug(format!(
                "Ignored error while trying to inform about destroying Computer Partition '{}': {}",
                self.name(),
                error_chain(&error)
            ));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Tells whether a process runs that the partition waits for.
    fn is_waited_for(&self) -> Result<bool, PartitionError> {
        let path = self.path.join(WAIT_LIST);
        let Ok(text) = read_text(&path, 64 * 1024) else {
            return Ok(false);
        };
        for process in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match self.supervisor.process(process) {
                Ok(info) if matches!(&*info.state, "RUNNING" | "STARTING") => return Ok(true),
                Ok(_) => {}
                Err(error) if error.is_fault("BAD_NAME") => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Empties the partition (`Partition.destroy`). Returns whether it is empty
    /// now: it may have to be kept for some days.
    fn destroy(&self) -> Result<bool, PartitionError> {
        let name = self.name();
        self.log
            .info(format!("Destroying Computer Partition {name}..."));
        if !self.path.exists() {
            self.remove_groups()?;
            return Ok(true);
        }
        if !Retention::of(&self.path).is_over(SystemTime::now())? {
            self.log
                .info("Impossible to destroy partition yet because of retention lock.");
            return Ok(false);
        }
        self.run_destroy()?;
        if let Some((certificate, key)) = self.certificate_files() {
            remove_file(&certificate)?;
            remove_file(&key)?;
        }
        self.remove_storage()?;
        empty_directory(&self.path)?;
        self.remove_groups()?;
        Ok(true)
    }

    /// Runs the instance's own `sbin/destroy`.
    fn run_destroy(&self) -> Result<(), PartitionError> {
        let program = self.path.join("sbin/destroy");
        if !program.exists() {
            return Ok(());
        }
        let owner = self.owner()?;
        let account = self.node.surroundings.accounts.by_number(owner.user);
        let child = Child {
            words: vec![text_of(&program)],
            directory: &self.path,
            home: account.map_or_else(|| self.path.clone(), |it| PathBuf::from(&it.home)),
            owner,
            timeout: self.node.configuration.partition_timeout,
            instance_root: Some(&self.node.configuration.instance_root),
            jobs: None,
        };
        self.node
            .run(&child, &self.log)
            .map_err(|failure| match failure {
                ChildFailure::Failed { output, .. } | ChildFailure::TimedOut { output, .. } => {
                    PartitionError::Destroy {
                        directory: self.path.clone(),
                        output,
                    }
                }
                other => PartitionError::Run(other),
            })
    }

    /// Empties what the partition has in each `instance_storage_home`.
    fn remove_storage(&self) -> Result<(), PartitionError> {
        let home = &self.node.configuration.instance_storage_home;
        if home.is_empty() {
            return Ok(());
        }
        for name in names_in(&self.path.join("DATA"))? {
            let storage = PathBuf::from(home).join(name).join(self.name());
            let is_directory = storage.symlink_metadata().is_ok_and(|it| it.is_dir());
            if is_directory {
                empty_directory(&storage)?;
            }
        }
        Ok(())
    }
}
