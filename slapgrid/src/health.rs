//! How a node is: its partitions, what runs in them, what they promise, and
//! what is wrong. It is told from files and from supervisord; the master only
//! says what it wants, and may be out of reach.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use slap::Computer;

use crate::bang::BangState;
use crate::child::error_chain;
use crate::files::{names_in, read_text};
use crate::instance::{WantedPartition, check_name};
use crate::node::Node;
use crate::promise::{PromiseStatus, promise_status};
use crate::supervisor::configuration::WATCHED;
use crate::supervisor::{ProcessInfo, Supervisor};

/// The longest error that is read.
const LONGEST_ERROR: u64 = 64 * 1024;

/// How long supervisord is waited for: somebody looks at the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a node is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeHealth {
    /// What the master calls the computer.
    pub computer_id: String,
    /// When this was found out.
    pub at: SystemTime,
    /// Why the master does not say what it wants.
    pub master_problem: Option<String>,
    /// Why supervisord does not say what runs.
    pub supervisor_problem: Option<String>,
    /// The partitions in use: those that are in trouble first, else by name as
    /// the master has them.
    pub partitions: Vec<PartitionHealth>,
    /// How many partitions nobody uses; none if only the master knows.
    pub free: Option<usize>,
}

/// How a partition is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PartitionHealth {
    /// Its name.
    pub name: String,
    /// The title of its instance, if the master is there to tell.
    pub title: Option<String>,
    /// What the master wants it to be.
    pub state: Option<String>,
    /// The last error of its processing.
    pub error: Option<String>,
    /// Whether it is as the master last wanted it; none without the master.
    pub is_current: Option<bool>,
    /// Its processes under supervisord.
    pub processes: Vec<ProcessInfo>,
    /// Its promises.
    pub promises: Vec<PromiseStatus>,
    /// Why its promises are not known.
    pub promise_problem: Option<String>,
    /// Its bangs of the last hour, and what was held back.
    pub bangs: BangState,
    /// How many bangs it has an hour.
    pub bang_quota: u32,
    /// When it was looked at.
    at: SystemTime,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is as it should be.
    Fine,
    /// The node will see to it, or somebody should know.
    Pending,
    /// Somebody must see to it.
    Trouble,
}

impl Severity {
    /// Returns a word for programs.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Fine => "fine",
            Severity::Pending => "pending",
            Severity::Trouble => "trouble",
        }
    }
}

/// Something about a partition that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a promise, a process, or a word.
    pub subject: String,
    /// What is wrong.
    pub text: String,
    /// Since when, in seconds since the epoch, if that is known.
    pub since: Option<f64>,
    /// When it is looked at next, in seconds since the epoch, if that is
    /// known.
    pub next: Option<f64>,
}

impl NodeHealth {
    /// Looks at a node. Nothing is started or changed.
    pub fn of(node: &Node) -> Self {
        let at = SystemTime::now();
        let supervisor = Supervisor::at(&node.layout().socket()).with_patience(PATIENCE);
        let (processes, supervisor_problem) = match supervisor.processes() {
            Ok(processes) => (processes, None),
            Err(error) => (Vec::new(), Some(error_chain(&error))),
        };
        let computer_id = &node.configuration.computer_id;
        let (computer, master_problem) = match node.master.full_computer_information(computer_id) {
            Ok(computer) => (Some(computer), None),
            Err(error) => (None, Some(error_chain(&error))),
        };
        let (known, free) = match &computer {
            Some(computer) => wanted_partitions(computer),
            None => (
                installed_partitions(&node.configuration.instance_root),
                None,
            ),
        };
        let mut partitions: Vec<PartitionHealth> = known
            .into_iter()
            .map(|known| PartitionHealth::of(node, known, &processes, at))
            .collect();
        partitions.sort_by_key(|partition| std::cmp::Reverse(partition.severity()));
        NodeHealth {
            computer_id: computer_id.clone(),
            at,
            master_problem,
            supervisor_problem,
            partitions,
            free,
        }
    }

    /// Returns how bad it is.
    pub fn severity(&self) -> Severity {
        if self.supervisor_problem.is_some() {
            return Severity::Trouble;
        }
        let own = match self.master_problem {
            Some(_) => Severity::Pending,
            None => Severity::Fine,
        };
        let partitions = self.partitions.iter().map(PartitionHealth::severity);
        partitions.max().unwrap_or(Severity::Fine).max(own)
    }
}

/// What is known of a partition before it is looked at.
struct Known {
    name: String,
    title: Option<String>,
    state: Option<String>,
    timestamp: Option<String>,
}

fn wanted_partitions(computer: &Computer) -> (Vec<Known>, Option<usize>) {
    let mut known = Vec::new();
    let mut free = 0;
    for partition in &computer.partitions {
        let Ok(wanted) = WantedPartition::of(partition) else {
            continue;
        };
        if wanted.is_free() {
            free += 1;
            continue;
        }
        let title = partition.parameters.get_str("instance_title");
        known.push(Known {
            name: wanted.name().to_owned(),
            title: title.map(ToString::to_string),
            state: Some(wanted.state),
            timestamp: wanted.timestamp,
        });
    }
    (known, Some(free))
}

fn installed_partitions(instance_root: &Path) -> Vec<Known> {
    let names = names_in(instance_root).unwrap_or_default();
    names
        .into_iter()
        .filter(|name| check_name(name).is_ok())
        .filter(|name| instance_root.join(name).join("buildout.cfg").exists())
        .map(|name| Known {
            name,
            title: None,
            state: None,
            timestamp: None,
        })
        .collect()
}

