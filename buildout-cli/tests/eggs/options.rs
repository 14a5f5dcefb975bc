//! Options of `[buildout]` and of egg parts, each tried beside upstream.

use crate::BOTH;
use crate::site::{Side, Site};

/// What most profiles here begin with.
const PLACES: &str =
    "[buildout]\nparts = app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n";

/// Runs both and checks that they tell the same and leave the same.
fn compare(site: &Site, words: &[&str]) {
    let [ours, theirs] = site.run(words);
    assert_eq!(ours.told(), theirs.told(), "{words:?}: {}", ours.text);
    assert_eq!(ours.code, theirs.code, "{words:?}");
    assert_eq!(
        site.installed(Side::Ours),
        site.installed(Side::Peer),
        "{words:?}"
    );
}

#[test]
fn empty_scripts_make_nothing_and_the_interpreter_is_told_of() {
    for version in BOTH {
        let site = Site::new(version);
        site.profile(&format!(
            "{PLACES}[app]\nrecipe = zc.recipe.egg\neggs = demo\nscripts =\ninterpreter = py\n"
        ));
        compare(&site, &[]);
        assert!(site.scripts(Side::Ours).is_empty());
    }
}

#[test]
fn archives_of_the_download_cache_are_enough() {
    for version in BOTH {
        let site = Site::new(version);
        site.profile(&format!(
            "{PLACES}download-cache = dl\n[app]\nrecipe = zc.recipe.egg\neggs = bigdemo\n"
        ));
        compare(&site, &[]);
        assert_eq!(
            site.names(Side::Ours, "dl/dist"),
            site.names(Side::Peer, "dl/dist")
        );
        for side in [Side::Ours, Side::Peer] {
            site.remove_of(side, "eggs");
        }
        let from_cache = "buildout:install-from-cache=true";
        compare(
            &site,
            &[
                from_cache,
                "buildout:find-links=",
                "buildout:index=http://127.0.0.1:9/",
            ],
        );
        site.program("bigdemo", &[], "bigdemo 0.1\n");
        for words in [vec![from_cache, "app:eggs=cc"], vec![from_cache, "-o"]] {
            let [ours, theirs] = site.run(&words);
            assert_eq!(ours.error(), theirs.error(), "{words:?}");
        }
    }
}

#[test]
fn eggs_are_in_the_directories_that_the_options_say() {
    for version in BOTH {
        let site = Site::new(version);
        site.profile(&format!(
            "{PLACES}[app]\nrecipe = zc.recipe.egg\neggs = cc\n"
        ));
        compare(&site, &["buildout:abi-tag-eggs=true"]);
        compare(&site, &["buildout:eggs-directory-version="]);
        let [ours, theirs] = site.run(&["buildout:abi-tag-eggs=maybe"]);
        assert_eq!(ours.error(), theirs.error());
        // A `ValueError` of the original.
        let [ours] = site.run_ours(&["buildout:install-from-cache=true"]);
        assert!(
            ours.error()
                .ends_with("Error: install_from_cache set to true with no download cache\n"),
            "{}",
            ours.text
        );
    }
}

#[test]
fn links_of_a_part_are_its_own() {
    for version in BOTH {
        let site = Site::new(version);
        let wheel = site.fixture("links/cc-1.0-py3-none-any.whl");
        let wheel = wheel.to_string_lossy();
        site.profile(&format!(
            "[buildout]\nparts = app\nindex = FIXTURES/empty\nallow-hosts =\n  a.example\n  *.b.example\n\
             [app]\nrecipe = zc.recipe.egg\neggs = cc\nfind-links =\n  nowhere\n  {wheel}\n"
        ));
        compare(&site, &[]);
        let [ours, theirs] = site.run(&["app:eggs=demo", "app:find-links=http://127.0.0.1:9/"]);
        assert_eq!(ours.error(), theirs.error());
    }
}

#[test]
fn a_second_run_adds_its_versions_with_the_time() {
    for version in BOTH {
        let site = Site::new(version);
        site.profile(&format!(
            "{PLACES}show-picked-versions = true\nupdate-versions-file = picked.cfg\n\
             [app]\nrecipe = zc.recipe.egg\neggs = cc\n"
        ));
        compare(&site, &[]);
        compare(&site, &["app:eggs=bigdemo\ncc"]);
        let without_time = |side| {
            let text = site.read(side, "picked.cfg");
            let lines = text.lines().map(|line| match line.split_once(" at 2") {
                Some((before, _)) => before.to_owned(),
                None => line.to_owned(),
            });
            lines.collect::<Vec<_>>()
        };
        assert_eq!(without_time(Side::Ours), without_time(Side::Peer));
    }
}

