//! Promises that take too long, under this node and under slapos.core.

use std::fs;

use slapgrid::promise::ResultKind;

use crate::plugins::{assert_same, forget_caches, left};
use crate::promises::{configure, is_running, result, wait_until};
use crate::site::NodeSite;
use crate::toolbox::{Toolbox, prepare, write_promise};

/// What a promise sleeps, by which its processes are known.
const PLUGIN: &str = "97531.25";
const PROGRAM: &str = "97531.5";

#[test]
fn what_takes_too_long_ends_as_under_slapos_core() {
    let toolbox = Toolbox::installed("1.26.1");
    let site = NodeSite::ordinary(1);
    prepare(&site, Some(&toolbox), 1);
    let partition = site.partition(0);
    let pid = std::process::id();
    let (plugin, program) = (format!("{PLUGIN}{pid}"), format!("{PROGRAM}{pid}"));
    // It does not end when it is asked to, and has a child.
    let sense = format!(
        "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsubprocess.call(['sleep', '{plugin}'])\ntime.sleep({plugin})"
    );
    write_promise(&site, &partition, "plugin.py", &toolbox.sensing(&sense));
    let text = format!("trap '' TERM\nsleep {program}\nsleep {program}");
    write_promise(&site, &partition, "program", &text);

    // For anomalies, of which only the second one counts, and as a test.
    let rounds = [
        (ResultKind::Anomaly, false),
        (ResultKind::Anomaly, true),
        (ResultKind::Test, true),
    ];
    let mut theirs = Vec::new();
    for (kind, failed) in rounds {
        let words = match kind {
            ResultKind::Test => "--force --promise-timeout 1",
            ResultKind::Anomaly => "--check-anomaly --promise-timeout 1",
        };
        let (code, text) = toolbox.run(&site, &partition, words);
        assert_eq!(code, if failed { 2 } else { 0 }, "{text}");
        theirs.push(left(&partition));
        forget_caches(&partition);
    }
    fs::remove_dir_all(partition.join(".slapgrid")).expect("the site is ours");

    configure(&site, "promise_timeout = 1");
    let timestamp = site.wanted(0).timestamp().unwrap_or_default();
    fs::write(partition.join(".timestamp"), &timestamp).expect("the site is ours");
    for ((kind, failed), theirs) in rounds.into_iter().zip(&theirs) {
        match kind {
            ResultKind::Test => site.run("node promise").expect(2),
            ResultKind::Anomaly => site.run("node instance").expect(0),
        };
        for word in [&plugin, &program] {
            wait_until("the end of what promises started", || !is_running(word));
        }
        let message = "Error: Promise timed out after 1 seconds".to_owned();
        for title in ["plugin", "program"] {
            let expected = (kind, failed, message.clone());
            assert_eq!(result(&partition, title), expected, "{title}");
        }
        assert_same(&left(&partition), theirs);
        forget_caches(&partition);
    }
}
