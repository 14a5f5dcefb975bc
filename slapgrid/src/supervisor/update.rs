//! Bringing supervisord's groups in step with their files: what supervisorctl
//! calls update, and slapos.core does after each change.

use std::thread::sleep;
use std::time::Duration;

use super::client::{GroupResult, Supervisor, SupervisorError};
use crate::log::Logger;

/// How often a group is removed whose processes still run.
const REMOVALS: u32 = 10;

/// The pause between two removals.
const PAUSE: Duration = Duration::from_secs(1);

/// Which groups are brought in step. Partitions are processed side by side, and
/// stopping one may take a minute: so each cares for its own groups.
#[derive(Clone, Copy, Debug)]
pub enum Groups<'a> {
    /// All; for what a killed run left undone.
    All,
    /// That of a partition, and its further ones (`PARTITION-NAME`).
    Of(&'a str),
}

impl Groups<'_> {
    fn contain(self, group: &str) -> bool {
        match self {
            Groups::All => true,
            Groups::Of(partition) => group
                .strip_prefix(partition)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
        }
    }
}

/// Adds, removes and restarts exactly the groups that changed.
///
/// # Errors
///
/// supervisord is not there, or refuses.
pub fn update(
    supervisor: &Supervisor,
    groups: Groups<'_>,
    log: &Logger,
) -> Result<(), SupervisorError> {
    log.debug("Updating supervisord");
    let changes = supervisor.reload_configuration()?;
    for group in changes.removed.iter().filter(|name| groups.contain(name)) {
        let results = supervisor.stop_group(group)?;
        if results.iter().any(GroupResult::is_failed) {
            log.warning(format!(
                "Problem while stopping process '{group}', will try later"
            ));
        } else {
            log.info(format!("Stopped '{group}'"));
        }
        remove_patiently(supervisor, group)?;
        log.info(format!("Removed '{group}'"));
    }
    for group in changes.changed.iter().filter(|name| groups.contain(name)) {
        supervisor.stop_group(group)?;
        log.info(format!("Stopped '{group}'"));
        supervisor.remove_group(group)?;
        supervisor.add_group(group)?;
        log.info(format!("Updated '{group}'"));
    }
    for group in changes.added.iter().filter(|name| groups.contain(name)) {
        supervisor.add_group(group)?;
        log.info(format!("Updated '{group}'"));
    }
    log.debug("Supervisord updated");
    Ok(())
}

fn remove_patiently(supervisor: &Supervisor, group: &str) -> Result<(), SupervisorError> {
    let mut attempt = 1;
    loop {
        match supervisor.remove_group(group) {
            Err(SupervisorError::Fault { .. }) if attempt < REMOVALS => sleep(PAUSE),
            result => return result,
        }
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_a_partition_are_its_own() {
        for (group, expected) in [
            ("slappart1", true),
            ("slappart1-prerm", true),
            ("slappart10", false),
            ("watchdog", false),
        ] {
            assert_eq!(Groups::Of("slappart1").contain(group), expected, "{group}");
        }
    }
}
