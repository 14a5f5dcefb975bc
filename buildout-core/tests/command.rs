//! Running real programs: how they end, what they write, and how they are stopped.

use std::{
    cell::Cell,
    collections::BTreeMap,
    ffi::OsString,
    fs,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use buildout_core::exec::{
    cancel::CancellationToken,
    command::{Command, CommandError, CommandOptions, Finished},
    outcome::Outcome,
    output::StreamKind::{self, Stderr, Stdout},
};

/// What every shell script here gets.
fn environment() -> BTreeMap<OsString, OsString> {
    BTreeMap::from([("PATH".into(), "/usr/bin:/bin".into())])
}

fn shell(script: &str) -> Command {
    Command::shell(script, "/", environment()).with_options(CommandOptions {
        drain: Duration::from_millis(300),
        ..CommandOptions::default()
    })
}

/// The time of grace for processes which do not use it.
const IMPATIENT: Duration = Duration::from_millis(400);

/// The time of grace for processes which end by themselves, on a busy machine too.
const PATIENT: Duration = Duration::from_secs(30);

type Lines = Vec<(StreamKind, String)>;

fn run(command: &Command) -> (Result<Finished, CommandError>, Lines) {
    let mut lines = Lines::new();
    let mut sink = |stream: StreamKind, line: &[u8]| {
        lines.push((stream, String::from_utf8_lossy(line).into_owned()));
    };
    let result = command.run(&mut sink, &CancellationToken::new());
    (result, lines)
}

/// Runs a script and cancels it when it has written a line `ready`.
fn run_and_cancel(
    script: &str,
    grace: Duration,
) -> (Result<Finished, CommandError>, Lines, Duration) {
    let token = CancellationToken::new();
    let lines = Mutex::new(Lines::new());
    let ready = AssertUnwindSafe(Mutex::new(None));
    let result = thread::scope(|scope| {
        let mut sink = |stream: StreamKind, line: &[u8]| {
            let text = String::from_utf8_lossy(line).into_owned();
            if text == "ready" {
                *ready.lock().expect("not poisoned") = Some(Instant::now());
                scope.spawn(|| token.cancel());
            }
            lines.lock().expect("not poisoned").push((stream, text));
        };
        let options = CommandOptions {
            grace,
            ..CommandOptions::default()
        };
        let command = shell(script).with_options(options);
        command.run(&mut sink, &token)
    });
    let start = ready.lock().expect("not poisoned").expect("it got ready");
    (
        result,
        lines.into_inner().expect("not poisoned"),
        start.elapsed(),
    )
}

fn cancelled_outcome(result: Result<Finished, CommandError>) -> Outcome {
    match result {
        Err(CommandError::Cancelled {
            outcome: Some(outcome),
            ..
        }) => outcome,
        other => panic!("it was cancelled while it ran: {other:?}"),
    }
}

fn process_exists(id: &str) -> bool {
    Path::new("/proc").join(id).exists()
}

/// A killed process whose parent is gone is reaped by another process, a moment later.
fn assert_process_ends(id: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    let is_running =
        || fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while is_running() {
        assert!(Instant::now() < deadline, "process {id} still runs");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_end_of_a_process_is_told_in_pythons_words() {
    for (script, outcome, text) in [
        ("exit 0", Outcome::Exited(0), None),
        (
            "exit 3",
            Outcome::Exited(3),
            Some("returned non-zero exit status 3."),
        ),
        (
            "kill -TERM $$",
            Outcome::Signalled(15),
            Some("died with <Signals.SIGTERM: 15>."),
        ),
        (
            "kill -KILL $$",
            Outcome::Signalled(9),
            Some("died with <Signals.SIGKILL: 9>."),
        ),
        (
            "no-such-program-here",
            Outcome::Exited(127),
            Some("returned non-zero exit status 127."),
        ),
    ] {
        let finished = run(&shell(script)).0.expect("it runs");
        assert_eq!(finished.outcome, outcome, "{script}");
        assert_eq!(finished.outcome.is_success(), text.is_none());
        if let Some(text) = text {
            assert_eq!(finished.outcome.python_text(), text);
        }
    }
}

#[test]
fn a_program_gets_what_it_is_given_and_nothing_else() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path().canonicalize().expect("it exists");
    let mut environment = environment();
    environment.insert("GIVEN".into(), "a b".into());
    let arguments: [&str; 0] = [];
    let (result, lines) = run(&Command::new(
        "env",
        arguments,
        &directory,
        environment.clone(),
    ));
    assert!(result.expect("found in PATH").outcome.is_success());
    let texts: Vec<_> = lines.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["GIVEN=a b", "PATH=/usr/bin:/bin"]);

    let script = "pwd; cat; ps -o pgid= -p $$ | tr -d ' '; echo $$; echo e >&2; printf last";
    let (result, lines) = run(&Command::shell(script, &directory, environment));
    let finished = result.expect("it runs");
    assert!(finished.outcome.is_success() && !finished.output_abandoned);
    let of = |kind| {
        let of_kind = lines.iter().filter(move |(stream, _)| *stream == kind);
        of_kind.map(|(_, text)| text.clone()).collect::<Vec<_>>()
    };
    let stdout = of(Stdout);
    assert_eq!(stdout[0], directory.to_str().expect("UTF-8"));
    assert_eq!(stdout[1], stdout[2], "it leads its process group");
    assert_eq!(stdout[3], "last");
    assert_eq!(of(Stderr), ["e"]);
    assert!(!process_exists(&stdout[2]), "no zombie is left");
}

#[test]
fn what_cannot_start_is_told_apart() {
    let none: [&str; 0] = [];
    let command = |program: &str, directory: &str| {
        run(&Command::new(program, none, directory, environment()))
            .0
            .expect_err("it cannot start")
    };
    assert!(matches!(
        command("/no/such", "/"),
        CommandError::Start { .. }
    ));
    assert!(matches!(
        command("no-such", "/"),
        CommandError::Start { .. }
    ));
    assert!(matches!(
        command("true", "/no/such"),
        CommandError::Directory { .. }
    ));
    assert!(matches!(
        command("true", "/dev/null"),
        CommandError::Directory { .. }
    ));
    let token = CancellationToken::new();
    token.cancel();
    let result = shell("echo started >&2").run(&mut |_: StreamKind, _: &[u8]| panic!(), &token);
    assert!(matches!(
        result,
        Err(CommandError::Cancelled { outcome: None, .. })
    ));
}

#[test]
fn much_output_on_both_streams_arrives_complete() {
    let script = "i=0; while [ $i -lt 100000 ]; do echo line $i; echo error $i >&2; \
                  i=$((i + 1)); done; exit 4";
    let (result, lines) = run(&shell(script));
    let finished = result.expect("it runs");
    assert_eq!(finished.outcome, Outcome::Exited(4));
    for (kind, word) in [(Stdout, "line"), (Stderr, "error")] {
        let mut count = 0;
        for (_, text) in lines.iter().filter(|(stream, _)| *stream == kind) {
            assert_eq!(*text, format!("{word} {count}"));
            count += 1;
        }
        assert_eq!(count, 100_000);
    }
    assert_eq!(finished.tail.lines().len(), 100);
    assert_eq!(finished.tail.dropped(), 199_900);
    let last = finished.tail.lines().last().expect("there are lines");
    assert!(last.bytes.ends_with(b" 99999"));
}

#[test]
fn a_daemon_which_holds_the_output_is_not_waited_for() {
    let start = Instant::now();
    let (result, lines) = run(&shell("echo $$; sleep 60 & echo $!; exit 5"));
    let finished = result.expect("it runs");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(finished.outcome, Outcome::Exited(5));
    assert!(finished.output_abandoned);
    assert!(!process_exists(&lines[0].1));
    let daemon = &lines[1].1;
    assert!(process_exists(daemon), "it goes on running");
    let kill = std::process::Command::new("kill").arg(daemon).status();
    assert!(kill.expect("kill starts").success());

    // One which closes its output in time is waited for, and its lines arrive.
    let (result, lines) = run(&shell("(sleep 0.1; echo late) & exit 0"));
    assert!(!result.expect("it runs").output_abandoned);
    assert_eq!(lines, [(Stdout, "late".to_owned())]);

    // One which never stops writing cannot keep the command going.
    let script = "exec 3>&1; (while :; do echo more; done >&3) & echo pid $!; exit 6";
    let (result, lines) = run(&shell(script));
    let finished = result.expect("it runs");
    assert!(finished.output_abandoned && finished.outcome == Outcome::Exited(6));
    let pid = lines.iter().find_map(|(_, text)| text.strip_prefix("pid "));
    // The closed pipe ends it.
    assert_process_ends(pid.expect("its number was written"));
}

#[test]
fn a_process_without_output_is_still_waited_for() {
    let (result, _) = run(&shell("exec >/dev/null 2>&1; sleep 0.3; exit 7"));
    assert_eq!(result.expect("it runs").outcome, Outcome::Exited(7));
}

#[test]
fn cancelling_ends_the_whole_group() {
    // The shell dies of the first signal, and so does its child.
    let script = "sleep 60 & echo $!; echo ready; wait";
    let (result, lines, time) = run_and_cancel(script, PATIENT);
    let Err(CommandError::Cancelled { outcome, tail, .. }) = result else {
        panic!("it was cancelled: {result:?}");
    };
    assert_eq!(outcome, Some(Outcome::Signalled(15)));
    assert_eq!(tail.lines().len(), 2);
    assert!(time < PATIENT, "{time:?}");
    assert_process_ends(&lines[0].1);
}

#[test]
fn a_cancelled_process_may_clean_up() {
    let script = "trap 'echo cleaned; exit 9' TERM; echo ready; while :; do sleep 0.01; done";
    let (result, lines, _) = run_and_cancel(script, PATIENT);
    assert_eq!(cancelled_outcome(result), Outcome::Exited(9));
    assert!(lines.contains(&(Stdout, "cleaned".to_owned())), "{lines:?}");
}

#[test]
fn processes_which_ignore_the_first_signal_are_killed() {
    let stubborn = "trap '' TERM; (while :; do sleep 1; done) & echo $!; echo ready; \
                    while :; do sleep 1; done";
    let (result, lines, time) = run_and_cancel(stubborn, IMPATIENT);
    assert_eq!(cancelled_outcome(result), Outcome::Signalled(9));
    assert!(time >= IMPATIENT, "{time:?}");
    assert_process_ends(&lines[0].1);

    // The leader goes at once, a child holds the output and ignores the signal.
    let orphan = "sh -c 'trap \"\" TERM; echo $$; echo ready; while :; do sleep 1; done' & wait";
    let (result, lines, time) = run_and_cancel(orphan, IMPATIENT);
    assert_eq!(cancelled_outcome(result), Outcome::Signalled(15));
    assert!(time >= IMPATIENT, "{time:?}");
    assert_process_ends(&lines[0].1);

    // A stopped process is continued, so that it notices.
    let stopped = "sh -c 'trap \"echo continued; exit\" TERM; kill -STOP $$' & \
                   until grep -q 'State:.T' /proc/$!/status; do :; done; echo ready; wait";
    let (result, lines, _) = run_and_cancel(stopped, PATIENT);
    assert_eq!(cancelled_outcome(result), Outcome::Signalled(15));
    assert!(
        lines.contains(&(Stdout, "continued".to_owned())),
        "{lines:?}"
    );
}

#[test]
fn a_sink_that_panics_leaves_no_process_behind() {
    let id = Cell::new(None);
    let mut sink = |_: StreamKind, line: &[u8]| {
        id.set(Some(String::from_utf8_lossy(line).into_owned()));
        panic!("a defect of the sink");
    };
    let command = shell("echo $$; sleep 60");
    let result = panic::catch_unwind(AssertUnwindSafe(|| {
        command.run(&mut sink, &CancellationToken::new())
    }));
    assert!(result.is_err());
    assert!(!process_exists(&id.take().expect("a line came")));
}
