//! A node that is killed at any moment loses nothing.
//!
//! `NODE_KILLS_COUNT` and `NODE_KILLS_SEED` choose how many kills there are, and
//! which.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use buildout_core::value::Value;
use slap::{HttpMaster, InstanceRequest, Master as _};

use crate::lifecycle::{await_process, runs};
use crate::random::Random;
use crate::setting::setting;
use crate::site::NodeSite;

const DEFAULT_SEED: u64 = 20_261_129;
const DEFAULT_COUNT: usize = 13;

const PARTITIONS: usize = 3;

/// After so many kills in a row a pass may end, and all must be right.
const IN_A_ROW: usize = 5;

#[test]
fn a_node_that_is_killed_at_any_moment_loses_nothing() {
    let seed = setting("NODE_KILLS_SEED").unwrap_or(DEFAULT_SEED);
    let count = setting("NODE_KILLS_COUNT").map_or(DEFAULT_COUNT, |count| count as usize);
    let mut random = Random::new(seed);
    let site = NodeSite::new(PARTITIONS);
    let url = site.own_release();
    site.run("node format --now").expect(0);
    site.run(&format!("supply {url} local")).expect(0);
    // The build, too, is killed before it is finished.
    let mut kills = 0;
    for _ in 0..count / 4 {
        kill_after(
            &site,
            "node software",
            Duration::from_millis(random.below(120) as u64),
        );
        kills += 1;
    }
    site.run("node software").expect(0);
    let user = site.master.client();
    for number in 0..PARTITIONS {
        request(&user, &url, number, "started", "first");
    }
    let begin = Instant::now();
    site.run("node instance").expect(0);
    let whole = begin.elapsed();
    let mut step = 0;
    while kills < count {
        for _ in 0..=random.below(IN_A_ROW) {
            for number in 0..PARTITIONS {
                let state = match random.below(3) {
                    0 => "stopped",
                    _ => "started",
                };
                request(&user, &url, number, state, &step.to_string());
            }
            step += 1;
            // From the beginning of a pass to its end, with all of its work to do.
            kill_after(&site, "node instance", whole.mul_f64(random.share() * 1.1));
            kills += 1;
        }
        for number in 0..PARTITIONS {
            request(&user, &url, number, "started", &format!("{step} in peace"));
        }
        site.run("node instance").expect(0);
        check_all(&site, seed, kills);
    }
    let text = site.run("node instance -v").expect(0);
    assert!(!text.contains("Processing Computer Partition"), "{text}");
}

fn request(user: &HttpMaster, url: &str, number: usize, state: &str, step: &str) {
    let mut request = InstanceRequest::new(url, format!("hello{number}"));
    request.state = Some(state.to_owned());
    request.parameters.insert_str("step", Value::string(step));
    user.request(None, &request).expect("the master answers");
}

/// Checks that every partition is as the master wants it.
fn check_all(site: &NodeSite, seed: u64, kills: usize) {
    let moment = format!("after {kills} kills of the seed {seed}");
    for number in 0..PARTITIONS {
        let name = format!("slappart{number}:greeting-on-watch");
        await_process(site, &name, runs);
        let partition = site.partition(number);
        let timestamp = fs::read_to_string(partition.join(".timestamp"))
            .unwrap_or_else(|error| panic!("{moment}: {error}"));
        assert_eq!(Some(timestamp), site.wanted(number).timestamp(), "{moment}");
        let error = partition.join(format!(".slapgrid-slappart{number}-error.log"));
        assert!(!error.exists(), "{moment}: {}", error.display());
        let left: Vec<String> = fs::read_dir(&partition)
            .expect("it is there")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".tmp"))
            .collect();
        assert_eq!(left, Vec::<String>::new(), "{moment}");
    }
}

/// Starts our program, and kills it after a time unless it has ended.
fn kill_after(site: &NodeSite, words: &str, delay: Duration) {
    let mut command = site.command(words);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = command.spawn().expect("the program can be run");
    let end = Instant::now() + delay;
    while Instant::now() < end {
        if process.try_wait().expect("it is a child").is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    process.kill().expect("it is a child");
    process.wait().expect("it is a child");
}
