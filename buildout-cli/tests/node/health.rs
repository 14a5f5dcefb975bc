//! `slapos node status --health`: what is wrong is seen at once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use slapgrid::BangLedger;
use slapgrid::supervisor::ProcessInfo;

use crate::lifecycle::await_process;
use crate::site::NodeSite;

const SERVICE: &str = "slappart0:greeting-on-watch";

fn runs(info: Option<&ProcessInfo>) -> bool {
    info.is_some_and(|info| info.state == "RUNNING")
}

/// Has the first partition promise something.
fn promise(site: &NodeSite, text: &str) {
    let directory = site.partition(0).join("etc/promise");
    fs::create_dir_all(&directory).expect("the site is ours");
    let path = directory.join("check_port");
    fs::write(&path, text).expect("the site is ours");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// Returns the document, and what it says about the first partition.
fn document(site: &NodeSite, code: i32) -> (Value, Value) {
    let text = site.run("node status --json").expect(code);
    let document: Value = serde_json::from_str(&text).expect("it is JSON");
    let partition = document["partitions"][0].clone();
    (document, partition)
}

#[test]
fn what_is_red_is_seen_with_its_reason() {
    let mut site = NodeSite::with_hello(2);
    let text = site.run("node status --health").expect(3);
    // Nothing runs yet, not even supervisord.
    assert!(text.contains("! supervisord"), "{text}");
    site.run("node instance").expect(0);
    await_process(&site, SERVICE, runs);
    promise(&site, "#!/bin/sh\necho port 80 answers\n");
    site.run("node promise").expect(0);

    let text = site.run("node status --health").expect(0);
    assert!(text.starts_with("Computer local  1 fine  "), "{text}");
    assert!(
        text.contains("+ slappart0  started  hello  1/1 processes run, 1/1 promises hold"),
        "{text}"
    );
    assert!(text.contains("  1 free\n"), "{text}");
    let (node, partition) = document(&site, 0);
    assert_eq!(node["severity"], "fine");
    assert_eq!(partition["findings"], Value::Array(Vec::new()));
    assert_eq!(partition["promises"][0]["message"], "port 80 answers");
    assert_eq!(partition["bangs"]["left"], partition["bangs"]["quota"]);

    // A promise is broken, and the quota holds a bang back.
    promise(&site, "#!/bin/sh\necho '<port 80> is closed'\nexit 1\n");
    site.run("node promise").expect(2);
    BangLedger::of(&site.path("inst"), "slappart0", 0)
        .bang("Promise check_port is failing", false, || Ok(()))
        .expect("it can be counted");
    let text = site.run("node status --health slappart0").expect(3);
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("Computer local  1 in trouble  "),
        "{text}"
    );
    assert!(
        lines[2].starts_with("! slappart0  started  hello"),
        "{text}"
    );
    assert!(
        lines[3].starts_with("    ! check_port               <port 80> is closed  for "),
        "{text}"
    );
    assert!(lines[3].contains(", next in "), "{text}");
    assert!(
        lines[4].contains("- bang quota               1 bang held back, 9 in an hour are enough: Promise check_port is failing"),
        "{text}"
    );
    let (node, partition) = document(&site, 3);
    assert_eq!(node["severity"], "trouble");
    let finding = &partition["findings"][0];
    assert_eq!(finding["subject"], "check_port");
    assert_eq!(finding["text"], "<port 80> is closed");
    assert!(finding["since"].is_u64() || finding["since"].is_f64());
    assert_eq!(partition["bangs"]["held_back"]["count"], 1);

    // The same for browsers.
    let text = site.run("node status --health -o health.html").expect(3);
    assert_eq!(text, "");
    let page = fs::read_to_string(site.path("health.html")).expect("it was written");
    assert!(
        page.contains("<li class=\"trouble\"><b>check_port</b> &lt;port 80&gt; is closed "),
        "{page}"
    );

    // Without its master a node still knows how it is.
    site.master.stop();
    site.run("node stop all").expect(0);
    let text = site.run("node status --health").expect(3);
    assert!(text.contains("- master"), "{text}");
    assert!(text.contains("greeting-on-watch"), "{text}");
    let text = site.run("node status --health slappart7").expect(1);
    assert!(
        text.contains("no partition in use is called slappart7"),
        "{text}"
    );
}
