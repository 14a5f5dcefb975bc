//! `prerm`: programs of the instance, in `etc/prerm`, that must have ended
//! before it is removed. supervisord runs them, each once.

use std::path::Path;
use std::time::SystemTime;

use super::super::error::PartitionError;
use super::super::partition::{Partition, text_of};
use super::super::retention::Retention;
use crate::files::{names_in, replace_file, update_file};
use crate::supervisor::configuration::{Program, check_names, group_text};
use crate::supervisor::{Groups, update};

/// The file with the processes that the removal waits for.
pub(in super::super) const WAIT_LIST: &str = ".slapos-report-wait-service-list";

impl Partition<'_> {
    /// Has supervisord run `etc/prerm`, unless the partition is kept for now.
    pub(super) fn run_prerm(&self) -> Result<(), PartitionError> {
        if !self.path.exists() || !Retention::of(&self.path).is_over(SystemTime::now())? {
            return Ok(());
        }
        let directory = self.path.join("etc/prerm");
        let mut names = names_in(&directory)?;
        names.retain(|name| Path::is_file(&directory.join(name)));
        if names.is_empty() {
            return Ok(());
        }
        check_names(&names)?;
        self.log.info("Adding pre-delete scripts to supervisord...");
        let group = format!("{}-prerm", self.name());
        let programs: Vec<Program> = names
            .iter()
            .map(|name| Program {
                identity: name.clone(),
                name: name.clone(),
                command: text_of(&directory.join(name)),
                as_root: false,
            })
            .collect();
        let text = group_text(&group, &programs, &self.group_owner()?);
        update_file(&self.node.layout().group(&group), text.as_bytes(), 0o600)?;
        update(self.supervisor, Groups::Of(self.name()), &self.log)?;
        let processes: Vec<String> = names.iter().map(|name| format!("{group}:{name}")).collect();
        // First, so that nobody removes what has just been started.
        let list: String = processes.iter().map(|name| format!("{name}\n")).collect();
        replace_file(&self.path.join(WAIT_LIST), list.as_bytes(), 0o644, None)?;
        for process in &processes {
            if self.supervisor.process(process)?.started == 0 {
                self.log
                    .info(format!("Starting pre-delete process '{process}'..."));
                self.supervisor.begin_process(process)?;
            }
        }
        Ok(())
    }
}
