//! Following a child process to its end; the policy is in the documentation of
//! [`command`](super::command).

use std::{
    io::{self, Read as _},
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::Child,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec},
    fs::OFlags,
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions},
};

use super::{
    cancel::CancellationToken,
    command::CommandOptions,
    outcome::Outcome,
    output::{LineCutter, OutputSink, OutputTail, StreamKind},
};

/// How much is read from a pipe before the other one, the exit and a cancellation are looked at.
const CHUNK_BYTES: usize = 64 * 1024;

/// A pipe of an unprivileged process cannot hold more, so this much is read at the end.
const LARGEST_PIPE_BYTES: usize = 1024 * 1024;

/// The end of a process.
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) cancelled: bool,
    pub(super) output_abandoned: bool,
}

/// Follows a child, which leads a process group of its own, until it is over.
pub(super) fn supervise(
    mut child: Child,
    sink: &mut dyn OutputSink,
    tail: &mut OutputTail,
    cancellation: &CancellationToken,
    options: &CommandOptions,
) -> io::Result<End> {
    let streams = (child.stdout.take(), child.stderr.take());
    // From here on the group is killed and the child reaped on every way out.
    let mut group = Group::new(child);
    let mut pipes = Vec::with_capacity(2);
    if let Some(stdout) = streams.0 {
        pipes.push(Pipe::new(stdout.into(), StreamKind::Stdout)?);
    }
    if let Some(stderr) = streams.1 {
        pipes.push(Pipe::new(stderr.into(), StreamKind::Stderr)?);
    }
    let exit = group.watch_exit()?;
    let (wake, waker) = UnixStream::pair()?;
    let _registration = cancellation.on_cancel(move || {
        // Nobody listens any more if this fails.
        let _ = waker.shutdown(Shutdown::Both);
    });

    let mut clock = Clock::new(options);
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        if clock.cancelled.is_none() && cancellation.is_cancelled() {
            clock.cancelled = Some(Instant::now());
            clock.cancelled_while_running = clock.exited.is_none();
            group.signal(Signal::TERM);
            // A stopped process would see the signal only when somebody continues it.
            group.signal(Signal::CONT);
        }
        if clock.exited.is_some() && pipes.is_empty() {
            break;
        }
        let now = Instant::now();
        if clock.kill_at().is_some_and(|time| time <= now) {
            clock.killed = Some(now);
            group.signal(Signal::KILL);
        }
        if clock.give_up_at().is_some_and(|time| time <= now) {
            break;
        }
        let timeout = [clock.kill_at(), clock.give_up_at()]
            .into_iter()
            .flatten()
            .min()
            .map(|time| time.saturating_duration_since(now));
        let waiting = Waiting {
            exit: clock.exited.is_none().then_some(&exit),
            wake: clock.cancelled.is_none().then_some(&wake),
            pipes: &pipes,
        };
        let ready = waiting.poll(timeout)?;
        if ready.exit {
            clock.exited = Some(Instant::now());
        }
        let mut index = 0;
        for is_ready in ready.pipes {
            let is_open = !is_ready || {
                let pipe = &mut pipes[index];
                pipe.read(&mut buffer, sink, tail)? != Read::End
            };
            if is_open {
                index += 1;
            } else {
                pipes.remove(index).cutter.finish(sink, tail);
            }
        }
    }

    let output_abandoned = !pipes.is_empty();
    for mut pipe in pipes {
        let mut budget = LARGEST_PIPE_BYTES;
        while let Read::Bytes(count) = pipe.read(&mut buffer, sink, tail)? {
            budget = budget.saturating_sub(count);
            if budget == 0 {
                break;
            }
        }
        pipe.cutter.finish(sink, tail);
    }
    if clock.cancelled.is_some() {
        group.signal(Signal::KILL);
    }
    Ok(End {
        outcome: group.reap()?,
        cancelled: clock.cancelled_while_running,
        output_abandoned,
    })
}

/// What has happened, and so what is due when.
struct Clock<'a> {
    options: &'a CommandOptions,
    exited: Option<Instant>,
    cancelled: Option<Instant>,
    cancelled_while_running: bool,
    killed: Option<Instant>,
}

impl<'a> Clock<'a> {
    fn new(options: &'a CommandOptions) -> Self {
        Self {
            options,
            exited: None,
            cancelled: None,
            cancelled_while_running: false,
            killed: None,
        }
    }

    /// When the group is to be killed. A time too far away to be computed never comes.
    fn kill_at(&self) -> Option<Instant> {
        match self.killed {
            Some(_) => None,
            None => self.cancelled?.checked_add(self.options.grace),
        }
    }

