//! The programs of an instance that report what it used: `etc/report/*`.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::error::PartitionError;
use super::partition::{Partition, text_of};
use crate::child::{Child, ChildFailure, error_chain};
use crate::files::names_in;

impl Partition<'_> {
    /// Runs `etc/report/*`, each with the name of a file of its own in
    /// `var/xml_report` that it may write. Returns whether all ended well; what
    /// did not is told to the master.
    pub(super) fn report_consumption(&self) -> Result<bool, PartitionError> {
        let directory = self.path.join("etc/report");
        let names = names_in(&directory)?;
        if names.is_empty() {
            return Ok(true);
        }
        let owner = self.owner()?;
        let account = self.node.surroundings.accounts.by_number(owner.user);
        let home = account.map_or_else(|| self.path.clone(), |it| PathBuf::from(&it.home));
        let mut failed = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let report = self.path.join("var/xml_report").join(report_name(number));
            let child = Child {
                words: vec![text_of(&directory.join(name)), text_of(&report)],
                directory: &directory,
                home: home.clone(),
                owner,
                timeout: self.node.configuration.partition_timeout,
                instance_root: Some(&self.node.configuration.instance_root),
                jobs: None,
            };
            match self.node.run(&child, &self.log) {
                Ok(()) => {}
                Err(ChildFailure::Cancelled) => {
                    return Err(PartitionError::Run(ChildFailure::Cancelled));
                }
                Err(failure) => {
                    self.log.warning(format!(
                        "Failed to run '{}': {}",
                        child.words.join(" "),
                        error_chain(&failure)
                    ));
                    failed.push(format!("Script '{name}' failed."));
                }
            }
        }
        if failed.is_empty() {
            return Ok(true);
        }
        self.report_error(&failed.join("\n"));
        Ok(false)
    }
}

/// Returns a name that no file has: it is made of the moment.
fn report_name(number: usize) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let moment = since.unwrap_or_default().as_nanos();
    format!("slapreport.{moment:x}-{number}")
}
