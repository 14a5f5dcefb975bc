//! The watchdog under the real supervisord.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use slapgrid::supervisor::ProcessInfo;

use crate::lifecycle::await_process;
use crate::relay::{Fate, Requests, relay_node};
use crate::site::NodeSite;

fn runs(info: Option<&ProcessInfo>) -> bool {
    info.is_some_and(|info| info.state == "RUNNING")
}

fn service(number: usize) -> String {
    format!("slappart{number}:greeting-on-watch")
}

fn bangs(requests: &Requests, number: usize) -> usize {
    let requests = requests.lock().expect("no panic");
    let partition = format!("slappart{number}");
    let bangs = requests.iter().filter(|(target, form)| {
        target == "POST /softwareInstanceBang" && form.contains(&partition)
    });
    bangs.count()
}

fn await_that(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Kills the service as a crash would, and waits until supervisord knows.
fn crash(site: &NodeSite, number: usize) {
    let service = service(number);
    let process = await_process(site, &service, runs)
        .expect("it runs")
        .process;
    let process = i32::try_from(process).expect("a number of a process");
    let process = Pid::from_raw(process).expect("it runs");
    kill_process(process, Signal::KILL).expect("it is ours");
    await_process(site, &service, |info| {
        info.is_some_and(|info| info.state == "EXITED")
    });
}

#[test]
fn a_service_that_ends_is_told_once_until_its_partition_is_processed() {
    let mut site = NodeSite::new(2);
    let url = site.own_release();
    let requests = relay_node(&site, |_| Fate::Answered);
    site.run("node format --now").expect(0);
    site.run(&format!("supply {url} local")).expect(0);
    site.run("node software").expect(0);
    for number in 0..2 {
        site.run(&format!("request hello{number} {url}")).expect(0);
    }
    site.run("node instance").expect(0);
    crash(&site, 0);
    await_that("the master is told", || bangs(&requests, 0) == 1);
    let told = site.partition(0).join(".slapos_latest_bang_timestamp");
    await_that("it is remembered", || told.exists());
    let timestamp = fs::read_to_string(site.partition(0).join(".timestamp")).expect("it is there");
    assert_eq!(fs::read_to_string(&told).expect("it is there"), timestamp);

    // Again, and nobody has seen to it since.
    site.run(&format!("node start {}", service(0))).expect(0);
    crash(&site, 0);
    // Events come in their order: with the next one, that one was seen.
    crash(&site, 1);
    await_that("the master is told", || bangs(&requests, 1) == 1);
    assert_eq!(bangs(&requests, 0), 1);

    // The bang has it processed, which starts the service.
    let text = site.run("node instance").expect(0);
    assert!(
        text.contains("Processing Computer Partition slappart0."),
        "{text}"
    );

    // The master is away, and is told when it is back.
    site.master.stop();
    crash(&site, 0);
    await_that("the watchdog tries", || bangs(&requests, 0) >= 2);
    site.master.restart();
    let processed = fs::read_to_string(site.partition(0).join(".timestamp")).expect("it is there");
    await_that("it is remembered", || {
        fs::read_to_string(&told).is_ok_and(|told| told == processed)
    });
    let text = site.run("node instance").expect(0);
    assert!(
        text.contains("Processing Computer Partition slappart0."),
        "{text}"
    );
    await_process(&site, &service(0), runs);
}
