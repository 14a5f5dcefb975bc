//! Commands that outlived the run that started them.
//!
//! When a run is killed, the commands of its parts go on: they lead process
//! groups of their own. They would write into directories that the next run
//! clears and fills again, so that run ends them first.
//!
//! A group is known by its number, which belongs to nobody else as long as the
//! group has a member, and by the time its leader started, which tells a later
//! process with the same number.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

/// How often it is looked whether a group has ended, and how long.
const PAUSE: Duration = Duration::from_millis(10);
const PATIENCE: u32 = 500;

/// A process group that a run has started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StartedGroup {
    /// The number of the group and of its leader.
    pub number: u32,
    /// When the leader started, in ticks since the machine did; 0 if that is
    /// not known.
    pub started: u64,
}

impl StartedGroup {
    /// Describes the group that a process leads which is running now.
    pub fn of_leader(process: u32) -> Self {
        StartedGroup {
            number: process,
            started: start_time(process).unwrap_or(0),
        }
    }

    /// Kills what is left of the group and waits for its end. Tells whether
    /// there was anything.
    pub fn end(self) -> bool {
        let Some(group) = i32::try_from(self.number).ok().and_then(Pid::from_raw) else {
            return false;
        };
        // A living leader that started at another time leads another group.
        let is_other = start_time(self.number).is_some_and(|time| time != self.started);
        if self.started == 0 || is_other || test_kill_process_group(group).is_err() {
            return false;
        }
        // Whoever is gone meanwhile needs no signal.
        let _ = kill_process_group(group, Signal::KILL);
        for _ in 0..PATIENCE {
            if test_kill_process_group(group).is_err() {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        true
    }
}

/// Returns when a process started, in ticks since the machine did.
fn start_time(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may hold anything.
    let (_, fields) = text.rsplit_once(')')?;
    // The state is the third field, the time the twenty-second.
    fields.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn start(script: &str) -> Child {
        Command::new("/bin/sh")
            .args(["-c", script])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts")
    }

    #[test]
    fn a_group_is_ended_with_all_its_members() {
        let mut leader = start("sleep 600 & exec sleep 600");
        let group = StartedGroup::of_leader(leader.id());
        let waiting = std::thread::spawn(move || leader.wait().expect("it ends"));
        assert!(group.end());
        assert!(!waiting.join().expect("it ends").success());
        assert!(!group.end());
    }

    #[test]
    fn members_are_ended_when_their_leader_is_gone() {
        let mut leader = start("sleep 600 & :");
        let group = StartedGroup::of_leader(leader.id());
        leader.wait().expect("it ends");
        assert!(group.end());
    }

    #[test]
    fn another_group_with_the_number_is_left_alone() {
        let mut leader = start("exec sleep 600");
        let group = StartedGroup::of_leader(leader.id());
        for started in [group.started + 1, 0] {
            assert!(!StartedGroup { started, ..group }.end());
        }
        assert!(leader.try_wait().expect("it is a child").is_none());
        leader.kill().expect("it is a child");
        leader.wait().expect("it is a child");
    }
}
