//! `prune`, `bang` and `boot`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;

use crate::relay::{Fate, relay_node};
use crate::site::NodeSite;

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("it has one")).expect("the site is ours");
    fs::write(path, text).expect("the site is ours");
}

/// Returns the shared parts that a log says are unused.
fn unused(log: &str) -> BTreeSet<String> {
    let lines = log.lines();
    let parts = lines.filter_map(|line| line.split_once("Unused shared parts at "));
    parts
        .map(|(_, path)| path.trim_end_matches(" ... removed").to_owned())
        .collect()
}

#[test]
fn prune_removes_what_slapos_core_would_remove() {
    let site = NodeSite::ordinary(2);
    let shared = site.path("shared");
    let digest = |number: u32| format!("{number:032x}");
    let part = |name: &str, number: u32, signature: &str| {
        let path = shared.join(name).join(digest(number));
        let text = format!("{{\"recipe\": \"x\", \"uses\": \"{signature}\"}}");
        write(&path.join(".buildout-shared.json"), &text);
        path
    };
    part("used", 1, &digest(2));
    part("used-by-used", 2, "");
    part("unused", 3, &digest(4));
    part("used-by-unused", 4, "");
    part("used-by-script", 5, "");
    part("used-by-other", 6, "");
    part("used-by-inner", 7, "");
    part("used-by-inner-part", 8, "");
    let path = |name: &str, number: u32| format!("{}/{name}/{}", shared.display(), digest(number));
    write(&site.path("soft/a/.installed.cfg"), &path("used", 1));
    write(
        &site.path("soft/b/bin/run"),
        &format!("#!/bin/sh\nexec {}/x\n", path("used-by-script", 5)),
    );
    write(
        &site.path("others/c/.installed.cfg"),
        &path("used-by-other", 6),
    );
    let inner = site.partition(1).join("srv/inner");
    let base = inner.display();
    write(
        &inner.join("etc/slapos.cfg"),
        &format!(
            "[slapos]\nsoftware_root = {base}/soft\ninstance_root = {base}/inst\nshared_part_list =\n  {}\n  {base}/shared\n",
            shared.display()
        ),
    );
    write(
        &inner.join("soft/d/.installed.cfg"),
        &path("used-by-inner", 7),
    );
    write(
        &inner
            .join("shared/p")
            .join(digest(9))
            .join(".buildout-shared.json"),
        &path("used-by-inner-part", 8),
    );
    write(
        &site.path("inst/slappart0/broken/slapos.cfg"),
        "no sections",
    );

    let others = site.path("others");
    let words = format!(
        "node prune --dry-run --additional-software-directory {}",
        others.display()
    );
    let ours = unused(&site.run(&words).expect(0));
    let theirs = unused(&site.run_python(&words).expect(0));
    assert_eq!(ours, theirs);
    assert_eq!(
        ours,
        BTreeSet::from([path("unused", 3), path("used-by-unused", 4)])
    );
    assert!(Path::new(&path("unused", 3)).exists());
    let removed = unused(&site.run(&words.replace(" --dry-run", "")).expect(0));
    assert_eq!(removed, ours);
    assert!(!Path::new(&path("unused", 3)).exists());
    assert!(!Path::new(&path("used-by-unused", 4)).exists());
    for (name, number) in [("used", 1), ("used-by-used", 2), ("used-by-inner-part", 8)] {
        assert!(Path::new(&path(name, number)).exists(), "{name}");
    }
    // Without the other directory, what only it uses goes, too.
    let theirs = unused(&site.run_python("node prune --dry-run").expect(0));
    assert_eq!(unused(&site.run("node prune").expect(0)), theirs);
    assert_eq!(theirs, BTreeSet::from([path("used-by-other", 6)]));
}

#[test]
fn a_bang_is_that_of_slapos_core() {
    let site = NodeSite::ordinary(1);
    let requests = relay_node(&site, |_| Fate::Answered);
    let take = || std::mem::take(&mut *requests.lock().expect("no panic"));
    let ours = site.run("node bang -m Why?").expect(0);
    let our_requests = take();
    let theirs = site.run_python("node bang -m Why?").expect(0);
    let mut their_requests = take();
    their_requests.retain(|(target, _)| target != "GET /getHateoasUrl");
    assert_eq!(ours, theirs);
    assert_eq!(our_requests, their_requests);
    assert_eq!(our_requests.len(), 1);
}

#[test]
fn boot_waits_for_the_master_and_has_all_processed_again() {
    let mut site = NodeSite::ordinary(2);
    write(&site.partition(0).join(".timestamp"), "1");
    site.master.stop();
    let mut process = site
        .command("node boot -m Begin")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program can be run");
    let mut log = BufReader::new(process.stderr.take().expect("it is piped"));
    let mut line = String::new();
    while !line.contains("Fail to post format information") {
        line.clear();
        let length = log.read_line(&mut line).expect("it is a text");
        assert!(length > 0, "it ended");
    }
    assert!(site.partition(0).join(".timestamp").exists());
    site.master.restart();
    let mut rest = String::new();
    log.read_to_string(&mut rest).expect("it is a text");
    let status = process.wait().expect("it is a child");
    assert!(status.success(), "{rest}");
    assert!(!site.partition(0).join(".timestamp").exists());
    assert!(rest.contains("Invoking slapos node bang"), "{rest}");
    assert!(site.wanted(1).software_release.is_none());
}
