//! What installing, updating and uninstalling do, and what is recorded of it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex};

use buildout_core::dialect::DialectName;
use buildout_core::recipe::{Installed, RecipeError, RecipeErrorKind};
use buildout_core::run::Problem;

use super::scripted::{Script, mini, registry, set_out, write_out};
use super::site::{Site, os};

const TWO: &str = "[buildout]\nparts = a b\n[a]\nrecipe = mini\n[b]\nrecipe = mini\n";

#[test]
fn a_first_run_installs_and_a_second_one_writes_nothing() {
    for dialect in DialectName::ALL {
        let site = Site::new(TWO).dialect(dialect);
        let run = site.install(mini()).succeeded();
        assert_eq!(run.log(), ["Installing a.", "Installing b."]);
        assert_eq!(site.recorded(), ["a", "b"]);
        assert_eq!(site.recorded_paths("a"), ["parts/a.txt"]);

        let identity = || {
            let metadata = fs::metadata(site.path(".installed.cfg")).unwrap();
            let time = metadata.modified().unwrap();
            (metadata.ino(), time, site.read(".installed.cfg"))
        };
        let before = identity();
        let run = site.install(mini()).succeeded();
        assert_eq!(run.log(), ["Updating a.", "Updating b."]);
        assert_eq!(identity(), before, "not even replaced by the same");
        let left = fs::read_dir(site.path("")).unwrap();
        let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(
            !names
                .iter()
                .any(|name| name.to_string_lossy().contains("tmp")),
            "{names:?}"
        );
    }
}

#[test]
fn runs_of_changed_part_lists() {
    let sections =
        "[a]\nrecipe = mini\n[b]\nrecipe = mini\n[c]\nrecipe = mini\n[d]\nrecipe = mini\n";
    // From, to, the log of the second run, the parts recorded then.
    let cases = [
        (
            "a b c d",
            "d b a",
            "Uninstalling c. Updating d. Updating b. Updating a.",
            "d b a",
        ),
        (
            "a b c",
            "d",
            "Uninstalling c. Uninstalling b. Uninstalling a. Installing d.",
            "d",
        ),
        (
            "c a",
            "b c a",
            "Installing b. Updating c. Updating a.",
            "b c a",
        ),
        ("a b", "", "Uninstalling b. Uninstalling a.", ""),
    ];
    for (from, to, log, recorded) in cases {
        let site = Site::new(&format!("[buildout]\nparts = {from}\n{sections}"));
        site.install(mini()).succeeded();
        site.edit(&format!("parts = {from}\n"), &format!("parts = {to}\n"));
        let run = site.install(mini()).succeeded();
        assert_eq!(run.log().join(" "), log);
        assert_eq!(site.recorded().join(" "), recorded);
        assert_eq!(site.exists(".installed.cfg"), !recorded.is_empty());
        for part in from.split(' ').filter(|part| !to.contains(part)) {
            assert!(!site.exists(&format!("parts/{part}.txt")), "{part}");
        }
        assert!(site.exists("parts"), "directories stay");
    }
}

#[test]
fn named_parts_are_installed_alone() {
    let site = Site::new(
        "[buildout]\nparts = a b\n[a]\nrecipe = mini\nx = ${b:out}\n[b]\nrecipe = mini\ny = 1\n",
    )
    .dialect(DialectName::Upstream);
    site.install(mini()).succeeded();
    site.edit("y = 1", "y = 2");
    let run = site.install_parts(mini(), &["a"]).succeeded();
    assert_eq!(run.log(), ["Updating a."]);
    assert_eq!(site.recorded(), ["b", "a"]);
    let run = site.install_parts(mini(), &["zz"]);
    assert_eq!(
        run.error(),
        "Installing. Getting section zz. The referenced section, 'zz', was not defined."
    );
}