    /// When open pipes are not waited for any longer.
    fn give_up_at(&self) -> Option<Instant> {
        let exited = self.exited?;
        let start = match (self.cancelled, self.killed) {
            (None, _) => exited,
            (Some(_), Some(killed)) => exited.max(killed),
            // The rest of the group has its time of grace.
            (Some(_), None) => return None,
        };
        start.checked_add(self.options.drain)
    }
}

/// A child and the process group it leads.
struct Group {
    child: Child,
    id: Option<Pid>,
    reaped: bool,
    watcher: Option<thread::JoinHandle<()>>,
}

impl Group {
    fn new(child: Child) -> Self {
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Self {
            child,
            id,
            reaped: false,
            watcher: None,
        }
    }

    /// Starts a thread which waits for the exit without reaping. The returned stream reaches its
    /// end when that happens.
    fn watch_exit(&mut self) -> io::Result<UnixStream> {
        let (exit, notifier) = UnixStream::pair()?;
        let id = self.id.ok_or(Errno::SRCH)?;
        let watch = move || {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while let Err(Errno::INTR) = rustix::process::waitid(WaitId::Pid(id), options) {}
            drop(notifier);
        };
        let builder = thread::Builder::new().name("exit-watcher".to_owned());
        self.watcher = Some(builder.spawn(watch)?);
        Ok(exit)
    }

    /// Sends a signal to the whole group. The child is not reaped yet, so its number, which is
    /// the group's, cannot belong to anyone else.
    fn signal(&self, signal: Signal) {
        if let (false, Some(id)) = (self.reaped, self.id) {
            // A group without living members is fine, and no other error is possible for the
            // processes of our own user; set-user-id programs keep running, as with any sender.
            let _ = rustix::process::kill_process_group(id, signal);
        }
    }

    fn reap(&mut self) -> io::Result<Outcome> {
        // The watcher goes first: it must not look at a number which is free again.
        if let Some(watcher) = self.watcher.take() {
            // It does nothing that could panic.
            let _ = watcher.join();
        }
        let status = self.child.wait()?;
        self.reaped = true;
        Ok(status.into())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.reaped {
            self.signal(Signal::KILL);
            // There is nobody left to tell.
            let _ = self.reap();
        }
    }
}

/// What a read gave.
#[derive(PartialEq, Eq)]
enum Read {
    Bytes(usize),
    Nothing,
    End,
}

/// Our end of one of the child's output pipes.
struct Pipe {
    file: std::fs::File,
    cutter: LineCutter,
}

impl Pipe {
    fn new(file: OwnedFd, stream: StreamKind) -> io::Result<Self> {
        // This end has an open file description of its own, so the child does not notice.
        let flags = rustix::fs::fcntl_getfl(&file)?;
        rustix::fs::fcntl_setfl(&file, flags | OFlags::NONBLOCK)?;
        Ok(Self {
            file: file.into(),
            cutter: LineCutter::new(stream),
        })
    }

    /// Reads once and passes on the lines.
    fn read(
        &mut self,
        buffer: &mut [u8],
        sink: &mut dyn OutputSink,
        tail: &mut OutputTail,
    ) -> io::Result<Read> {
        loop {
            match self.file.read(buffer) {
                Ok(0) => return Ok(Read::End),
                Ok(count) => {
                    self.cutter.take(&buffer[..count], sink, tail);
                    return Ok(Read::Bytes(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Read::Nothing);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// What is waited for.
struct Waiting<'a> {
    exit: Option<&'a UnixStream>,
    wake: Option<&'a UnixStream>,
    pipes: &'a [Pipe],
}

/// What has happened.
struct Ready {
    exit: bool,
    pipes: Vec<bool>,
}

impl Waiting<'_> {
    fn poll(&self, timeout: Option<Duration>) -> io::Result<Ready> {
        let mut descriptors = Vec::with_capacity(4);
        let mut add =
            |descriptor| descriptors.push(PollFd::from_borrowed_fd(descriptor, PollFlags::IN));
        for pipe in self.pipes {
            add(pipe.file.as_fd());
        }
        for stream in [self.exit, self.wake].into_iter().flatten() {
            add(stream.as_fd());
        }
        // A timeout too long to be expressed is as good as none.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match rustix::event::poll(&mut descriptors, timeout.as_ref()) {
            // An interruption or a timeout leaves no events, and the caller looks at its clock.
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut ready = descriptors
            .iter()
            .map(|descriptor| !descriptor.revents().is_empty());
        let pipes = ready.by_ref().take(self.pipes.len()).collect();
        let exit = self.exit.is_some() && ready.next().unwrap_or(false);
        Ok(Ready { exit, pipes })
    }
}
