//! `docs/differences.md` is complete and true to the code, and the differences
//! that have no other test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::site::TestSite;

/// The root of the workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of the table's rows.
fn rows() -> Vec<Vec<String>> {
    let text = read(&workspace().join("docs/differences.md"));
    let cells = |line: &str| -> Vec<String> {
        let line = line.trim_matches('|');
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let rows: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(2)
        .map(cells)
        .collect();
    for row in &rows {
        assert_eq!(row.len(), 5, "{row:?}");
        assert!(row.iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
    rows
}

/// Every Rust source of the workspace's members.
/// Where tests are.
const MEMBERS: [&str; 8] = [
    "benches",
    "bridge",
    "buildout-cli",
    "buildout-core",
    "eggs",
    "recipes",
    "slap",
    "slapgrid",
];

fn sources() -> String {
    let mut text = String::new();
    let mut pending: Vec<PathBuf> = MEMBERS
        .iter()
        .map(|member| workspace().join(member))
        .collect();
    while let Some(directory) = pending.pop() {
        let entries = fs::read_dir(&directory).expect("a directory of the workspace");
        for entry in entries {
            let path = entry.expect("an entry of the workspace").path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&read(&path));
            }
        }
    }
    text
}

#[test]
fn the_document_has_every_difference_and_no_other() {
    let rows = rows();
    let code =
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/differences.rs"));
    let in_code: BTreeSet<&str> = code
        .lines()
        .filter_map(|line| line.trim().strip_prefix("id: \"")?.strip_suffix("\","))
        .collect();
    assert!(!in_code.is_empty());
    let in_document: BTreeSet<&str> = rows
        .iter()
        .filter_map(|row| row[0].strip_prefix('`')?.strip_suffix('`'))
        .collect();
    assert_eq!(in_document, in_code);
    let numbers: Vec<u32> = rows.iter().filter_map(|row| row[0].parse().ok()).collect();
    assert_eq!(numbers, (1..=17).collect::<Vec<u32>>());
}

#[test]
fn every_difference_has_a_test_that_exists() {
    let sources = sources();
    for row in rows() {
        let named = row[4]
            .strip_prefix('`')
            .and_then(|name| name.strip_suffix('`'));
        match named {
            Some(name) => {
                let definition = format!("#[test]\nfn {name}(");
                let nested = format!("#[test]\n    fn {name}(");
                assert!(
                    sources.contains(&definition) || sources.contains(&nested),
                    "no test {name} for {row:?}"
                );
            }
            None => {
                assert_eq!(row[4], "not yet", "{row:?}");
                assert!(row[2].ends_with("not yet."), "{row:?}");
            }
        }
    }
}

#[test]
fn a_missing_optional_profile_is_reported_once_for_each_profile() {
    let site =
        TestSite::new("[buildout]\nparts =\nextends = a.cfg b.cfg\noptional-extends = no.cfg\n")
            .file("a.cfg", "[buildout]\nextends = c.cfg\n")
            .file("b.cfg", "[buildout]\nextends = c.cfg\n")
            .file("c.cfg", "[buildout]\noptional-extends = no.cfg\n");
    let output = site
        .run(&["--dialect", "upstream", "query", "parts"])
        .output();
    let told = "optional-extends file not found: no.cfg\n";
    assert!(output.starts_with(&told.repeat(2)), "{output}");
    assert_eq!(output.matches(told).count(), 2, "{output}");
}

#[test]
fn a_failed_update_keeps_the_part() {
    let site = TestSite::new(
        "[buildout]\nparts = a\n\
         [a]\nrecipe = plone.recipe.command\n\
         command = touch made\nupdate-command = test -e mended\n\
         location = made\nstop-on-error = true\n",
    );
    site.run(&[]).output();
    let stderr = site.run(&[]).failure();
    assert!(
        stderr.starts_with("While:\n  Updating a.\nError: "),
        "{stderr}"
    );
    assert!(site.path("made").exists());
    assert!(site.read(".installed.cfg").contains("parts = a\n"));
    site.write("mended", "");
    let output = site.run(&[]).output();
    assert_eq!(output, "Updating a.\na: Running test -e mended\n");
}

#[test]
fn a_long_history_shows_its_newest_entries() {
    let site = TestSite::new(format!(
        "[buildout]\nparts =\nextends =\n{}",
        "  a.cfg\n".repeat(1200)
    ))
    .file("a.cfg", "[q]\nx = 1\n");
    let line = ["--dialect=upstream", "annotate", "q", "--format=json"];
    let document: serde_json::Value =
        serde_json::from_str(&site.run(&line).output()).expect("a document");
    let option = &document["q"]["x"];
    assert_eq!(option["history"].as_array().map(Vec::len), Some(1000));
    assert_eq!(option["omitted"], 200);
    site.run(&["bootstrap"]).output();
    let text = site.run(&["-v", "annotate", "q"]).output();
    assert!(text.contains("x= 1\n"), "{text}");
}
