//! Failures, shown: upstream's trailer first, then what it does not tell.

use std::error::Error;

use buildout_core::run::{Failure, Label};

use crate::Streams;
use crate::redaction::{redacted, redacted_line};

/// Shows a message without a trail.
pub(crate) fn show_message(streams: &Streams, text: &str, hint: Option<&str>) {
    let mut shown = format!("Error: {}\n", redacted(text));
    if let Some(hint) = hint {
        shown.push_str(&format!("\nhint: {hint}\n"));
    }
    streams.err(&shown);
}

/// Shows a failure: `While:` and `Error:` as upstream does, then the places
/// with a caret, the causes and a hint.
pub(crate) fn show_failure(streams: &Streams, failure: &Failure, debug: bool, colour: bool) {
    if failure.is_exit() {
        return;
    }
    show_one(streams, failure, debug, colour);
    for other in failure.others() {
        streams.err("\n");
        show_one(streams, other, debug, colour);
    }
}

fn show_one(streams: &Streams, failure: &Failure, debug: bool, colour: bool) {
    let mut shown = String::new();
    if !failure.doing().is_empty() {
        shown.push_str("While:\n");
        for step in failure.doing() {
            shown.push_str(&format!("  {step}\n"));
        }
    }
    let text = redacted(&failure.to_string()).into_owned();
    shown.push_str(&format!("Error: {text}\n"));
    let paint = Paint { colour };
    let mut details = String::new();
    for label in failure.labels() {
        details.push_str(&paint.label(label));
    }
    let mut told = text.clone();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let text = redacted(&error.to_string()).into_owned();
        if debug || !told.contains(without_code(&text)) {
            details.push_str(&format!("caused by: {text}\n"));
            told = text;
        }
        cause = error.source();
    }
    if let Some(exception) = failure
        .upstream_exception()
        .filter(|name| !name.is_empty() && debug)
    {
        details.push_str(&format!("upstream: {exception}\n"));
    }
    if let Some(hint) = failure.hint() {
        details.push_str(&format!("{} {}\n", paint.bold("hint:"), redacted(hint)));
    }
    if debug {
        let backtrace = failure.backtrace().to_string();
        let backtrace = backtrace_text(&backtrace).trim_end();
        details.push_str(&format!("\nbacktrace:\n{backtrace}\n"));
    }
    if !details.is_empty() {
        // Some of upstream's texts bring the empty line themselves.
        if !text.ends_with('\n') {
            shown.push('\n');
        }
        shown.push_str(&details);
    }
    streams.err(&shown);
}

/// Returns the text of an error of the system without its number, which the
/// errors above it rarely repeat.
fn without_code(text: &str) -> &str {
    text.rsplit_once(" (os error")
        .map_or(text, |(text, _)| text)
}

/// Makes a line of a profile fit for a terminal: tabs have the width of four
/// blanks, and what would not be seen, or would steer the terminal, is spelled
/// out.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\t' => shown.push_str("    "),
            '\u{feff}' => shown.extend(character.escape_unicode()),
            _ if character.is_control() => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown
}

/// Shows where a failure arose, or why that cannot be told.
fn backtrace_text(backtrace: &str) -> &str {
    if backtrace.contains("buildout") {
        backtrace
    } else {
        "   (this build of the program has no symbols to show it with)"
    }
}

/// Draws places, with or without colours.
struct Paint {
    colour: bool,
}

impl Paint {
    fn bold(&self, text: &str) -> String {
        self.styled(text, "1")
    }

    fn styled(&self, text: &str, style: &str) -> String {
        if self.colour {
            format!("\u{1b}[{style}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// Draws one line of a profile with a caret below it.
    fn label(&self, label: &Label) -> String {
        let place = &label.place;
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        let source = if place.source.is_empty() {
            "(added by a recipe)"
        } else {
            &*redacted(&place.source)
        };
        let (line, span) = redacted_line(&place.text, place.span.clone())
            .unwrap_or_else(|| (place.text.clone(), place.span.clone()));
        let mut drawn = format!("{margin}--> {source}:{number}\n");
        let before = line.get(..span.start).unwrap_or("");
        let marked = line.get(span).unwrap_or("");
        let carets = "^".repeat(visible(marked).chars().count().max(1));
        let space = " ".repeat(visible(before).chars().count());
        drawn.push_str(&format!("{number} | {}\n", visible(&line)));
        let carets = self.styled(&carets, "31;1");
        let text = &label.text;
        let note = if text.is_empty() {
            String::new()
        } else {
            format!(" {text}")
        };
        drawn.push_str(&format!("{margin} | {space}{carets}{note}\n"));
        drawn
    }
}
