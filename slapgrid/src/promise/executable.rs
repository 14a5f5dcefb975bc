//! Running a promise that is a program: natively what slapos.core's
//! `WrapPromise` does.

use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use buildout_core::exec::spawn::spawn;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::process_tree::ProcessTree;

/// How much of the output is kept: the last of it.
const KEPT_OUTPUT: usize = 64 * 1024;

/// How often it is looked whether the process has ended, if it says nothing.
const LOOK: Duration = Duration::from_millis(50);

/// How long a process that is asked to end may take.
pub(super) const TERMINATION: Duration = Duration::from_secs(1);

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Whether it succeeded; none if it was killed because it took too long,
    /// and to be asked to end was not enough.
    pub(super) success: Option<bool>,
    /// Whether it took too long.
    pub(super) timed_out: bool,
    /// What it said, both streams as they came.
    pub(super) output: String,
}

/// Runs a command, which becomes the leader of a session, for so long at most.
/// With it ends all that it started.
///
/// # Errors
///
/// It cannot be started or followed.
pub(super) fn run(
    mut command: Command,
    limit: Duration,
    is_cancelled: &dyn Fn() -> bool,
) -> std::io::Result<Ended> {
    let (mut reader, writer) = std::io::pipe()?;
    let flags = rustix::fs::fcntl_getfl(&reader)?;
    rustix::fs::fcntl_setfl(&reader, flags | OFlags::NONBLOCK)?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let mut running = Running(spawn(&mut command)?);
    // Else this end of the pipe would be open for ever.
    drop(command);
    let mut output = Output::default();
    let mut deadline = Instant::now() + limit;
    let mut asked: Option<ProcessTree> = None;
    let mut has_ended = false;
    while !has_ended && !is_cancelled() {
        let now = Instant::now();
        if now >= deadline {
            if asked.is_some() {
                break;
            }
            let tree = ProcessTree::of(running.0.id());
            tree.terminate();
            asked = Some(tree);
            deadline = now + TERMINATION;
        }
        let wait = LOOK.min(deadline.saturating_duration_since(now));
        if output.is_closed {
            // It ends at any moment.
            std::thread::sleep(wait.min(Duration::from_millis(1)));
        } else {
            let mut waiting = [PollFd::from_borrowed_fd(reader.as_fd(), PollFlags::IN)];
            let wait = Timespec::try_from(wait).ok();
            // An interruption leaves no events; the clock is looked at again.
            let _ = poll(&mut waiting, wait.as_ref());
            output.read(&mut reader);
        }
        has_ended = running.has_ended();
    }
    if !output.is_closed {
        output.read(&mut reader);
    }
    let timed_out = asked.is_some();
    if let Some(tree) = asked {
        tree.kill();
    }
    let status = running.end()?;
    Ok(Ended {
        success: has_ended.then(|| status.success()),
        timed_out,
        output: output.into_text(),
    })
}

/// A process that does not outlive this.
struct Running(Child);

impl Running {
    fn id(&self) -> Option<Pid> {
        i32::try_from(self.0.id()).ok().and_then(Pid::from_raw)
    }

    /// Tells whether it has ended. It is not reaped yet, so that its number
    /// stays its own.
    fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let ended = self.id().map(|id| waitid(WaitId::Pid(id), options));
        matches!(ended, Some(Ok(Some(_))))
    }

    /// Ends it with all of its group, and reaps it.
    fn end(&mut self) -> std::io::Result<ExitStatus> {
        if let Some(id) = self.id() {
            // There may be no group yet.
            let _ = kill_process_group(id, Signal::KILL);
        }
        // Has no effect on one that has ended, or was reaped already.
        let _ = self.0.kill();
        self.0.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            // There is nobody left to tell.
            let _ = self.end();
        }
    }
}

/// The last of what a process says.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    left_out: u64,
    is_closed: bool,
}

impl Output {
    /// Reads what is there, but not for ever: somebody may write faster than
    /// anybody reads.
    fn read(&mut self, reader: &mut std::io::PipeReader) {
        let mut buffer = [0; 16 * 1024];
        for _ in 0..64 {
            match reader.read(&mut buffer) {
                Ok(0) => {
                    self.is_closed = true;
                    return;
                }
                Ok(count) => self.push(&buffer[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * KEPT_OUTPUT {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let surplus = self.bytes.len().saturating_sub(KEPT_OUTPUT);
        self.bytes.drain(..surplus);
        self.left_out += surplus as u64;
    }

    /// Returns the text as Python reads it: line ends are those of Unix, and
    /// blanks around it are left out.
    fn into_text(mut self) -> String {
        self.shorten();
        let text = String::from_utf8_lossy(&self.bytes);
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let text = text.trim();
        if self.left_out == 0 {
            return text.to_owned();
        }
        format!("... {} bytes left out\n{text}", self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_shell(script: &str, limit: Duration) -> Ended {
        let mut command = Command::new("setsid");
        command.args(["sh", "-c", script]);
        run(command, limit, &|| false).unwrap()
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn both_streams_are_one() {
        let ended = run_shell("echo a; echo b >&2; printf 'c\\r\\n'; exit 3", LONG);
        assert_eq!(ended.output, "a\nb\nc");
        assert_eq!((ended.success, ended.timed_out), (Some(false), false));
    }

    #[test]
    fn who_is_left_behind_is_not_waited_for() {
        let ended = run_shell("sleep 1000 & echo $!", LONG);
        assert_eq!(ended.success, Some(true));
        // It was in the session, and has ended with it.
        let process = ended.output;
        for _ in 0..1000 {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat"));
            if !stat.is_ok_and(|stat| stat.contains("(sleep) S")) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{process} still sleeps");
    }

    #[test]
    fn what_hangs_is_asked_to_end_and_then_killed() {
        let brief = Duration::from_millis(1);
        let ended = run_shell("sleep 1000", brief);
        assert_eq!((ended.success, ended.timed_out), (Some(false), true));
        let ended = run_shell(
            "trap '' TERM; while :; do sleep 1000; done",
            LONG.min(Duration::from_millis(500)),
        );
        assert_eq!((ended.success, ended.timed_out), (None, true));
    }

    #[test]
    fn of_a_flood_the_end_is_kept() {
        let ended = run_shell("yes | head -c 1000000; echo end", LONG);
        assert!(ended.output.len() < KEPT_OUTPUT + 100);
        assert!(ended.output.starts_with("... ") && ended.output.ends_with("y\nend"));
    }
}
