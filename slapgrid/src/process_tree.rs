//! Processes with all that they started.
//!
//! What belongs to a process is told by `/proc`: its children and theirs, and
//! whoever is in its session. Where a process takes in orphans (a
//! "subreaper", as those of promises are), nothing that it started gets out of
//! this as long as it lives. What it started when it is gone is known by a
//! variable of the environment that is its alone.

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
pub(crate) struct Process {
    id: i32,
    parent: i32,
    /// The process group.
    pub(crate) group: i32,
    /// The session.
    pub(crate) session: i32,
    /// When it was started, in ticks since the machine was: with the number,
    /// this names a process for ever.
    started: u64,
    /// Whether it has ended, and only waits for somebody to ask how.
    pub(crate) is_dead: bool,
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
            group: fields.get(2)?.parse().ok()?,
            session: fields.get(3)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
            is_dead: matches!(*fields.first()?, "Z" | "X"),
        })
    }

    /// Looks at the process with a number.
    pub(crate) fn of(id: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    /// Returns the environment that it began with, as `NAME=VALUE`. That of another
    /// user's process, and of one that ended, is empty.
    pub(crate) fn environment(&self) -> Vec<Vec<u8>> {
        let environment = fs::read(format!("/proc/{}/environ", self.id)).unwrap_or_default();
        let variables = environment.split(|byte| *byte == 0);
        variables.map(<[u8]>::to_vec).collect()
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

/// Looks at all processes.
pub(crate) fn all_processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Process::of(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

/// What a tree is known by.
enum Root {
    /// The process that leads this session.
    Leader(i32),
    /// A variable of the environment, `NAME=VALUE`.
    Variable(Vec<u8>),
}

impl Root {
    fn has(&self, process: &Process) -> bool {
        match self {
            Root::Leader(leader) => process.session == *leader,
            Root::Variable(variable) => process.environment().contains(variable),
        }
    }
}

/// Processes with all that they started, as far as it was seen.
pub(crate) struct ProcessTree {
    root: Root,
    members: Vec<Process>,
}

impl ProcessTree {
    /// Looks at the tree of a process that leads a session. One that ended, and
    /// whose number belongs to somebody else, has none.
    pub(crate) fn of(leader: u32) -> Self {
        Self::known_by(Root::Leader(i32::try_from(leader).unwrap_or(0)))
    }

    /// Looks at all processes with this variable, `NAME=VALUE`, in the environment
    /// that they began with.
    pub(crate) fn with_variable(variable: &str) -> Self {
        Self::known_by(Root::Variable(variable.as_bytes().to_vec()))
    }

    fn known_by(root: Root) -> Self {
        let mut tree = ProcessTree {
            root,
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
            if is_member || self.root.has(process) {
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

    /// Asks the leader to end.
    pub(crate) fn terminate(&self) {
        let Root::Leader(leader) = self.root else {
            return;
        };
        for process in self.members.iter().filter(|it| it.id == leader) {
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
        assert_eq!((process.group, process.session), (7, 5));
        assert_eq!(process.started, 99);
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
        assert_ended(&before);
    }

    #[test]
    fn whose_parents_are_gone_are_known_by_their_environment() {
        let variable = format!("SLAPOS_TEST_OF_TREES={}", std::process::id());
        let (name, value) = variable.split_once('=').unwrap();
        let script = "setsid sh -c 'sleep 1000 & echo $!; wait' & exit 0";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .env(name, value)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = child.stdout.take().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        child.wait().unwrap();
        let sleeping = Process::of(line.trim().parse().unwrap()).unwrap();
        ProcessTree::with_variable(&variable).kill();
        assert_ended(&sleeping);
    }

    #[track_caller]
    fn assert_ended(process: &Process) {
        for _ in 0..1000 {
            match Process::of(process.id) {
                Some(now) if now.started == process.started && !now.is_dead => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                _ => return,
            }
        }
        panic!("{process:?} still runs");
    }
}
