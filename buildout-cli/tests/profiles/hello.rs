//! `profiles/hello`.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::checkout;
use crate::site::Site;
use crate::tree::Tree;

/// gcc and make, what they run themselves, and what every Unix has. No Python.
const PROGRAMS: [&str; 10] = [
    "as", "cc", "gcc", "install", "ld", "make", "mkdir", "rm", "sh", "true",
];

/// Directories and files of a run that every run may write.
const STATE: [&str; 2] = [".buildout", ".installed.cfg"];

/// Returns a directory that is a whole `PATH`: links to `PROGRAMS` only.
fn only_gcc_and_make(site: &Site) -> std::path::PathBuf {
    let directory = site.make_directory("programs");
    let path = std::env::var_os("PATH").unwrap_or_default();
    for program in PROGRAMS {
        let found = std::env::split_paths(&path)
            .map(|directory| directory.join(program))
            .find(|candidate| candidate.is_file())
            .unwrap_or_else(|| panic!("{program} is needed and not on PATH"));
        symlink(&found, directory.join(program))
            .unwrap_or_else(|error| panic!("cannot link {}: {error}", found.display()));
    }
    directory
}

#[test]
fn hello_needs_only_gcc_and_make() {
    let site = Site::create("hello");
    let programs = only_gcc_and_make(&site);
    let site = site.with_variable("PATH", programs);
    let profile = checkout::path("profiles/hello/buildout.cfg");
    let profile = profile.to_string_lossy();
    let directory = format!("buildout:directory={}", site.path("hello").display());
    let checkout_before = Tree::of(&checkout::path("profiles/hello"));

    let first = site.buildout(&["-c", &profile, &directory]);
    assert_eq!(
        first.actions(),
        [
            "Installing hello-program.",
            "Installing directory.",
            "Installing hello-configuration.",
            "Installing hello.",
        ]
    );
    let wrapper = site.path("hello/bin/hello");
    assert_eq!(said(&site, &wrapper), "Hello, world!\nHello, buildout!\n");

    let installed = Tree::of(&site.path("hello")).without(&STATE);
    let second = site.buildout(&["-c", &profile, &directory]);
    assert_eq!(
        second.actions(),
        [
            "Updating hello-program.",
            "Updating directory.",
            "Updating hello-configuration.",
            "Updating hello.",
        ]
    );
    let updated = Tree::of(&site.path("hello")).without(&STATE);
    assert_eq!(installed.paths(), updated.paths());
    let written: Vec<&Path> = installed.written_in(&updated).into_iter().collect();
    assert!(written.is_empty(), "an update wrote {written:?}");

    let other = "parameters:greeting=Bonjour";
    let third = site.buildout(&["-c", &profile, &directory, other]);
    // The script depends on the configuration, the program does not.
    assert_eq!(third.changed_parts(), ["hello", "hello-configuration"]);
    assert_eq!(
        said(&site, &wrapper),
        "Bonjour, world!\nBonjour, buildout!\n"
    );

    let checkout_after = Tree::of(&checkout::path("profiles/hello"));
    assert_eq!(checkout_before.paths(), checkout_after.paths());
    assert!(checkout_before.written_in(&checkout_after).is_empty());
}

/// A change of the program makes its user again, and nothing else: only in the dialect that knows
/// dependencies.
#[test]
fn dependants_are_made_again_in_the_slapos_dialect() {
    let profile = checkout::path("profiles/hello/buildout.cfg");
    let base = checkout::path("profiles/hello");
    let located = |section: &str| format!("{section}:_profile_base_location_={}", base.display());
    for (dialect, expected) in [
        ("slapos", vec!["hello", "hello-program"]),
        ("upstream", vec!["hello-program"]),
    ] {
        let site = Site::create(dialect);
        let directory = format!("buildout:directory={}", site.path("hello").display());
        let mut arguments = vec![
            "--dialect".to_owned(),
            dialect.to_owned(),
            "-c".to_owned(),
            profile.to_string_lossy().into_owned(),
            directory,
        ];
        if dialect == "upstream" {
            arguments.extend(["hello-program", "hello-configuration"].map(located));
        }
        let run = |more: &[&str]| {
            let given = arguments.iter().map(String::as_str);
            let all: Vec<&str> = given.chain(more.iter().copied()).collect();
            site.buildout(&all)
        };
        run(&[]);
        let changed = run(&["hello-program:environment=CFLAGS=-Os"]);
        assert_eq!(changed.changed_parts(), expected, "{dialect}");
    }
}

fn said(site: &Site, program: &Path) -> String {
    let output = site.output(program, &[]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
