//! Signals end the whole tree of processes, and the state stays true.

use std::net::TcpListener;
use std::process::{Child, Command};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::site::{Outcome, TestSite, scratch_file};

/// `a` is quick; `b` leaves the number of a process two levels below the shell
/// in a file, and would then take an hour.
const PROFILE: &str = "\
[buildout]
parts = a b
[a]
recipe = plone.recipe.command
command = true
[b]
recipe = plone.recipe.command
command = (sh -c 'echo $$ > number; mv number started; sleep 3600'; true); true
";

const PATIENCE: Duration = Duration::from_secs(30);

/// Starts a run and waits until its second part is at work; returns the
/// process below it.
fn wait_for_start(site: &TestSite) -> u32 {
    let begin = Instant::now();
    loop {
        if let Ok(text) = std::fs::read_to_string(site.path("started")) {
            return text.trim().parse().expect("a process number");
        }
        assert!(begin.elapsed() < PATIENCE, "the part did not start");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn wait_for_end(child: &mut Child) -> Option<i32> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child of this process") {
            return status.code();
        }
        assert!(begin.elapsed() < PATIENCE, "the run did not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process is there and no zombie.
fn runs(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat"));
    status.is_ok_and(|text| {
        let state = text.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
        !matches!(state, Some(Some('Z' | 'X')) | None)
    })
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{signal}"))
        .arg(child.id().to_string())
        .status();
    assert!(sent.expect("kill starts").success());
}

fn interrupted(site: &TestSite, signal: &str) -> Outcome {
    let (stdout, stderr) = (scratch_file(), scratch_file());
    let mut child = site.spawn(&[], &stdout, &stderr);
    let process = wait_for_start(site);
    assert!(runs(process));
    send(&child, signal);
    let code = wait_for_end(&mut child);
    let begin = Instant::now();
    while runs(process) {
        assert!(
            begin.elapsed() < PATIENCE,
            "process {process} outlives the run"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    site.outcome(code, stdout, stderr)
}

#[test]
fn a_signal_ends_everything_and_the_next_run_goes_on() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let site = TestSite::new(PROFILE);
        let outcome = interrupted(&site, signal);
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        assert!(
            outcome
                .stderr
                .starts_with("While:\n  Installing b.\nError: "),
            "{outcome:?}"
        );
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
        let state = site.read(".installed.cfg");
        assert!(state.contains("[a]\n"), "{state}");
        assert!(!state.contains("[b]\n"), "{state}");
        // The next run knows that `a` is there and `b` is not.
        let output = site.run(&["b:command=true"]).output();
        assert_eq!(output, "Updating a.\nInstalling b.\nb: Running 'true'\n");
    }
}

/// A server may be silent for a minute, which nobody waits for who ends the run; with `-t`, it
/// may not.
#[test]
fn a_silent_server_holds_nobody_up() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = server.local_addr().expect("it has an address");
    let site = TestSite::new(format!(
        "[buildout]\nparts = p\n[p]\nrecipe = slapos.recipe.build:download\nurl = http://{address}/x\n"
    ));
    let (asked, requests) = channel();
    // Ends with the process of the test.
    std::thread::spawn(move || {
        let kept: Vec<_> = server
            .incoming()
            .inspect(|_| asked.send(()).expect("the test waits"))
            .collect();
        drop(kept);
    });
    let (stdout, stderr) = (scratch_file(), scratch_file());
    let mut child = site.spawn(&[], &stdout, &stderr);
    requests.recv_timeout(PATIENCE).expect("it asks the server");
    let begin = Instant::now();
    send(&child, "INT");
    let code = wait_for_end(&mut child);
    assert!(begin.elapsed() < Duration::from_secs(20), "it waited");
    let outcome = site.outcome(code, stdout, stderr);
    assert_eq!(outcome.code, Some(130), "{outcome:?}");
    assert!(!site.path("parts/p/p").exists());

    let stderr = site.run(&["-t", "1"]).failure();
    assert!(stderr.contains("timed out> (no data for 1s)"), "{stderr}");
    let stderr = site.run(&["-t", "0"]).failure();
    assert!(
        stderr.contains("Error: Invalid value for 'socket-timeout' option: '0'"),
        "{stderr}"
    );
}
