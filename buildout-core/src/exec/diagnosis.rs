//! The first error in the output of a command: what a person would look for in
//! a long log.
//!
//! Output is looked at line by line while it streams, because the first error
//! of a long build is far above its end. What follows from another failure,
//! such as make's `Error 2` after the compiler's message, counts only if
//! nothing better is found; a full disk or a process that was killed explains
//! whatever else went wrong, and so comes first. Messages are known as programs
//! print them in English, which is what builds mostly run with.

use std::borrow::Cow;

use memchr::memmem::Finder;

use super::output::{OutputSink, StreamKind};

/// How much of a line is shown.
const SHOWN_BYTES: usize = 400;

/// What printed an error, or what went wrong if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DiagnosisKind {
    /// There is no space left.
    DiskFull,
    /// The memory was exhausted.
    OutOfMemory,
    /// A process was killed, or crashed.
    Killed,
    /// A compiler or assembler.
    Compiler,
    /// A linker.
    Linker,
    /// A configure script, CMake or Meson.
    Configure,
    /// A patch that does not apply.
    Patch,
    /// A file that does not have its checksum.
    Checksum,
    /// A program that is not there or cannot be executed.
    MissingProgram,
    /// Make or Ninja.
    Make,
}

impl DiagnosisKind {
    /// Returns the kind in a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::DiskFull => "disk full",
            Self::OutOfMemory => "out of memory",
            Self::Killed => "killed",
            Self::Compiler => "compiler",
            Self::Linker => "linker",
            Self::Configure => "configure",
            Self::Patch => "patch",
            Self::Checksum => "checksum",
            Self::MissingProgram => "missing program",
            Self::Make => "make",
        }
    }
}

/// The line that tells best why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// What it is about.
    pub kind: DiagnosisKind,
    /// The line, without colours and not longer than is worth showing.
    pub line: String,
    /// Its number in the output, both streams together, from 1.
    pub number: u64,
}

/// How much a line explains; the least explains most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// It explains whatever else went wrong.
    Circumstance,
    /// It is an error by itself.
    Cause,
    /// It is an error unless the program can do without.
    Suspect,
    /// It follows from another failure.
    Consequence,
}

/// What a line must contain to be worth a closer look.
const MARKS: [&str; 12] = [
    "rror",
    "ERROR",
    "*** ",
    "No space left",
    "quota exceeded",
    "undefined",
    "multiple definition",
    "cannot ",
    "not found",
    "No such file",
    "Killed",
    "fault",
];

/// The same for messages of patch and the programs that compare checksums.
const RARER_MARKS: [&str; 7] = [
    "FAILED",
    "can't find file",
    "Reversed (or",
    "NOT match",
    "mismatch",
    "Permission denied",
    "memory",
];

/// Looks for the first error in lines of output.
pub(super) struct Diagnoser {
    marks: Vec<Finder<'static>>,
    lines: u64,
    best: Option<(Rank, Diagnosis)>,
}

impl Diagnoser {
    pub(super) fn new() -> Self {
        let marks = MARKS.iter().chain(&RARER_MARKS);
        Self {
            marks: marks.map(|mark| Finder::new(*mark)).collect(),
            lines: 0,
            best: None,
        }
    }

    /// Looks at the next line.
    pub(super) fn line(&mut self, line: &[u8]) {
        self.lines += 1;
        if !self.marks.iter().any(|mark| mark.find(line).is_some()) {
            return;
        }
        let line = without_colours(line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        let Some((kind, rank)) = recognise(text) else {
            return;
        };
        if self.best.as_ref().is_some_and(|(best, _)| *best <= rank) {
            return;
        }
        let diagnosis = Diagnosis {
            kind,
            line: shortened(text),
            number: self.lines,
        };
        self.best = Some((rank, diagnosis));
    }

    /// Returns what was found.
    pub(super) fn finish(self) -> Option<Diagnosis> {
        self.best.map(|(_, diagnosis)| diagnosis)
    }
}

/// A sink that looks at lines on their way to another one.
pub(super) struct DiagnosingSink<'s> {
    pub(super) diagnoser: Diagnoser,
    pub(super) sink: &'s mut dyn OutputSink,
}

