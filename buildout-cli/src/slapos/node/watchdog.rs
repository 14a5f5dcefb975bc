//! `slapos watchdog`, which supervisord runs.

use std::io::{self, BufReader, Read};
use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use buildout_core::exec::cancel::{CallbackGuard, CancellationToken};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use slap::{HttpMaster, HttpMasterOptions, Master};
use slapgrid::supervisor::configuration::BANG_QUOTA_OPTION;
use slapgrid::{DEFAULT_BANG_QUOTA, Watchdog};

use crate::{Stop, Streams};

pub(in super::super) fn run(
    words: &[String],
    streams: &Streams,
    cancellation: &CancellationToken,
) -> Result<(), Stop> {
    let option = |name: &str| {
        let place = words.iter().position(|word| word == name)?;
        words.get(place + 1).cloned()
    };
    let required = |name: &str| {
        option(name)
            .ok_or_else(|| Stop::message(format!("watchdog needs {name}; supervisord runs it")))
    };
    let url = required("--master-url")?;
    let certificates = option("--certificate-repository-path").map(PathBuf::from);
    let master = |partition: &str| -> Box<dyn Master> {
        let mut options = HttpMasterOptions::new(url.clone());
        let file = |ending: &str| {
            let path = certificates
                .as_deref()?
                .join(format!("{partition}.{ending}"));
            Path::exists(&path).then_some(path)
        };
        options.certificate_file = file("crt");
        options.key_file = file("key");
        Box::new(HttpMaster::new(options))
    };
    let quota = match option(BANG_QUOTA_OPTION) {
        None => DEFAULT_BANG_QUOTA,
        Some(text) => text
            .parse()
            .map_err(|_| Stop::message(format!("{BANG_QUOTA_OPTION} {text} is no number")))?,
    };
    let watchdog = Watchdog {
        bang_quota: quota,
        instance_root: PathBuf::from(required("--instance-root")?),
        computer_id: required("--computer-id")?,
        master: &master,
    };
    // The protocol is for these alone, whoever else the streams are for.
    let input = Input::new(cancellation)
        .map_err(|error| Stop::message(format!("no input can be had: {error}")))?;
    let mut input = BufReader::new(input);
    let mut errors = |text: &str| streams.err(&format!("{text}\n"));
    watchdog
        .serve(&mut input, &mut io::stdout(), &mut errors)
        .map_err(|error| Stop::message(format!("supervisord cannot be understood: {error}")))
}

/// Standard input, which ends when this process is asked to end: supervisord
/// stops the watchdog by a signal.
struct Input {
    wake: UnixStream,
    _registration: CallbackGuard,
}

impl Input {
    fn new(cancellation: &CancellationToken) -> io::Result<Self> {
        let (wake, waker) = UnixStream::pair()?;
        let registration = cancellation.on_cancel(move || {
            // Nobody waits any more if this fails.
            let _ = waker.shutdown(Shutdown::Both);
        });
        Ok(Input {
            wake,
            _registration: registration,
        })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        loop {
            let mut waiting = [
                PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.wake.as_fd(), PollFlags::IN),
            ];
            match poll(&mut waiting, None) {
                Ok(_) if !waiting[1].revents().is_empty() => return Ok(0),
                // Past the buffer of the library, which would keep bytes back.
                Ok(_) => return Ok(rustix::io::read(stdin.as_fd(), buffer)?),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
