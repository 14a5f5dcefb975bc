//! The two programs, run for real.

use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

const COMPARE: &str = env!("CARGO_BIN_EXE_compare");
const FLOOR: &str = env!("CARGO_BIN_EXE_floor");

fn run<I: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = I>) -> Output {
    let mut command = Command::new(program);
    command.args(arguments);
    command.output().expect("the program starts")
}

/// Runs `compare measure` and returns the words it prints: nanoseconds, nanoseconds of CPU, bytes,
/// kind of end, its number.
fn measured(milliseconds: &str, script: &str) -> (Vec<u64>, String) {
    let output = run(COMPARE, ["measure", milliseconds, "/bin/sh", "-c", script]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let words: Vec<&str> = text.trim().split(' ').collect();
    let numbers = words[..3].iter().map(|word| word.parse().expect(word));
    (numbers.collect(), words[3..].join(" "))
}

#[test]
fn exit_codes_and_signals_are_reported() {
    for (script, end) in [
        ("exit 0", "exit 0"),
        ("exit 3", "exit 3"),
        ("kill -TERM $$", "signal 15"),
    ] {
        assert_eq!(measured("10000", script).1, end, "{script}");
    }
}

#[test]
fn the_limit_ends_the_process_and_its_children() {
    let start = Instant::now();
    let (numbers, end) = measured("300", "sleep 30; true");
    assert_eq!(end, "limit 0");
    // The pipe to this test closes when `sleep`, the child of the shell, has ended too.
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(numbers[0] >= 300_000_000, "{numbers:?}");
}

#[test]
fn peak_memory_is_that_of_the_process_alone() {
    let mebibytes = |script| measured("20000", script).0[2] >> 20;
    let large = mebibytes("dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null");
    assert!((64..96).contains(&large), "{large} MiB");
    let small = mebibytes("true");
    assert!(small < 16, "{small} MiB");
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let output = run(COMPARE, ["measure", "1000", "/no/such/program"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("failed to start `/no/such/program`"),
        "{text}"
    );
}

#[test]
fn wrong_arguments_are_explained() {
    for (arguments, message) in [
        (vec![], "no comparison named"),
        (vec!["anotate"], "unknown argument `anotate`"),
        (vec!["noop", "--runs", "0"], "`--runs` needs a whole number"),
        (vec!["noop", "--buildout"], "`--buildout` needs a value"),
        (
            vec!["noop", "--buildout", "/no/such/program"],
            "no program `/no/such/program`",
        ),
        (
            vec!["node", "--buildout", "/bin/true"],
            "no program `/bin/slapos`",
        ),
    ] {
        let output = run(COMPARE, &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(message), "{arguments:?}: {text}");
    }
}

/// A program that ends well but does not do the work must not look fast.
#[test]
fn a_program_that_does_nothing_misses_the_wanted_values() {
    let output = run(
        COMPARE,
        [
            "annotate",
            "noop",
            "--skip-peers",
            "--runs",
            "1",
            "--buildout",
            "/bin/true",
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("MISSED: 0 of 616 sections shown"), "{text}");
    assert!(text.contains("MISSED: 0 of 300 parts installed"), "{text}");
}

#[test]
fn the_floor_hashes_all_files_in_order() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let root = directory.path().join("tree");
    fs::create_dir_all(root.join("b")).expect("a directory");
    fs::write(root.join("b/c"), "third").expect("a file");
    fs::write(root.join("a"), "first").expect("a file");
    let mut expected = Sha256::new();
    for text in ["first", "third"] {
        expected.update(Sha256::digest(text));
    }
    let expected: String = expected
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();

    let list = directory.path().join("list");
    let paths = [root.join("a"), root.join("b/c")].map(|path| path.display().to_string());
    fs::write(&list, paths.join("\n")).expect("a file");
    for argument in [root, list] {
        let output = run(FLOOR, [&argument]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected);
    }
}
