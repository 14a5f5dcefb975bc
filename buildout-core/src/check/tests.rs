//! Checks of binaries that gcc makes.

use std::{fs, os::unix::fs::symlink, process::Command};

use super::*;

/// A directory with `inside/`, which is the territory, and `outside/`.
struct Site(tempfile::TempDir);

impl Site {
    fn new() -> Self {
        let site = Site(tempfile::tempdir().expect("a temporary directory"));
        for directory in ["inside/bin", "inside/lib", "outside"] {
            fs::create_dir_all(site.path(directory)).expect("it can be made");
        }
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        let root = fs::canonicalize(self.0.path()).expect("it exists");
        root.join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("UTF-8").to_owned()
    }

    /// Compiles a source to `output`, with more arguments for gcc.
    fn compile(&self, output: &str, source: &str, arguments: &[&str]) {
        let file = self.path("source.c");
        fs::write(&file, source).expect("it can be written");
        let status = Command::new("gcc")
            .arg("-o")
            .arg(self.path(output))
            .arg(&file)
            .args(arguments)
            .status()
            .expect("gcc can be run");
        assert!(status.success(), "{arguments:?}");
    }

    /// Makes a library with a function `NAME` that may call another one.
    fn library(&self, directory: &str, name: &str, callee: Option<&str>, arguments: &[&str]) {
        let source = match callee {
            Some(callee) => {
                format!("int {callee}(void); int {name}(void) {{ return {callee}(); }}")
            }
            None => format!("int {name}(void) {{ return 0; }}"),
        };
        let soname = format!("-Wl,-soname,lib{name}.so");
        let arguments = [&["-shared", "-fPIC", &soname], arguments].concat();
        self.compile(&format!("{directory}/lib{name}.so"), &source, &arguments);
    }

    /// Makes a program that calls a function.
    fn program(&self, name: &str, callee: &str, arguments: &[&str]) {
        let source = format!("int {callee}(void); int main(void) {{ return {callee}(); }}");
        self.compile(&format!("inside/bin/{name}"), &source, arguments);
    }

    fn search(&self, directory: &str) -> String {
        format!("-L{}", self.text(directory))
    }