#[test]
fn uninstalling_comes_before_any_installation_and_in_reverse() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let noted = {
        let installed = Arc::clone(&order);
        let removed = Arc::clone(&order);
        Script::new()
            .install(move |run| {
                installed.lock().unwrap().push(format!("+{}", run.part()));
                write_out(run)
            })
            .uninstall(move |part, options| {
                let paths = &options["__buildout_installed__"];
                let signature = &options["__buildout_signature__"];
                assert!(paths.ends_with(&format!("{part}.txt")), "{paths}");
                assert!(signature.starts_with("native:"), "{signature}");
                removed.lock().unwrap().push(format!("-{part}"));
                Ok(())
            })
    };
    let run = |site: &Site| site.install(noted.clone().named("noted")).succeeded().log();
    let site = Site::new(&TWO.replace("mini", "noted\ntext = 1"));
    run(&site);
    site.edit("text = 1", "text = 2");
    assert_eq!(
        run(&site),
        [
            "Uninstalling b.",
            "Running uninstall recipe.",
            "Uninstalling a.",
            "Running uninstall recipe.",
            "Installing a.",
            "Installing b.",
        ]
    );
    assert_eq!(*order.lock().unwrap(), ["+a", "+b", "-b", "-a", "+a", "+b"]);

    // An uninstall recipe that fails ends the run, and the part stays.
    let failing = noted.uninstall(|_, _| Err(RecipeError::user("stuck")));
    site.edit("parts = a b", "parts = a");
    let run = site.install(failing.named("noted"));
    assert_eq!(run.error(), "Installing. Uninstalling b. stuck");
    assert_eq!(site.recorded(), ["a", "b"]);
}

#[test]
fn updates_add_to_what_is_recorded() {
    let extra = |paths: &'static [&'static str]| {
        Script::new().update(move |_| match paths {
            [] => Ok(Installed::Unchanged),
            paths => Ok(Installed::Paths(
                paths.iter().map(ToString::to_string).collect(),
            )),
        })
    };
    let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = extra\n");
    site.install(extra(&[]).named("extra")).succeeded();
    let out = "parts/a.txt";
    let steps: [(&'static [&'static str], &[&str]); 4] = [
        (&[], &[out]),
        (&["z", "b"], &[out, "z", "b"]),
        (&["b", "c"], &[out, "z", "b", "c"]),
        (&[], &[out, "z", "b", "c"]),
    ];
    for (returned, recorded) in steps {
        for path in returned {
            fs::write(site.path(path), "").unwrap();
        }
        site.install(extra(returned).named("extra")).succeeded();
        assert_eq!(site.recorded_paths("a"), recorded);
    }
    site.edit("parts = a", "parts =");
    site.install(mini()).succeeded();
    for path in ["z", "b", "c", out] {
        assert!(!site.exists(path), "{path}");
    }
}

#[test]
fn an_installation_that_returns_nothing_is_recorded_with_a_warning() {
    let none = Script::new()
        .install(|_| Ok(Installed::Unchanged))
        .update(|_| Ok(Installed::Unchanged));
    let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = none\n");
    let run = site.install(none.clone().named("none")).succeeded();
    let warning = "The a install returned None.  A path or iterable os paths should be returned.";
    assert_eq!(run.log(), ["Installing a.", warning]);
    assert_eq!(site.recorded_paths("a"), [""; 0]);
    let run = site.install(none.named("none")).succeeded();
    assert_eq!(run.log(), ["Updating a."]);
}

#[test]
fn options_set_while_a_part_is_installed_are_not_recorded() {
    use buildout_core::recipe::Buildout as _;
    let sets = Script::new().install(|run| {
        run.buildout().set("a", "late", "1")?;
        run.buildout().set("b", "late", "1")?;
        assert_eq!(run.option("late"), None, "the snapshot stays as it was");
        write_out(run)
    });
    let site = Site::new(&TWO.replace("[a]\nrecipe = mini", "[a]\nrecipe = sets"));
    site.install(sets.clone().named("sets")).succeeded();
    let state = site.state();
    assert!(!state.parts["a"].options.contains_key("late"));
    // The turn of `b` came later.
    assert_eq!(state.parts["b"].options["late"], "1");
}

