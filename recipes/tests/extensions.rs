//! The built-in extensions.

mod support;

use std::process::Command;

use support::TestSite;

#[test]
fn a_directory_is_marked_as_shared() {
    let profile = "[buildout]\nparts =\nextensions = slapos.extension.shared\n";
    let site = TestSite::with_profile(profile);
    site.install().succeeded();
    assert!(!site.exists(".shared"));
    site.profile(&format!("{profile}shared-parts = /srv/shared\n"));
    site.install().succeeded();
    assert_eq!(site.read(".shared"), "");
}

/// Tells whether `nm` finds symbols in a file.
fn has_symbols(site: &TestSite, path: &str) -> bool {
    let output = Command::new("nm")
        .arg(site.path(path))
        .output()
        .expect("nm starts");
    !output.stdout.is_empty()
}

#[test]
fn what_was_compiled_loses_its_symbols() {
    let site = TestSite::new();
    site.write(
        "x.c",
        "int f(void) { return 3; }\nint main(void) { return f(); }\n",
    );
    let command = "mkdir -p out && cc -g -o out/program x.c && cc -g -shared -fPIC -o out/libx.so.1 \
                   x.c && cp out/program out/kept && cp out/program out/data && chmod 444 out/libx.so.1 \
                   && chmod 644 out/data && printf '#!/bin/sh\\n' > out/script && chmod 755 out/script";
    site.profile(&format!(
        "[buildout]\nparts = compiled\nextensions =\n  slapos.extension.strip\n\
         do-not-strip-path = ${{buildout:directory}}/out/kept\n\
         [compiled]\nrecipe = plone.recipe.command\nstop-on-error = true\ncommand = {command}\n"
    ));
    let run = site.install().succeeded();
    assert!(
        run.output().ends_with("Stripping binaries ...\nDone.\n"),
        "{}",
        run.output()
    );
    for (path, expected) in [
        ("out/program", false),
        ("out/libx.so.1", false),
        ("out/kept", true),
        ("out/data", true),
    ] {
        assert_eq!(has_symbols(&site, path), expected, "{path}");
    }
    assert_eq!(site.mode("out/libx.so.1"), 0o444);
    let status = Command::new(site.path("out/program"))
        .status()
        .expect("it starts");
    assert_eq!(status.code(), Some(3));

    // A strip that does not work is told, and is no failure.
    let site = TestSite::with_profile(
        "[buildout]\nparts =\nextensions = slapos.extension.strip\nstrip-binary = /bin/false\n",
    );
    site.write_with_mode(
        "program",
        std::fs::read("/bin/true").expect("readable"),
        0o755,
    );
    let run = site.install().succeeded();
    // What the system ships may be stripped already; then there is nothing to do.
    assert!(
        run.output().starts_with("Stripping binaries ...\n"),
        "{}",
        run.output()
    );
}

const REBOOTSTRAP: &str = "[buildout]
parts = last
extensions = slapos.rebootstrap
python = own-python
rebootstrap-prepend-paths = eggs
[own-python]
recipe = plone.recipe.command
command = mkdir -p ${buildout:directory}/own && touch ${:executable}
executable = ${buildout:directory}/own/python
[eggs]
recipe = slapos.cookbook:mkdirectory
location = ${buildout:directory}/more
[last]
recipe = slapos.recipe.template
output = ${buildout:directory}/out
inline = text
";

#[test]
fn the_python_of_a_profile_comes_first() {
    let site = TestSite::with_profile(REBOOTSTRAP);
    let run = site.install().succeeded();
    assert_eq!(
        run.work_log(),
        [
            "INFO Installing own-python.",
            "INFO own-python: Running 'mkdir -p [ROOT]/buildout/own && touch \
             [ROOT]/buildout/own/python'",
            "INFO Installing eggs.",
            "INFO Installing last.",
        ]
    );
    for (from, to, expected) in [
        (
            "paths = eggs",
            "paths = egs",
            "Error: rebootstrap-prepend-paths: section 'egs' does not exist\nhint: add a section \
             `[egs]`, or remove the name",
        ),
        (
            "location = ",
            "place = ",
            "Error: rebootstrap-prepend-paths: section 'eggs' has no 'location' option\nhint: add \
             `location = ...` to `[eggs]`",
        ),
        (
            "\nexecutable = ",
            "\nprogram = ",
            "Error: Referenced option does not exist: own-python executable\nhint: add \
             `executable = ...` to `[own-python]`",
        ),
    ] {
        site.profile(&REBOOTSTRAP.replace(from, to));
        assert_eq!(site.install().error(), expected, "{to}");
    }
}

#[test]
fn other_extensions_are_refused() {
    let site = TestSite::with_profile(
        "[buildout]\nparts =\nextensions = slapos.extension.shared mr.developer\n",
    );
    let error = site.install().error();
    assert!(
        error.starts_with("Error: Not supported: extensions, which are Python programs."),
        "{error}"
    );
}
