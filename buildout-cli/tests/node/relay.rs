//! What stands between a node and its master in tests: it notes requests, and
//! may do harm to them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Child;
use std::sync::{Arc, Mutex};

use crate::site::NodeSite;

/// A request: method and target, and the form.
pub(crate) type Requests = Arc<Mutex<Vec<(String, String)>>>;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// The master gets it, and the node its answer.
    Answered,
    /// The master does not get it; the answer is a failure of the server.
    Failed,
    /// The master does not get it; the connection is closed.
    Lost,
    /// The master gets it; half of the answer comes back.
    Halved,
    /// The master gets it; what comes back makes no sense.
    Garbled,
    /// The master gets it; this process is killed before the answer comes back.
    Killing(Arc<Mutex<Option<Child>>>),
    /// The master gets it; in its answer these texts are replaced by others.
    Edited(Vec<(String, String)>),
    /// The master, which cannot answer it, does not get it; this is the answer.
    Told(String),
}

/// Has a node reach its master through a relay. Returns the requests that it makes.
pub(crate) fn relay_node(
    site: &NodeSite,
    decide: impl Fn(&str) -> Fate + Send + Sync + 'static,
) -> Requests {
    let (relayed, requests) = relay(site.master.url(), decide);
    use_master(site, &relayed);
    requests
}

/// Has a node reach its master at this URL.
pub(crate) fn use_master(site: &NodeSite, url: &str) {
    let configuration = site.path("slapos.cfg");
    let text = fs::read_to_string(&configuration).expect("the site works");
    let text = text.replace(
        &format!("master_url = {}\n", site.master.url()),
        &format!("master_url = {url}\n"),
    );
    fs::write(&configuration, text).expect("the site works");
}

/// Hands requests on to a master as `decide` says, and notes them. Returns where
/// it is.
pub(crate) fn relay(
    master: &str,
    decide: impl Fn(&str) -> Fate + Send + Sync + 'static,
) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    relay_from(listener, master, decide)
}

/// The same for requests that come to this listener.
pub(crate) fn relay_from(
    listener: TcpListener,
    master: &str,
    decide: impl Fn(&str) -> Fate + Send + Sync + 'static,
) -> (String, Requests) {
    let address = listener.local_addr().expect("it is bound");
    let master = master
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let requests = Requests::default();
    let noted = Arc::clone(&requests);
    let decide = Arc::new(decide);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (master, noted) = (master.clone(), Arc::clone(&noted));
            let decide = Arc::clone(&decide);
            std::thread::spawn(move || hand_on(stream, &master, &noted, &*decide));
        }
    });
    (format!("http://{address}"), requests)
}

/// Hands on one request; the connection is closed after it.
fn hand_on(mut stream: TcpStream, master: &str, noted: &Requests, decide: &dyn Fn(&str) -> Fate) {
    let mut reader = BufReader::new(stream.try_clone().expect("it is open"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if lower.starts_with("connection:") {
            continue;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the whole body");
    let request = head.lines().next().unwrap_or_default();
    let target = request.trim_end_matches(" HTTP/1.1").to_owned();
    let form = String::from_utf8_lossy(&body).into_owned();
    let fate = decide(&target);
    noted.lock().expect("no panic").push((target, form));
    match &fate {
        Fate::Lost => return,
        Fate::Failed => {
            let _ = stream.write_all(b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno");
            return;
        }
        Fate::Told(answer) => {
            let _ = stream.write_all(&answer_of(answer));
            return;
        }
        _ => {}
    }
    let Ok(mut upstream) = TcpStream::connect(master) else {
        // It is away.
        return;
    };
    upstream
        .write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())
        .expect("the master reads");
    upstream.write_all(&body).expect("the master reads");
    // A master that does not care for the body waits for what comes after it.
    let _ = upstream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    upstream
        .read_to_end(&mut answer)
        .expect("the master answers");
    match fate {
        Fate::Halved => answer.truncate(answer.len() / 2),
        Fate::Garbled => {
            answer = answer_of("<marshal>");
        }
        Fate::Edited(edits) => {
            let text = String::from_utf8(answer).expect("answers are texts");
            let (_, body) = text.split_once("\r\n\r\n").expect("it has a head");
            let mut body = body.to_owned();
            for (from, to) in &edits {
                assert!(body.contains(from), "{from} is not in {body}");
                body = body.replace(from, to);
            }
            answer = answer_of(&body);
        }
        Fate::Killing(victim) => {
            if let Some(mut process) = victim.lock().expect("no panic").take() {
                process.kill().expect("it is a child");
                process.wait().expect("it is a child");
            }
        }
        _ => {}
    }
    let _ = stream.write_all(&answer);
}

fn answer_of(body: &str) -> Vec<u8> {
    let length = body.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\n";
    format!("{head}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}
