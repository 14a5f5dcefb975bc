//! What is shown of a part that failed, besides why: the command, its
//! directory and output, and where to look further.

use std::error::Error as _;
use std::sync::Arc;

use buildout_core::exec::failure::{CommandFailure, FailureCause};
use buildout_core::exec::output::OutputTail;
use buildout_core::run::Failure;
use buildout_core::state::part_logs::PartLogs;

use crate::diagnostic::visible;
use buildout_core::redaction::redacted;

/// How many of the last lines of output are shown.
const SHOWN_LINES: usize = 20;

/// The width of the names of what is shown.
const NAME_WIDTH: usize = "directory: ".len();

/// What the parts of a run left to look at.
pub(crate) struct Traces {
    /// Their logs.
    pub(crate) logs: Arc<PartLogs>,
    /// Returns the command line that enters the build of a part.
    pub(crate) shell_line: Box<dyn Fn(&str) -> String>,
}

impl Traces {
    /// Tells what to do next, unless the failure itself has advice.
    pub(crate) fn hint(&self, failure: &Failure) -> Option<String> {
        CommandFailure::find(failure)?;
        let line = (self.shell_line)(failure.part()?);
        Some(format!("look into it with `{line}`"))
    }
}

/// Describes what is known of a part that failed; empty if there is nothing
/// but the failure.
pub(crate) fn describe(failure: &Failure, traces: Option<&Traces>) -> String {
    let mut description = Description::default();
    let Some(part) = failure.part() else {
        return description.0;
    };
    let command = CommandFailure::find(failure);
    let log = traces.and_then(|traces| traces.logs.path(part));
    if command.is_some() || log.is_some() {
        description.add("part", part);
    }
    if let Some(command) = command {
        description.add_command(command);
    }
    if let Some(log) = log {
        description.add("log", &log.to_string_lossy());
    }
    if let Some(tree) = command.and_then(CommandFailure::kept_tree) {
        description.add("kept", &tree.to_string_lossy());
    }
    description.0
}

#[derive(Default)]
struct Description(String);

impl Description {
    fn add(&mut self, name: &str, text: &str) {
        self.0
            .push_str(&format!("{:NAME_WIDTH$}", format!("{name}:")));
        let text = redacted(text);
        let indented = format!("\n{}", " ".repeat(NAME_WIDTH));
        let lines: Vec<String> = text.trim_end().lines().map(visible).collect();
        self.0.push_str(&lines.join(&indented));
        self.0.push('\n');
    }

    fn add_command(&mut self, command: &CommandFailure) {
        self.add("command", command.command());
        self.add("directory", &command.directory().to_string_lossy());
        match command.cause() {
            FailureCause::Ended {
                outcome,
                diagnosis,
                tail,
            } => {
                self.add("ended", &format!("with {outcome}"));
                if let Some(found) = diagnosis {
                    let kind = found.kind.name();
                    let (line, number) = (&found.line, found.number);
                    self.add(
                        "error",
                        &format!("{kind}, line {number} of the output: {line}"),
                    );
                }
                self.add_tail(tail);
            }
            FailureCause::NotRun(error) => {
                let text = match error.source() {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                };
                self.add("error", &text);
            }
            _ => {}
        }
    }

    fn add_tail(&mut self, tail: &OutputTail) {
        let lines = tail.lines();
        let kept = lines.len();
        if kept == 0 {
            return;
        }
        let skipped = kept.saturating_sub(SHOWN_LINES);
        let all = tail.dropped() + kept as u64;
        let heading = match (skipped, all) {
            (0, 1) => "1 line".to_owned(),
            (0, _) => format!("{all} lines"),
            _ => format!("the last {SHOWN_LINES} of {all} lines"),
        };
        self.0
            .push_str(&format!("{:NAME_WIDTH$}{heading}:\n", "output:"));
        for line in lines.skip(skipped) {
            let text = String::from_utf8_lossy(&line.bytes);
            self.0
                .push_str(&format!("  {}\n", visible(&redacted(&text))));
        }
    }
}
