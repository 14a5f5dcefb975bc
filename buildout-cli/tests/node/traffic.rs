//! What our node says to its master, next to what slapos.core's says in the same
//! scenario, request by request.

use std::fs;

use slap::test_master::COMPUTER_ID;
use slap::{InstanceRequest, Master as _};

use crate::relay::{Fate, relay_node};
use crate::site::NodeSite;

/// Runs the scenario, and returns the requests of each of its steps.
fn scenario(run: &dyn Fn(&NodeSite, &str)) -> Vec<(&'static str, Vec<(String, String)>)> {
    let site = NodeSite::ordinary(2);
    site.run("node format --now").expect(0);
    let url = site.profile("plain/software.cfg", "[buildout]\nparts =\n");
    let requests = relay_node(&site, |_| Fate::Answered);
    // What users ask is not recorded.
    let user = site.master.client();
    let supply = |state: &str| {
        user.supply(&url, COMPUTER_ID, state)
            .expect("the site works");
    };
    let request = |state: &str| {
        let mut request = InstanceRequest::new(url.as_str(), "plain");
        request.state = Some(state.to_owned());
        user.request(None, &request).expect("the site works");
    };
    let root = site.root().display().to_string();
    let take = || {
        let taken = std::mem::take(&mut *requests.lock().expect("no panic"));
        // The sites differ in their directories.
        let plain = |text: String| text.replace(&encoded(&root), "ROOT");
        taken
            .into_iter()
            .map(|(target, form)| (target, plain(form)))
            .collect()
    };
    let mut steps = Vec::new();
    supply("available");
    run(&site, "node software");
    steps.push(("the release is built", take()));
    run(&site, "node software");
    steps.push(("it is there", take()));
    fs::write(
        site.release(&url).join("instance.cfg"),
        "[buildout]\nparts =\n",
    )
    .expect("the site works");
    request("started");
    run(&site, "node instance");
    steps.push(("the instance is made", take()));
    run(&site, "node instance");
    steps.push(("it is current", take()));
    request("stopped");
    run(&site, "node instance");
    steps.push(("it is stopped", take()));
    request("destroyed");
    run(&site, "node instance");
    steps.push(("it is to be destroyed", take()));
    run(&site, "node report");
    steps.push(("it is destroyed", take()));
    supply("destroyed");
    run(&site, "node software");
    steps.push(("the release is removed", take()));
    steps
}

/// Writes a path as forms have it.
fn encoded(path: &str) -> String {
    path.replace('/', "%2F")
}

#[test]
fn requests_are_those_of_slapos_core() {
    let ours = scenario(&|site, words| {
        site.run(words).expect(0);
    });
    let mut theirs = scenario(&|site, words| {
        site.run_python(words).expect(0);
    });
    for (step, requests) in &mut theirs {
        // The URL of an API that the node does not use.
        requests.retain(|(target, _)| target != "GET /getHateoasUrl");
        if *step == "it is current" {
            // The master has taken that report before.
            requests.retain(|(target, _)| target != "POST /startedComputerPartition");
        }
    }
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
        assert!(!ours.1.is_empty());
    }
}
