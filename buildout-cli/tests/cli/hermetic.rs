//! `environment-policy`, and `buildout check`.

use std::fs;

use serde_json::{Value, json};

use crate::site::{Outcome, TestSite};

/// A part that writes the environment it sees to a file.
const PROFILE: &str = "\
[buildout]
parts = a
[a]
recipe = plone.recipe.command
command = env -0 | sort -z | tr '\\0' '\\n' > seen
update-command = echo updated
";

const CLEAN: &str = "buildout:environment-policy=clean";

fn seen(site: &TestSite) -> Vec<String> {
    let text = site.mask(&site.read("seen"));
    // The shell adds two by itself, and the run tells of its jobs.
    let others = ["PATH=", "PWD=", "_=", "MAKEFLAGS="];
    let lines = text
        .lines()
        .filter(|line| !others.iter().any(|name| line.starts_with(name)));
    lines.map(ToOwned::to_owned).collect()
}

/// Runs the command with another environment.
fn run_with(site: &TestSite, variables: &str, line: &str) -> Outcome {
    site.run_in_shell(&format!("{variables} buildout {line}"))
}

#[test]
fn a_clean_environment_has_only_what_is_listed() {
    let site = TestSite::new(PROFILE)
        .variable("SECRET", "1")
        .variable("LC_ALL", "C")
        .variable("CFLAGS", "-O3");
    site.run(&[CLEAN]).output();
    assert_eq!(
        seen(&site),
        ["HOME=@/.buildout/home", "LANG=C.UTF-8", "LC_ALL=C"]
    );
    assert!(site.path(".buildout/home").is_dir());
    // What is allowed besides; a home that is allowed is the user's.
    let allow = "buildout:environment-allow=CFLAGS HOME SEC*";
    site.run(&[CLEAN, allow]).output();
    let home = site.path("../home");
    let home = home.canonicalize().expect("a home");
    let home = format!("HOME={}", home.display());
    assert_eq!(
        seen(&site),
        ["CFLAGS=-O3", &home, "LANG=C.UTF-8", "LC_ALL=C", "SECRET=1"]
    );
    // The commands of a shell get the same.
    let entered = site.run(&[CLEAN, "shell", "a", "--", "env"]).output();
    assert!(entered.contains("HOME=@/.buildout/home\n"), "{entered}");
    assert!(!entered.contains("SECRET"), "{entered}");
    // Without a policy everything is seen.
    site.run(&[]).output();
    assert!(seen(&site).contains(&"SECRET=1".to_owned()));
    assert!(seen(&site).contains(&home));
}

#[test]
fn the_values_of_a_clean_environment_enter_the_signature() {
    let site = TestSite::new(PROFILE);
    let is_installed = |variables: &str, line: &str| {
        let outcome = run_with(&site, variables, line);
        let output = outcome.output();
        assert!(
            output.contains("Installing a.") != output.contains("Updating a."),
            "{output}"
        );
        output.contains("Installing a.")
    };
    assert!(is_installed("LC_ALL=C", ""));
    let recorded = |site: &TestSite| {
        let text = site.read(".installed.cfg");
        let line = text
            .lines()
            .find(|line| line.starts_with("__buildout_signature__"));
        line.expect("a signature").to_owned()
    };
    let inherited = "__buildout_signature__ = native:plone.recipe.command:default:1";
    assert_eq!(recorded(&site), inherited);
    // Inherited variables do not count.
    assert!(!is_installed("LC_ALL=C.UTF-8 X=1", ""));
    // The policy itself does, and each value that is seen.
    assert!(is_installed("LC_ALL=C", CLEAN));
    let clean = recorded(&site);
    assert!(
        clean.starts_with(&format!("{inherited} {{environment}}:")),
        "{clean}"
    );
    assert!(!is_installed("LC_ALL=C", CLEAN));
    assert!(!is_installed(
        "LC_ALL=C HOME=/ USER=x X=1 TMPDIR=/var/tmp",
        CLEAN
    ));
    assert!(is_installed("LC_ALL=C.UTF-8", CLEAN));
    assert!(is_installed("LC_ALL=C", CLEAN));
    assert_eq!(recorded(&site), clean);
    let allow = format!("{CLEAN} buildout:environment-allow=X");
    assert!(!is_installed("LC_ALL=C", &allow));
    assert!(is_installed("LC_ALL=C X=1", &allow));
    assert!(is_installed("LC_ALL=C X=2", &allow));
    assert!(is_installed(
        "LC_ALL=C",
        "buildout:environment-policy=inherit"
    ));
    assert_eq!(recorded(&site), inherited);
}

#[test]
fn a_script_that_restores_a_build_starts_from_the_clean_environment() {
    let site = TestSite::new(
        "[buildout]\nparts = a\nenvironment-policy = clean\n[a]\nrecipe = slapos.recipe.cmmi\n\
         path = source\nconfigure-command = true\nmake-binary = false\n\
         environment =\n  HOME = %(HOME)s/x\n  PATH = %(PATH)s\n",
    )
    .file("source/file", "");
    site.run(&[]).failure();
    let script = site.mask(&site.read("source/slapos.recipe.build.env.sh"));
    assert!(
        script.starts_with("export HOME=@/.buildout/home/x\necho "),
        "{script}"
    );
}

