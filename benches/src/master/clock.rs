//! How long a node waits for its master.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::request::Request;

/// Hands every request on to a master, and adds up for how long any request was
/// with it. It serves until the process ends.
#[derive(Debug)]
pub struct MasterClock {
    url: String,
    waiting: Arc<Mutex<Waiting>>,
}

/// Requests may overlap; the time of each moment counts once.
#[derive(Debug, Default)]
struct Waiting {
    requests: usize,
    since: Option<Instant>,
    total: Duration,
}

impl Waiting {
    fn begin(&mut self, now: Instant) {
        self.requests += 1;
        self.since.get_or_insert(now);
    }

    fn end(&mut self, now: Instant) {
        self.requests -= 1;
        if self.requests == 0
            && let Some(since) = self.since.take()
        {
            self.total += now - since;
        }
    }
}

impl MasterClock {
    /// Starts in front of the master at `url`, which is `http://HOST:PORT`.
    ///
    /// # Errors
    /// Loopback has no port.
    pub fn start(url: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let own = format!("http://{}", listener.local_addr()?);
        let address = url.trim_start_matches("http://");
        let address = address.trim_end_matches('/').to_owned();
        let waiting = Arc::<Mutex<Waiting>>::default();
        let shared = Arc::clone(&waiting);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (address, waiting) = (address.clone(), Arc::clone(&shared));
                // A node that ends in the middle is its own matter.
                thread::spawn(move || hand_on(stream, &address, &waiting));
            }
        });
        Ok(MasterClock { url: own, waiting })
    }

    /// Returns where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the time since the last call of this.
    pub fn take(&self) -> Duration {
        std::mem::take(&mut lock(&self.waiting).total)
    }
}

fn lock(waiting: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hands on one request; the connection is closed after the answer, as `slapos
/// proxy` does.
fn hand_on(mut stream: TcpStream, address: &str, waiting: &Mutex<Waiting>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(request) = Request::read(&mut BufReader::new(stream.try_clone()?))? else {
        return Ok(());
    };
    lock(waiting).begin(Instant::now());
    let answer = ask(&request, address);
    lock(waiting).end(Instant::now());
    stream.write_all(&answer?)
}

fn ask(request: &Request, address: &str) -> io::Result<Vec<u8>> {
    let mut text = format!("{}\r\n", request.line);
    let is_connection = |field: &&String| field.to_ascii_lowercase().starts_with("connection:");
    for field in request.fields.iter().filter(|field| !is_connection(field)) {
        text.push_str(field);
    }
    text.push_str("Connection: close\r\n\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend(&request.body);
    let mut master = TcpStream::connect(address)?;
    master.write_all(&bytes)?;
    // A master that does not care for the body waits for what comes after it.
    master.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    master.read_to_end(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_side_by_side_count_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut waiting = Waiting::default();
        waiting.begin(at(0));
        waiting.begin(at(1));
        waiting.end(at(3));
        waiting.end(at(4));
        waiting.begin(at(10));
        waiting.end(at(12));
        assert_eq!(waiting.total, Duration::from_secs(6));
    }
}
