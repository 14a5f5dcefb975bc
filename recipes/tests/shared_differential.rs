//! Shared parts of the Python recipes, under zc.buildout 3.0.1: what one
//! program built is found by the other, which builds nothing, and both build
//! the same.

#[path = "../../buildout-core/tests/support/peers.rs"]
#[allow(dead_code, reason = "shared with the tests of the core")]
mod peers;
mod support;

use std::fs;
use std::process::Command;

use peers::virtual_environment;
use support::TestSite;

/// The parts: every recipe that can share. Texts are awkward on purpose.
const PARTS: [&str; 3] = ["compiled", "downloaded", "unpacked"];

const HELLO: &str = "#include <stdio.h>\nint main(void) { return puts(\"hello\") < 0; }\n";
const MAKEFILE: &str = "hello: hello.c\n\t$(CC) -o $@ hello.c\ninstall: hello\n\tmkdir -p $(prefix)/bin $(prefix)/lib\n\tcp hello $(prefix)/bin\n\techo x > $(prefix)/lib/x\n\tchmod 4750 $(prefix)/lib/x\n\tln -s x $(prefix)/lib/y\n\tln -s /nowhere $(prefix)/lib/z\n";

/// A site with sources, a store and two buildouts with one profile: `buildout`
/// is ours, `theirs` is Python's.
fn site() -> TestSite {
    let site = TestSite::new();
    site.archive(
        "../hello-1.0.tar.gz",
        &[
            ("hello-1.0/hello.c", HELLO, 0o644),
            ("hello-1.0/Makefile", MAKEFILE, 0o644),
        ],
    );
    site.write("../file", "content\n");
    site.write("../shared/keep", "");
    site.write("../fix.patch", "--- Makefile\n+++ Makefile\n@@ -1,2 +1,2 @@\n hello: hello.c\n-\t$(CC) -o $@ hello.c\n+\t$(CC) -O1 -o $@ hello.c\n");
    let root = site.root().display().to_string();
    let (archive, file, patch) = (
        site.md5("../hello-1.0.tar.gz"),
        site.md5("../file"),
        site.md5("../fix.patch"),
    );
    // The two directories differ, so nothing in the parts may name them.
    let profile = format!(
        "[buildout]
parts = {}
newest = false
shared-part-list =
  {root}/missing/
  {root}/shared/

[environment]
GREETING = hé

[compiled]
recipe = slapos.recipe.cmmi
shared = true
url = {root}/hello-1.0.tar.gz
md5sum = {archive}
configure-command = true
patches = {root}/fix.patch#{patch}
environment =
  FOO=@@LOCATION@@/foo
  BAR=\"\\é<>&\u{2028}
post-install = test \"$BAR\" && cp hello.c @@LOCATION@@/lib

[downloaded]
recipe = slapos.recipe.build:download
shared = true
url = {root}/file
md5sum = {file}
filename = name

[unpacked]
recipe = slapos.recipe.build:download-unpacked
shared = true
url = {root}/hello-1.0.tar.gz
md5sum = {archive}
environment = environment
text = ${{compiled:location}}
",
        PARTS.join(" ")
    );
    site.profile(&profile);
    site.write("../theirs/buildout.cfg", &profile);
    site
}

/// Runs zc.buildout 3.0.1 with the recipes, and returns its log.
fn run_theirs(site: &TestSite) -> String {
    let peer = virtual_environment(
        "slapos-recipes-shared",
        &[
            "zc.buildout==3.0.1",
            "setuptools==79.0.1",
            "wheel",
            "slapos.recipe.build==0.66",
            "slapos.recipe.cmmi==0.23",
        ],
    );
    let output = Command::new(peer.join("bin/buildout"))
        .arg("-U")
        .current_dir(site.path("../theirs"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", site.path("../home"))
        .env("LANG", "C.UTF-8")
        .output()
        .expect("the peer starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let log = text(&output.stdout);
    assert!(output.status.success(), "{log}{}", text(&output.stderr));
    site.mask(&log)
}

/// Every path of the store with its mode, and the contents of the markers.
fn store(site: &TestSite) -> String {
    let tree = site.tree("../shared");
    // Hidden names at the top are ours alone, and no part of any entry.
    let mut text: Vec<String> = tree
        .lines()
        .filter(|line| !line.starts_with(".buildout/"))
        .map(ToOwned::to_owned)
        .collect();
    for line in tree.lines() {
        if let Some(marker) = line.strip_suffix(".buildout-shared.json 444") {
            text.push(site.read(format!("../shared/{marker}.buildout-shared.json")));
        }
    }
    text.join("\n")
}

fn assert_found(log: &str) {
    for part in PARTS {
        let found = format!("{part}: shared at [ROOT]/shared/{part}/");
        let built = log.lines().filter(|line| line.contains(&found));
        let built: Vec<&str> = built.collect();
        assert!(
            matches!(built[..], [line] if line.ends_with(" (already built)")),
            "{part}: {log}"
        );
        let used = format!("{part}: shared part is already installed");
        assert!(log.contains(&used), "{part}: {log}");
    }
}

#[test]
fn what_python_built_is_found() {
    let site = site();
    let log = run_theirs(&site);
    assert!(log.contains("(needs to build)"), "{log}");
    let before = store(&site);
    let run = site.install().succeeded();
    assert_found(&run.usual_log().join("\n"));
    assert_eq!(run.output(), "");
    assert_eq!(store(&site), before);
    // The other way round, with entries that both have used.
    let log = run_theirs(&site);
    assert!(!log.contains("needs to build"), "{log}");
}

#[test]
fn what_we_built_is_found_by_python_and_is_the_same() {
    let site = site();
    site.install().succeeded();
    let ours = store(&site);
    assert_found(&run_theirs(&site));
    assert_eq!(store(&site), ours);

    site.make_writable();
    fs::remove_dir_all(site.path("../shared")).expect("it can be removed");
    fs::remove_dir_all(site.path("../theirs/parts")).expect("it can be removed");
    fs::remove_file(site.path("../theirs/.installed.cfg")).expect("it can be removed");
    site.write("../shared/keep", "");
    run_theirs(&site);
    assert_eq!(ours, store(&site));
    assert_eq!(ours.matches("\"recipe\": ").count(), PARTS.len(), "{ours}");
}
