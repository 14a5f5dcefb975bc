//! `cpuset`: `.slapos-cpu-exclusive` of a partition names processes that are to
//! have a processor of their own. Only some users may ask for that.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use super::super::error::PartitionError;
use super::super::partition::Partition;
use crate::child::error_chain;
use crate::cpuset::{CpuSets, Unmoved, hurry};
use crate::files::{failed_to, mode_of, read_text, replace_file};

/// What the instance asks for.
const REQUEST: &str = ".slapos-cpu-exclusive";

/// The longest request that is read.
const LIMIT: u64 = 1024 * 1024;

impl Partition<'_> {
    /// Moves the processes that the instance names to processors of their own,
    /// as far as there are any, and all others of the machine to the first one.
    /// Those for which there is none are asked for again.
    pub(super) fn assign_processors(&self, users: &[String]) -> Result<(), PartitionError> {
        let path = self.path.join(REQUEST);
        let text = match read_text(&path, LIMIT) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed_to("read", &path)(error).into()),
        };
        if text.is_empty() {
            return Ok(());
        }
        let sets = CpuSets::of_machine();
        if !sets.is_prepared() {
            self.log.warning(
                "CGROUP's CPUSET Manager cannot update computer because it is not cpuset-formatted.",
            );
            return Ok(());
        }
        let owner = self.owner()?;
        let name = self.user_name(owner.user);
        if !users.contains(&name) {
            self.log.warning(format!(
                "User {name} not allowed to modify cpuset! Allowed users are in power_user_list option in config file."
            ));
            return Ok(());
        }
        let processors = sets.processors()?;
        let Some((common, own)) = processors.split_first() else {
            return Ok(());
        };
        let mut running = self.gather(&sets, *common)?;
        running.extend(sets.processes_of(*common)?);
        let mut settled = Vec::new();
        for processor in own {
            settled.extend(sets.processes_of(*processor)?);
        }
        let asked = self.asked(&text, owner.user);
        let asked = asked
            .into_iter()
            .filter(|process| running.contains(process) || !settled.contains(process));
        let mut waiting = String::new();
        for process in asked {
            if !self.settle(&sets, process, own)? {
                waiting.push_str(&format!("{process}\n"));
            }
        }
        let metadata = fs::symlink_metadata(&path).map_err(failed_to("examine", &path))?;
        let owner = (self.node.surroundings.user == 0).then(|| (metadata.uid(), metadata.gid()));
        replace_file(&path, waiting.as_bytes(), mode_of(&metadata), owner)?;
        Ok(())
    }

    /// Moves the processes without a set to the common processor. Returns them.
    fn gather(&self, sets: &CpuSets, common: u32) -> Result<Vec<u32>, PartitionError> {
        let running = sets.without_set()?;
        let mut moved = 0;
        for process in &running {
            // The kernel keeps some of its own; others have ended meanwhile.
            if sets.move_to(*process, common).is_ok() {
                moved += 1;
            }
        }
        hurry(common, &self.log);
        let refused = running.len() - moved;
        self.log.debug(format!(
            "Refused to move {refused} PIDs, succeeded in moving {moved} PIDs"
        ));
        Ok(running)
    }

    /// Reads which processes are asked for: those of the partition's user.
    fn asked(&self, text: &str, user: u32) -> Vec<u32> {
        let process = |word: &str| {
            let Ok(process) = word.parse() else {
                self.log
                    .warning(format!("{word:?} is not the number of a process"));
                return None;
            };
            match user_of(process) {
                Some(it) if it == user => Some(process),
                Some(_) => {
                    self.log
                        .warning(format!("Process {process} is another user's"));
                    None
                }
                None => {
                    self.log.info(format!("Process {process} is gone"));
                    None
                }
            }
        };
        text.split_whitespace().filter_map(process).collect()
    }

    /// Gives a process the first processor that nobody has. Returns whether
    /// nothing is left to do.
    fn settle(&self, sets: &CpuSets, process: u32, own: &[u32]) -> Result<bool, PartitionError> {
        for processor in own {
            if !sets.processes_of(*processor)?.is_empty() {
                continue;
            }
            match sets.move_to(process, *processor) {
                Ok(()) => hurry(*processor, &self.log),
                Err(Unmoved::Gone) => self.log.info(format!("Process {process} is gone")),
                Err(Unmoved::Refused(error)) => {
                    self.log.warning(error_chain(&error));
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        Ok(false)
    }
}

/// Returns the user of a process, or of a thread.
fn user_of(process: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let users = text.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    users.split_whitespace().next()?.parse().ok()
}
