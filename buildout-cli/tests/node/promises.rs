//! What promises do to a pass, and what they cannot do to it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use slapgrid::promise::{PromiseStatus, ResultKind, promise_status};
use slapgrid::{BangState, DEFAULT_BANG_QUOTA};

use crate::site::NodeSite;
use crate::toolbox::{Toolbox, prepare, write_promise};

/// Returns what is known of a promise.
#[track_caller]
fn status(partition: &Path, title: &str) -> PromiseStatus {
    let status = promise_status(partition).expect("the partition can be read");
    status
        .into_iter()
        .find(|status| status.title == title)
        .expect("the promise is there")
}

/// Returns the kind of the last result, whether it failed, and its message.
#[track_caller]
pub(crate) fn result(partition: &Path, title: &str) -> (ResultKind, bool, String) {
    let result = status(partition, title).result.expect("it has a result");
    let text = result.text().to_owned();
    (result.kind, result.failed, text)
}

/// Has a promise be due again.
fn forget_cache(partition: &Path, title: &str) {
    let cache = partition.join(".slapgrid/promise/cache").join(title);
    fs::remove_file(cache).expect("it is there");
}

/// Adds options to `[slapos]`.
pub(crate) fn configure(site: &NodeSite, options: &str) {
    let path = site.path("slapos.cfg");
    let text = fs::read_to_string(&path).expect("the site is ours");
    let text = text.replace("[slapos]\n", &format!("[slapos]\n{options}\n"));
    fs::write(path, text).expect("the site is ours");
}

/// Waits for something that another process does.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_done: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what} did not happen");
}

/// Tells whether any process has this word on its command line.
pub(crate) fn is_running(word: &str) -> bool {
    let processes = fs::read_dir("/proc").expect("it is there").flatten();
    processes.into_iter().any(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.contains(&word.as_bytes())
    })
}

#[test]
fn a_promise_that_fails_keeps_its_partition_from_being_done() {
    let site = NodeSite::new(2);
    prepare(&site, None, 2);
    let (first, second) = (site.partition(0), site.partition(1));
    let good = second.join("good");
    write_promise(
        &site,
        &first,
        "who",
        "id -u; pwd; umask; env | sort | grep -v PATH",
    );
    write_promise(
        &site,
        &second,
        "state",
        "test -e good || { echo not yet; exit 1; }",
    );
    fs::write(second.join("etc/promise/note"), "").unwrap();

    // It is tested when its partition is processed, and the other one is done.
    let text = site.run("node instance --force").expect(2);
    assert!(
        text.contains("Error with promises for the following partitions:"),
        "{text}"
    );
    assert!(
        text.contains("  slappart1[default]: Promise 'state' failed with output: not yet"),
        "{text}"
    );
    assert!(text.contains("Bad promise file at '"), "{text}");
    assert!(first.join(".timestamp").exists());
    assert!(!second.join(".timestamp").exists());
    assert!(!second.join(".slapgrid-slappart1-error.log").exists());
    let failed = (ResultKind::Test, true, "not yet".to_owned());
    assert_eq!(result(&second, "state"), failed);
    // It ran as the partition's owner, and what it left is the owner's.
    let owner = fs::metadata(&first).unwrap();
    let (_, _, text) = result(&first, "who");
    let lines: Vec<&str> = text.lines().collect();
    let user = owner.uid().to_string();
    let directory = first.display().to_string();
    assert_eq!(lines[..3], [&*user, &*directory, "0027"], "{text}");
    assert!(text.contains("PYTHONNOUSERSITE=true"), "{text}");
    for file in ["result/who.status.json", "log/who.log", "cache/who", "log"] {
        let metadata = fs::metadata(first.join(".slapgrid/promise").join(file)).unwrap();
        assert_eq!(metadata.uid(), owner.uid(), "{file}");
    }

    // It is processed again until the promise holds.
    site.run("node instance").expect(2);
    let text = site.run("node promise --only slappart1").expect(2);
    assert!(
        text.contains("Promise 'state' failed with output: not yet"),
        "{text}"
    );
    fs::write(&good, "").unwrap();
    site.run("node promise").expect(0);
    assert!(!second.join(".timestamp").exists());
    site.run("node instance").expect(0);
    assert!(second.join(".timestamp").exists());

    // With nothing else to do, one failure is no anomaly; three are.
    fs::remove_file(&good).unwrap();
    let text = site.run("node instance").expect(0);
    assert!(
        text.contains("1 promises didn't need to be checked."),
        "{text}"
    );
    for failed in [false, false, true] {
        forget_cache(&second, "state");
        site.run("node instance").expect(0);
        let expected = (ResultKind::Test, failed, "not yet".to_owned());
        assert_eq!(result(&second, "state"), expected);
    }
    assert!(status(&second, "state").unchanged_since.is_some());
    let text = site.run("node instance -v").expect(0);
    // It is still known, and the master knows it.
    assert!(
        text.contains("Promise 'state' failed with output: not yet"),
        "{text}"
    );
}

