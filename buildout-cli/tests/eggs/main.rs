//! Eggs, compared with the real zc.buildout and zc.recipe.egg: the same profile
//! is installed by both, from distributions that the test makes.

mod ahead;
mod bridged;
mod index;
mod interpreter;
mod locking;
mod options;
#[path = "../differential/peer.rs"]
#[allow(dead_code, reason = "shared with tests that use more of it")]
mod peer;
mod site;
mod slapos;
mod surroundings;

use peer::PeerVersion;
use site::{Side, Site};

/// The releases that the dialects follow.
const BOTH: [PeerVersion; 2] = [PeerVersion::Upstream6, PeerVersion::Slapos3];

/// A profile with every option of the scripts. `DOTTED` is the spelling that
/// both releases know.
const SCRIPTS: &str = "\
[buildout]
parts = plain named relative nothing distutils dotted only
find-links = FIXTURES/links
index = FIXTURES/empty

[plain]
recipe = zc.recipe.egg
eggs =
  bigdemo
  cc ; python_version < '3'
  extdemo[x]
dependent-scripts = true
interpreter = py

[named]
recipe = zc.recipe.egg:scripts
eggs = demo <0.3
scripts = demo=other missing alias=name ep
entry-points = ep=os.path:join.x unwanted=a:b
initialization =
  import os
  os.environ['DEMO'] = 'it''s'
arguments = 1, \"b\"
extra-paths =
  /abs/./x
  rel

[relative]
recipe = zc.recipe.egg:script
eggs = demo
scripts = demo=relative
relative-paths = true
extra-paths =
  /abs
  ${buildout:directory}
interpreter = relative-py

[nothing]
recipe = zc.recipe.egg
eggs = demo
scripts =

[distutils]
recipe = zc.recipe.egg
eggs = scr

[dotted]
recipe = zc.recipe.egg
eggs = DOTTED

[only]
recipe = zc.recipe.egg:eggs
eggs = demo
";

#[test]
fn scripts_are_the_same_to_the_byte() {
    for version in BOTH {
        let site = Site::new(version);
        let dotted = match version {
            PeerVersion::Upstream6 => "My.Dotted-Pkg",
            PeerVersion::Slapos3 => "my_dotted_pkg",
        };
        site.profile(&SCRIPTS.replace("DOTTED", dotted));
        let outcome = site.run(&[]);
        // 3.0.1 spells a project as the file of its wheel does.
        let told = outcome[0].told().replace("Got My.", "Got My-");
        let theirs = outcome[1].told().replace("Got My.", "Got My-");
        assert_eq!(told, theirs, "{version:?}");
        assert_eq!(
            site.names(Side::Ours, "eggs"),
            site.names(Side::Peer, "eggs"),
            "{version:?}"
        );
        let first = site.scripts(Side::Ours);
        // Upstream settles in the second run.
        let outcome = site.run(&["-N"]);
        assert_eq!(outcome[1].code, Some(0), "{}", outcome[1].text);
        let ours = site.scripts(Side::Ours);
        assert_eq!(first, ours, "a second run changes nothing");
        assert_eq!(ours, site.scripts(Side::Peer), "{version:?}");
        assert!(ours.contains_key("other"), "{ours:?}");
        assert_eq!(
            site.installed(Side::Ours),
            site.installed(Side::Peer),
            "{version:?}"
        );
        let third = site.run(&["-N"]);
        assert_eq!(third[0].told(), third[1].told(), "{version:?}");
        site.program("bigdemo", &["x"], "bigdemo 0.1\n");
        site.program("relative", &[], "demo 0.3\n");
    }
}

#[test]
fn interpreters_take_what_upstream_s_take() {
    let site = Site::new(PeerVersion::Upstream6);
    site.profile(
        "[buildout]\nparts = py\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
         [py]\nrecipe = zc.recipe.egg\neggs = demo\ninterpreter = py\n",
    );
    site.run(&[]);
    let script = site.write(
        "say.py",
        "import sys\nprint(__name__, __file__, sys.argv)\n",
    );
    for words in [
        vec![
            "-c",
            "import demo, sys; print(demo.__name__, sys.argv[1:])",
            "a",
        ],
        vec!["-m", "demoneeded", "b"],
        vec!["-I", "-c", "print(1)"],
        vec![script.as_str(), "-c", "c"],
        vec!["-V"],
    ] {
        let [ours, theirs] = site.start("py", &words);
        assert_eq!(ours, theirs, "{words:?}");
    }
}

