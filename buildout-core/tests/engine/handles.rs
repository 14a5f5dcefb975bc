//! Nested, re-entrant calls across threads.

use std::sync::{Arc, Barrier};

use buildout_core::event::Event;
use buildout_core::recipe::{Buildout as _, Installed};
use buildout_core::run::{Problem, SIGNATURE_OPTION};

use super::bridge::Bridge;
use super::scripted::{Script, mini, registry};
use super::site::{Run, Site, watched};

/// Runs a profile with a child of its own; fails if that takes too long.
fn run(profile: &str) -> (Site, Run, Arc<Bridge>) {
    let profile = profile.to_owned();
    watched(move || {
        let site = Site::new(&profile);
        let bridge = Bridge::start();
        let run = site.install(bridge.registry());
        (site, run, bridge)
    })
}

/// Returns the dependencies that the signature of a part names.
fn dependencies(site: &Site, part: &str) -> String {
    let state = site.state();
    let signature = &state.parts[part].options[SIGNATURE_OPTION];
    let names = signature.split(' ').skip(1);
    let names = names.map(|item| item.split(':').next().unwrap());
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn constructions_nest_in_both_directions() {
    let (site, run, bridge) = run("[buildout]\nparts = a\n\
         [a]\nrecipe = egg\nconstruct = b:out native:out\n\
         [b]\nrecipe = egg:x\nconstruct = c:out\n\
         [c]\nrecipe = egg\nconstruct = d:out\n\
         [d]\nrecipe = egg\nconstruct = e:out\n\
         [e]\nrecipe = egg\nconstruct = d:construct\n\
         [native]\nrecipe = mini\nx = ${e:out}\n");
    let run = run.succeeded();
    assert!(bridge.deepest() >= 5, "{}", bridge.deepest());
    assert_eq!(site.recorded(), ["e", "d", "c", "b", "native", "a"]);
    let out = &site.state().parts["a"].options["out"];
    assert!(out.starts_with("a(b(c(d(e(e:out)))) /"), "{out}");
    let cases = [
        ("a", "b native"),
        ("b", "c"),
        ("c", "d"),
        ("d", "e"),
        ("e", "d"),
    ];
    for (part, expected) in cases {
        assert_eq!(dependencies(&site, part), expected, "{part}");
    }
    let log = run.log();
    assert!(log.contains(&"a: a()".to_owned()), "{log:?}");
}

#[test]
fn an_installation_reaches_sections_that_are_not_initialised() {
    let (site, run, bridge) = run("[buildout]\nparts = a\n\
         [a]\nrecipe = egg\ninstall = b:out data:x\n\
         [b]\nrecipe = egg\nconstruct = c:out\n\
         [c]\nrecipe = egg\nconstruct = native:text\n\
         [native]\nrecipe = mini\ntext = T\n\
         [data]\nx = ${d:out}\n\
         [d]\nrecipe = egg\n");
    let run = run.succeeded();
    assert_eq!(run.log(), ["Installing a.", "a: a(b(c(T)) d())"]);
    assert!(bridge.deepest() >= 3, "{}", bridge.deepest());
    // What comes up that late is no part, and nothing depends on it.
    assert_eq!(site.recorded(), ["a"]);
    assert_eq!(dependencies(&site, "a"), "");
    let from_a = run.edges.iter().filter(|edge| &*edge.from == "a").count();
    assert_eq!(from_a, 0, "{:?}", run.edges);
}

#[test]
fn many_threads_use_one_handle() {
    let names: Vec<String> = (0..24).map(|index| format!("s{index}")).collect();
    let mut profile = format!(
        "[buildout]\nparts = a\n[a]\nrecipe = egg\ninstall = s0:out s7:out\nthreads = {}\n",
        names.join(" ")
    );
    for (index, name) in names.iter().enumerate() {
        // Half in the child, half here, each reaching others.
        let (recipe, next) = match index % 2 {
            0 => ("egg\nconstruct =", format!("s{}:recipe", (index + 5) % 24)),
            _ => ("mini\nx =", "${data:x}".to_owned()),
        };
        profile.push_str(&format!("[{name}]\nrecipe = {recipe} {next}\n"));
    }
    profile.push_str("[data]\nx = 1\n");
    for _ in 0..5 {
        let (site, run, _) = run(&profile);
        let run = run.succeeded();
        assert_eq!(site.recorded(), ["a"]);
        // What is constructed here is constructed before anybody sees it; what
        // the child constructs may be seen while it is.
        let log = run.log().join(" ");
        for index in (1..24).step_by(2) {
            assert!(log.contains(&format!("/parts/s{index}.txt")), "{log}");
        }
        // Nothing that an installation reaches becomes a dependency.
        let parts = run.edges.iter().filter(|edge| edge.option.is_none());
        for edge in parts {
            assert_ne!(edge.from, edge.to);
            assert_ne!(&*edge.from, "a", "{edge:?}");
        }
    }
}

#[test]
fn constructions_at_the_same_time_do_not_mix_up_what_they_reach() {
    // `b` and `c` are constructed for two threads of `a`, and wait for each
    // other: one construction nests in the other by chance, and nobody's
    // dependencies may show that.
    let barrier = Arc::new(Barrier::new(2));
    let meets = Script::new().construct(move |part| {
        let own = format!("data-{}", part.part());
        let barrier = Arc::clone(&barrier);
        part.on_other_thread(|remote| {
            barrier.wait();
            let value = remote.get(&own, "x")?;
            barrier.wait();
            remote.set("a", &own, value.as_deref().unwrap_or(""))
        })?;
        Ok(())
    });
    let starts = Script::new().install(|run| {
        std::thread::scope(|scope| {
            for section in ["b", "c"] {
                let remote = run.buildout().clone();
                scope.spawn(move || remote.reach(section).unwrap());
            }
        });
        Ok(Installed::nothing())
    });
    let run = watched(move || {
        let site = Site::new(
            "[buildout]\nparts = a\n[a]\nrecipe = starts\n[b]\nrecipe = meets\n\
             [c]\nrecipe = meets\n[data-b]\nx = 1\n[data-c]\nx = 1\n",
        );
        site.install(registry([("starts", starts), ("meets", meets)]))
    });
    let run = run.succeeded();
    let mut edges: Vec<String> = run
        .edges
        .iter()
        .filter(|edge| edge.to.starts_with("data-"))
        .map(|edge| format!("{} {}", edge.from, edge.to))
        .collect();
    edges.sort();
    assert_eq!(edges, ["b data-b", "c data-c"]);
}

#[test]
fn panics_and_failures_of_the_child_belong_to_the_part() {
    let cases = [
        (
            "construct = panic",
            "x = 1",
            "Installing. Getting section a. Initializing section a. \
             the recipe of part `a` panicked: the child fell in a",
        ),
        (
            "install = panic",
            "x = 1",
            "Installing a. the recipe of part `a` panicked: the child fell in a",
        ),
        (
            "construct = b:out",
            "construct = panic",
            "Installing. Getting section a. Initializing section a. \
             Getting section b. Initializing section b. \
             the recipe of part `b` panicked: the child fell in b",
        ),
        (
            "install = b:out",
            "construct = panic",
            "Installing a. Getting section b. Initializing section b. \
             the recipe of part `b` panicked: the child fell in b",
        ),
        ("install = fail", "x = 1", "Installing a. fail in a"),
        (
            "install = b:out",
            "construct = absent:x",
            "Installing a. Getting section b. Initializing section b. Getting section absent. \
             The referenced section, 'absent', was not defined.",
        ),
    ];
    for (a, b, expected) in cases {
        let profile =
            format!("[buildout]\nparts = a\n[a]\nrecipe = egg\n{a}\n[b]\nrecipe = egg\n{b}\n");
        let (site, run, _) = run(&profile);
        assert_eq!(run.error(), expected);
        assert_eq!(site.recorded(), [""; 0]);
    }
}

#[test]
fn a_handle_used_after_the_run_fails_at_once() {
    let profile = "[buildout]\nparts = a\n[a]\nrecipe = egg\nkeep = 1\n[b]\nx = 1\n";
    let (_, run, bridge) = run(profile);
    run.succeeded();
    let remote = bridge.kept.lock().unwrap().pop().unwrap();
    watched(move || {
        let failure = remote.get("b", "x").unwrap_err();
        assert!(
            matches!(failure.problem(), Problem::EngineGone),
            "{failure}"
        );
    });

    // Also while the session itself still exists.
    watched(move || {
        let site = Site::new(profile);
        let bridge = Bridge::start();
        let (result, events) = site.session(bridge.registry(), |session| {
            let how = buildout_core::run::SettingsReader {
                create_caches: false,
                default_jobs: 1,
                configure_log: &|_, _| Ok(()),
            };
            let settings = buildout_core::run::BuildoutSettings::read(session, &how)?;
            buildout_core::run::install(session, &settings, &[])?;
            let remote = bridge.kept.lock().unwrap().pop().unwrap();
            let other = remote.clone();
            let thread = std::thread::spawn(move || other.get("b", "x"));
            for result in [remote.get("b", "x"), thread.join().unwrap()] {
                let failure = result.unwrap_err();
                assert!(
                    matches!(
                        failure.problem(),
                        Problem::EngineGone | Problem::EngineThread
                    ),
                    "{failure}"
                );
            }
            Ok(())
        });
        result.unwrap();
        assert!(
            events
                .iter()
                .any(|e| matches!(e, Event::PartFinished { .. }))
        );
    });
}

#[test]
fn a_handle_used_on_the_engine_thread_fails_at_once() {
    let wrong = Script::new().construct(|part| {
        let remote = part.on_other_thread(|remote| remote);
        let failure = remote.get("b", "x").unwrap_err();
        assert!(
            matches!(failure.problem(), Problem::EngineThread),
            "{failure}"
        );
        Ok(())
    });
    let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = wrong\n[b]\nx = 1\n");
    watched(move || {
        let wrong = wrong.install(|_| Ok(Installed::nothing()));
        site.install(wrong.named("wrong")).succeeded();
        site.install(mini())
    });
}

#[test]
fn a_thread_that_outlives_its_installation_does_not_block_the_run() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let leaves = Script::new().install(move |run| {
        let remote = run.buildout().clone();
        let sender = sender.clone();
        std::thread::spawn(move || {
            loop {
                if let Err(failure) = remote.get("b", "x") {
                    let _ = sender.send(failure);
                    return;
                }
            }
        });
        Ok(Installed::nothing())
    });
    watched(move || {
        let site = Site::new("[buildout]\nparts = a\n[a]\nrecipe = leaves\n[b]\nx = 1\n");
        site.install(leaves.named("leaves")).succeeded();
        let failure = receiver.recv().unwrap();
        assert!(
            matches!(failure.problem(), Problem::EngineGone),
            "{failure}"
        );
    });
}