#[test]
fn unused_options_are_reported_when_nothing_has_read_them() {
    let site = Site::new(
        "[buildout]\nparts = a b\ntypo = 1\n[a]\nrecipe = mini\ntext = 1\nzz = 1\nunused = 2\n\
         [b]\nrecipe = mini\nx = ${a:text}\n",
    );
    let run = site.install(mini()).succeeded();
    assert_eq!(run.unused(), ["buildout: typo", "a: unused zz", "b: x"]);
    // The comparison with the record reads every option of a part.
    let run = site.install(mini()).succeeded();
    assert_eq!(run.unused(), ["buildout: typo"]);
    site.edit("zz = 1", "zz = 2");
    let run = site.install(mini()).succeeded();
    assert!(run.log().contains(&"Installing a.".to_owned()));
    assert_eq!(run.unused(), ["buildout: typo"]);
}

#[test]
fn a_failed_installation_leaves_what_was_finished() {
    let failures: [(&str, &str); 4] = [
        ("user", "Installing b. bad thing 42"),
        ("internal", "Installing b. no value"),
        ("exit", "Installing b. "),
        (
            "panic",
            "Installing b. the recipe of part `b` panicked: oh no",
        ),
    ];
    for (how, expected) in failures {
        let fails = Script::new().install(move |run| {
            let directory = run.services().absolute("parts/made");
            fs::create_dir_all(directory.join("deep")).unwrap();
            run.created(directory);
            run.created("parts/never-made");
            let out = run.option("out").unwrap();
            fs::write(out, "").unwrap();
            run.created(out);
            fs::write(run.services().absolute("parts/leaks"), "").unwrap();
            match how {
                "user" => Err(RecipeError::user("bad thing 42")),
                "internal" => Err(RecipeError::internal("ValueError", "no value")),
                "exit" => Err(RecipeError::new(RecipeErrorKind::Exit(9), "")),
                _ => panic!("oh no"),
            }
        });
        let site = Site::new(&TWO.replace("[b]\nrecipe = mini", "[b]\nrecipe = fails"));
        site.edit("parts = a b", "parts = a b c");
        site.edit("[a]", "[c]\nrecipe = mini\n[a]");
        let run = site.install(fails.named("fails"));
        assert_eq!(run.error(), expected);
        let codes = (run.failure().exit_code(), run.failure().is_exit());
        assert_eq!(codes, if how == "exit" { (9, true) } else { (1, false) });
        assert_eq!(run.log(), ["Installing a.", "Installing b."]);
        assert_eq!(site.recorded(), ["a"]);
        for (path, exists) in [
            ("parts/a.txt", true),
            ("parts/made", false),
            ("parts/b.txt", false),
            ("parts/leaks", true),
            ("parts/c.txt", false),
        ] {
            assert_eq!(site.exists(path), exists, "{path}");
        }
    }
}

#[test]
fn what_cannot_be_cleaned_up_does_not_hide_why_the_installation_failed() {
    let outside = tempfile::tempdir().unwrap();
    let precious = outside.path().join("precious");
    fs::write(&precious, "").unwrap();
    let path = precious.clone();
    let fails = Script::new().install(move |run| {
        run.created(&path);
        // The buildout directory itself is never removed.
        run.created(run.services().absolute(""));
        // No file can have this name.
        run.created("x".repeat(10_000));
        Err(RecipeError::user("the reason"))
    });
    let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = fails\n");
    let run = site.install(fails.named("fails"));
    assert_eq!(run.error(), "Installing a. the reason");
    let warned = |line: &String| line.starts_with("Couldn't clean up after part a:");
    assert!(run.log().iter().any(warned), "{:?}", run.log());
    assert!(precious.exists());
    assert!(site.exists("buildout.cfg"));
}

#[test]
fn a_failed_update_keeps_the_files_and_the_record() {
    let fails = Script::new().update(|run| {
        let out = run.option("out").unwrap();
        run.created(out);
        let new = run.services().absolute("parts/new");
        fs::write(&new, "").unwrap();
        run.created(new);
        Err(RecipeError::user("no update"))
    });
    let site = Site::new(&TWO.replace("[a]\nrecipe = mini", "[a]\nrecipe = fails"));
    site.install(fails.clone().named("fails")).succeeded();
    let before = site.state();
    let run = site.install(fails.clone().named("fails"));
    assert_eq!(run.error(), "Updating a. no update");
    assert_eq!(site.state(), before);
    assert!(site.exists("parts/a.txt"), "it was installed before");
    assert!(
        !site.exists("parts/new"),
        "it was made by the failed update"
    );
    let works = fails.update(|_| Ok(Installed::Unchanged));
    let run = site.install(works.named("fails")).succeeded();
    assert_eq!(run.log(), ["Updating a.", "Updating b."]);
}

