//! An HTTP server for tests, which can be told to misbehave.
//!
//! It listens on the loopback interface, answers each connection on a thread
//! of its own, and closes the connection after each reply. Failures of the
//! server itself are panics: they can only be a defect of the test.

use std::collections::{HashMap, VecDeque};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How a reply goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not.
    None,
    /// The connection closes without any reply.
    Drop,
    /// The connection closes after this many bytes of the body.
    CutAfter(usize),
    /// Nothing more comes after this many bytes of the body, for this long.
    StallAfter(usize, Duration),
    /// `Content-Length` is this instead of the truth.
    AnnounceLength(usize),
    /// Nothing comes before so many requests wait for such a reply at once;
    /// after ten seconds the connection closes.
    Together(usize),
    /// There is no `Content-Length`; the end of the connection ends the body.
    NoLength,
}

/// What the server answers.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    reason: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    fault: Fault,
    ranges: bool,
}

impl Reply {
    /// A reply with status 200.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            reason: "OK".to_owned(),
            headers: Vec::new(),
            body: body.into(),
            fault: Fault::None,
            ranges: false,
        }
    }

    /// A reply with another status and an empty body.
    pub fn status(status: u16, reason: &str) -> Self {
        Self {
            status,
            reason: reason.to_owned(),
            ..Self::ok("")
        }
    }

    /// A redirect.
    pub fn redirect(location: &str) -> Self {
        Self::status(302, "Found").header("Location", location)
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes the reply go wrong.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }

    /// Serves parts of the body on request, if `If-Range` fits the tag.
    #[must_use]
    pub fn ranges(mut self, entity_tag: &str) -> Self {
        self.ranges = true;
        self.header("ETag", entity_tag)
            .header("Accept-Ranges", "bytes")
    }
}

/// A request the server got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The target, as sent.
    pub target: String,
    /// The header fields.
    pub headers: Vec<(String, String)>,
}

impl RecordedRequest {
    /// Returns the first header field of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Shared {
    replies: Mutex<HashMap<String, VecDeque<Reply>>>,
    requests: Mutex<Vec<RecordedRequest>>,
    /// How many requests wait for others.
    gathered: AtomicUsize,
    /// How many requests are being answered, and how many ever were at once.
    active: AtomicUsize,
    peak: AtomicUsize,
    stop: AtomicBool,
}

/// The server; it stops when dropped.
pub struct TestServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl TestServer {
    /// Starts a server that answers 404 to everything, on a free port.
    ///
    /// # Panics
    ///
    /// Panics if the loopback interface has no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for connection in listener.incoming() {
                    if shared.stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let shared = Arc::clone(&shared);
                    // A client that hangs up early is no failure.
                    thread::spawn(move || connection.and_then(|peer| serve(&shared, &peer)));
                }
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Answers requests for a target, such as `/a?b`.
    pub fn reply(&self, target: &str, reply: Reply) {
        self.script(target, [reply]);
    }

    /// Answers successive requests for a target; the last reply repeats.
    pub fn script(&self, target: &str, replies: impl IntoIterator<Item = Reply>) {
        lock(&self.shared.replies).insert(target.to_owned(), replies.into_iter().collect());
    }

    /// Returns the URL of a target.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// Returns how many requests were being answered at once, at most.
    pub fn peak(&self) -> usize {
        self.shared.peak.load(Ordering::SeqCst)
    }

    /// Returns the requests so far.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        lock(&self.shared.requests).clone()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // A last connection wakes the thread up.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(shared: &Shared, peer: &TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new(peer).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(());
    };
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let request = RecordedRequest {
        method,
        target,
        headers,
    };
    lock(&shared.requests).push(request.clone());
    let reply = match lock(&shared.replies).get_mut(&request.target) {
        Some(script) if script.len() > 1 => script.pop_front(),
        Some(script) => script.front().cloned(),
        None => None,
    };
    let reply = reply.unwrap_or_else(|| Reply::status(404, "File not found"));
    let active = shared.active.fetch_add(1, Ordering::SeqCst) + 1;
    shared.peak.fetch_max(active, Ordering::SeqCst);
    let sent = match reply.fault {
        Fault::Together(count) if !gather(shared, count) => Ok(()),
        _ => send(shared, peer, &request, reply),
    };
    shared.active.fetch_sub(1, Ordering::SeqCst);
    sent
}

/// Waits until `count` requests wait here; says whether they came.
fn gather(shared: &Shared, count: usize) -> bool {
    shared.gathered.fetch_add(1, Ordering::SeqCst);
    let end = Instant::now() + Duration::from_secs(10);
    while shared.gathered.load(Ordering::SeqCst) < count {
        if Instant::now() > end || shared.stop.load(Ordering::Relaxed) {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

fn send(
    shared: &Shared,
    mut peer: &TcpStream,
    request: &RecordedRequest,
    mut reply: Reply,
) -> io::Result<()> {
    if reply.ranges {
        cut_range(request, &mut reply);
    }
    let (announced, sent, pause) = match reply.fault {
        Fault::Drop => return Ok(()),
        Fault::None | Fault::Together(_) => {
            (Some(reply.body.len()), reply.body.len(), Duration::ZERO)
        }
        Fault::NoLength => (None, reply.body.len(), Duration::ZERO),
        Fault::CutAfter(count) => (Some(reply.body.len()), count, Duration::ZERO),
        Fault::StallAfter(count, pause) => (Some(reply.body.len()), count, pause),
        Fault::AnnounceLength(length) => (Some(length), reply.body.len(), Duration::ZERO),
    };
    let mut head = format!(
        "HTTP/1.1 {} {}\r\nConnection: close\r\n",
        reply.status, reply.reason
    );
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(length) = announced {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    peer.write_all(head.as_bytes())?;
    peer.write_all(&reply.body[..sent.min(reply.body.len())])?;
    peer.flush()?;
    let end = Instant::now() + pause;
    while Instant::now() < end && !shared.stop.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Turns a whole reply into the part that the request asks for: `bytes=7-`,
/// `bytes=7-9` or `bytes=-3`.
fn cut_range(request: &RecordedRequest, reply: &mut Reply) {
    let size = reply.body.len();
    let range = request.header("Range").and_then(|range| {
        let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
        if start.is_empty() {
            return Some((size.saturating_sub(end.parse().ok()?), size));
        }
        let end = match end {
            "" => size,
            end => end.parse::<usize>().ok()?.saturating_add(1).min(size),
        };
        Some((start.parse::<usize>().ok()?, end))
    });
    let entity_tag = reply.headers.iter().find(|(name, _)| name == "ETag");
    let (Some((start, end)), Some((_, entity_tag))) = (range, entity_tag) else {
        return;
    };
    if request
        .header("If-Range")
        .is_some_and(|tag| tag != entity_tag)
    {
        return;
    }
    if start >= end {
        *reply = Reply::status(416, "Range Not Satisfiable")
            .header("Content-Range", &format!("bytes */{size}"));
        return;
    }
    reply.status = 206;
    reply.reason = "Partial Content".to_owned();
    reply.headers.push((
        "Content-Range".to_owned(),
        format!("bytes {start}-{}/{size}", end - 1),
    ));
    reply.body.truncate(end);
    reply.body.drain(..start);
}
