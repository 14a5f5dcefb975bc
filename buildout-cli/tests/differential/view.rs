//! What is compared of an invocation: its outcome in a form where equality means compatibility.

use std::collections::BTreeMap;
use std::path::Path;

use crate::case::{ROOT, replace_bytes};
use crate::program::{Outcome, Question};

/// The line with which upstream announces an error that it takes for a bug.
const INTERNAL_ERROR: &str =
    "\nAn internal error occurred due to a bug in either zc.buildout or in a\nrecipe being used:\n";
const TRACEBACK: &str = "Traceback (most recent call last):\n";

/// What a program said on standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// The first block: the `While:` lines and `Error: TEXT`, up to the first empty line.
    User(String),
    /// An exception that upstream shows with a traceback: the exception's text.
    Internal(String),
    /// A traceback from before upstream's own error handling: the exception's text.
    Crash(String),
}

/// One side's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// The exit code, `None` after a signal.
    pub(crate) code: Option<i32>,
    /// Standard output, byte for byte but for the case's directory.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) complaint: Complaint,
    /// The resolved values by section, each an object of options or an error text.
    pub(crate) resolved: BTreeMap<String, Section>,
    /// The files on disk and the installed state, where the case compares them.
    pub(crate) files: Vec<String>,
    /// Standard error as it was, for reports only.
    pub(crate) raw_stderr: String,
}

/// One section's resolved values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Section {
    /// Values by option.
    Options(BTreeMap<String, String>),
    /// The text of the first error.
    Error(String),
}

impl View {
    /// Builds the view of an outcome of a program that ran in `root`.
    pub(crate) fn new(outcome: &Outcome, question: Question, root: &Path) -> Result<Self, String> {
        let root = root.to_str().ok_or("a directory name is not UTF-8")?;
        let mut stdout = text(&replace_bytes(
            &outcome.stdout,
            root.as_bytes(),
            ROOT.as_bytes(),
        ));
        let raw_stderr = text(&replace_bytes(
            &outcome.stderr,
            root.as_bytes(),
            ROOT.as_bytes(),
        ));
        let mut resolved = BTreeMap::new();
        let mut complained = raw_stderr.as_str();
        if question == Question::Resolve {
            // With a machine format our log lines go to stderr; upstream's go to stdout.
            complained = without_log_lines(complained);
            if outcome.code == Some(0) {
                resolved = read_resolved(&stdout, &raw_stderr)?;
                complained = "";
            }
            stdout = String::new();
        }
        Ok(Self {
            code: outcome.code,
            stdout,
            complaint: complaint(complained),
            resolved,
            files: Vec::new(),
            raw_stderr,
        })
    }

    /// The view as text, for a diff.
    pub(crate) fn render(&self) -> String {
        let code = self
            .code
            .map_or("ended by a signal".to_owned(), |code| code.to_string());
        let mut lines = format!("exit code: {code}\n");
        if !self.stdout.is_empty() {
            lines.push_str("stdout:\n");
            for line in self.stdout.split_inclusive('\n') {
                lines.push_str(&format!("| {}\n", visible(line)));
            }
        }
        let (kind, complaint) = match &self.complaint {
            Complaint::User(text) => ("stderr", text),
            Complaint::Internal(text) => ("internal error", text),
            Complaint::Crash(text) => ("crash", text),
        };
        if !complaint.is_empty() {
            lines.push_str(&format!("{kind}:\n"));
            for line in complaint.lines() {
                lines.push_str(&format!("| {}\n", visible(line)));
            }
        }
        for (name, section) in &self.resolved {
            match section {
                Section::Error(text) => lines.push_str(&format!("[{name}] error: {text:?}\n")),
                Section::Options(options) => {
                    lines.push_str(&format!("[{name}]\n"));
                    for (option, value) in options {
                        lines.push_str(&format!("  {option:?} = {value:?}\n"));
                    }
                }
            }
        }
        for line in &self.files {
            lines.push_str(line);
            lines.push('\n');
        }
        lines
    }

    /// Puts our complaint in the form of the peer's.
    ///
    /// We never show a traceback. Where the peer did, our `Error: TEXT` must carry the exception's
    /// text, with or without the exception's type before it, and the `While:` lines are our own.
    pub(crate) fn answer_in_kind(&mut self, peer: &Complaint) {
        let Complaint::User(block) = &self.complaint else {
            return;
        };
        let (Complaint::Internal(expected) | Complaint::Crash(expected)) = peer else {
            return;
        };
        let error = match block.split_once("Error: ") {
            Some((_, error)) => error.trim_end_matches('\n').to_owned(),
            None => block.clone(),
        };
        let error = match error.split_once(": ") {
            Some((kind, rest)) if rest == expected && !kind.contains(char::is_whitespace) => {
                rest.to_owned()
            }
            _ => error,
        };
        self.complaint = match peer {
            Complaint::Crash(_) => Complaint::Crash(error),
            _ => Complaint::Internal(error),
        };
    }
}

fn visible(line: &str) -> String {
    line.trim_end_matches('\n')
        .replace('\r', "␍")
        .replace('\t', "→\t")
}