#[test]
fn checkouts_become_develop_eggs() {
    for version in BOTH {
        let site = Site::new(version);
        site.checkouts();
        site.profile(
            "[buildout]\nparts = app\ndevelop = co-* none\nfind-links = FIXTURES/links\n\
             index = FIXTURES/empty\n\
             [app]\nrecipe = zc.recipe.egg\neggs =\n  demo\n  flat.pkg\n  srcpkg\n",
        );
        let outcome = site.run(&[]);
        assert_eq!(outcome[0].told(), outcome[1].told(), "{version:?}");
        site.run(&["-N"]);
        assert_eq!(
            site.links(Side::Ours),
            site.links(Side::Peer),
            "{version:?}"
        );
        // What an editable wheel leaves depends on the release of setuptools.
        if version == PeerVersion::Slapos3 {
            assert_eq!(site.scripts(Side::Ours), site.scripts(Side::Peer));
            assert_eq!(site.installed(Side::Ours), site.installed(Side::Peer));
        }
        site.program("flatpkg", &[], "flat.pkg\n");
        site.program("srcpkg", &[], "srcpkg\n");
        // One that cannot be built leaves what was there.
        site.break_checkout();
        let outcome = site.run(&[]);
        assert_eq!(outcome[0].code, Some(1), "{}", outcome[0].text);
        assert!(
            outcome[0].text.contains("Processing develop directory '"),
            "{}",
            outcome[0].text
        );
        site.program("flatpkg", &[], "flat.pkg\n");
    }
}

#[test]
fn a_c_extension_is_built_as_the_part_says() {
    for version in BOTH {
        let site = Site::new(version);
        site.profile(
            "[buildout]\nparts = cext app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
             [cext]\nrecipe = zc.recipe.egg:custom\ninclude-dirs =\n  FIXTURES/include\n  more\n\
             rpath = $ORIGIN/x\nenvironment = variables\n\
             [variables]\nANSWER = 42:%(HOME)s\n\
             [app]\nrecipe = zc.recipe.egg\neggs = cext\ninterpreter = py\n",
        );
        let [ours, theirs] = site.run(&["install", "cext"]);
        assert_eq!(ours.told(), theirs.told(), "{version:?}");
        assert_eq!(
            site.installed(Side::Ours),
            site.installed(Side::Peer),
            "{version:?}"
        );
        let made = site.names(Side::Ours, "develop-eggs");
        assert_eq!(made, site.names(Side::Peer, "develop-eggs"), "{version:?}");
        let [ours] = site.run_ours(&[]);
        assert_eq!(ours.code, Some(0), "{}", ours.text);
        assert!(
            site.names(Side::Ours, "eggs").is_empty(),
            "none is built twice"
        );
        let [(answer, _)] = site.start_ours("py", &["-c", "import cext; print(cext.answer)"]);
        assert_eq!(answer, "42\n");
        // Nothing is built again, until what it depends on changes.
        let [ours] = site.run_ours(&[]);
        assert_eq!(ours.told(), "Updating cext.\nUpdating app.\n");
        let [ours] = site.run_ours(&["variables:ANSWER=43"]);
        assert!(ours.told().contains("Installing cext."), "{}", ours.text);
    }
}

#[test]
fn mistakes_are_told_as_upstream_tells_them() {
    for version in BOTH {
        let site = Site::new(version);
        site.profile(
            "[buildout]\nparts = app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
             [app]\nrecipe = zc.recipe.egg\neggs = demo\n",
        );
        site.run(&[]);
        for words in [
            vec!["app:entry-points=foo"],
            vec!["app:dependent-scripts=yes"],
            vec!["app:eggs=nosuch"],
            vec!["app:eggs=demo ==0.2", "versions:demo=0.3"],
            vec!["buildout:allow-picked-versions=false", "app:eggs=bigdemo"],
        ] {
            let [ours, theirs] = site.run(&words);
            assert_eq!(ours.error(), theirs.error(), "{version:?} {words:?}");
            assert_eq!(ours.code, Some(1));
        }
        // An assertion in the original.
        let [ours] = site.run_ours(&["app:relative-paths=yes"]);
        assert!(
            ours.text
                .contains("Error: Invalid value for 'relative-paths' option: 'yes'\n"),
            "{}",
            ours.text
        );
    }
}

#[test]
fn eggs_are_there_without_a_network_and_picked_versions_are_told() {
    let site = Site::new(PeerVersion::Upstream6);
    site.profile(
        "[buildout]\nparts = app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
         show-picked-versions = true\nupdate-versions-file = picked.cfg\n\
         [app]\nrecipe = zc.recipe.egg\neggs = bigdemo\n",
    );
    let [ours, theirs] = site.run(&[]);
    assert_eq!(ours.told(), theirs.told());
    assert_eq!(
        site.read(Side::Ours, "picked.cfg"),
        site.read(Side::Peer, "picked.cfg")
    );
    // Upstream does not find its own eggs then.
    let [ours] = site.run_ours(&[
        "-o",
        "buildout:find-links=",
        "buildout:index=http://127.0.0.1:9/",
    ]);
    assert_eq!(ours.code, Some(0), "{}", ours.text);
    // Upstream would read the whole list of projects of its default index now.
    let [ours] = site.run_ours(&["-o", "app:eggs=nosuch"]);
    assert!(
        ours.error().starts_with(
            "While:\n  Installing app.\n  Getting distribution for 'nosuch'.\n\
             Error: We don't have a distribution for nosuch\n\
             and can't install one in offline (no-install) mode.\n"
        ),
        "{}",
        ours.text
    );
}