const CHECKED: &str = "\
[buildout]
parts = good bad
[base]
recipe = slapos.recipe.cmmi
path = source
configure-command = true
make-targets = install PREFIX=@@LOCATION@@
[good]
<= base
make-options = RPATH='$$ORIGIN/../lib' INTERPRETER=/bin/sh
[bad]
<= base
make-options = RPATH=/nowhere:/opt/lib INTERPRETER=/usr/local/bin/python
";

const CHECKED_MAKEFILE: &str = "\
all:
\ttrue
install:
\tmkdir -p $(PREFIX)/bin $(PREFIX)/lib
\tgcc -shared -fPIC -o $(PREFIX)/lib/libone.so one.c
\tgcc -o $(PREFIX)/bin/main main.c -L$(PREFIX)/lib -lone '-Wl,-rpath,$(RPATH)' -Wl,--enable-new-dtags
\tprintf '#!%s -e\\n' $(INTERPRETER) > $(PREFIX)/bin/script
\tchmod 755 $(PREFIX)/bin/script
";

fn site_to_check() -> TestSite {
    TestSite::new(CHECKED)
        .file("source/Makefile", CHECKED_MAKEFILE)
        .file("source/one.c", "int one(void) { return 0; }\n")
        .file(
            "source/main.c",
            "int one(void);\nint main(void) { return one(); }\n",
        )
}

const BAD: &str = "\
bad: 2 binaries, 1 script, 4 problems
  @/parts/bad/bin/main: RUNPATH entry `/nowhere` is outside
  @/parts/bad/bin/main: RUNPATH entry `/opt/lib` is outside
  @/parts/bad/bin/main: library `libone.so` is not found
  @/parts/bad/bin/script: interpreter `/usr/local/bin/python` is outside
";

#[test]
fn installed_parts_are_checked() {
    let site = site_to_check();
    let outcome = site.run(&["-q"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let before = site.tree();
    let good = "good: 2 binaries, 1 script, 0 problems\n";
    assert_eq!(site.run(&["check", "good"]).output(), good);
    let outcome = site.run(&["check"]);
    assert_eq!(outcome.stdout, format!("{good}{BAD}"));
    assert_eq!(outcome.failure(), "");
    let outcome = site.run(&["check", "--format", "json", "bad", "good"]);
    assert_eq!(outcome.code, Some(1));
    let document: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let main = "@/parts/bad/bin/main";
    let problem = |kind: &str, file: &str, subject: &str| json!({ "kind": kind, "file": file, "subject": subject });
    let expected = json!({ "parts": {
        "bad": { "binaries": 2, "scripts": 1, "problems": [
            problem("foreign-runpath", main, "/nowhere"),
            problem("foreign-runpath", main, "/opt/lib"),
            problem("unresolved-library", main, "libone.so"),
            problem("foreign-interpreter", "@/parts/bad/bin/script", "/usr/local/bin/python"),
        ] },
        "good": { "binaries": 2, "scripts": 1, "problems": [] },
    } });
    assert_eq!(document, expected);
    assert_eq!(site.tree(), before);
    let stderr = site.run(&["check", "goood"]).failure();
    assert_eq!(
        stderr,
        "Error: Part goood is not installed.\n\nhint: there is a part `good`\n"
    );
    // A library that is gone.
    fs::remove_file(site.path("parts/good/lib/libone.so")).expect("it is there");
    let outcome = site.run(&["check", "good"]);
    assert_eq!(
        outcome.stdout,
        "good: 1 binary, 1 script, 1 problem\n  @/parts/good/bin/main: library `libone.so` is not found\n"
    );
}

#[test]
fn a_shared_part_is_checked_where_it_is() {
    let site = site_to_check().file("../shared/.keep", "");
    let list = site.path("../shared").canonicalize().expect("a directory");
    let list = format!("buildout:shared-part-list={}", list.display());
    let shared = ["-q", &list, "base:shared=true", "buildout:parts=bad"];
    let outcome = site.run(&shared);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let outcome = site.run(&[&shared[..], &["check"]].concat());
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let first = outcome.stdout.lines().next();
    assert_eq!(
        first,
        Some("bad: 2 binaries, 1 script, 4 problems"),
        "{outcome:?}"
    );
    assert!(outcome.stdout.contains("/shared/bad/"), "{outcome:?}");
}

#[test]
fn only_installed_parts_can_be_checked() {
    let site = TestSite::new(PROFILE);
    assert_eq!(site.run(&["check"]).output(), "");
    let stderr = site.run(&["check", "a"]).failure();
    assert_eq!(
        stderr,
        "Error: Part a is not installed.\n\nhint: `buildout install a` installs it\n"
    );
    site.run(&["install", "a"]).output();
    let output = site.run(&["check", "a"]).output();
    assert_eq!(output, "a: 0 binaries, 0 scripts, 0 problems\n");
    let stderr = site.run(&["check", "b"]).failure();
    assert_eq!(stderr, "Error: Part b is not installed.\n");
}
