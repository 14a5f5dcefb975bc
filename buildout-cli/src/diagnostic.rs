//! Failures, shown: upstream's trailer first, then what it does not tell.

use std::error::Error;

use buildout_core::run::{Failure, Label};

use crate::Streams;

/// Shows a message without a trail.
pub(crate) fn show_message(streams: &Streams, text: &str, hint: Option<&str>) {
    let mut shown = format!("Error: {text}\n");
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
    let mut shown = String::new();
    if !failure.doing().is_empty() {
        shown.push_str("While:\n");
        for step in failure.doing() {
            shown.push_str(&format!("  {step}\n"));
        }
    }
    shown.push_str(&format!("Error: {failure}\n"));
    let paint = Paint { colour };
    let mut details = String::new();
    for label in failure.labels() {
        details.push_str(&paint.label(label));
    }
    let mut cause = failure.source();
    while let Some(error) = cause {
        details.push_str(&format!("caused by: {error}\n"));
        cause = error.source();
    }
    if let Some(exception) = failure
        .upstream_exception()
        .filter(|name| !name.is_empty() && debug)
    {
        details.push_str(&format!("upstream: {exception}\n"));
    }
    if let Some(hint) = failure.hint() {
        details.push_str(&format!("{} {hint}\n", paint.bold("hint:")));
    }
    if debug {
        details.push_str(&format!("\n{}\n", failure.backtrace()));
    }
    if !details.is_empty() {
        shown.push('\n');
        shown.push_str(&details);
    }
    streams.err(&shown);
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
            &place.source
        };
        let mut drawn = format!("{margin}--> {source}:{number}\n");
        let visible = |text: &str| text.replace('\t', "    ");
        let before = place.text.get(..place.span.start).unwrap_or("");
        let marked = place.text.get(place.span.clone()).unwrap_or("");
        let carets = "^".repeat(visible(marked).chars().count().max(1));
        let space = " ".repeat(visible(before).chars().count());
        drawn.push_str(&format!("{number} | {}\n", visible(&place.text)));
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
