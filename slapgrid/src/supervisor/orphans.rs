//! Services that a supervisord has left, because it was killed: the next one
//! does not know them, and would start second ones beside them.
//!
//! supervisord leads a session, in which its services are, each as a process
//! group, and tells them by a variable of their environment where its socket is.
//! As long as one of them lives, the system gives the number of the session to
//! nobody else: a group of the session that the pid file names, whose leader is
//! gone, with a process that has that variable, is a service that was left. One
//! that leaves the session is a service no more, as for supervisord itself.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use buildout_core::exec::cancel::CancellationToken;
use rustix::process::{Pid, Signal, kill_process_group};

use super::configuration::STOP_LIMIT;
use super::layout::Layout;
use crate::log::Logger;
use crate::process_tree::{Process, all_processes};

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// How long what was killed may take to be gone.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Process groups with the names of their services.
type Services = BTreeMap<i32, String>;

/// Stops what a supervisord has left, as it would have done itself: it is asked
/// to end, and killed if it does not heed that. One that still is there keeps
/// its services, whether it answers or not. Returns the names of what ran.
pub(super) fn stop_orphans(
    layout: &Layout,
    log: &Logger,
    cancellation: &CancellationToken,
) -> Vec<String> {
    let text = fs::read_to_string(layout.pid_file()).unwrap_or_default();
    let Ok(session) = text.trim().parse() else {
        return Vec::new();
    };
    if Process::of(session).is_some_and(|leader| !leader.is_dead) {
        return Vec::new();
    }
    let services = services_of(session, &layout.socket());
    if services.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = services.values().map(String::as_str).collect();
    log.warning(format!(
        "Stopping what a supervisord has left that is gone: {}",
        names.join(", ")
    ));
    for (signal, limit) in [(Signal::TERM, STOP_LIMIT), (Signal::KILL, KILL_LIMIT)] {
        for group in groups_left(session, &services) {
            if let Some(group) = Pid::from_raw(group) {
                // It may end at this moment.
                let _ = kill_process_group(group, signal);
            }
        }
        let end = Instant::now() + limit;
        while !groups_left(session, &services).is_empty() {
            if Instant::now() > end || cancellation.is_cancelled() {
                break;
            }
            sleep(PAUSE);
        }
    }
    services.into_values().collect()
}

/// Returns the groups of a session that have a process with the variable of the
/// supervisord with this socket.
fn services_of(session: i32, socket: &Path) -> Services {
    let variable = format!("SUPERVISOR_SERVER_URL=unix://{}", socket.display());
    let mut services = Services::new();
    for process in living_of(session) {
        let variables = process.environment();
        if !variables.iter().any(|it| *it == variable.as_bytes()) {
            continue;
        }
        let value = |name: &[u8]| {
            let value = variables.iter().find_map(|it| it.strip_prefix(name));
            String::from_utf8_lossy(value.unwrap_or_default()).into_owned()
        };
        let (group, name) = (
            value(b"SUPERVISOR_GROUP_NAME="),
            value(b"SUPERVISOR_PROCESS_NAME="),
        );
        services.insert(process.group, format!("{group}:{name}"));
    }
    services
}

fn groups_left(session: i32, services: &Services) -> Vec<i32> {
    let groups = living_of(session).map(|process| process.group);
    let mut groups: Vec<i32> = groups.filter(|it| services.contains_key(it)).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn living_of(session: i32) -> impl Iterator<Item = Process> {
    let processes = all_processes().into_iter();
    processes.filter(move |process| process.session == session && !process.is_dead)
}