#[test]
fn promises_that_wait_for_each_other_are_run_side_by_side() {
    let site = NodeSite::new(2);
    prepare(&site, None, 2);
    configure(
        &site,
        "parallel_partitions = 1\nparallel_promises = 2\npromise_timeout = 600",
    );
    let flag = |name: &str| site.path("profiles").join(name);
    site.give(&site.path("profiles"));
    let wait = |own: &str, other: &str| {
        let (own, other) = (flag(own), flag(other));
        let (own, other) = (own.display(), other.display());
        format!("touch {own}; while ! test -e {other}; do sleep 0.05; done")
    };
    write_promise(&site, &site.partition(0), "one", &wait("a", "b"));
    write_promise(&site, &site.partition(1), "other", &wait("b", "a"));
    // Those of one partition do not wait for each other for long, either.
    write_promise(&site, &site.partition(1), "third", &wait("c", "d"));
    write_promise(&site, &site.partition(1), "zfourth", &wait("d", "c"));
    site.run("node promise").expect(0);
}

#[test]
fn plugins_can_harm_nobody_else_and_anomalies_bang_within_a_quota() {
    let toolbox = Toolbox::installed("1.26.1");
    let mut site = NodeSite::ordinary(1);
    prepare(&site, Some(&toolbox), 1);
    let partition = site.partition(0);
    let write = |site: &NodeSite, name: &str, sense: &str| {
        write_promise(site, &partition, name, &toolbox.sensing(sense));
    };
    // All that goes wrong at once.
    write(
        &site,
        "forks.py",
        "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    os.execvp('sleep', ['sleep', '98765.25'])\nsubprocess.call(['sh', '-c', 'trap \"\" TERM; sleep 98765.5'])",
    );
    write(
        &site,
        "floods.py",
        "for _ in range(3000): os.write(1, b'all work and no play\\n' * 50)\nself.logger.info('x' * 6000)",
    );
    write(
        &site,
        "forgets.py",
        "import shutil\nshutil.rmtree('.slapgrid/promise/cache')\nself.logger.info('forgotten')",
    );
    write(
        &site,
        "kills.py",
        "os.kill(os.getppid(), 9)\ntime.sleep(1000)",
    );
    write(
        &site,
        "leaves.py",
        "subprocess.Popen(['sleep', '98765.75'])\nself.logger.info('left')",
    );
    write(&site, "raises.py", "raise ValueError('no luck')");
    write(&site, "silent.py", "os._exit(3)");
    write_promise(&site, &partition, "broken.py", "sys.path[0:0] = [''\n");
    write_promise(
        &site,
        &partition,
        "imports.py",
        &toolbox.plugin("no_such_module", "{}"),
    );
    let text = site.run("node promise --promise-timeout 8").expect(2);
    let no_output = "Error: No output returned by the promise".to_owned();
    let late = "Error: Promise timed out after 8 seconds".to_owned();
    let long = format!("...{}", "x".repeat(5000));
    for (title, failed, message) in [
        ("forks", true, late),
        ("floods", false, long),
        ("forgets", false, "forgotten".to_owned()),
        ("kills", true, no_output.clone()),
        ("leaves", false, "left".to_owned()),
        ("raises", true, "no luck".to_owned()),
        ("silent", true, no_output.clone()),
        ("broken", true, no_output.clone()),
        ("imports", true, no_output),
    ] {
        let expected = (ResultKind::Test, failed, message);
        assert_eq!(result(&partition, title), expected, "{title}: {text}");
    }
    assert!(text.contains("bytes left out"), "{text}");
    assert!(text.len() < 300_000, "{}", text.len());
    for left in ["98765.25", "98765.5", "98765.75"] {
        wait_until("the end of what promises started", || !is_running(left));
    }
    assert!(status(&partition, "forgets").result.is_some());
    fs::remove_dir_all(partition.join("etc/plugin")).unwrap();

    // An anomaly, while the master is away when it is told.
    let (here, gone) = (site.path("here"), site.path("gone"));
    write(
        &site,
        "an.py",
        &format!(
            "open({:?}, 'w').close()\nwhile not os.path.exists({:?}): time.sleep(0.05)\nself.logger.error('broken')",
            here.display().to_string(),
            gone.display().to_string()
        ),
    );
    configure(&site, "promise_timeout = 600\nbang_quota = 1");
    let timestamp = site.wanted(0).timestamp();
    let mut command = site.command("node instance");
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    wait_until("the check", || here.exists());
    site.master.stop();
    fs::write(&gone, "").unwrap();
    child.wait().unwrap();
    let anomaly = (ResultKind::Anomaly, true, "broken".to_owned());
    assert_eq!(result(&partition, "an"), anomaly);
    assert_eq!(bangs(&partition), 0);

    // It is told in the next pass, once, although there are two by now.
    site.master.restart();
    write(&site, "another.py", "self.logger.error('broken, too')");
    assert_eq!(site.wanted(0).timestamp(), timestamp);
    let text = site.run("node instance").expect(0);
    assert_eq!(
        text.matches("Bang with message 'Promise an").count(),
        1,
        "{text}"
    );
    assert_ne!(site.wanted(0).timestamp(), timestamp);
    assert_eq!(bangs(&partition), 1);

    // The partition is processed again, and its promises fail as tests.
    let text = site.run("node instance").expect(2);
    assert!(
        text.contains("Promise 'an.py' failed with output: broken"),
        "{text}"
    );

    // The next bang is one too many in this hour.
    let timestamp = site.wanted(0).timestamp();
    fs::write(partition.join(".timestamp"), timestamp.as_deref().unwrap()).unwrap();
    for title in ["an", "another"] {
        forget_cache(&partition, title);
    }
    let text = site.run("node instance").expect(0);
    let held = " is failing' held back: 1 in an hour are enough (option 'bang_quota').";
    assert_eq!(text.matches(held).count(), 1, "{text}");
    assert_eq!(site.wanted(0).timestamp(), timestamp);
    let state = BangState::of(&site.path("inst"), "slappart0");
    let held_back = state.held_back.as_ref().unwrap();
    assert!(held_back.message.starts_with("Promise an"));
    assert_eq!((held_back.count, held_back.is_owed), (1, false));
    assert_eq!(state.left(1, held_back.latest), 0);
    assert_eq!(state.left(DEFAULT_BANG_QUOTA, held_back.latest), 8);
    assert_eq!(bangs(&partition), 1);
}

/// Counts the bangs that the master heard, as the logs of promises have it.
fn bangs(partition: &Path) -> usize {
    let logs: Vec<PathBuf> = ["an", "another"]
        .map(|title| partition.join(format!(".slapgrid/promise/log/{title}.log")))
        .to_vec();
    let texts = logs
        .into_iter()
        .filter_map(|log| fs::read_to_string(log).ok());
    let is_bang =
        |line: &&str| line.contains(" - INFO - ") && line.contains(" - Bang with message ");
    texts.map(|text| text.lines().filter(is_bang).count()).sum()
}
