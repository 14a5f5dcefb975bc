//! The sink that shows a run on a terminal.

use std::sync::{Arc, Mutex, PoisonError};

use buildout_core::event::{Event, EventSink, Level, PartAction, PartSpan, Timeline};

use super::line::{Line, Paint, Style};
use super::screen::Screen;
use crate::log::PlainLog;
use crate::quantity::exact_time;

/// Shows the log as [`PlainLog`] does, with two exceptions. A part that is
/// installed or updated is told of when it ends and not when it begins, with
/// its time: the live area shows that it is at work. And the output of
/// commands is shown only with `-v`.
pub(crate) struct TerminalView {
    log: Arc<PlainLog>,
    screen: Arc<Screen>,
    timeline: Arc<Mutex<Timeline>>,
    style: Style,
}

impl TerminalView {
    /// Shows the events that are noted in `timeline` before they come here.
    pub(crate) fn new(
        log: Arc<PlainLog>,
        screen: Arc<Screen>,
        timeline: Arc<Mutex<Timeline>>,
        style: Style,
    ) -> Self {
        TerminalView {
            log,
            screen,
            timeline,
            style,
        }
    }

    /// Whether parts are at work whose output would be mixed.
    fn several_run(&self) -> bool {
        let timeline = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        timeline.running().count() > 1
    }

    /// Tells how the work on `part` ended, the last of that name.
    fn print_end(&self, part: &str) {
        let timeline = self.timeline.lock().unwrap_or_else(PoisonError::into_inner);
        let span = timeline.work.iter().rev().find(|span| *span.part == *part);
        let line = span.and_then(|span| end_line(span, self.style));
        drop(timeline);
        if let Some(line) = line {
            self.screen.print(&line);
        }
    }
}

/// The line for a part that is done.
fn end_line(span: &PartSpan, style: Style) -> Option<Line> {
    let (end, _) = span.end?;
    let verb = match span.action {
        PartAction::Install => "Installed",
        PartAction::Update => "Updated",
        PartAction::Uninstall => return None,
    };
    let time = span.duration(end);
    let line = Line::new()
        .with(Paint::Good, style.pick("\u{2713} ", ""))
        .with(Paint::Plain, format!("{verb} "))
        .with(Paint::Strong, &span.part);
    // What takes no time is no matter of time.
    Some(if time.as_millis() < 500 {
        line
    } else {
        line.with(Paint::Faint, format!("  {}", exact_time(time)))
    })
}

impl EventSink for TerminalView {
    fn emit(&self, event: Event) {
        let told = self.log.level() <= Level::Info.number() && !self.log.has_format();
        match event {
            Event::PartStarted {
                action: PartAction::Install | PartAction::Update,
                ..
            } if told => {}
            Event::PartFinished { part, .. } if told => self.print_end(&part),
            Event::Output { .. } if self.log.level() > Level::Debug.number() => {}
            Event::Output {
                part,
                stream,
                mut bytes,
            } => {
                if self.several_run() {
                    let bar = self.style.pick("\u{2502}", "|");
                    bytes.splice(0..0, format!("{part} {bar} ").into_bytes());
                }
                self.log.emit(Event::Output {
                    part,
                    stream,
                    bytes,
                });
            }
            event => self.log.emit(event),
        }
        self.screen.refresh();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use buildout_core::event::PartEnd;

    use super::*;

    #[test]
    fn ends_are_told_with_their_time() {
        let span = |action, millis: u64| PartSpan {
            part: Arc::from("zlib"),
            action,
            start: Duration::from_secs(1),
            end: Some((Duration::from_millis(1000 + millis), PartEnd::Finished)),
            phases: Vec::new(),
        };
        let shown = |action, millis| {
            let line = end_line(&span(action, millis), Style::PLAIN);
            line.map(|line| line.render(Style::PLAIN))
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            shown(PartAction::Install, 1_250),
            text("Installed zlib  1.3s")
        );
        assert_eq!(shown(PartAction::Update, 499), text("Updated zlib"));
        assert_eq!(shown(PartAction::Uninstall, 0), None);
    }
}