#[test]
fn links_are_removed_and_what_they_lead_to_is_not() {
    let outside = tempfile::tempdir().unwrap();
    let precious = outside.path().join("precious");
    fs::create_dir(&precious).unwrap();
    let path = precious.clone();
    let links = Script::new().install(move |run| {
        let mut paths = Vec::new();
        let targets = [("directory", &*path), ("dangling", "nowhere".as_ref())];
        for (name, target) in targets {
            let link = run.services().absolute(name);
            std::os::unix::fs::symlink(target, &link).unwrap();
            paths.push(link.to_str().unwrap().to_owned());
        }
        paths.push(path.to_str().unwrap().to_owned());
        paths.push(String::new());
        Ok(Installed::Paths(paths))
    });
    let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = links\n");
    site.install(links.named("links")).succeeded();
    let mode = fs::metadata(&precious).unwrap().mode();
    site.edit("parts = a", "parts =");
    let run = site.install(mini()).succeeded();
    let refused = format!(
        "Not removing '{}': it lies outside the buildout directory.",
        precious.display()
    );
    assert_eq!(run.log(), ["Uninstalling a.", &refused]);
    assert!(!site.exists("directory") && !site.exists("dangling"));
    assert_eq!(fs::metadata(&precious).unwrap().mode(), mode);
}

#[test]
fn without_a_record_every_run_installs() {
    let site = Site::new(&TWO.replace("parts =", "installed =\nparts ="));
    for _ in 0..2 {
        let run = site.install(mini()).succeeded();
        assert_eq!(run.log(), ["Installing a.", "Installing b."]);
    }
    assert!(!site.exists(".installed.cfg"));
}

#[test]
fn a_record_that_cannot_be_read_is_an_error_before_anything_is_done() {
    let site = Site::new(TWO);
    fs::write(site.path(".installed.cfg"), "garbage\n").unwrap();
    let run = site.install(mini());
    assert!(matches!(run.failure().problem(), Problem::State(_)));
    assert_eq!(run.log(), [""; 0]);
    assert_eq!(site.read(".installed.cfg"), "garbage\n");
}

#[test]
fn a_cancelled_run_ends_between_parts() {
    let site = Site::new(&TWO.replace("[a]\nrecipe = mini", "[a]\nrecipe = cancels"));
    let cancellation = site.cancellation.clone();
    let cancels = Script::new().install(move |run| {
        cancellation.cancel();
        write_out(run)
    });
    let run = site.install(cancels.named("cancels"));
    assert!(matches!(run.failure().problem(), Problem::Cancelled));
    assert_eq!(site.recorded(), ["a"], "what was finished is kept");
    assert!(!site.exists("parts/b.txt"));
}

#[test]
fn later_parts_see_the_environment_that_earlier_ones_leave() {
    let variable = "BUILDOUT_TEST_OF_THE_ENVIRONMENT";
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reads = {
        let seen = Arc::clone(&seen);
        Script::new().install(move |run| {
            let value = run.services().environment().remove(&os(variable));
            seen.lock().unwrap().push(value);
            write_out(run)
        })
    };
    let changes = Script::new()
        .construct(|part| {
            assert_eq!(part.services().environment()[&os("KEPT")], "1");
            set_out(part)
        })
        .install(move |run| {
            let mut environment = run.services().environment();
            environment.insert(os(variable), os("set"));
            run.services().set_environment(environment);
            write_out(run)
        });
    let mut site = Site::new(
        "[buildout]\nparts = r0 c r1\n[r0]\nrecipe = reads\n[c]\nrecipe = changes\n\
         [r1]\nrecipe = reads\n",
    );
    site.environment.insert(os("KEPT"), os("1"));
    let scripts = registry([("reads", reads), ("changes", changes)]);
    site.install(scripts).succeeded();
    assert_eq!(*seen.lock().unwrap(), [None, Some(os("set"))]);
    assert_eq!(std::env::var_os(variable), None);
}
