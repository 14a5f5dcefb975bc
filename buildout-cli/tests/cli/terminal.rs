//! The view of a run on a terminal, which tmux emulates.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::site::TestSite;

/// `slow` is at work until there is a file `go`.
const PROFILE: &str = "\
[buildout]
parts = quick slow last
[quick]
recipe = plone.recipe.command
command = echo hidden
[slow]
recipe = plone.recipe.command
command = echo hidden; while [ ! -e go ]; do sleep 0.02; done
[last]
recipe = plone.recipe.command
command = true
";

const PATIENCE: Duration = Duration::from_secs(30);

/// A terminal in which the command runs.
struct Pane {
    site: TestSite,
    socket: PathBuf,
}

impl Pane {
    fn start(site: TestSite, size: (u16, u16), line: &str) -> Self {
        let socket = site.path("../tmp/tmux");
        let pane = Pane { site, socket };
        let program = env!("CARGO_BIN_EXE_buildout");
        let (columns, rows) = (size.0.to_string(), size.1.to_string());
        // A terminal that is not full yet moves lines out of reach when it
        // becomes narrower. The shell prints when the command is over, and
        // stays for a last look.
        let script = format!("seq 99; trap : INT; {program} {line}; echo \"over: $?\"; sleep 600");
        let mut arguments = vec![
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
        ];
        let directory = pane.site.path("");
        let directory = directory.to_str().expect("UTF-8");
        arguments.extend(["-c", directory, "env", "-i"]);
        let set = |(name, value): &(String, String)| format!("{name}={value}");
        let variables: Vec<String> = pane.site.variables().iter().map(set).collect();
        arguments.extend(variables.iter().map(String::as_str));
        arguments.extend(["sh", "-c", &script]);
        pane.tmux(&arguments);
        pane
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .args(arguments)
            .env("LANG", "C.UTF-8")
            .output()
            .expect("tmux starts");
        assert!(output.status.success(), "tmux {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Resizes the terminal. tmux tells programs of that four times a second
    /// at most, so this waits before: who draws without knowing leaves traces.
    fn resize(&self, columns: u16, rows: u16) {
        std::thread::sleep(Duration::from_millis(400));
        let (columns, rows) = (columns.to_string(), rows.to_string());
        self.tmux(&["resize-window", "-x", &columns, "-y", &rows]);
    }

    /// Returns the lines since the start, up to the last with text.
    fn lines(&self) -> Vec<String> {
        let text = self.tmux(&["capture-pane", "-p", "-S", "-"]);
        let lines = text.trim_end().lines().map(ToOwned::to_owned);
        lines.skip_while(|line| line != "99").skip(1).collect()
    }

    /// Waits until the lines are as wanted.
    #[track_caller]
    fn wait(&self, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let lines = self.lines();
            if wanted(&lines) {
                return lines;
            }
            assert!(begin.elapsed() < PATIENCE, "{lines:#?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for the end of the command.
    #[track_caller]
    fn wait_for_end(&self, code: i32) -> Vec<String> {
        let over = format!("over: {code}");
        self.wait(|lines| lines.last() == Some(&over))
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // It may have ended by itself.
        let mut command = Command::new("tmux");
        let _ = command
            .arg("-S")
            .arg(&self.socket)
            .arg("kill-server")
            .output();
    }
}

fn site() -> TestSite {
    let site = TestSite::new(PROFILE);
    site.run(&["bootstrap"]).output();
    site.variable("BUILDOUT_PROGRESS", "auto")
        .variable("TERM", "screen")
}

/// The live area of `PROFILE`, with the spinner and the times masked.
fn masked(line: &str) -> String {
    let mut masked = String::new();
    for character in line.chars() {
        match character {
            '\u{2800}'..='\u{28ff}' => masked.push('*'),
            _ => masked.push(character),
        }
    }
    match masked.rsplit_once(' ') {
        Some((rest, time)) if time.ends_with('s') && time != "parts" => {
            format!("{} T", rest.trim_end())
        }
        _ => masked,
    }
}

#[track_caller]
fn wait_for_area(pane: &Pane, expected: &[&str]) {
    pane.wait(|lines| {
        let masked: Vec<String> = lines.iter().map(|line| masked(line)).collect();
        masked == expected
    });
}

const BAR: &str = "\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2501}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}\u{2500}";

#[test]
fn parts_at_work_are_shown_below_the_log_at_any_size() {
    let pane = Pane::start(site(), (80, 24), "");
    let log = [
        "quick: Running 'echo hidden'",
        "\u{2713} Installed quick",
        "slow: Running 'echo hidden; while [ ! -e go ]; do sleep 0.02; done'",
    ];
    let wide = format!(" {BAR}  1/3 parts \u{b7} T");
    wait_for_area(&pane, &[log[0], log[1], log[2], " * slow T", &wide]);
    // Lines that are broken anew leave nothing behind.
    pane.resize(40, 24);
    let (first, second) = log[2].split_at(40);
    let lines = pane.wait(|lines| {
        lines
            .last()
            .is_some_and(|line| line.contains("parts \u{b7}"))
    });
    assert_eq!(
        lines[..4],
        [log[0], log[1], first, second.trim_end()],
        "{lines:#?}"
    );
    assert_eq!(lines.len(), 6, "{lines:#?}");
    assert_eq!(masked(&lines[4]), " * slow T");
    assert!(lines[5].contains("  1/3 parts"), "{lines:#?}");
    pane.resize(14, 24);
    pane.wait(|lines| {
        lines
            .last()
            .is_some_and(|line| masked(line) == " 1/3 parts \u{b7}\u{2026}")
    });
    pane.resize(100, 30);
    wait_for_area(&pane, &[log[0], log[1], log[2], " * slow T", &wide]);
    pane.site.write("go", "");
    let lines = pane.wait_for_end(0);
    let installed = lines
        .iter()
        .filter(|line| line.starts_with("\u{2713} Installed "))
        .count();
    assert_eq!(installed, 3, "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("1/3")), "{lines:#?}");
    assert!(!lines.iter().any(|line| line == "hidden"), "{lines:#?}");
}

#[test]
fn output_is_shown_when_it_is_asked_for() {
    let pane = Pane::start(
        site(),
        (80, 24),
        "-v slow:command='echo seen; echo twice >&2'",
    );
    let lines = pane.wait_for_end(0);
    for expected in ["hidden", "seen", "twice", "\u{2713} Installed slow"] {
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected}: {lines:#?}"
        );
    }
}

/// What is asked of a terminal, and whether the view is live there, and
/// painted.
#[test]
fn a_terminal_that_can_or_shall_not_show_more_gets_lines() {
    for (name, value, option, live, painted) in [
        ("X", "x", "", true, true),
        ("NO_COLOR", "1", "", true, false),
        ("LANG", "C", "", true, true),
        ("TERM", "dumb", "", false, false),
        ("TERM", "", "", false, false),
        ("CI", "true", "", false, false),
        ("CI", "false", "", true, true),
        ("BUILDOUT_PROGRESS", "never", "", false, false),
        ("X", "x", "--progress=never", false, false),
    ] {
        let pane = Pane::start(site().variable(name, value), (80, 24), option);
        let told = if live { "/3 parts" } else { "Installing slow." };
        let lines = pane.wait(|lines| lines.iter().any(|line| line.contains(told)));
        // The log is zc.buildout's, or the view's.
        let plain = lines.iter().any(|line| line == "Installing quick.");
        assert_eq!(plain, !live, "{name}={value}: {lines:#?}");
        let hidden = lines.iter().any(|line| line == "hidden");
        assert_eq!(hidden, !live, "{name}={value}: {lines:#?}");
        let text = pane.tmux(&["capture-pane", "-p", "-e"]);
        assert_eq!(text.contains('\u{1b}'), painted, "{name}={value}: {text:?}");
        if live {
            assert_eq!(text.is_ascii(), value == "C", "{name}={value}: {text:?}");
        }
        pane.site.write("go", "");
        pane.wait_for_end(0);
    }
}

/// What fails is told below the log, not above what is still drawn.
#[test]
fn a_failure_comes_last() {
    let pane = Pane::start(
        site(),
        (80, 24),
        "slow:command=false slow:stop-on-error=true",
    );
    let lines = pane.wait_for_end(1);
    let error = "Error: Non zero exit code (1) while running command.";
    let at = lines.iter().position(|line| line == error);
    let at = at.unwrap_or_else(|| panic!("no error: {lines:#?}"));
    assert_eq!(lines[at - 2..at], ["While:", "  Installing slow."]);
    assert!(
        !lines.iter().any(|line| line.contains("/3 parts")),
        "{lines:#?}"
    );
}

#[test]
fn an_interrupted_run_leaves_the_terminal_clean() {
    let pane = Pane::start(site(), (80, 24), "");
    pane.wait(|lines| lines.last().is_some_and(|line| line.contains("1/3 parts")));
    pane.tmux(&["send-keys", "C-c"]);
    let lines = pane.wait_for_end(130);
    assert!(
        lines.iter().any(|line| line.starts_with("Error: ")),
        "{lines:#?}"
    );
    assert!(
        !lines.iter().any(|line| line.contains("1/3 parts")),
        "{lines:#?}"
    );
}
