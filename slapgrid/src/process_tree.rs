//! Processes with all that they started.
//!
//! What belongs to a process is told by `/proc`: its children and theirs, and
//! whoever is in its session. Where a process takes in orphans (a
//! "subreaper", as those of promises are), nothing that it started gets out of
//! this.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// How often a tree is looked at again for what was started meanwhile.
const ROUNDS: usize = 20;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// A process as `/proc` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Process {
    id: i32,
    parent: i32,
    session: i32,
    /// When it was started, in ticks since the machine was: with the number,
    /// this names a process for ever.
    started: u64,
    is_dead: bool,
}

impl Process {
    /// Reads the text of `/proc/ID/stat`.
    fn parse(text: &str) -> Option<Self> {
        // The name is in parentheses, and may have any characters in it.
        let (head, rest) = text.rsplit_once(')')?;
        let id = head.split(' ').next()?.parse().ok()?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        Some(Process {
            id,
            parent: fields.get(1)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
            is_dead: matches!(*fields.first()?, "Z" | "X"),
        })
    }

    fn of(id: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    fn signal(&self, signal: Signal) {
        // The number may belong to somebody else by now.
        if Process::of(self.id).is_some_and(|now| now.started == self.started)
            && let Some(id) = Pid::from_raw(self.id)
        {
            // It may end at this moment, or be one that only root may end.
            let _ = kill_process(id, signal);
        }
    }
}

fn all_processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Process::of(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// A process that leads a session, with all that it started, as far as it was
/// seen.
pub(crate) struct ProcessTree {
    root: i32,
    members: Vec<Process>,
}

impl ProcessTree {
    /// Looks at the tree of a process that leads a session. One that ended, and
    /// whose number belongs to somebody else, has none.
    pub(crate) fn of(root: u32) -> Self {
        let mut tree = ProcessTree {
            root: i32::try_from(root).unwrap_or(0),
            members: Vec::new(),
        };
        tree.look();
        tree
    }

    /// Adds what belongs to the tree now; tells whether anything did.
    fn look(&mut self) -> bool {
        let processes = all_processes();
        let mut known: HashMap<i32, u64> = HashMap::new();
        let mut ids: HashSet<i32> = HashSet::new();
        for member in &self.members {
            known.insert(member.id, member.started);
        }
        for process in &processes {
            let is_member = known.get(&process.id) == Some(&process.started);
            if is_member || process.session == self.root {
                ids.insert(process.id);
            }
        }
        // A child may be listed before its parent.
        loop {
            let before = ids.len();
            for process in &processes {
                if ids.contains(&process.parent) {
                    ids.insert(process.id);
                }
            }
            if ids.len() == before {
                break;
            }
        }
        let count = self.members.len();
        self.members.extend(processes.into_iter().filter(|process| {
            ids.contains(&process.id)
                && !process.is_dead
                && known.get(&process.id) != Some(&process.started)
        }));
        self.members.len() > count
    }

    /// Asks the process itself to end.
    pub(crate) fn terminate(&self) {
        for process in self.members.iter().filter(|it| it.id == self.root) {
            process.signal(Signal::TERM);
        }
    }

    /// Ends all of the tree, and what it starts meanwhile. Each is stopped
    /// first, so that none can react.
    pub(crate) fn kill(mut self) {
        let mut stopped = 0;
        for _ in 0..ROUNDS {
            for process in &self.members[stopped..] {
                process.signal(Signal::STOP);
            }
            stopped = self.members.len();
            if !self.look() {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        for process in &self.members {
            process.signal(Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn processes_are_read_whatever_their_names() {
        let text = "7 (a) b) S 3 7 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99 10 11";
        let process = Process::parse(text).unwrap();
        assert_eq!((process.id, process.parent), (7, 3));
        assert_eq!((process.session, process.started), (5, 99));
        assert!(!process.is_dead);
        assert!(Process::of(i32::try_from(std::process::id()).unwrap()).is_some());
    }

    #[test]
    fn a_tree_ends_whatever_it_ignores() {
        let script = "trap '' TERM; sh -c 'trap \"\" TERM; sleep 1000 & echo $!; wait' & wait";
        let mut child = Command::new("setsid")
            .args(["sh", "-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let sleeping: i32 = line.trim().parse().unwrap();
        let before = Process::of(sleeping).unwrap();
        ProcessTree::of(child.id()).kill();
        child.wait().unwrap();
        for _ in 0..1000 {
            match Process::of(sleeping) {
                Some(now) if now.started == before.started && !now.is_dead => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => return,
            }
        }
        panic!("{sleeping} still runs");
    }
}