#[test]
fn newer_eggs_come_beside_older_ones() {
    for version in BOTH {
        let site = Site::new(version);
        site.profile(&format!(
            "{PLACES}allow-picked-versions = false\n\
             [app]\nrecipe = zc.recipe.egg\neggs = demo\n\
             [versions]\ndemo = 0.1\ndemoneeded = 1.0\n"
        ));
        // What upstream's recipe itself is has no pin.
        compare(&site, &[]);
        site.program("demo", &[], "demo 0.1\n");
        let picking = "buildout:allow-picked-versions=true";
        site.run(&[picking, "-N", "versions:demo="]);
        site.program("demo", &[], "demo 0.1\n");
        compare(&site, &[picking, "versions:demo=<0.3"]);
        site.program("demo", &[], "demo 0.2\n");
        let demos = |side| {
            let mut names = site.names(side, "eggs");
            names.retain(|name| name.starts_with("demo"));
            names
        };
        assert_eq!(demos(Side::Ours), demos(Side::Peer));
        assert_eq!(site.scripts(Side::Ours), site.scripts(Side::Peer));
    }
}

#[test]
fn checkouts_of_parts_have_the_options_of_their_build() {
    for version in BOTH {
        let site = Site::new(version);
        site.checkouts();
        site.profile(
            "[buildout]\nparts = dev app\nfind-links = FIXTURES/links\nindex = FIXTURES/empty\n\
             [dev]\nrecipe = zc.recipe.egg:develop\nsetup = co-srcpkg\n\
             include-dirs =\n  FIXTURES/include\n  rel\nrpath =\n  a\n  $ORIGIN/x\ndefine = A,B\n\
             [app]\nrecipe = zc.recipe.egg\neggs = srcpkg\n",
        );
        let [ours, theirs] = site.run(&[]);
        assert_eq!(ours.told(), theirs.told(), "{version:?}");
        assert_eq!(site.links(Side::Ours), site.links(Side::Peer));
        let [ours, theirs] = [Side::Ours, Side::Peer].map(|side| {
            let mut part = site.installed(side).remove("dev").expect("it is there");
            // Ours removes what is beside the link, too.
            let files = part.pop().expect("files are last");
            let link = files.lines().next().map(ToOwned::to_owned);
            (part, link)
        });
        assert_eq!(ours, theirs, "{version:?}");
        site.program("srcpkg", &[], "srcpkg\n");
        for words in [vec!["dev:setup="], vec!["install", "dev", "dev:setup=none"]] {
            let [ours] = site.run_ours(&words);
            assert_eq!(ours.code, Some(1), "{words:?}: {}", ours.text);
        }
    }
}

#[test]
fn a_custom_egg_records_its_options_and_needs_a_source() {
    for version in BOTH {
        let site = Site::new(version);
        site.profile(&format!(
            "{PLACES}[app]\nrecipe = zc.recipe.egg:custom\neggs = plainsd\nnone = 1\n\
             swig = bin/swig\ndefine = A,B\nundef = C\nlibraries =\nforce = 1\nswig-opts = -x\n\
             swig-cpp = 1\ndebug = 1\ncompiler = unix\nlink-objects =\n  a.o\n  b.o\n\
             library-dirs =\n  lib\n  /usr/lib\n"
        ));
        compare(&site, &[]);
        for words in [
            vec!["app:eggs=demo"],
            vec!["versions:plainsd=2.0"],
            vec!["app:environment=missing"],
        ] {
            let [ours, theirs] = site.run(&words);
            assert_eq!(ours.error(), theirs.error(), "{words:?}");
        }
    }
}

#[test]
fn relative_paths_need_the_scripts_in_the_buildout_directory() {
    for version in BOTH {
        let site = Site::new(version);
        site.profile(&format!(
            "{PLACES}relative-paths = true\n[app]\nrecipe = zc.recipe.egg\neggs = cc\ninterpreter = py\n"
        ));
        compare(&site, &[]);
        assert_eq!(site.scripts(Side::Ours), site.scripts(Side::Peer));
        // An assertion of the original.
        let [ours] = site.run_ours(&["buildout:bin-directory=../elsewhere"]);
        assert_eq!(ours.code, Some(1), "{}", ours.text);
        assert!(
            ours.text.contains("set `relative-paths = false`"),
            "{}",
            ours.text
        );
    }
}
