//! What goes wrong, and what does not go wrong because of it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use crate::lifecycle::{await_process, runs};
use crate::site::NodeSite;

#[test]
fn a_broken_release_and_a_broken_partition_harm_no_other() {
    let site = NodeSite::new(3);
    site.run("node format --now").expect(0);
    let good = site.release_with_instance("good", "[buildout]\nparts =\n");
    let broken = site.profile(
        "broken/software.cfg",
        "[buildout]\nparts = x\n[x]\nrecipe = plone.recipe.command\ncommand = echo no luck; exit 3\nstop-on-error = true\n",
    );
    site.run(&format!("supply {broken} local")).expect(0);
    site.run(&format!("supply {good} local")).expect(0);
    let text = site.run("node software").expect(1);
    assert!(
        text.contains("Failed to run buildout profile in directory"),
        "{text}"
    );
    assert!(!site.release(&broken).join(".completed").exists());
    assert!(site.release(&good).join(".completed").exists());
    // People can enter what failed, by the command that the report names.
    let directory = site.release(&broken);
    let script = directory.join("bin/buildout");
    assert!(script.exists());
    let hint = text
        .lines()
        .find_map(|line| line.split_once("look into it with `"));
    let (_, command) = hint.unwrap_or_else(|| panic!("{text}"));
    let command = command.trim_end_matches('`');
    assert!(
        command.starts_with(&script.display().to_string()),
        "{command}"
    );
    assert!(command.ends_with(" shell x"), "{command}");

    for number in 0..3 {
        site.run(&format!("request instance{number} {good}"))
            .expect(0);
    }
    let wrong = fs::Permissions::from_mode(0o755);
    fs::set_permissions(site.partition(1), wrong).unwrap();
    let text = site.run("node instance").expect(1);
    assert!(
        text.contains("  slappart1[default]: Wrong permissions in "),
        "{text}"
    );
    assert!(site.partition(0).join(".timestamp").exists());
    assert!(!site.partition(1).join(".timestamp").exists());
    assert!(site.partition(2).join(".timestamp").exists());
    let error = site.partition(1).join(".slapgrid-slappart1-error.log");
    let error = fs::read_to_string(error).unwrap();
    assert!(
        error.contains("actual permissions are: 0755, wanted are 0750"),
        "{error}"
    );

    let right = fs::Permissions::from_mode(0o750);
    fs::set_permissions(site.partition(1), right).unwrap();
    site.run("node instance").expect(0);
    assert!(
        !site
            .partition(1)
            .join(".slapgrid-slappart1-error.log")
            .exists()
    );
    let text = site
        .run("node instance --only-cp slappart7,slappart1")
        .expect(1);
    assert!(text.contains("Unknown partition: slappart7"), "{text}");
}

#[test]
fn without_its_master_a_node_runs_what_it_knows() {
    let mut site = NodeSite::with_hello(1);
    site.run("node instance").expect(0);
    let name = "slappart0:greeting-on-watch";
    await_process(&site, name, runs);
    site.master.stop();
    site.run("node stop all").expect(0);
    let text = site.run("node instance").expect(3);
    assert!(
        text.contains("Processing computer partitions offline..."),
        "{text}"
    );
    await_process(&site, name, runs);
    site.run("node software").expect(1);
    site.master.restart();
    site.run("node instance").expect(0);
}

#[test]
fn a_profile_that_takes_for_ever_delays_no_other() {
    let site = NodeSite::new(2);
    site.run("node format --now").expect(0);
    let slow = site.release_with_instance("slow",
        "[buildout]\nparts = slow\n[slow]\nrecipe = plone.recipe.command\ncommand = sleep 1000000\n",
    );
    let good = site.release_with_instance("good", "[buildout]\nparts =\n");
    for url in [&slow, &good] {
        site.run(&format!("supply {url} local")).expect(0);
    }
    site.run("node software").expect(0);
    site.run(&format!("request slow {slow}")).expect(0);
    site.run(&format!("request good {good}")).expect(0);
    let text = site.run("node instance --partition-timeout 3").expect(1);
    assert!(text.contains("killed after 3 seconds"), "{text}");
    assert!(site.partition(1).join(".timestamp").exists());
    // Nothing of it is left.
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let left = processes.filter(|entry| {
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        words == b"sleep\x001000000\x00"
            && fs::read_link(entry.path().join("cwd"))
                .is_ok_and(|cwd| cwd.starts_with(site.path("inst")))
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn a_master_that_fails_or_talks_nonsense_stops_nothing() {
    let site = NodeSite::with_hello(1);
    site.run("node instance").expect(0);
    let name = "slappart0:greeting-on-watch";
    let process = await_process(&site, name, runs).unwrap().process;
    let elsewhere = "<marshal><object id=\"i2\" module=\"os\" class=\"Computer\"><tuple/><dictionary id=\"i3\"/></object></marshal>";
    let answers = [
        (
            "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno".to_owned(),
            3,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<marshal>".to_owned(),
            3,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_owned(),
            1,
        ),
        (
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{elsewhere}",
                elsewhere.len()
            ),
            1,
        ),
    ];
    for (answer, code) in answers {
        let url = serve(&answer);
        let outcome = site.run(&format!("node instance --master-url {url}"));
        assert_eq!(outcome.code, code, "{answer}: {}", outcome.text);
        site.run(&format!("node software --master-url {url}"))
            .expect(1);
        assert_eq!(await_process(&site, name, runs).unwrap().process, process);
        assert!(site.partition(0).join(".timestamp").exists());
    }
}

/// Answers everything with the same bytes, for as long as the test runs.
fn serve(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let answer = answer.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

#[test]
fn without_space_nothing_is_begun() {
    let site = NodeSite::new(1);
    site.run("node format --now").expect(0);
    let url = site.release_with_instance("empty", "[buildout]\nparts =\n");
    site.run(&format!("supply {url} local")).expect(0);
    let configuration = site.path("slapos.cfg");
    let text = fs::read_to_string(&configuration).unwrap();
    let greedy = text.replace("_min_free_space = 1M", "_min_free_space = 1000000T");
    fs::write(&configuration, &greedy).unwrap();
    let shown = site.run("node software").expect(1);
    assert!(shown.contains("Not enough space for"), "{shown}");
    assert!(
        shown.contains("(option 'software_min_free_space')"),
        "{shown}"
    );
    assert!(!site.release(&url).exists());
    fs::write(&configuration, &text).unwrap();
    site.run("node software").expect(0);
    site.run(&format!("request empty {url}")).expect(0);
    fs::write(&configuration, &greedy).unwrap();
    let shown = site.run("node instance").expect(1);
    assert!(
        shown.contains("(option 'instance_min_free_space')"),
        "{shown}"
    );
    fs::write(&configuration, &text).unwrap();
    site.run("node instance").expect(0);
}
