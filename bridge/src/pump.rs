//! The thread that takes what the process sends and prints.
//!
//! Everything is read by one thread, so that output and messages keep their
//! order: the process empties its buffers before it sends a message, so what is
//! in its pipes when a message is there was printed before.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use buildout_core::event::{Event, EventSink, LogRecord, OutputStream};
use buildout_core::exec::cancel::CancellationToken;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::process::Signal;

use crate::failure::Ending;
use crate::frame::FrameReader;
use crate::interpreter::Shared;
use crate::message::Message;

/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// How long the process may clean up after a cancellation.
const GRACE: Duration = Duration::from_secs(3);

/// How long it may take to end once it has closed its connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much output without a line's end is kept back.
const LONGEST_LINE: usize = 64 * 1024;

/// What the thread works with.
pub(crate) struct Pump {
    pub(crate) connection: UnixStream,
    /// Its other end is shut down on a cancellation.
    pub(crate) wake: UnixStream,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: Arc<dyn EventSink>,
    pub(crate) cancellation: CancellationToken,
}

impl Pump {
    /// Works until the process is gone.
    pub(crate) fn run(self) {
        let ending = match self.work() {
            Ok(()) => None,
            Err(error) => Some(Ending::Nonsense(error.to_string())),
        };
        let patience = match &ending {
            Some(_) => Duration::ZERO,
            None => PATIENCE,
        };
        let status = self.shared.process.end(patience);
        let ending = ending.unwrap_or_else(|| status.map_or(Ending::Unknown, Ending::Status));
        self.shared.close(ending);
    }

    fn work(&self) -> io::Result<()> {
        let mut reader = FrameReader::default();
        let mut printed = [
            Printed::new(&self.stdout, OutputStream::Stdout)?,
            Printed::new(&self.stderr, OutputStream::Stderr)?,
        ];
        set_nonblocking(&self.connection)?;
        let mut cancelled: Option<Instant> = None;
        let mut buffer = vec![0; CHUNK];
        let mut is_open = true;
        while is_open {
            self.wait(cancelled, &printed)?;
            if cancelled.is_none() && self.cancellation.is_cancelled() {
                cancelled = Some(Instant::now());
                self.shared.process.signal(Signal::TERM);
                self.shared.process.signal(Signal::CONT);
            }
            if cancelled.is_some_and(|since| since.elapsed() >= GRACE) {
                self.shared.process.signal(Signal::KILL);
            }
            loop {
                match (&self.connection).read(&mut buffer) {
                    Ok(0) => {
                        is_open = false;
                        break;
                    }
                    Ok(count) => reader.take(&buffer[..count]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                        is_open = false;
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
            for printed in &mut printed {
                printed.read(&mut buffer, self)?;
            }
            while let Some(payload) = reader.next().map_err(io::Error::other)? {
                self.take(&payload, &mut printed)?;
            }
        }
        for printed in &mut printed {
            printed.flush(self);
        }
        Ok(())
    }

    fn wait(&self, cancelled: Option<Instant>, printed: &[Printed; 2]) -> io::Result<()> {
        let mut descriptors = vec![PollFd::new(&self.connection, PollFlags::IN)];
        if cancelled.is_none() {
            descriptors.push(PollFd::new(&self.wake, PollFlags::IN));
        }
        for printed in printed.iter().filter(|printed| printed.is_open) {
            descriptors.push(PollFd::from_borrowed_fd(
                printed.file.as_fd(),
                PollFlags::IN,
            ));
        }
        let left = cancelled.map(|since| GRACE.saturating_sub(since.elapsed()));
        // Late enough for the grace to be over.
        let timeout = left.map(|left| left + Duration::from_millis(10));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match poll(&mut descriptors, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn take(&self, payload: &[u8], printed: &mut [Printed; 2]) -> io::Result<()> {
        match Message::parse(payload).map_err(io::Error::other)? {
            Message::Log {
                level,
                logger,
                text,
            } => self.events.emit(Event::Log(LogRecord {
                level,
                logger: Arc::from(logger),
                message: text,
            })),
            Message::About { request, reply } => {
                for printed in printed {
                    printed.flush(self);
                }
                self.shared.pass_on(request, reply);
            }
        }
        Ok(())
    }
}

/// What the process prints.
struct Printed {
    file: File,
    stream: OutputStream,
    is_open: bool,
    /// A line without its end.
    line: Vec<u8>,
}

impl Printed {
    fn new(descriptor: &OwnedFd, stream: OutputStream) -> io::Result<Self> {
        let file = File::from(descriptor.try_clone()?);
        set_nonblocking(&file)?;
        Ok(Printed {
            file,
            stream,
            is_open: true,
            line: Vec::new(),
        })
    }

    /// Takes all that is there.
    fn read(&mut self, buffer: &mut [u8], pump: &Pump) -> io::Result<()> {
        while self.is_open {
            match self.file.read(buffer) {
                Ok(0) => self.is_open = false,
                Ok(count) => {
                    self.line.extend(&buffer[..count]);
                    let end = self.line.iter().rposition(|byte| *byte == b'\n');
                    let end = match end {
                        Some(end) => end + 1,
                        None if self.line.len() > LONGEST_LINE => self.line.len(),
                        None => 0,
                    };
                    self.emit(end, pump);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Passes on what is kept back.
    fn flush(&mut self, pump: &Pump) {
        self.emit(self.line.len(), pump);
    }

    fn emit(&mut self, end: usize, pump: &Pump) {
        if end == 0 {
            return;
        }
        let rest = self.line.split_off(end);
        let bytes = std::mem::replace(&mut self.line, rest);
        pump.events.emit(Event::Output {
            part: pump.shared.part(),
            stream: self.stream,
            bytes,
        });
    }
}

fn set_nonblocking(descriptor: impl std::os::fd::AsFd) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(&descriptor)?;
    rustix::fs::fcntl_setfl(&descriptor, flags | OFlags::NONBLOCK)?;
    Ok(())
}
