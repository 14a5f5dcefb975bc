//! What a run reports besides its log: events, a trace and a summary.

use serde_json::{Value, json};

use crate::site::TestSite;

const PROFILE: &str = "\
[buildout]
parts = b
[a]
recipe = plone.recipe.command
command = echo out; echo err >&2; curl=https://me:secret@host/; touch made
location = made
[b]
recipe = plone.recipe.command
command = echo ${a:location}
";

/// Makes the directories, so that runs do not tell of them.
fn site() -> TestSite {
    let site = TestSite::new(PROFILE);
    site.run(&["bootstrap"]);
    site
}

/// Parses lines, and takes their times out after a look at them.
fn events(text: &str) -> Vec<Value> {
    let mut last = 0.0;
    let parse = |line: &str| {
        let mut event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let members = event.as_object_mut().expect("an object");
        let time = members.shift_remove("time").and_then(|time| time.as_f64());
        let time = time.expect("a time");
        assert!(time >= last, "{line}");
        last = time;
        event
    };
    text.lines().map(parse).collect()
}

fn part(event: &str, part: &str) -> Value {
    json!({"event": event, "part": part, "action": "install"})
}

#[test]
fn events_are_told_as_lines() {
    let site = site();
    let log = site.run(&["--jobs=1", "--events", "events.jsonl"]);
    assert_eq!(log.code, Some(0), "{log:?}");
    assert!(log.stdout.starts_with("Installing a.\n"), "{log:?}");
    let mut events = events(&site.read("events.jsonl"));
    let began = events[0]
        .as_object_mut()
        .expect("an object")
        .shift_remove("began");
    assert!(
        began
            .and_then(|began| began.as_f64())
            .is_some_and(|began| began > 1.7e9)
    );
    let log = |logger: &str, message: &str| json!({"event": "log", "level": "INFO", "logger": logger, "message": message});
    let output = |part: &str, stream: &str, text: &str| json!({"event": "output", "part": part, "stream": stream, "text": text});
    let directory = site.path("").display().to_string();
    let directory = directory.trim_end_matches('/');
    let started = |part: &str, command: &str| json!({"event": "command_started", "part": part, "command": command, "directory": directory});
    let ended = |part: &str| json!({"event": "command_ended", "part": part, "exit_code": 0, "signal": null});
    // The two streams of a command come in any order.
    events[7..9].sort_by_key(|event| event["stream"] != "stdout");
    assert_eq!(
        events,
        [
            json!({"event": "run_started", "version": 1, "program": env!("CARGO_PKG_VERSION")}),
            json!({"event": "configured", "sections": ["a", "b", "buildout", "versions"]}),
            json!({"event": "parts_ordered", "order": [["a", "b"]]}),
            json!({"event": "installation_started", "parts": ["a", "b"], "jobs": 1}),
            part("part_started", "a"),
            log(
                "a",
                "Running 'echo out; echo err >&2; curl=https://me:****@host/; touch made'"
            ),
            started(
                "a",
                "echo out; echo err >&2; curl=https://me:****@host/; touch made"
            ),
            output("a", "stdout", "out\n"),
            output("a", "stderr", "err\n"),
            ended("a"),
            part("part_finished", "a"),
            part("part_started", "b"),
            log("b", "Running 'echo made'"),
            started("b", "echo made"),
            output("b", "stdout", "made\n"),
            ended("b"),
            part("part_finished", "b"),
            json!({"event": "run_finished", "exit_code": 0}),
        ]
    );
}

