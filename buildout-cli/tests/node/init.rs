//! `slapos node init`: from an empty directory to an instance that runs.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use slap::test_master::RealSlapos;
use slapgrid::supervisor::Supervisor;

use crate::site::by_ordinary_user;

#[test]
fn one_command_makes_a_node_with_a_master() {
    let slapos = RealSlapos::installed(env!("CARGO_TARGET_TMPDIR"));
    let root = tempfile::Builder::new().prefix("i-").tempdir().unwrap();
    let program = PathBuf::from(env!("CARGO_BIN_EXE_slapos"));
    let profile = root.path().join("profile");
    fs::create_dir(&profile).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../profiles/node-hello");
    for name in ["greet.in", "instance.cfg.in", "software.cfg"] {
        fs::copy(source.join(name), profile.join(name)).unwrap();
    }
    let url = profile.join("software.cfg").display().to_string();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let environment = slapos
        .program("python")
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned();
    let environment = environment.display().to_string();
    let home = root.path().join("home");
    fs::create_dir(&home).unwrap();
    let node = home.join("node");
    let stop = StopAtEnd(&node);
    let run = |words: &[&str]| {
        let mut command = by_ordinary_user(&program);
        command
            .args(words)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &home)
            .env("SLAPOS_CONFIGURATION", node.join("etc/slapos.cfg"))
            .env("SLAPOS_CLIENT_CONFIGURATION", node.join("etc/slapos.cfg"))
            .current_dir(&home)
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "{words:?}: {text}");
        text
    };
    let init = [
        "node",
        "init",
        "node",
        "--partitions",
        "2",
        "--port",
        &port,
        "--environment",
        &environment,
    ];
    let text = run(&init);
    assert!(text.contains("slapos supply URL local"), "{text}");
    // It can be repeated.
    run(&init);
    run(&["supply", &url, "local"]);
    run(&["node", "software"]);
    run(&["request", "hello", &url]);
    run(&["node", "instance"]);
    let greeting = node.join("inst/slappart0/var/greeting");
    let end = Instant::now() + Duration::from_secs(30);
    while !fs::read(&greeting).is_ok_and(|text| text == b"Hello\n") && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    // supervisord calls a process running when it has lived for a second.
    let run_until = |words: &[&str], shown: &str| {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let text = run(words);
            if text.contains(shown) {
                return text;
            }
            assert!(Instant::now() < end, "{words:?}: {text}");
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let text = run_until(&["node", "list"], "RUNNING    greeting-on-watch");
    assert!(text.contains("  1 free\n"), "{text}");
    let text = run(&["node", "status", "--health"]);
    assert!(text.starts_with("Computer local  1 fine  "), "{text}");
    let text = run(&["service", "list"]);
    assert!(text.contains("\"hello\": "), "{text}");
    let text = run(&["service", "info", "hello"]);
    assert!(text.contains("\"requested-state\": \"started\""), "{text}");
    let text = run(&["computer", "list"]);
    assert!(text.contains("local"), "{text}");
    let text = run(&["computer", "info", "local"]);
    assert!(text.contains("Computer Reference: local"), "{text}");
    run_until(&["node", "status", "watchdog"], "RUNNING");
    drop(stop);
}

/// Ends the supervisord of a node.
struct StopAtEnd<'a>(&'a Path);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        let pid_file = self.0.join("inst/var/run/supervisord.pid");
        let process = fs::read_to_string(pid_file).unwrap_or_default();
        let _ = Supervisor::at(&self.0.join("inst/sv.sock")).shutdown();
        let process = Path::new("/proc").join(process.trim());
        let end = Instant::now() + Duration::from_secs(30);
        while process != Path::new("/proc/") && process.exists() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