/// Bytes as text; those that are not UTF-8 stay distinguishable.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes
            .iter()
            .flat_map(|byte| std::ascii::escape_default(*byte))
            .map(char::from)
            .collect(),
    }
}

fn complaint(stderr: &str) -> Complaint {
    if let Some((_, traceback)) = stderr.split_once(INTERNAL_ERROR) {
        return Complaint::Internal(exception_text(traceback));
    }
    if stderr.starts_with(TRACEBACK) {
        return Complaint::Crash(exception_text(stderr));
    }
    Complaint::User(first_block(stderr))
}

/// The text from the first line that belongs to an error.
fn without_log_lines(stderr: &str) -> &str {
    let mut rest = stderr;
    while !rest.is_empty() {
        if ["While:\n", "Error: ", INTERNAL_ERROR, TRACEBACK]
            .iter()
            .any(|start| rest.starts_with(start))
        {
            return rest;
        }
        rest = rest.split_once('\n').map_or("", |(_, after)| after);
    }
    stderr
}

/// The text up to the first empty line.
fn first_block(text: &str) -> String {
    match text.find("\n\n") {
        Some(end) => text[..=end].to_owned(),
        None => text.to_owned(),
    }
}

/// The text of the last exception of a traceback, without its type, up to an empty line.
fn exception_text(traceback: &str) -> String {
    let last = traceback.rsplit(TRACEBACK).next().unwrap_or_default();
    let mut lines = last
        .split_inclusive('\n')
        .skip_while(|line| line.starts_with("  "));
    let first = lines.next().unwrap_or_default();
    let start = first.split_once(": ").map_or(first, |(_, message)| message);
    let message: String = std::iter::once(start).chain(lines).collect();
    first_block(&message).trim_end_matches('\n').to_owned()
}

/// Reads the document of resolved values.
///
/// The driver marks its own with a NUL after log lines; it is
/// `{"SECTION": {"options": {"OPTION": "VALUE"}} | {"error": "TEXT"}}`. Ours is
/// `{"SECTION": {"OPTION": "VALUE"}}` and lists the sections left out on stderr.
fn read_resolved(stdout: &str, stderr: &str) -> Result<BTreeMap<String, Section>, String> {
    let (ours, document) = match stdout.rsplit_once('\0') {
        Some((_, document)) => (false, document),
        None => (true, stdout),
    };
    let value: serde_json::Value = serde_json::from_str(document).map_err(|error| {
        format!("the resolved values are not a JSON document: {error}\n{document}")
    })?;
    let sections = value
        .as_object()
        .ok_or("the resolved values are not an object")?;
    let mut result = BTreeMap::new();
    for (name, section) in sections {
        let options = if ours { section } else { &section["options"] };
        let parsed = if let Some(options) = options.as_object() {
            let values = options
                .iter()
                .map(|(option, value)| {
                    (
                        option.clone(),
                        value.as_str().unwrap_or("not a string").to_owned(),
                    )
                })
                .collect();
            Section::Options(values)
        } else if let Some(text) = section["error"].as_str() {
            Section::Error(text.trim_end().to_owned())
        } else {
            return Err(format!(
                "section {name} has neither `options` nor `error`: {section}"
            ));
        };
        result.insert(name.clone(), parsed);
    }
    if ours {
        result.extend(left_out(stderr));
    }
    Ok(result)
}

/// Reads `[SECTION] left out: TEXT`, whose further lines are indented.
fn left_out(stderr: &str) -> BTreeMap<String, Section> {
    let mut errors: BTreeMap<String, String> = BTreeMap::new();
    let mut current = None;
    for line in stderr.lines() {
        let start = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("] left out: "));
        if let Some((name, text)) = start {
            errors.insert(name.to_owned(), text.to_owned());
            current = Some(name.to_owned());
        } else if let (Some(rest), Some(name)) = (line.strip_prefix("  "), &current)
            && let Some(text) = errors.get_mut(name)
        {
            text.push('\n');
            text.push_str(rest);
        }
    }
    let error = |(name, text): (String, String)| (name, Section::Error(text.trim_end().to_owned()));
    errors.into_iter().map(error).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_are_told_apart() {
        let internal = format!(
            "While:\n  Initializing.\n{INTERNAL_ERROR}{TRACEBACK}  File \"x\", line 1, in f\n    g()\n    ^^^\n\
             a.b.ParsingError: File contains parsing errors: /p\n\t[line  6]: 'foo\\n'\n"
        );
        assert_eq!(
            complaint(&internal),
            Complaint::Internal(
                "File contains parsing errors: /p\n\t[line  6]: 'foo\\n'".to_owned()
            )
        );
        let user = "While:\n  Initializing.\nError: Couldn't open /x\n\nhint: more\n";
        assert_eq!(
            complaint(user),
            Complaint::User("While:\n  Initializing.\nError: Couldn't open /x\n".to_owned())
        );
        assert_eq!(
            without_log_lines("Creating directory 'x'.\nError: bad\n"),
            "Error: bad\n"
        );
        let crash = format!(
            "{TRACEBACK}  File \"x\", line 1, in f\nIndexError: string index out of range\n"
        );
        assert_eq!(
            complaint(&crash),
            Complaint::Crash("string index out of range".to_owned())
        );
    }
}