#[test]
fn events_on_stdout_move_the_log() {
    let site = site();
    let plain = site.run(&[]);
    assert!(plain.stdout.starts_with("Installing a.\n"), "{plain:?}");
    let outcome = site.run(&["a:command=true", "--events", "-"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(events(&outcome.stdout).len(), 24, "{}", outcome.stdout);
    let log = "Installing a.\na: Running 'true'\nInstalling b.\nb: Running 'echo made'\nmade\n";
    assert!(outcome.stderr.ends_with(log), "{outcome:?}");
}

#[test]
fn a_failed_run_is_told_to_its_end() {
    let site = site();
    let line = [
        "--events=e",
        "--trace=t",
        "b:command=false",
        "b:stop-on-error=true",
    ];
    let stderr = site.run(&line).failure();
    assert!(
        stderr.starts_with("While:\n  Installing b.\nError: "),
        "{stderr}"
    );
    let events = events(&site.read("e"));
    assert_eq!(
        events.last(),
        Some(&json!({"event": "run_finished", "exit_code": 1}))
    );
    let trace: Value = serde_json::from_str(&site.read("t")).expect("a document");
    let failed = trace["traceEvents"].as_array().expect("a list").iter();
    let failed: Vec<&Value> = failed
        .filter(|event| event["args"]["end"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{trace:#}");
    assert_eq!(failed[0]["name"], "b");
    // A mistake in the profile is told as well, and the trace is one of nothing.
    site.run(&["--events=e", "--trace=t", "buildout:parts=gone"])
        .failure();
    assert!(site.read("e").ends_with("\"exit_code\":1}\n"));
    assert!(site.read("t").contains("\"traceEvents\":["));
}

#[test]
fn a_trace_shows_parts_and_the_critical_path() {
    let site = site();
    assert_eq!(site.run(&["--trace", "trace.json"]).code, Some(0));
    let trace: Value = serde_json::from_str(&site.read("trace.json")).expect("a document");
    assert_eq!(trace["otherData"]["critical path"], json!(["a", "b"]));
    let spans = trace["traceEvents"].as_array().expect("a list").iter();
    let spans: Vec<_> = spans
        .filter(|event| event["ph"] == "X")
        .map(|event| {
            (
                event["tid"].as_u64(),
                event["name"].as_str(),
                event["cat"].as_str(),
            )
        })
        .collect();
    let span = |lane, name, category| (Some(lane), Some(name), Some(category));
    assert_eq!(
        spans,
        [
            span(1, "a", "install"),
            span(1, "b", "install"),
            span(0, "a", "critical path"),
            span(0, "b", "critical path"),
        ]
    );
}

#[test]
fn longer_runs_end_with_a_summary_unless_nobody_wants_it() {
    let slow = |progress: &str| {
        let site = site().variable("BUILDOUT_PROGRESS", progress);
        site.run(&["b:command=: ${a:location}; sleep 3.1", "a:command=true"])
    };
    let outcome = slow("auto");
    let log = "Installing a.\na: Running 'true'\nInstalling b.\nb: Running ': made; sleep 3.1'\n";
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), log));
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(lines[0], "");
    assert!(
        lines[1].starts_with("2 parts installed in 3."),
        "{outcome:?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("Critical path: a > b  3.")),
        "{lines:?}"
    );
    assert_eq!(slow("never").stderr, "");
    let outcome = slow("bad");
    assert_eq!(outcome.stdout, "");
    assert_eq!(
        outcome.failure(),
        "Error: Invalid value for BUILDOUT_PROGRESS: bad\n\nhint: `BUILDOUT_PROGRESS` is `auto` or `never`\n"
    );
}

#[test]
fn files_that_cannot_be_written_are_failures() {
    let site = site();
    let before = site.tree();
    for option in ["--events", "--trace"] {
        let stderr = site.run(&[option, "no/file"]).failure();
        assert_eq!(
            stderr,
            "Error: failed to create `no/file`: No such file or directory (os error 2)\n"
        );
    }
    assert_eq!(site.tree(), before);
    for option in ["--events", "--trace"] {
        let stderr = site.run(&[option, "/dev/full"]).failure();
        assert!(
            stderr.ends_with(
                "Error: failed to write `/dev/full`: No space left on device (os error 28)\n"
            ),
            "{stderr}"
        );
    }
    // The parts are installed all the same.
    assert!(site.read(".installed.cfg").contains("parts = a b\n"));
}
