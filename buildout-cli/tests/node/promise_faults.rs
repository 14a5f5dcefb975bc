//! Promises that go wrong in every way, while the master comes and goes: nothing
//! hangs, nothing is lost, and the master is told once.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use slapgrid::BangState;
use slapgrid::promise::ResultKind;

use crate::promises::{configure, is_running, result, wait_until};
use crate::relay::{Fate, Requests, relay_node};
use crate::site::NodeSite;
use crate::toolbox::{Toolbox, prepare, write_promise};

const BANG: &str = "POST /softwareInstanceBang";
const ERROR: &str = "POST /softwareInstanceError";

/// Returns how often the master was told, and forgets that.
fn told(requests: &Requests) -> [usize; 2] {
    let requests = std::mem::take(&mut *requests.lock().expect("no panic"));
    [BANG, ERROR].map(|wanted| requests.iter().filter(|(it, _)| it == wanted).count())
}

#[test]
fn what_goes_wrong_is_told_once_when_the_master_is_back() {
    let toolbox = Toolbox::installed("1.26.1");
    let site = NodeSite::ordinary(1);
    prepare(&site, Some(&toolbox), 1);
    let partition = site.partition(0);
    // By this its processes are known.
    let pause = format!("98764.{}", std::process::id());
    let forks = format!(
        "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    os.execvp('sleep', ['sleep', '{pause}'])\nsubprocess.call(['sleep', '{pause}'])"
    );
    for (name, sense) in [
        ("a_forks", &*forks),
        (
            "floods",
            "for _ in range(3000): os.write(1, b'all work and no play\\n' * 50)\nself.logger.error('flooded')",
        ),
        (
            "forgets",
            "import shutil\nshutil.rmtree('.slapgrid/promise/cache')\nself.logger.error('forgotten')",
        ),
        ("kills", "os.kill(os.getppid(), 9)\ntime.sleep(1000)"),
    ] {
        let text = toolbox.sensing(sense);
        write_promise(&site, &partition, &format!("{name}.py"), &text);
    }
    configure(&site, "promise_timeout = 4\nbang_quota = 1");
    let is_away = Arc::new(AtomicBool::new(true));
    let requests = relay_node(&site, {
        let is_away = Arc::clone(&is_away);
        move |target| match target {
            BANG | ERROR if is_away.load(Ordering::Relaxed) => Fate::Lost,
            _ => Fate::Answered,
        }
    });
    let catch_up = || {
        let timestamp = site.wanted(0).timestamp().unwrap_or_default();
        fs::write(partition.join(".timestamp"), timestamp).expect("the site is ours");
        // All are due; one of them may have done the same.
        let _ = fs::remove_dir_all(partition.join(".slapgrid/promise/cache"));
    };
    let no_output = "Error: No output returned by the promise";
    let late = "Error: Promise timed out after 4 seconds";
    // What gives no result has failed when that happens again.
    let expected = |is_first: bool| {
        [
            ("a_forks", !is_first, late),
            ("floods", true, "flooded"),
            ("forgets", true, "forgotten"),
            ("kills", !is_first, no_output),
        ]
    };

    for pass in 0..3 {
        is_away.store(pass == 0, Ordering::Relaxed);
        catch_up();
        let text = site.run("node instance").expect(0);
        wait_until("the end of what promises started", || !is_running(&pause));
        for (title, failed, message) in expected(pass == 0) {
            let expected = (ResultKind::Anomaly, failed, message.to_owned());
            assert_eq!(result(&partition, title), expected, "{pass}: {text}");
        }
        let [bangs, errors] = told(&requests);
        match pass {
            0 => assert!(bangs > 0 && errors > 0, "{bangs} {errors}: {text}"),
            // All that did not reach it.
            1 => assert_eq!([bangs, errors], [1, 1], "{text}"),
            // It knows.
            _ => assert_eq!([bangs, errors], [0, 0], "{text}"),
        }
    }
    let state = BangState::of(&site.path("inst"), "slappart0");
    assert_eq!(state.bangs.len(), 1);
    assert_eq!(state.held_back.map(|held| held.count), Some(1));
}