    fn script(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::write(&path, text).expect("it can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
    }

    fn report(&self) -> Report {
        let inside = self.path("inside");
        Checker::new(Territory::new([inside.clone()])).check([&*inside])
    }

    /// Shows the findings with paths from the root of the site, sorted.
    fn findings(&self) -> Vec<String> {
        let root = format!(
            "{}/",
            self.path("outside").parent().expect("the root").display()
        );
        let findings = self.report().findings.into_iter();
        let mut texts: Vec<String> = findings
            .map(|finding| finding.to_string().replace(&root, ""))
            .collect();
        texts.sort();
        texts
    }
}

/// The switches of the linker that choose how a run path is stored.
const OLD: &str = "-Wl,--disable-new-dtags";
const NEW: &str = "-Wl,--enable-new-dtags";

#[test]
fn a_part_that_keeps_to_itself_has_no_findings() {
    let site = Site::new();
    site.library("inside/lib", "one", None, &[]);
    site.program(
        "origin",
        "one",
        &[
            &site.search("inside/lib"),
            "-lone",
            NEW,
            "-Wl,-rpath,$ORIGIN/../lib",
        ],
    );
    let absolute = format!("-Wl,-rpath,{}", site.text("inside/lib"));
    site.program(
        "absolute",
        "one",
        &[&site.search("inside/lib"), "-lone", OLD, &absolute],
    );
    site.compile(
        "inside/bin/static",
        "int main(void) { return 0; }",
        &["-static"],
    );
    site.compile("inside/lib/object.o", "int x(void) { return 0; }", &["-c"]);
    site.script("inside/bin/script", "#!/bin/sh\n", 0o755);
    symlink("/outside/dangling", site.path("inside/lib/liblink.so")).expect("it can be made");
    let report = site.report();
    assert_eq!(report.findings, []);
    assert_eq!((report.binaries, report.scripts), (5, 1));
    // They do run, then.
    for name in ["origin", "absolute"] {
        let status = Command::new(site.path("inside/bin").join(name)).status();
        assert!(status.expect("it starts").success(), "{name}");
    }
}

#[test]
fn foreign_run_paths_are_found() {
    let site = Site::new();
    site.library("inside/lib", "one", None, &[]);
    let search = site.search("inside/lib");
    let outside = site.text("outside");
    for (name, kind, entries) in [
        ("old", OLD, format!("{}:/nowhere", site.text("inside/lib"))),
        (
            "new",
            NEW,
            format!("$ORIGIN/../lib:{outside}:$ORIGIN/../../outside:/usr/lib"),
        ),
        ("current", NEW, "$ORIGIN/../lib::lib".to_owned()),
    ] {
        site.program(
            name,
            "one",
            &[&search, "-lone", kind, &format!("-Wl,-rpath,{entries}")],
        );
    }
    assert_eq!(
        site.findings(),
        [
            "inside/bin/current: RUNPATH entry `` is outside",
            "inside/bin/current: RUNPATH entry `lib` is outside",
            "inside/bin/new: RUNPATH entry `$ORIGIN/../../outside` is outside",
            "inside/bin/new: RUNPATH entry `outside` is outside",
            "inside/bin/old: RPATH entry `/nowhere` is outside",
        ]
    );
}

#[test]
fn libraries_are_found_as_the_loader_finds_them() {
    let site = Site::new();
    let search = site.search("inside/lib");
    let rpath = format!("-Wl,-rpath,{}", site.text("inside/lib"));
    // `two` does not say where `one` is.
    site.library("inside/lib", "one", None, &[]);
    site.library("inside/lib", "two", Some("one"), &[&search, "-lone"]);
    let allow = "-Wl,--allow-shlib-undefined";
    let link = |name: &str, more: &[&str]| {
        site.program(name, "two", &[&[&search, "-ltwo", allow], more].concat());
    };
    // The old kind of run path serves the libraries below, the new one does
    // not, unless `one` is there already.
    link("old", &[OLD, &rpath]);
    link("new", &[NEW, &rpath]);
    site.program(
        "both",
        "two",
        &[&search, "-Wl,--no-as-needed", "-lone", "-ltwo", NEW, &rpath],
    );
    link("without", &[]);
    assert_eq!(
        site.findings(),
        [
            "inside/bin/new: library `libone.so`, which `inside/lib/libtwo.so` needs, is not found",
            "inside/bin/without: library `libtwo.so` is not found",
        ]
    );
    // The loader agrees.
    for (name, works) in [
        ("old", true),
        ("new", false),
        ("both", true),
        ("without", false),
    ] {
        let output = Command::new(site.path("inside/bin").join(name)).output();
        assert_eq!(output.expect("it starts").status.success(), works, "{name}");
    }
    // A library that is gone is missed by everyone.
    fs::remove_file(site.path("inside/lib/libone.so")).expect("it exists");
    let findings = site.findings();
    assert!(
        findings.contains(&"inside/bin/both: library `libone.so` is not found".to_owned()),
        "{findings:?}"
    );
    // What has the right name and is something else does not serve.
    fs::write(site.path("inside/lib/libone.so"), "INPUT(libtwo.so)").expect("it can be written");
    assert_eq!(site.findings(), findings);
}

#[test]
fn libraries_given_by_path_must_be_inside() {
    let site = Site::new();
    for directory in ["inside/lib", "outside"] {
        let source = "int one(void) { return 0; }";
        site.compile(
            &format!("{directory}/libone.so"),
            source,
            &["-shared", "-fPIC"],
        );
        let library = site.text(&format!("{directory}/libone.so"));
        site.program(&directory.replace('/', "-"), "one", &[&library]);
    }
    assert_eq!(
        site.findings(),
        ["inside/bin/outside: library `outside/libone.so` is outside"]
    );
    fs::remove_file(site.path("outside/libone.so")).expect("it exists");
    assert_eq!(
        site.findings(),
        [
            "inside/bin/outside: library `outside/libone.so` is not found",
            "inside/bin/outside: library `outside/libone.so` is outside"
        ]
    );
}

#[test]
fn interpreters_must_be_inside_and_exist() {
    let site = Site::new();
    let outside = site.text("outside/python");
    let here = site.text("inside/bin/here");
    for (name, text, mode) in [
        ("inside/bin/here", "#!/usr/bin/env sh\n".to_owned(), 0o755),
        ("inside/bin/good", format!("#! {here} -x\n"), 0o755),
        ("inside/bin/foreign", format!("#!{outside}\n"), 0o755),
        ("inside/bin/data", format!("#!{outside}\n"), 0o644),
        ("inside/bin/gone", format!("#!{here}.gone\n"), 0o755),
        ("inside/bin/relative", "#!perl\n".to_owned(), 0o755),
    ] {
        site.script(name, &text, mode);
    }
    site.compile(
        "inside/bin/program",
        "int main(void) { return 0; }",
        &["-Wl,--dynamic-linker,/nowhere/ld.so"],
    );
    assert_eq!(
        site.findings(),
        [
            "inside/bin/foreign: interpreter `outside/python` is outside",
            "inside/bin/gone: interpreter `inside/bin/here.gone` does not exist",
            "inside/bin/program: interpreter `/nowhere/ld.so` is outside",
            "inside/bin/relative: interpreter `perl` is outside",
        ]
    );
    assert_eq!(site.report().scripts, 5);
}

#[test]
fn a_damaged_binary_is_told_and_the_others_are_examined() {
    let site = Site::new();
    site.library("inside/lib", "one", None, &[]);
    let whole = fs::read(site.path("inside/lib/libone.so")).expect("it can be read");
    for (name, length) in [("a", 4), ("b", 60), ("c", 200), ("d", whole.len() / 2)] {
        let path = site.path(&format!("inside/lib/{name}"));
        fs::write(path, &whole[..length]).expect("it can be written");
    }
    site.script("inside/lib/z", "#!/nowhere\n", 0o755);
    let findings = site.findings();
    for name in ["a", "b", "c"] {
        let start = format!("inside/lib/{name}: cannot be examined: ");
        assert!(
            findings.iter().any(|text| text.starts_with(&start)),
            "{findings:?}"
        );
    }
    assert!(
        findings.contains(&"inside/lib/z: interpreter `/nowhere` is outside".to_owned()),
        "{findings:?}"
    );
}

#[test]
fn paths_that_do_not_exist_are_no_findings() {
    let site = Site::new();
    let report = Checker::new(Territory::new([])).check([&*site.path("none")]);
    assert_eq!(report, Report::default());
}
