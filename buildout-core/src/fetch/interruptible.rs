//! Requests that a cancelled run does not wait for.
//!
//! A transport waits as long as a server may be silent. So that nobody waits for that who no
//! longer wants the reply, it waits on a thread of its own, which is left alone then: it ends
//! with its next block, or with the time that the server has.

use std::io::{self, Read};
use std::mem;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::digest::BLOCK_SIZE;
use super::error::FetchError;
use super::transport::{Transport, TransportRequest, TransportResponse};

/// How often who waits looks whether the run was cancelled.
const CANCELLATION_INTERVAL: Duration = Duration::from_millis(50);

/// How many blocks are read ahead of who wants them.
const BLOCKS_AHEAD: usize = 4;

/// Performs a GET request, and ends early if `is_cancelled`.
///
/// Reading the body of the reply gives errors of kind `Interrupted` while there is nothing to
/// read, so that the reader can look as well; [`Read::read_to_end`] and the like go on then.
///
/// # Errors
///
/// Those of the transport, and [`FetchError::Cancelled`].
pub fn interruptible_get(
    transport: &Arc<dyn Transport>,
    request: TransportRequest,
    is_cancelled: impl Fn() -> bool,
) -> Result<TransportResponse, FetchError> {
    let transport = Arc::clone(transport);
    let (head_sender, head) = sync_channel(1);
    let (block_sender, blocks) = sync_channel(BLOCKS_AHEAD);
    let wait = move || match transport.get(&request) {
        Err(error) => drop(head_sender.send(Err(error))),
        Ok(mut response) => {
            let body = mem::replace(&mut response.body, Box::new(io::empty()));
            if head_sender.send(Ok(response)).is_ok() {
                pass_on(body, &block_sender);
            }
        }
    };
    thread::Builder::new()
        .name("download".to_owned())
        .spawn(wait)
        .map_err(|source| FetchError::Setup {
            source: Arc::new(source),
        })?;
    loop {
        match head.recv_timeout(CANCELLATION_INTERVAL) {
            Ok(reply) => {
                let mut response = reply?;
                response.body = Box::new(Body {
                    blocks,
                    block: Vec::new(),
                    taken: 0,
                    ended: false,
                });
                return Ok(response);
            }
            Err(RecvTimeoutError::Timeout) if is_cancelled() => return Err(FetchError::Cancelled),
            Err(RecvTimeoutError::Timeout) => {}
            // The transport panicked, which its thread has told.
            Err(RecvTimeoutError::Disconnected) => {
                return Err(FetchError::InvalidResponse {
                    detail: "the request was given up".to_owned(),
                });
            }
        }
    }
}

/// Sends the blocks of a body, then an empty one or the error that ends it; stops when nobody
/// wants them.
fn pass_on(mut body: Box<dyn Read + Send>, blocks: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut block = vec![0; BLOCK_SIZE];
        let sent = match body.read(&mut block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
            Ok(count) => {
                block.truncate(count);
                Ok(block)
            }
        };
        let is_last = sent.as_ref().map_or(true, Vec::is_empty);
        if blocks.send(sent).is_err() || is_last {
            return;
        }
    }
}

/// The body of a reply, as it comes from the other thread.
struct Body {
    blocks: Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.block.len() && !self.ended {
            match self.blocks.recv_timeout(CANCELLATION_INTERVAL) {
                Ok(block) => {
                    self.block = block?;
                    self.taken = 0;
                    self.ended = self.block.is_empty();
                }
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::Interrupted.into()),
                // Without a last block it broke off.
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        let rest = &self.block[self.taken..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    use super::*;

    /// Replies with a body whose blocks come when somebody sends them.
    struct Slow {
        is_silent: bool,
        body: Mutex<Option<Receiver<Vec<u8>>>>,
    }

    struct Sent(Receiver<Vec<u8>>);

    impl Read for Sent {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let block = self.0.recv().unwrap_or_default();
            buffer[..block.len()].copy_from_slice(&block);
            Ok(block.len())
        }
    }

    impl Transport for Slow {
        fn get(&self, request: &TransportRequest) -> Result<TransportResponse, FetchError> {
            let body = self.body.lock().unwrap().take().unwrap();
            if self.is_silent {
                let _ = body.recv();
            }
            Ok(TransportResponse {
                url: request.url.clone(),
                status: 200,
                reason: String::new(),
                headers: Vec::new(),
                body: Box::new(Sent(body)),
            })
        }
    }

    fn slow(is_silent: bool) -> (SyncSender<Vec<u8>>, Arc<dyn Transport>) {
        let (sender, body) = sync_channel(8);
        let body = Mutex::new(Some(body));
        (sender, Arc::new(Slow { is_silent, body }))
    }

    #[test]
    fn nobody_waits_for_a_silent_server_once_the_run_is_cancelled() {
        let (sender, transport) = slow(true);
        let cancelled = AtomicBool::new(false);
        let begun = Instant::now();
        let reply = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(20));
                cancelled.store(true, Ordering::Relaxed);
            });
            let request = TransportRequest::new("http://localhost/");
            interruptible_get(&transport, request, || cancelled.load(Ordering::Relaxed))
        });
        assert!(matches!(reply, Err(FetchError::Cancelled)), "{reply:?}");
        assert!(begun.elapsed() < Duration::from_secs(10));
        drop(sender);
    }

    #[test]
    fn a_body_comes_block_by_block_and_can_be_given_up_between_them() {
        let (sender, transport) = slow(false);
        let request = TransportRequest::new("http://localhost/");
        let mut response = interruptible_get(&transport, request, || false).unwrap();
        sender.send(b"one".to_vec()).unwrap();
        let mut two = [0; 2];
        response.body.read_exact(&mut two).unwrap();
        assert_eq!(&two, b"on");
        assert_eq!(response.body.read(&mut two).unwrap(), 1);
        let silence = response.body.read(&mut two).unwrap_err();
        assert_eq!(silence.kind(), io::ErrorKind::Interrupted);
        sender.send(b"two".to_vec()).unwrap();
        drop(sender);
        let mut rest = Vec::new();
        response.body.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"two");
        assert_eq!(response.body.read(&mut two).unwrap(), 0);
    }
}
