//! The Python process, and the group of processes that it leads.

use std::process::{Child, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How often it is looked whether the process has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// A process that leads a group of its own.
#[derive(Debug)]
pub(crate) struct Process {
    group: Option<Pid>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    child: Child,
    /// How it ended, once it is reaped: then its number may be another's.
    status: Option<ExitStatus>,
}

impl Process {
    pub(crate) fn new(child: Child) -> Self {
        Process {
            group: i32::try_from(child.id()).ok().and_then(Pid::from_raw),
            state: Mutex::new(State {
                child,
                status: None,
            }),
        }
    }

    /// Sends a signal to the whole group.
    pub(crate) fn signal(&self, signal: Signal) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let (None, Some(group)) = (state.status, self.group) {
            // A group without living members needs no signal.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Waits until the process has ended; after `patience`, its group is
    /// killed. What a recipe has left running goes on otherwise, as upstream.
    pub(crate) fn end(&self, patience: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.status.is_some() {
                return state.status;
            }
            let is_late = started.elapsed() >= patience;
            if is_late && let Some(group) = self.group {
                let _ = kill_process_group(group, Signal::KILL);
            }
            match state.child.try_wait() {
                Ok(Some(status)) => {
                    state.status = Some(status);
                    return state.status;
                }
                Ok(None) => {}
                Err(_) => return None,
            }
            drop(state);
            std::thread::sleep(PAUSE);
        }
    }
}