impl OutputSink for DiagnosingSink<'_> {
    fn line(&mut self, stream: StreamKind, line: &[u8]) {
        self.diagnoser.line(line);
        self.sink.line(stream, line);
    }
}

/// Removes the sequences by which programs colour their messages.
fn without_colours(line: &[u8]) -> Cow<'_, [u8]> {
    const ESCAPE: u8 = 0x1b;
    if !line.contains(&ESCAPE) {
        return Cow::Borrowed(line);
    }
    let mut plain = Vec::with_capacity(line.len());
    let mut rest = line.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != ESCAPE {
            plain.push(byte);
        } else if rest.next() == Some(b'[') {
            // Up to the letter that says what the sequence does.
            rest.by_ref().find(u8::is_ascii_alphabetic);
        }
    }
    Cow::Owned(plain)
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(SHOWN_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let dots = if end < text.len() { "..." } else { "" };
    format!("{}{dots}", &text[..end])
}

type Recognised = Option<(DiagnosisKind, Rank)>;

fn recognise(line: &str) -> Recognised {
    circumstance(line)
        .or_else(|| make(line))
        .or_else(|| configure(line))
        .or_else(|| patch(line))
        .or_else(|| checksum(line))
        .or_else(|| linker(line))
        .or_else(|| compiler(line))
        .or_else(|| missing_program(line))
}

fn contains_any(line: &str, texts: &[&str]) -> bool {
    texts.iter().any(|text| line.contains(text))
}

fn circumstance(line: &str) -> Recognised {
    let kind = if contains_any(line, &["No space left on device", "Disk quota exceeded"]) {
        DiagnosisKind::DiskFull
    } else if contains_any(
        line,
        &[
            "virtual memory exhausted",
            "annot allocate memory",
            "emory exhausted",
            "out of memory allocating",
        ],
    ) {
        DiagnosisKind::OutOfMemory
    } else if is_signal_report(line, "Killed") || line.contains("Killed signal terminated program")
    {
        DiagnosisKind::Killed
    } else if is_signal_report(line, "Segmentation fault") {
        return Some((DiagnosisKind::Killed, Rank::Cause));
    } else {
        return None;
    };
    Some((kind, Rank::Circumstance))
}

