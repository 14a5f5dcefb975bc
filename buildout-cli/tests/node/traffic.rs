//! What our node says to its master, next to what slapos.core's says in the same
//! scenario, request by request.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use slap::test_master::COMPUTER_ID;
use slap::{InstanceRequest, Master as _};

use crate::site::NodeSite;

/// A request: method and target, and the form.
pub(crate) type Requests = Arc<Mutex<Vec<(String, String)>>>;

/// What goes wrong with reports of consumption on their way to the master.
#[derive(Clone)]
pub(crate) enum Interference {
    /// Nothing.
    None,
    /// While this is true, they are refused.
    Refuse(Arc<AtomicBool>),
    /// When the master has one, this process is killed before it is told.
    Kill(Arc<Mutex<Option<Child>>>),
}

/// Has a node talk to its master through something that notes requests.
pub(crate) fn record_master(site: &NodeSite, interference: Interference) -> Requests {
    let (recorded, requests) = record(site.master.url(), interference);
    let configuration = site.path("slapos.cfg");
    let text = fs::read_to_string(&configuration).expect("the site works");
    let text = text.replace(
        &format!("master_url = {}\n", site.master.url()),
        &format!("master_url = {recorded}\n"),
    );
    fs::write(&configuration, text).expect("the site works");
    requests
}

/// Hands requests on to a master, and notes them.
fn record(master: &str, interference: Interference) -> (String, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    let master = master
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let requests = Requests::default();
    let noted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (master, noted) = (master.clone(), Arc::clone(&noted));
            let interference = interference.clone();
            std::thread::spawn(move || hand_on(stream, &master, &noted, &interference));
        }
    });
    (format!("http://{address}"), requests)
}

/// Hands on one request; the connection is closed after it.
fn hand_on(mut stream: TcpStream, master: &str, noted: &Requests, interference: &Interference) {
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
    let is_usage = target == "POST /useComputer";
    noted.lock().expect("no panic").push((target, form));
    if let Interference::Refuse(refusing) = interference
        && is_usage
        && refusing.load(Ordering::Relaxed)
    {
        let _ = stream.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
        return;
    }
    let Ok(mut upstream) = TcpStream::connect(master) else {
        // It is away.
        return;
    };
    upstream
        .write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())
        .expect("the master reads");
    upstream.write_all(&body).expect("the master reads");
    let mut answer = Vec::new();
    upstream
        .read_to_end(&mut answer)
        .expect("the master answers");
    if let Interference::Kill(victim) = interference
        && is_usage
        && let Some(mut process) = victim.lock().expect("no panic").take()
    {
        process.kill().expect("it is a child");
        process.wait().expect("it is a child");
    }
    let _ = stream.write_all(&answer);
}

/// Runs the scenario, and returns the requests of each of its steps.
fn scenario(run: &dyn Fn(&NodeSite, &str)) -> Vec<(&'static str, Vec<(String, String)>)> {
    let site = NodeSite::ordinary(2);
    site.run("node format --now").expect(0);
    let url = site.profile("plain/software.cfg", "[buildout]\nparts =\n");
    let requests = record_master(&site, Interference::None);
    // What users ask is not recorded.
    let user = site.master.client();
    let supply = |state: &str| {
        user.supply(&url, COMPUTER_ID, state)
            .expect("the site works");
    };
    let request = |state: &str| {
        let mut request = InstanceRequest::new(url.as_str(), "plain");
        request.state = Some(state.to_owned());
        user.request(None, &request).expect("the site works");
    };
    let root = site.root().display().to_string();
    let take = || {
        let taken = std::mem::take(&mut *requests.lock().expect("no panic"));
        // The sites differ in their directories.
        let plain = |text: String| text.replace(&encoded(&root), "ROOT");
        taken
            .into_iter()
            .map(|(target, form)| (target, plain(form)))
            .collect()
    };
    let mut steps = Vec::new();
    supply("available");
    run(&site, "node software");
    steps.push(("the release is built", take()));
    run(&site, "node software");
    steps.push(("it is there", take()));
    fs::write(
        site.release(&url).join("instance.cfg"),
        "[buildout]\nparts =\n",
    )
    .expect("the site works");
    request("started");
    run(&site, "node instance");
    steps.push(("the instance is made", take()));
    run(&site, "node instance");
    steps.push(("it is current", take()));
    request("stopped");
    run(&site, "node instance");
    steps.push(("it is stopped", take()));
    request("destroyed");
    run(&site, "node instance");
    steps.push(("it is to be destroyed", take()));
    run(&site, "node report");
    steps.push(("it is destroyed", take()));
    supply("destroyed");
    run(&site, "node software");
    steps.push(("the release is removed", take()));
    steps
}

/// Writes a path as forms have it.
fn encoded(path: &str) -> String {
    path.replace('/', "%2F")
}

#[test]
fn requests_are_those_of_slapos_core() {
    let ours = scenario(&|site, words| {
        site.run(words).expect(0);
    });
    let mut theirs = scenario(&|site, words| {
        site.run_python(words).expect(0);
    });
    for (step, requests) in &mut theirs {
        // The URL of an API that the node does not use.
        requests.retain(|(target, _)| target != "GET /getHateoasUrl");
        if *step == "it is current" {
            // The master has taken that report before.
            requests.retain(|(target, _)| target != "POST /startedComputerPartition");
        }
    }
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
        assert!(!ours.1.is_empty());
    }
}
