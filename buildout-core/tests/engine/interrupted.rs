//! Runs after one that was interrupted, and two runs at once.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::channel;

use buildout_core::event::Event;
use buildout_core::state::installed::InstalledPart;
use buildout_core::state::journal::{Journal, Step};
use buildout_core::state::run_lock::{RunLock, WhenLocked};

use super::scripted::{Script, mini, write_out};
use super::site::{Site, watched};

const PROFILE: &str = "[buildout]\nparts = a b\n[a]\nrecipe = mini\n[b]\nrecipe = mini\n";

/// Writes the journal of a run that was killed.
fn interrupt(site: &Site, steps: impl IntoIterator<Item = Step>) {
    fs::create_dir_all(site.path(".buildout")).unwrap();
    let mut journal = Journal::new(&site.path(""), site.path(".installed.cfg"));
    for step in steps {
        journal.write(&step).unwrap();
    }
}

fn begin(part: &str) -> Step {
    let part = part.to_owned();
    let outputs = Vec::new();
    Step::Begin { part, outputs }
}

fn created(part: &str, path: PathBuf) -> Step {
    let part = part.to_owned();
    Step::Created { part, path }
}

#[test]
fn what_was_in_flight_is_removed_and_made_anew() {
    let site = Site::new(PROFILE);
    site.install(mini()).succeeded();
    let parts = site.path("parts");
    fs::create_dir(parts.join("half")).unwrap();
    fs::write(parts.join("half/file"), "").unwrap();
    site.edit("parts = a b", "parts = a b half");
    site.edit("[b]", "[half]\nrecipe = mini\n[b]");
    interrupt(
        &site,
        [
            begin("half"),
            created("half", parts.join("half")),
            // What others have recorded is not touched, nor what holds it.
            created("half", parts.join("a.txt")),
            created("half", parts.clone()),
        ],
    );
    let run = site.install(mini()).succeeded();
    assert!(!site.exists("parts/half"));
    assert_eq!(
        run.log(),
        [
            "The installation of half was interrupted; it is done anew.",
            "Updating a.",
            "Updating b.",
            "Installing half.",
        ]
    );
    let again = site.install(mini()).succeeded();
    assert_eq!(
        again.log(),
        ["Updating a.", "Updating b.", "Updating half."]
    );
    assert!(!site.exists(".buildout/journal.installed.cfg"));
}

#[test]
fn what_was_finished_is_not_done_again() {
    let site = Site::new(PROFILE);
    site.install(mini()).succeeded();
    // As if the run had been killed before it wrote the record.
    let state = site.state();
    let record = |part: &str| -> InstalledPart { state.parts[part].clone() };
    fs::remove_file(site.path(".installed.cfg")).unwrap();
    interrupt(
        &site,
        ["a", "b"].map(|part| Step::Recorded {
            part: part.to_owned(),
            record: record(part),
        }),
    );
    let run = site.install(mini()).succeeded();
    assert_eq!(run.log(), ["Updating a.", "Updating b."]);
    assert_eq!(site.state(), state);
}

#[test]
fn a_failed_installation_leaves_nothing_in_the_journal() {
    let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = fails\n");
    let fails = Script::new().install(|run| {
        run.created(run.option("out").unwrap());
        write_out(run)?;
        Err(buildout_core::recipe::RecipeError::user("no way"))
    });
    site.install(fails.named("fails")).failure();
    assert!(!site.exists("parts/a.txt"));
    assert!(!site.exists(".buildout/journal.installed.cfg"));
}

#[test]
fn what_was_uninstalled_is_written_down_if_the_rest_fails() {
    // So many that the record is not written after each one.
    let names: Vec<String> = (0..100).map(|number| format!("p{number}")).collect();
    let mut profile = format!("[buildout]\nparts = {}\n", names.join(" "));
    for name in &names {
        profile.push_str(&format!("[{name}]\nrecipe = mini\n"));
    }
    let site = Site::new(&profile);
    site.install(mini()).succeeded();
    site.edit(" p99\n", "\n");
    site.edit("[p0]\n", "[p0]\nserial = perhaps\n");
    site.install(mini()).failure();
    assert_eq!(site.recorded(), names[1..99]);
    assert!(!site.exists(".buildout/journal.installed.cfg"));
}

#[test]
fn many_parts_are_written_down_few_times() {
    let names: Vec<String> = (0..400).map(|number| format!("p{number}")).collect();
    let mut profile = format!("[buildout]\nparts = {}\n", names.join(" "));
    for name in &names {
        profile.push_str(&format!("[{name}]\nrecipe = mini\n"));
    }
    let site = Site::new(&profile);
    let written = std::sync::Arc::new(std::sync::Mutex::new(std::collections::BTreeSet::new()));
    let seen = std::sync::Arc::clone(&written);
    let path = site.path(".installed.cfg");
    let looks = Script::new().install(move |run| {
        let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        seen.lock().unwrap().insert(length);
        write_out(run)
    });
    let registry = super::scripted::registry([("looks", looks)]);
    site.profile(&profile.replace("recipe = mini", "recipe = looks"));
    site.install(registry).succeeded();
    let states = written.lock().unwrap().len();
    assert!((2..100).contains(&states), "{states}");
    assert_eq!(site.recorded(), names);
}

#[test]
fn a_second_run_waits_or_fails() {
    watched(|| {
        let site = Site::new(PROFILE);
        fs::create_dir_all(site.path(".buildout")).unwrap();
        let token = site.cancellation.clone();
        let held = RunLock::acquire(&site.path(""), WhenLocked::Fail, &token, |_| {}).unwrap();
        let (waits, waited) = channel();
        std::thread::scope(|scope| {
            let site = &site;
            scope.spawn(move || {
                let run = site.install(mini()).succeeded();
                let waiting = |event: &Event| match event {
                    Event::Waiting { what, .. } => Some(what.clone()),
                    _ => None,
                };
                let told: Vec<String> = run.events.iter().filter_map(waiting).collect();
                waits.send(told).unwrap();
            });
            let pause = std::time::Duration::from_millis(200);
            assert!(waited.recv_timeout(pause).is_err());
            assert!(!site.exists("parts/a.txt"));
            drop(held);
            let process = std::process::id();
            assert_eq!(
                waited.recv().unwrap(),
                [format!("the run of process {process} in this directory")]
            );
        });

        site.edit("[buildout]\n", "[buildout]\nrun-lock = fail\n");
        let _held = RunLock::acquire(&site.path(""), WhenLocked::Fail, &token, |_| {}).unwrap();
        let error = site.install(mini()).error();
        let process = std::process::id();
        assert!(error.contains(&format!("process {process}")), "{error}");
    });
}

#[test]
fn a_damaged_journal_is_no_obstacle() {
    let site = Site::new(PROFILE);
    site.install(mini()).succeeded();
    for text in [
        "",
        "x",
        "{\"version\":1}\n",
        "{\"version\":9}\n{\"begin\":\"a\"}\n",
        "\u{0}\n",
    ] {
        fs::write(site.path(".buildout/journal.installed.cfg"), text).unwrap();
        let run = site.install(mini()).succeeded();
        assert_eq!(run.log(), ["Updating a.", "Updating b."], "{text:?}");
    }
}
