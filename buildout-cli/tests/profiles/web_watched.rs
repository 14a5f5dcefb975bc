//! `profiles/web` is watched: what is broken is seen, and mended within a quota.
//!
//! The instance behind the front is broken as it would be by itself: its service
//! is stopped or killed.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use slapgrid::supervisor::ProcessInfo;
use slapgrid::{BangLedger, Banged, DEFAULT_BANG_QUOTA};

use crate::web::{PATIENCE, Website, await_page};

/// The instance behind the front.
const BACKEND: &str = "slappart1";

/// Waits until something is told, and returns that.
#[track_caller]
fn await_that<T>(what: &str, mut tell: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(told) = tell() {
            return told;
        }
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Website {
    /// Returns how the instance behind the front is, as programs are told.
    fn status(&self) -> Value {
        let text = self.node.slapos_to(&["node", "status", "--json"], &[0, 3]);
        let document: Value = serde_json::from_str(&text).expect("it is JSON");
        let partitions = document["partitions"].as_array().expect("a list");
        let mut partitions = partitions.iter();
        let backend = partitions.find(|partition| partition["name"] == BACKEND);
        backend.expect("it is in use").clone()
    }

    /// Returns how the node is, as people are told, who are told as well whether
    /// it is red.
    fn picture(&self, is_red: bool) -> String {
        let code = if is_red { 3 } else { 0 };
        self.node
            .slapos_to(&["node", "status", "--health"], &[code])
    }

    /// Returns the server of the instance behind the front.
    fn server(&self) -> ProcessInfo {
        let processes = self.node.supervisor().processes();
        let mut processes = processes.expect("supervisord answers").into_iter();
        let server =
            processes.find(|info| info.group == BACKEND && info.name.starts_with("nginx-"));
        server.expect("it has one")
    }

    /// Kills the server with its workers, and waits until supervisord knows.
    fn kill_server(&self) {
        let process = i32::try_from(self.server().process).expect("a number of a process");
        let group = Pid::from_raw(process).expect("it runs");
        kill_process_group(group, Signal::KILL).expect("it is ours");
        await_that("the server ends", || {
            (!self.server().is_running()).then_some(())
        });
    }

    /// Has the node process the instance behind the front, which starts its
    /// server.
    fn process_backend(&self) {
        self.node
            .slapos_to(&["node", "instance", "--only", BACKEND], &[0, 2]);
        await_that("the server runs", || {
            self.server().is_running().then_some(())
        });
        await_page(&self.url(1), "<h1>It works</h1>");
    }
}

#[test]
fn a_website_that_breaks_is_red_and_mended_within_a_quota() {
    let website = Website::deploy();
    let node = &website.node;
    node.process_instances();
    await_page(&website.url(0), "<h1>It works</h1>");
    node.slapos(&["node", "promise"]);
    let text = website.picture(false);
    let line = format!("+ {BACKEND}  started  ");
    let line = text.lines().find(|it| it.starts_with(&line)).expect(&text);
    assert!(
        line.contains("2/2 processes run, 1/1 promises hold, next in "),
        "{text}"
    );

    // The server does not answer any more: the promise tells.
    let server = website.server().full_name();
    node.slapos(&["node", "stop", &server]);
    node.slapos_to(&["node", "promise"], &[2]);
    let text = website.picture(true);
    let status = website.status();
    assert_eq!(status["severity"], "trouble");
    let finding = &status["findings"][0];
    assert_eq!(finding["subject"], "nginx-listens");
    let message = finding["text"].as_str().expect("a text");
    assert_eq!(status["promises"][0]["message"], message);
    let address = website.url(1);
    let (_, port) = address.rsplit_once(':').expect("it has a port");
    assert!(message.contains(port.trim_end_matches('/')), "{message}");
    let (since, next) = (finding["since"].as_f64(), finding["next"].as_f64());
    assert!(since.expect("a time") < next.expect("a time"), "{finding}");
    assert_eq!(status["bangs"]["left"], DEFAULT_BANG_QUOTA);
    let line = format!("    ! nginx-listens            {message}  for ");
    let line = text.lines().find(|it| it.starts_with(&line)).expect(&text);
    assert!(line.contains(", next in "), "{text}");

    // Mended.
    node.slapos(&["node", "start", &server]);
    await_page(&website.url(1), "<h1>It works</h1>");
    node.slapos(&["node", "promise"]);
    website.picture(false);
    assert_eq!(website.status()["severity"], "fine");

    // Killed: each bang has the master want the instance processed, which starts
    // the server again.
    let mut left = DEFAULT_BANG_QUOTA;
    for earlier in [0, DEFAULT_BANG_QUOTA - 2] {
        let ledger = BangLedger::of(&node.site.path("n/inst"), BACKEND, DEFAULT_BANG_QUOTA);
        for _ in 0..earlier {
            // As the watchdog and the node note theirs: nine times would be the
            // same nine times.
            let banged = ledger.bang("earlier", true, || Ok(()));
            assert!(matches!(banged, Ok(Banged::Done)), "{banged:?}");
        }
        left -= earlier + 1;
        website.kill_server();
        await_that("the master is told", || {
            let status = website.status();
            (status["current"] == false).then_some(())
        });
        assert_eq!(website.status()["bangs"]["left"], left);
        website.process_backend();
        let status = website.status();
        assert_eq!(
            (&status["current"], &status["severity"]),
            (&true.into(), &"fine".into())
        );
    }
    assert_eq!(left, 0);

    // One too many.
    website.kill_server();
    let status = await_that("the bang is held back", || {
        let status = website.status();
        (!status["bangs"]["held_back"].is_null()).then_some(status)
    });
    assert_eq!(status["current"], true);
    assert_eq!(status["bangs"]["held_back"]["count"], 1);
    let text = website.picture(true);
    let held = format!(
        "1 bang held back, 9 in an hour are enough: {} process in partition {BACKEND} encountered a problem",
        website.server().name
    );
    assert!(text.contains(&held), "{text}");
    assert!(text.contains("0/9 bangs left"), "{text}");
    // Nobody has it processed, and it is still red.
    node.slapos(&["node", "instance", "--only", BACKEND]);
    assert!(!website.server().is_running());
    website.picture(true);
}
