//! A master that cannot be relied on, and a supervisord that dies.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use buildout_core::value::Value;
use slap::{InstanceRequest, Master as _};

use crate::lifecycle::{await_process, runs};
use crate::random::Random;
use crate::relay::{Fate, relay};
use crate::site::NodeSite;

const SEED: u64 = 20_261_130;

/// How many passes meet a master that does harm.
const PASSES: usize = 8;

#[test]
fn a_master_that_fails_now_and_then_delays_and_breaks_nothing() {
    let site = NodeSite::new(2);
    let url = site.own_release();
    site.run("node format --now").expect(0);
    site.run(&format!("supply {url} local")).expect(0);
    site.run("node software").expect(0);
    let random = Mutex::new(Random::new(SEED));
    let (bad, requests) = relay(site.master.url(), move |_| {
        match random.lock().expect("no panic").below(10) {
            0 | 1 => Fate::Failed,
            2 => Fate::Lost,
            3 => Fate::Halved,
            4 => Fate::Garbled,
            _ => Fate::Answered,
        }
    });
    let user = site.master.client();
    let request = |step: usize| {
        for number in 0..2 {
            let mut request = InstanceRequest::new(url.as_str(), format!("hello{number}"));
            request
                .parameters
                .insert_str("step", Value::string(step.to_string()));
            user.request(None, &request).expect("the master answers");
        }
    };
    request(0);
    site.run("node instance").expect(0);
    let names = ["slappart0", "slappart1"].map(|name| format!("{name}:greeting-on-watch"));
    let processes = || {
        names
            .each_ref()
            .map(|name| await_process(&site, name, runs).map(|info| info.process))
    };
    let first = processes();
    for step in 1..=PASSES {
        request(step);
        let outcome = site.run(&format!("node instance --master-url {bad}"));
        assert!(
            matches!(outcome.code, 0 | 1 | 3),
            "pass {step}: {}",
            outcome.text
        );
        assert!(!outcome.text.contains("internal error"), "{}", outcome.text);
        let asked = std::mem::take(&mut *requests.lock().expect("no panic"));
        for number in 0..2 {
            let reports = asked.iter().filter(|(target, form)| {
                target == "POST /softwareInstanceError"
                    && form.contains(&format!("computer_partition_id=slappart{number}"))
            });
            assert!(reports.count() <= 1, "pass {step}: {asked:?}");
        }
    }
    site.run("node instance").expect(0);
    // What runs has run all the time.
    assert_eq!(processes(), first);
    for number in 0..2 {
        let timestamp = fs::read_to_string(site.partition(number).join(".timestamp")).unwrap();
        assert_eq!(Some(timestamp), site.wanted(number).timestamp());
    }
    let text = site.run("node instance -v").expect(0);
    assert!(!text.contains("Processing Computer Partition"), "{text}");
}

#[test]
fn when_supervisord_dies_in_a_pass_the_next_one_starts_all() {
    let site = NodeSite::new(1);
    site.run("node format --now").expect(0);
    // The instance is made when somebody opens the gate.
    let url = site.release_with_instance(
        "gate",
        "[buildout]
parts = gate greeting
[gate]
recipe = plone.recipe.command
command = echo > waiting; while ! test -e gate; do sleep 0.05; done
stop-on-error = true
[directory]
recipe = slapos.cookbook:mkdirectory
service = ${buildout:directory}/etc/service
[greeting]
recipe = slapos.cookbook:wrapper
command-line = sleep 1000000
wrapper-path = ${directory:service}/greeting
",
    );
    site.run(&format!("supply {url} local")).expect(0);
    site.run("node software").expect(0);
    site.run(&format!("request gate {url}")).expect(0);
    let (recorded, requests) = relay(site.master.url(), |_| Fate::Answered);
    let pass = site.start(&format!("node instance --master-url {recorded}"));
    let waiting = site.partition(0).join("waiting");
    let end = Instant::now() + Duration::from_secs(120);
    while !waiting.exists() {
        assert!(Instant::now() < end, "the instance is never begun");
        std::thread::sleep(Duration::from_millis(20));
    }
    site.kill_supervisord();
    fs::write(site.partition(0).join("gate"), "").unwrap();
    let text = pass.wait().expect(1);
    assert!(text.contains("supervisord does not answer at"), "{text}");
    let asked = requests.lock().expect("no panic").clone();
    let reports = asked
        .iter()
        .filter(|(target, _)| target == "POST /softwareInstanceError");
    assert_eq!(reports.count(), 1, "{asked:?}");
    assert!(!site.partition(0).join(".timestamp").exists());
    site.run("node instance").expect(0);
    await_process(&site, "slappart0:greeting-on-watch", runs);
    assert!(site.partition(0).join(".timestamp").exists());
    let error = site.partition(0).join(".slapgrid-slappart0-error.log");
    assert!(!error.exists());
}