impl PartitionHealth {
    fn of(node: &Node, known: Known, processes: &[ProcessInfo], at: SystemTime) -> Self {
        let root = &node.configuration.instance_root;
        let path = root.join(&known.name);
        let error = path.join(format!(".slapgrid-{}-error.log", known.name));
        let is_current = known.timestamp.as_ref().map(|timestamp| {
            read_text(&path.join(".timestamp"), LONGEST_ERROR).is_ok_and(|it| it == *timestamp)
        });
        let (promises, promise_problem) = match promise_status(&path) {
            Ok(promises) => (promises, None),
            Err(error) => (Vec::new(), Some(error_chain(&error))),
        };
        let of_group = |info: &&ProcessInfo| {
            let rest = info.group.strip_prefix(&known.name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        PartitionHealth {
            error: read_text(&error, LONGEST_ERROR).ok(),
            is_current,
            processes: processes.iter().filter(of_group).cloned().collect(),
            promises,
            promise_problem,
            bangs: BangState::of(root, &known.name),
            bang_quota: node.configuration.bang_quota,
            name: known.name,
            title: known.title,
            state: known.state,
            at,
        }
    }

    /// Returns how many bangs are left in this hour.
    pub fn bangs_left(&self) -> u32 {
        self.bangs.left(self.bang_quota, self.seconds())
    }

    fn seconds(&self) -> f64 {
        let since = self.at.duration_since(UNIX_EPOCH);
        since.unwrap_or_default().as_secs_f64()
    }

    /// Returns how bad it is.
    pub fn severity(&self) -> Severity {
        let findings = self.findings();
        let severities = findings.iter().map(|finding| finding.severity);
        severities.max().unwrap_or(Severity::Fine)
    }

    /// Returns what is not as it should be, the worst first.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut add = |severity, subject: &str, text: String| {
            findings.push(Finding {
                severity,
                subject: subject.to_owned(),
                text,
                since: None,
                next: None,
            });
        };
        if let Some(error) = &self.error {
            let line = error.lines().rev().find(|line| !line.trim().is_empty());
            let line = line.unwrap_or("its last processing failed");
            add(Severity::Trouble, "processing", line.trim().to_owned());
        }
        if let Some(problem) = &self.promise_problem {
            add(Severity::Trouble, "promises", problem.clone());
        }
        for process in &self.processes {
            if let Some(severity) = process_severity(process) {
                let text = format!("{} {}", process.state, process.description);
                add(severity, &process.name, text.trim_end().to_owned());
            }
        }
        let is_wanted = self.state.as_deref() != Some("destroyed");
        if self.error.is_none() && self.is_current == Some(false) && is_wanted {
            let text = "to be processed by the next `slapos node instance`";
            add(Severity::Pending, "processing", text.to_owned());
        }
        if self.state.as_deref() == Some("destroyed") {
            let text = "to be removed by `slapos node report`";
            add(Severity::Pending, "removal", text.to_owned());
        }
        if let Some(held) = &self.bangs.held_back {
            let times = if held.count == 1 { "bang" } else { "bangs" };
            findings.push(Finding {
                severity: Severity::Pending,
                subject: "bang quota".to_owned(),
                text: format!(
                    "{} {times} held back, {} in an hour are enough: {}",
                    held.count, self.bang_quota, held.message
                ),
                since: Some(held.since),
                next: self.bangs.next(self.bang_quota, self.seconds()),
            });
        }
        findings.extend(self.promises.iter().filter_map(promise_finding));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings
    }
}

/// Tells how bad it is that a process is as it is. Those that are not watched
/// may end.
fn process_severity(process: &ProcessInfo) -> Option<Severity> {
    match &*process.state {
        "RUNNING" | "STARTING" => None,
        "STOPPING" | "STOPPED" => Some(Severity::Pending),
        "EXITED" if process.exit_status == 0 && !process.name.contains(WATCHED) => None,
        _ => Some(Severity::Trouble),
    }
}

/// Returns what is wrong with a promise.
fn promise_finding(promise: &PromiseStatus) -> Option<Finding> {
    let next = promise.cache.as_ref().map(|cache| cache.next_run_after);
    let result = promise.result.as_ref().filter(|result| result.failed)?;
    Some(Finding {
        severity: Severity::Trouble,
        subject: promise.title.clone(),
        text: result.text().to_owned(),
        since: promise.unchanged_since.map(|since| since as f64),
        next,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str, state: &str, exit_status: i64) -> ProcessInfo {
        ProcessInfo {
            group: "slappart0".to_owned(),
            name: name.to_owned(),
            state: state.to_owned(),
            description: String::new(),
            process: 0,
            exit_status,
            started: 0,
        }
    }

    #[test]
    fn what_is_watched_must_run() {
        let cases = [
            (process("web-on-watch", "RUNNING", 0), None),
            (
                process("web-on-watch", "EXITED", 0),
                Some(Severity::Trouble),
            ),
            (process("once", "EXITED", 0), None),
            (process("once", "EXITED", 1), Some(Severity::Trouble)),
            (
                process("web-on-watch", "STOPPED", 0),
                Some(Severity::Pending),
            ),
            (process("web-on-watch", "FATAL", 0), Some(Severity::Trouble)),
        ];
        for (process, severity) in cases {
            assert_eq!(process_severity(&process), severity, "{process:?}");
        }
    }
}
