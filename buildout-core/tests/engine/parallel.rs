//! Parts that are worked on at the same time.

use std::fs;
use std::sync::{Arc, Barrier, Mutex};

use buildout_core::event::{Event, PartAction};
use buildout_core::recipe::{Installed, RecipeError};
use buildout_core::run::install_within;

use super::scripted::{Script, mini, registry, write_out};
use super::site::{Site, watched};

/// Five parts: `b` and `c` need `a`, `d` needs `b` and `c`, `e` is alone.
const PROFILE: &str = "[buildout]\nparts = a b c d e\n\
    [a]\nrecipe = mini\n\
    [b]\nrecipe = mini\ntext = ${a:out}\n\
    [c]\nrecipe = mini\ntext = ${between:path}\n\
    [between]\npath = x${a:out}\n\
    [d]\nrecipe = mini\ntext = ${b:out} ${c:out}\n\
    [e]\nrecipe = mini\n";

#[test]
fn parts_that_have_nothing_to_do_with_each_other_run_at_the_same_time() {
    watched(|| {
        let meeting = Arc::new(Barrier::new(2));
        // Both arrive, or this never ends.
        let meets = Script::new().install(move |run| {
            meeting.wait();
            write_out(run)
        });
        let site = Site::new("[buildout]\nparts = a b\n[a]\nrecipe = meets\n[b]\nrecipe = meets\n")
            .jobs(2);
        let run = site.install(meets.named("meets")).succeeded();
        let report = run.result.unwrap();
        let mut installed = report.installed;
        installed.sort();
        assert_eq!(installed, [Arc::from("a"), Arc::from("b")]);
        assert_eq!(site.recorded(), ["a", "b"]);
    });
}

#[test]
fn nothing_begins_before_what_it_waits_for_has_ended() {
    for jobs in [1, 2, 8] {
        let site = Site::new(PROFILE).jobs(jobs);
        let run = site.install(mini()).succeeded();
        let place = |wanted: &str, ended: bool| {
            let is_it = |event: &Event| match event {
                Event::PartStarted { part, .. } => !ended && **part == *wanted,
                Event::PartFinished { part, .. } => ended && **part == *wanted,
                _ => false,
            };
            run.events.iter().position(is_it).unwrap()
        };
        for (before, after) in [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")] {
            assert!(
                place(before, true) < place(after, false),
                "{jobs}: {before} {after}"
            );
        }
        // Whoever ends first, the record is that of a run one by one.
        assert_eq!(site.recorded(), ["a", "b", "c", "d", "e"]);
    }
}

#[test]
fn the_record_does_not_depend_on_the_number_of_jobs() {
    // The digests in the record depend on the directory.
    let directory = tempfile::tempdir().unwrap();
    let records = [1, 3, 16].map(|jobs| {
        for entry in fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            fs::remove_dir_all(&path)
                .or_else(|_| fs::remove_file(&path))
                .unwrap();
        }
        let site = Site::at(directory.path(), "buildout.cfg").jobs(jobs);
        site.profile(PROFILE);
        site.install(mini()).succeeded();
        site.edit("[b]\n", "[b]\nnew = 1\n");
        site.edit("parts = a b c d e", "parts = a b c d");
        site.install(mini()).succeeded();
        site.read(".installed.cfg")
    });
    assert_eq!(records[0], records[1]);
    assert_eq!(records[0], records[2]);
}

