//! Managers: what the node does for partitions beyond their services. Each is
//! asked for by a file that the instance writes, and allowed by
//! `[slapos] manager_list`.

mod device_permission;
mod port_redirection;
mod prerm;
mod processors;
mod whitelist;

pub(super) use port_redirection::REDIRECTION_GROUP;
pub(super) use prerm::WAIT_LIST;

use super::error::PartitionError;
use super::partition::Partition;
use crate::configuration::Manager;

impl Partition<'_> {
    /// Does what the managers do before the partition is looked at: its services
    /// may need it (`instance`).
    pub(super) fn prepare_by_managers(&self) -> Result<(), PartitionError> {
        for manager in &self.node.configuration.managers {
            match manager {
                Manager::DevicePermission { allowed } => self.give_disks(allowed.as_deref())?,
                Manager::Processors { users } => self.assign_processors(users)?,
                Manager::Prerm | Manager::PortRedirection | Manager::Whitelist => {}
            }
        }
        Ok(())
    }

    /// Does what the managers do whenever the partition was looked at
    /// (`instanceTearDown`).
    pub(super) fn apply_managers(&self) -> Result<(), PartitionError> {
        for manager in &self.node.configuration.managers {
            match manager {
                Manager::Prerm | Manager::Processors { .. } => {}
                Manager::PortRedirection => self.redirect_ports()?,
                Manager::Whitelist => self.keep_to_whitelist()?,
                Manager::DevicePermission { allowed } => self.give_disks(allowed.as_deref())?,
            }
        }
        Ok(())
    }

    /// Does what the managers do before the partition is removed.
    pub(super) fn apply_managers_before_removal(&self) -> Result<(), PartitionError> {
        for manager in &self.node.configuration.managers {
            match manager {
                Manager::Prerm => self.run_prerm()?,
                Manager::Whitelist => self.remove_whitelist()?,
                _ => {}
            }
        }
        Ok(())
    }
}
