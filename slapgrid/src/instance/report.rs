//! `slapos node report`, as far as it removes partitions that the master wants
//! destroyed. Reports of consumption are not sent yet.

use std::path::PathBuf;
use std::time::SystemTime;

use slap::SlapError;

use super::error::PartitionError;
use super::partition::{Partition, text_of};
use super::retention::Retention;
use super::wanted::WantedPartition;
use super::{InstanceError, supervisor_of};
use crate::child::{Child, ChildFailure, error_chain};
use crate::files::{empty_directory, names_in, read_text, remove_file};
use crate::node::{Node, PassEnd};

/// Destroys what the master wants destroyed.
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
    for partition in &computer.partitions {
        if node.cancellation.is_cancelled() {
            failed = true;
            break;
        }
        let wanted = match WantedPartition::of(partition) {
            Ok(wanted) => wanted,
            Err(error) => {
                node.log.error(error.to_string());
                failed = true;
                continue;
            }
        };
        if wanted.state != "destroyed" || wanted.is_free() {
            continue;
        }
        let partition = Partition::new(node, &wanted, &supervisor);
        if let Err(error) = partition.retire() {
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

impl Partition<'_> {
    /// Stops the partition, and removes it if nothing stands against it.
    fn retire(&self) -> Result<(), PartitionError> {
        self.stop()?;
        if self.path.exists() {
            self.update_certificate()?;
        }
        self.report_stopped();
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
        let path = self.path.join(".slapos-report-wait-service-list");
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