/// A registry with a recipe `fails`, and `waits`, which runs until the failure
/// of the other one is known or it is cancelled.
fn failing() -> (buildout_core::recipe::Registry, Arc<Mutex<Vec<String>>>) {
    let ended = Arc::new(Mutex::new(Vec::new()));
    let started = Arc::new(Barrier::new(2));
    let begin = Arc::clone(&started);
    let fails = Script::new().install(move |_| {
        begin.wait();
        Err(RecipeError::user("no way"))
    });
    let log = Arc::clone(&ended);
    let waits = Script::new().install(move |run| {
        started.wait();
        // Long enough for the failure to be noticed.
        for _ in 0..20 {
            if run.services().cancellation.is_cancelled() {
                log.lock().unwrap().push("cancelled".to_owned());
                let cancelled = buildout_core::recipe::RecipeErrorKind::Cancelled;
                return Err(RecipeError::new(cancelled, "cancelled"));
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        log.lock().unwrap().push("finished".to_owned());
        write_out(run)
    });
    (registry([("fails", fails), ("waits", waits)]), ended)
}

#[test]
fn what_becomes_of_the_others_when_a_part_fails() {
    for (on_failure, others, recorded) in [
        ("finish", "finished", vec!["waits"]),
        ("kill", "cancelled", vec![]),
        ("continue", "finished", vec!["waits", "later"]),
    ] {
        watched(move || {
            let site = Site::new(&format!(
                "[buildout]\nparts = fails waits needs later\non-failure = {on_failure}\n\
                 [fails]\nrecipe = fails\n[waits]\nrecipe = waits\n\
                 [needs]\nrecipe = mini\ntext = ${{fails:out}}\n\
                 [later]\nrecipe = mini\ntext = ${{waits:out}}\n"
            ))
            .jobs(2);
            let (registry, ended) = failing();
            let run = site.install(registry);
            assert_eq!(run.error(), "Installing fails. no way", "{on_failure}");
            assert_eq!(*ended.lock().unwrap(), [others], "{on_failure}");
            assert_eq!(site.recorded(), recorded, "{on_failure}");
            assert!(run.failure().others().is_empty());
            let failed = |event: &Event| match event {
                Event::PartFailed { part, action } if **part == *"fails" => Some(*action),
                _ => None,
            };
            let failed: Vec<PartAction> = run.events.iter().filter_map(failed).collect();
            assert_eq!(failed, [PartAction::Install]);
        });
    }
}

#[test]
fn all_failures_are_told() {
    let fails = Script::new().install(|run| Err(RecipeError::user(format!("no {}", run.part()))));
    let site = Site::new(
        "[buildout]\nparts = a b\non-failure = continue\n\
         [a]\nrecipe = fails\n[b]\nrecipe = fails\n",
    );
    let run = site.install(fails.named("fails"));
    assert_eq!(run.error(), "Installing a. no a");
    let others: Vec<String> = run
        .failure()
        .others()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(others, ["no b"]);
}

#[test]
fn a_serial_part_keeps_its_place_against_all() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let entries = Arc::clone(&log);
    let notes = Script::new().install(move |run| {
        entries.lock().unwrap().push(format!("+{}", run.part()));
        std::thread::sleep(std::time::Duration::from_millis(20));
        entries.lock().unwrap().push(format!("-{}", run.part()));
        Ok(Installed::nothing())
    });
    let site = Site::new(
        "[buildout]\nparts = a b c d e\n[a]\nrecipe = notes\n[b]\nrecipe = notes\n\
         [c]\nrecipe = notes\nserial = true\n[d]\nrecipe = notes\n[e]\nrecipe = notes\n",
    )
    .jobs(8);
    site.install(notes.named("notes")).succeeded();
    let log = log.lock().unwrap();
    let place = |entry: &str| log.iter().position(|found| found == entry).unwrap();
    for before in ["-a", "-b"] {
        assert!(place(before) < place("+c"), "{log:?}");
    }
    for after in ["+d", "+e"] {
        assert!(place("-c") < place(after), "{log:?}");
    }
}

#[test]
fn unusable_settings_are_told_with_advice() {
    for (option, value, hint) in [
        ("jobs", "0", "write a number from 1 on"),
        ("jobs", "many", "write a number from 1 on"),
        ("on-failure", "cry", "use `finish` or `kill` or `continue`"),
        ("run-lock", "x", "use `wait` or `fail`"),
    ] {
        let site = Site::new(&format!("[buildout]\nparts =\n{option} = {value}\n"));
        let run = site.install(mini());
        assert_eq!(run.failure().hint(), Some(hint), "{option} = {value}");
        assert_eq!(run.failure().labels().len(), 1);
    }
}

#[test]
fn a_run_within_a_part_shares_lock_and_jobs() {
    watched(|| {
        // The part runs the same buildout directory with a profile and a
        // record of its own.
        let inner = Script::new().install(|run| {
            let directory = run.services().directory.clone();
            let share = run.share().clone();
            let site = Site::at(&directory, "inner.cfg").jobs(2);
            let (result, _) = site.session(mini(), |session| {
                let settings = site.settings(session)?;
                install_within(session, &settings, &[], &share)
            });
            let report = result?;
            assert_eq!(report.installed, [Arc::from("x")]);
            Ok(Installed::nothing())
        });
        let site = Site::new("[buildout]\nparts = outer\n[outer]\nrecipe = inner\n").jobs(2);
        fs::write(
            site.path("inner.cfg"),
            "[buildout]\nparts = x\ninstalled = .installed-inner.cfg\n[x]\nrecipe = mini\n",
        )
        .unwrap();
        site.install(inner.named("inner")).succeeded();
        assert_eq!(site.recorded(), ["outer"]);
        assert!(site.exists(".installed-inner.cfg"));
        assert!(site.exists("parts/x.txt"));
    });
}
