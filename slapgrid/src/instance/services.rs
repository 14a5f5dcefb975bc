//! The services of a partition, under supervisord.

use buildout_core::state::debris::clear_replacements;

use super::error::PartitionError;
use super::manager::REDIRECTION_GROUP;
use super::partition::{Partition, text_of};
use crate::files::{names_in, remove_file, update_file};
use crate::supervisor::configuration::{GroupOwner, check_names, group_text, is_file_of, programs};
use crate::supervisor::{Groups, update};

impl Partition<'_> {
    /// Has supervisord run what is in `etc/run` and `etc/service`
    /// (`Partition.start`).
    pub(super) fn start(&self) -> Result<(), PartitionError> {
        self.write_group()?;
        let name = self.name();
        match self.supervisor.start_group(name) {
            Ok(_) => self.log.info(format!("Requested start of {name}...")),
            Err(error) if error.is_fault("BAD_NAME:") => {
                self.log.info(format!("Nothing to start on {name}..."));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Writes the group's file if it differs, removes files that no group
    /// needs, and has supervisord follow.
    fn write_group(&self) -> Result<(), PartitionError> {
        let name = self.name();
        let layout = self.node.layout();
        let runners = names_in(&self.path.join("etc/run"))?;
        let services = names_in(&self.path.join("etc/service"))?;
        check_names(runners.iter().chain(&services))?;
        let mut remaining = self.group_files()?;
        if self.has_redirections() {
            remaining.retain(|file| *file != format!("{name}{REDIRECTION_GROUP}.conf"));
        }
        let mut has_group = false;
        if runners.is_empty() && services.is_empty() {
            self.log.warning(format!(
                "No runners nor services found for partition '{name}'"
            ));
        } else {
            let owner = self.group_owner()?;
            let programs = programs(&owner.directory, &runners, &services);
            let text = group_text(name, &programs, &owner);
            clear_replacements(&layout.group(name));
            update_file(&layout.group(name), text.as_bytes(), 0o600)?;
            remaining.retain(|file| *file != format!("{name}.conf"));
            has_group = true;
        }
        for file in &remaining {
            remove_file(&layout.groups().join(file))?;
        }
        if has_group || !remaining.is_empty() {
            update(self.supervisor, Groups::Of(name), &self.log)?;
        }
        Ok(())
    }

    pub(super) fn group_owner(&self) -> Result<GroupOwner, PartitionError> {
        let owner = self.owner()?;
        let accounts = &self.node.surroundings.accounts;
        let (account, root) = (accounts.by_number(owner.user), accounts.by_number(0));
        let directory = text_of(&self.path);
        Ok(GroupOwner {
            user: owner.user,
            group: owner.group,
            user_name: self.user_name(owner.user),
            home: account.map_or_else(|| directory.clone(), |it| it.home.clone()),
            root_home: root.map_or_else(|| "/".to_owned(), |it| it.home.clone()),
            directory,
        })
    }

    /// Returns the files of the partition's groups.
    fn group_files(&self) -> Result<Vec<String>, PartitionError> {
        let mut files = names_in(&self.node.layout().groups())?;
        files.retain(|file| is_file_of(file, self.name()));
        Ok(files)
    }

    /// Stops the partition's services, and has supervisord forget them
    /// (`Partition.stop`).
    pub(super) fn stop(&self) -> Result<(), PartitionError> {
        let name = self.name();
        if remove_file(&self.node.layout().group(name))? {
            update(self.supervisor, Groups::Of(name), &self.log)?;
            self.log.info(format!("Requested stop of {name}..."));
        }
        Ok(())
    }

    /// Removes all groups of the partition.
    pub(super) fn remove_groups(&self) -> Result<(), PartitionError> {
        let files = self.group_files()?;
        for file in &files {
            remove_file(&self.node.layout().groups().join(file))?;
        }
        if !files.is_empty() {
            update(self.supervisor, Groups::Of(self.name()), &self.log)?;
        }
        Ok(())
    }
}
