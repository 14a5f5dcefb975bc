//! What a node does without its master: it runs what it knows
//! (`processComputerPartitionListOffline`).

use super::InstanceError;
use crate::child::error_chain;
use crate::files::{names_in, read_text, remove_file};
use crate::node::{Node, PassEnd};
use crate::supervisor::{Groups, Supervisor, update};

/// Starts everything that supervisord is configured to run. Partitions that are
/// stopped are not configured.
pub(super) fn process_offline(
    node: &Node,
    supervisor: &Supervisor,
) -> Result<PassEnd, InstanceError> {
    node.log.info("Processing computer partitions offline...");
    let root = &node.configuration.instance_root;
    let names = names_in(root).map_err(|error| InstanceError::Root {
        path: root.clone(),
        source: error.source,
    })?;
    for name in names.iter().filter(|name| super::check_name(name).is_ok()) {
        // Nodes of slapos.core before 1.0 wrote this.
        let path = root.join(name).join(".requested_state");
        let Ok(state) = read_text(&path, 64) else {
            continue;
        };
        let stopped = remove_file(&path).and_then(|_| {
            if state != "stopped" {
                return Ok(false);
            }
            remove_file(&node.layout().group(name))
        });
        let result = match stopped {
            Ok(true) => update(supervisor, Groups::Of(name), &node.log),
            Ok(false) => Ok(()),
            Err(error) => {
                node.log.error(error_chain(&error));
                Ok(())
            }
        };
        if let Err(error) = result {
            node.log.error(error_chain(&error));
        }
    }
    match supervisor.start_all() {
        Ok(_) => Ok(PassEnd::Offline),
        Err(error) => {
            node.log.error(error_chain(&error));
            Ok(PassEnd::Failure)
        }
    }
}