/// Recognises how shells tell that a process was ended by a signal: the name
/// alone, or `bash: line 1: 28035 Killed   COMMAND`.
fn is_signal_report(line: &str, signal: &str) -> bool {
    match line.split_once(signal) {
        Some(("", rest)) => rest.is_empty() || rest == " (core dumped)",
        Some((before, rest)) => {
            let number = before.trim_end().rsplit(' ').next().unwrap_or_default();
            is_number(number) && before.contains(": ") && (rest.is_empty() || rest.starts_with(' '))
        }
        None => false,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the name of the program that a message starts with, without its
/// directory, and the message.
fn program_message(line: &str) -> Option<(&str, &str)> {
    let (program, message) = line.split_once(": ")?;
    let name = program.rsplit('/').next().unwrap_or(program);
    Some((name, message))
}

fn make(line: &str) -> Recognised {
    let kind = DiagnosisKind::Make;
    if let Some((_, message)) = line.split_once("*** ") {
        // Patch has stars of its own.
        if line.starts_with("patch: ****") {
            return None;
        }
        let is_stop = message.ends_with("Stop.");
        let is_failed_target = message.starts_with('[') || message.starts_with("Waiting for");
        return match (is_stop, is_failed_target) {
            (true, _) => Some((kind, Rank::Cause)),
            (_, true) => Some((kind, Rank::Consequence)),
            _ => None,
        };
    }
    if line.starts_with("ninja: error:") {
        return Some((kind, Rank::Cause));
    }
    (line.starts_with("FAILED: ") || line.starts_with("ninja: build stopped:"))
        .then_some((kind, Rank::Consequence))
}

fn configure(line: &str) -> Recognised {
    let is_error = match program_message(line) {
        Some(("configure", message)) => message
            .strip_prefix("error: ")
            // Autoconf names the directory first.
            .is_some_and(|text| !(text.starts_with("in `") || text.starts_with("in '"))),
        Some((place, message)) => {
            place.starts_with("configure.ac:") && message.starts_with("error:")
                || place.starts_with("meson.build:") && message.starts_with("ERROR:")
        }
        None => false,
    };
    (is_error || line.starts_with("CMake Error")).then_some((DiagnosisKind::Configure, Rank::Cause))
}

fn patch(line: &str) -> Recognised {
    let is_error = line.starts_with("Hunk #") && line.contains(" FAILED")
        || line.starts_with("can't find file to patch")
        || line.starts_with("patch: ****")
        || line.starts_with("Reversed (or previously applied) patch detected")
        || line.starts_with("error: patch failed:");
    is_error.then_some((DiagnosisKind::Patch, Rank::Cause))
}

fn checksum(line: &str) -> Recognised {
    let is_error = line.contains("checksum did NOT match")
        || line.contains("checksums did NOT match")
        || line.to_ascii_lowercase().contains("checksum mismatch");
    is_error.then_some((DiagnosisKind::Checksum, Rank::Cause))
}

fn linker(line: &str) -> Recognised {
    let kind = DiagnosisKind::Linker;
    if line.starts_with("collect2: error:") {
        return Some((kind, Rank::Consequence));
    }
    let of_linker = program_message(line).is_some_and(|(program, message)| {
        let is_linker = program == "ld" || program.starts_with("ld.") || program.ends_with("-ld");
        is_linker
            && contains_any(
                message,
                &[
                    "cannot find ",
                    "cannot open ",
                    "cannot use ",
                    "error: ",
                    "file format not recognized",
                    "file in wrong format",
                    "can not be used when making",
                ],
            )
    });
    let anywhere = contains_any(
        line,
        &["undefined reference to ", "multiple definition of "],
    );
    (of_linker || anywhere).then_some((kind, Rank::Cause))
}

fn compiler(line: &str) -> Recognised {
    let found = Some((DiagnosisKind::Compiler, Rank::Cause));
    // The compiler of Rust names the place after the message.
    if line.starts_with("error[E") {
        return found;
    }
    let (place, _) = [
        ": error: ",
        ": fatal error: ",
        ": Error: ",
        ": Fatal error: ",
    ]
    .iter()
    .find_map(|mark| line.split_once(mark))?;
    // What is compiled may also be `<command-line>`.
    if is_place(place) || is_compiler(place) || place.starts_with('<') {
        found
    } else {
        None
    }
}

/// Tells whether a text is `FILE:LINE` or `FILE:LINE:COLUMN`.
fn is_place(text: &str) -> bool {
    let mut pieces = text.rsplit(':');
    let last = pieces.next().is_some_and(is_number);
    last && pieces.next().is_some_and(|piece| !piece.is_empty())
}

/// Tells whether a text is the name of a compiler, such as
/// `x86_64-linux-gnu-gcc-12`.
fn is_compiler(text: &str) -> bool {
    let program = text.rsplit('/').next().unwrap_or(text);
    let name = match program.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => name,
        _ => program,
    };
    let name = name.rsplit('-').next().unwrap_or(name);
    matches!(
        name,
        "cc" | "cc1" | "cc1plus" | "as" | "gcc" | "g++" | "c++" | "clang" | "clang++" | "gfortran"
    )
}

/// Shells, env, xargs and make tell of a program that is not there, each in
/// its own way. Configure scripts try programs, so this alone is no proof.
fn missing_program(line: &str) -> Recognised {
    let (before, reason) = line.rsplit_once(": ")?;
    // `sh: 1: PROGRAM: not found`, `bash: line 1: PROGRAM: Permission denied`
    let of_shell = || {
        let place = before.rsplit_once(": ").map_or("", |(place, _)| place);
        place.rsplit([' ', ':']).next().is_some_and(is_number)
    };
    let of_starter = || {
        let program = program_message(line).map_or("", |(program, _)| program);
        matches!(program, "env" | "xargs" | "make" | "gmake") || program.starts_with("make[")
    };
    let is_missing = match reason {
        "command not found" | "Command not found" => true,
        "not found" | "Permission denied" => of_shell(),
        "required file not found" => before.ends_with(": cannot execute"),
        "No such file or directory" => of_starter(),
        _ => false,
    };
    is_missing.then_some((DiagnosisKind::MissingProgram, Rank::Suspect))
}

#[cfg(test)]
mod tests;
