//! What is around a run: what its Python has and how it is called, other
//! directories with the same eggs, and what wheels are for.

use crate::BOTH;
use crate::peer::PeerVersion;
use crate::site::{Side, Site};

/// Returns what a script puts on the path of modules.
fn path_of(script: &str) -> Vec<&str> {
    let lines = script.lines().filter_map(|line| line.strip_prefix("  '"));
    lines
        .map(|line| line.trim_end_matches(['\'', ',']))
        .collect()
}

#[test]
fn packages_that_are_shared_in_the_old_way_have_setuptools() {
    for version in BOTH {
        let site = Site::new(version);
        site.get("setuptools==70.0.0");
        let name = match version {
            PeerVersion::Upstream6 => "oldns.one",
            // It spells a project as the file of its wheel does.
            PeerVersion::Slapos3 => "oldns_one",
        };
        site.profile(&format!(
            "[buildout]\nparts = app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
             [app]\nrecipe = zc.recipe.egg\neggs =\n  {name}\n  cc\n"
        ));
        // Upstream settles in the second run.
        for words in [&[][..], &["-N"]] {
            for outcome in site.run(words) {
                assert_eq!(outcome.code, Some(0), "{version:?} {}", outcome.text);
            }
        }
        let [ours, theirs] = [Side::Ours, Side::Peer].map(|side| site.read(side, "bin/oldns"));
        let (mut our_path, mut their_path) = (path_of(&ours), path_of(&theirs));
        if version == PeerVersion::Slapos3 {
            // It takes the setuptools beside itself, and what is there comes last.
            our_path.retain(|entry| !entry.contains("/setuptools-70.0.0-"));
            let last = their_path.pop();
            assert!(last.is_some_and(|last| last.ends_with("/site-packages")));
        }
        assert_eq!(our_path, their_path, "{version:?}");
        assert!(ours.contains("/setuptools-70.0.0-"), "{ours}");
        site.program("oldns", &[], "oldns.one\n");
    }
}

#[test]
fn slapos_takes_a_wheel_only_where_it_is_pinned() {
    let site = Site::new(PeerVersion::Slapos3);
    site.profile(
        "[buildout]\nparts = app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
         wheels = pinned\n[app]\nrecipe = zc.recipe.egg\neggs = cc\n",
    );
    let [ours] = site.run_ours(&["versions:cc=1.0"]);
    assert_eq!(ours.code, Some(1), "{}", ours.text);
    assert!(
        ours.error()
            .contains("Couldn't find a distribution for 'cc==1.0'."),
        "{}",
        ours.text
    );
    let [ours] = site.run_ours(&["versions:cc=1.0:whl"]);
    assert_eq!(ours.code, Some(0), "{}", ours.text);
    let egg = format!("cc-1.0-py{}.egg", site.python());
    assert_eq!(site.names(Side::Ours, "eggs"), [egg]);
}

#[test]
fn scripts_of_a_python_with_a_long_path_start() {
    let site = Site::new(PeerVersion::Slapos3).with_long_python();
    site.profile(
        "[buildout]\nparts = app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
         [app]\nrecipe = zc.recipe.egg\neggs = demo\ninterpreter = py\n",
    );
    let [ours] = site.run_ours(&[]);
    assert_eq!(ours.code, Some(0), "{}", ours.text);
    for script in ["bin/demo", "bin/py", "bin/buildout"] {
        let text = site.read(Side::Ours, script);
        assert!(text.starts_with("#!/bin/sh\n"), "{script}: {text}");
        assert!(text.contains("longlong"), "{script}: {text}");
    }
    site.program("demo", &[], "demo 0.3\n");
    let [(answer, _)] = site.start_ours("py", &["-c", "import demo; print(demo.__name__)"]);
    assert_eq!(answer, "demo\n");
}

#[test]
fn two_directories_may_make_the_same_eggs_at_once() {
    let site = Site::new(PeerVersion::Upstream6);
    site.profile(
        "[buildout]\nparts = app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
         eggs-directory = FIXTURES/eggs\n\
         [app]\nrecipe = zc.recipe.egg\neggs =\n  bigdemo\n  plainsd\n",
    );
    let outcomes = site.run_ours_twice();
    for outcome in &outcomes {
        assert_eq!(outcome.code, Some(0), "{}", outcome.text);
    }
    let eggs = std::fs::read_dir(site.fixture("eggs/v5")).expect("it was made");
    let eggs = eggs.map(|egg| egg.expect("it is read").file_name());
    let mut eggs: Vec<String> = eggs.map(|egg| egg.to_string_lossy().into_owned()).collect();
    eggs.sort();
    let expected = ["bigdemo-0.1", "demo-0.3", "demoneeded-1.1", "plainsd-1.0"];
    let projects: Vec<&str> = eggs
        .iter()
        .filter_map(|egg| egg.split("-py").next())
        .collect();
    assert_eq!(projects, expected, "nothing is left of attempts");
    for (said, code) in site.start("plainsd", &[]) {
        assert_eq!((&*said, code), ("plainsd\n", Some(0)));
    }
}

#[test]
fn what_is_installed_beside_python_is_not_used() {
    for version in BOTH {
        let site = Site::new(version).with_installed(&[
            "demo-0.2-py3-none-any.whl",
            "demoneeded-1.1-py3-none-any.whl",
        ]);
        site.profile(
            "[buildout]\nparts = app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
             [app]\nrecipe = zc.recipe.egg\neggs = demo\n",
        );
        let [ours] = site.run_ours(&[]);
        assert_eq!(ours.code, Some(0), "{}", ours.text);
        let script = site.read(Side::Ours, "bin/demo");
        let path = path_of(&script);
        assert_eq!(path.len(), 2, "{path:?}");
        for entry in path {
            assert!(entry.starts_with("[BUILDOUT]/eggs/"), "{entry}");
        }
        site.program("demo", &[], "demo 0.3\n");
    }
}
