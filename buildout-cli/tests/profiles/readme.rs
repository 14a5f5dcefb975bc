//! The commands of the documents, run as they are written.
//!
//! A block marked `console` is a session: lines after `$ ` are commands (and `>` continues them),
//! other lines are what they print, `...` stands for any number of lines, and a command with nothing
//! below it may print anything. A command fails exactly if an `Error:` is shown below it. All blocks
//! of a document are one session in a copy of the checkout's profiles; only the way to call the
//! program is exchanged: the test has it built already.

use std::path::Path;

use crate::checkout;
use crate::site::Site;

/// How the README calls the program before anything is built.
const CARGO_RUN: &str = "cargo run --release --";

/// The command that runs this test.
const RUNS_THIS: &str = "cargo test --workspace";

struct Step {
    command: String,
    shown: Vec<String>,
}

#[test]
fn the_commands_of_the_readme_do_what_it_shows() {
    run_document("README.md", 8);
}

#[test]
fn the_commands_of_the_profiles_do_what_is_shown() {
    run_document("profiles/README.md", 3);
}

/// Runs all sessions of a document, which has at least `at_least` commands.
fn run_document(document: &str, at_least: usize) {
    let site = Site::create("document");
    let profiles = site.path("profiles");
    copy(&site, &checkout::path("profiles/hello"), &profiles);
    let path = std::env::var("PATH").unwrap_or_default();
    let programs = checkout::program_directory().display();
    let site = site
        .with_variable("PATH", format!("{programs}:{path}"))
        // The documents show the log of one part after the other.
        .with_variable("BUILDOUT_JOBS", "1");
    let steps = steps(&checkout::read(document));
    assert!(steps.len() >= at_least, "{document}: {}", steps.len());
    // `cd` and `export` hold for the commands below them.
    let mut context = String::new();
    for step in steps {
        if step.command == RUNS_THIS {
            continue;
        }
        let command = step.command.replace(CARGO_RUN, "buildout");
        let script = format!("{context}{command}\n");
        let output = site.output(Path::new("sh"), &["-c", &format!("exec 2>&1\n{script}")]);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let fails = step.shown.iter().any(|line| line.starts_with("Error: "));
        assert_eq!(
            output.status.success(),
            !fails,
            "{document}: {command}\n{printed}"
        );
        let printed: Vec<&str> = printed.lines().collect();
        let shown: Vec<&str> = step.shown.iter().map(String::as_str).collect();
        assert!(
            shown.is_empty() || matches(&shown, &printed),
            "{document}: {command}\n--- shown\n{}\n--- printed\n{}",
            shown.join("\n"),
            printed.join("\n"),
        );
        if command.contains("&& cd ") || command.starts_with("export ") {
            context = script;
        }
    }
}

fn copy(site: &Site, from: &Path, into: &Path) {
    let made = site.make_directory("profiles");
    let arguments = ["-R", &from.to_string_lossy(), &made.to_string_lossy()];
    let output = site.output(Path::new("cp"), &arguments);
    assert!(output.status.success(), "{}: {output:?}", into.display());
}

/// Returns the steps of all `console` blocks, in order.
fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                shown: Vec::new(),
            });
        } else if let Some(step) = steps.last_mut() {
            let more = line.strip_prefix("> ").or((line == ">").then_some(""));
            match more {
                Some(more) if step.shown.is_empty() => {
                    step.command.push('\n');
                    step.command.push_str(more);
                }
                _ => step.shown.push(line.to_owned()),
            }
        }
    }
    steps
}

/// Tells whether `printed` is what is `shown`. Each `...` takes as few lines as possible, which is
/// enough for documents: the line after it is not printed earlier.
fn matches(shown: &[&str], printed: &[&str]) -> bool {
    let mut printed = printed.iter();
    let mut skipping = false;
    for line in shown {
        if *line == "..." {
            skipping = true;
        } else if skipping {
            if !printed.any(|candidate| candidate == line) {
                return false;
            }
            skipping = false;
        } else if printed.next() != Some(line) {
            return false;
        }
    }
    skipping || printed.next().is_none()
}

/// What the README says to be refused is refused, in the words that it shows.
#[test]
fn what_is_not_supported_is_refused_as_shown() {
    let readme = checkout::read("README.md");
    let site = Site::create("setup");
    let path = site.path("buildout.cfg");
    std::fs::write(&path, "[buildout]\nparts =\n")
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    let output = site.output(Path::new(env!("CARGO_BIN_EXE_buildout")), &["setup", "."]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let error = stderr.lines().find_map(|line| line.strip_prefix("Error: "));
    let error = error.unwrap_or_else(|| panic!("no error in {stderr}"));
    assert!(readme.contains(&format!("``{error}``")), "{error}");
}

#[test]
fn shown_lines_match_printed_ones() {
    for (shown, printed, expected) in [
        (vec!["a", "b"], vec!["a", "b"], true),
        (vec!["a"], vec!["a", "b"], false),
        (vec!["a", "b"], vec!["a"], false),
        (vec!["...", "b"], vec!["a", "b"], true),
        (vec!["...", "b"], vec!["a", "c"], false),
        (vec!["a", "..."], vec!["a", "b", "c"], true),
        (vec!["a", "...", "c"], vec!["a", "c"], true),
        (vec!["a", "...", "c"], vec!["a", "c", "d"], false),
    ] {
        assert_eq!(matches(&shown, &printed), expected, "{shown:?} {printed:?}");
    }
}
