//! The supervisord of a node that configures none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::lifecycle::{await_process, runs};
use crate::site::NodeSite;

const SERVICE: &str = "slappart0:greeting-on-watch";

const WHEEL: &str = "supervisor-4.3.0-py2.py3-none-any.whl";

/// Returns a directory with the wheel, fetched from PyPI by pip if it is not
/// there.
fn wheels(site: &NodeSite) -> PathBuf {
    let peers = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../peers");
    let directory = peers.join("supervisor-4.3.0");
    if !directory.join(WHEEL).exists() {
        let staged = tempfile::tempdir_in(&peers).expect("peers are there");
        let output = Command::new(site.slapos.program("python"))
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
            .arg(staged.path())
            .arg("supervisor==4.3.0")
            .output()
            .expect("Python can be run");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "PyPI is needed: {text}");
        fs::create_dir_all(&directory).expect("it is ours");
        fs::rename(staged.path().join(WHEEL), directory.join(WHEEL)).expect("it is ours");
    }
    directory.canonicalize().expect("it is there")
}

/// Has a node take its supervisord from a directory.
fn without_supervisord(site: &NodeSite, find_links: &Path) {
    let path = site.path("slapos.cfg");
    let text = fs::read_to_string(&path).expect("the site is ours");
    let lines = text
        .lines()
        .take_while(|line| *line != "[buildout-override]");
    let mut kept: String = lines
        .filter(|line| !line.starts_with("supervisord = "))
        .map(|line| format!("{line}\n"))
        .collect();
    // Nobody listens there.
    kept.push_str(&format!(
        "[buildout-override]\nindex = http://127.0.0.1:1/\nfind-links = {}\n",
        find_links.display()
    ));
    fs::write(&path, kept).expect("the site is ours");
}

#[test]
fn a_node_installs_a_supervisord_whose_bytes_it_knows() {
    let site = NodeSite::new(1);
    site.run("node format --now").expect(0);
    let program = site.path("inst/var/slapgrid/supervisord/bin/supervisord");

    // What only has the name is not taken.
    let false_ones = site.path("false");
    fs::create_dir(&false_ones).unwrap();
    fs::write(false_ones.join(WHEEL), "something else").unwrap();
    without_supervisord(&site, &false_ones);
    let text = site.run("node status").expect(1);
    assert!(text.contains("failed to provide supervisord"), "{text}");
    assert!(text.contains("has the SHA-256 digest"), "{text}");
    assert!(
        text.contains("`supervisord = PATH` in `[slapos]`"),
        "{text}"
    );
    assert!(!program.exists());

    without_supervisord(&site, &wheels(&site));
    let url = site.own_release();
    site.run(&format!("supply {url} local")).expect(0);
    site.run("node software").expect(0);
    site.run(&format!("request hello {url}")).expect(0);
    let text = site.run("node instance").expect(0);
    assert!(text.contains(&format!("Installing {WHEEL} into")), "{text}");
    await_process(&site, SERVICE, runs);
    let text = site.run("node supervisorctl version").expect(0);
    assert!(text.contains("4.3.0"), "{text}");
    // It is there for ever, also without anything to install it from.
    fs::remove_file(false_ones.join(WHEEL)).unwrap();
    without_supervisord(&site, &false_ones);
    site.supervisor().shutdown().unwrap();
    let text = site.run("node instance").expect(0);
    assert!(text.contains("Launching supervisord"), "{text}");
    assert!(!text.contains("Installing"), "{text}");
}

/// Tells whether a process has not ended; somebody may have yet to notice that
/// it has.
fn is_running(process: Pid) -> bool {
    let stat = format!("/proc/{}/stat", process.as_raw_nonzero());
    let stat = fs::read_to_string(stat).unwrap_or_default();
    let state = stat.rsplit_once(") ").map(|(_, rest)| &rest[..1]);
    state.is_some_and(|state| !["Z", "X"].contains(&state))
}

#[test]
fn services_of_a_supervisord_that_was_killed_are_not_started_beside_themselves() {
    let site = NodeSite::with_hello(1);
    let process_of = |site: &NodeSite| {
        let info = await_process(site, SERVICE, runs).expect("it runs");
        let number = i32::try_from(info.process).expect("a number of a process");
        Pid::from_raw(number).expect("it runs")
    };
    site.run("node instance").expect(0);
    let first = process_of(&site);
    site.kill_supervisord();
    assert!(is_running(first), "the service is left");
    let text = site.run("node instance").expect(0);
    let told = format!("Stopping what a supervisord has left that is gone: {SERVICE}");
    assert!(text.contains(&told), "{text}");
    assert_ne!(process_of(&site), first);
    assert!(!is_running(first), "{first:?} is still there");

    // A supervisord that is there and does not answer keeps its services.
    let second = process_of(&site);
    let text = fs::read_to_string(site.path("inst/var/run/supervisord.pid")).expect("it runs");
    let number = text.trim().parse().expect("a number of a process");
    let supervisord = Pid::from_raw(number).expect("it runs");
    kill_process(supervisord, Signal::STOP).expect("it is ours");
    fs::rename(site.path("inst/sv.sock"), site.path("inst/hidden")).expect("it is there");
    let text = site.run("node instance").expect(0);
    assert!(!text.contains("Stopping what"), "{text}");
    assert!(is_running(second), "the service is left");
    // Neither is left behind by this test.
    for process in [second, supervisord] {
        kill_process(process, Signal::KILL).expect("it is ours");
    }
}
