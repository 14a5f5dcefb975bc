//! What a longer run tells at its end.

use std::time::Duration;

use buildout_core::event::{PartAction, PartEnd, PartSpan, Timeline};

use crate::quantity::{count, exact_time};
use crate::terminal::{Line, Paint, Style};

/// A run that took less is not summed up: what it did is still in sight.
pub(crate) const SUMMED_UP_FROM: Duration = Duration::from_secs(3);

/// How many of the slowest parts are named.
const SLOWEST: usize = 5;

/// The longest bar.
const BAR: u128 = 24;

/// Sums up a closed timeline: what was done in how much time, the critical
/// path, and the slowest parts. Nothing if nothing was done.
pub(crate) fn summary(
    timeline: &Timeline,
    time: Duration,
    columns: usize,
    style: Style,
) -> Vec<Line> {
    let columns = columns.saturating_sub(1);
    let mut lines = Vec::new();
    let Some(first) = work_line(timeline, time, style) else {
        return lines;
    };
    lines.push(Line::new());
    lines.push(first);
    let path = timeline.critical_path();
    if path.steps.len() > 1 {
        let steps: Vec<&str> = path.steps.iter().map(|step| &*step.part).collect();
        lines.push(
            Line::new()
                .with(Paint::Plain, "Critical path: ")
                .with(Paint::Strong, steps.join(style.pick(" \u{2192} ", " > ")))
                .with(Paint::Faint, format!("  {}", exact_time(path.total))),
        );
    }
    let mut slowest: Vec<&PartSpan> = timeline.installations().collect();
    slowest.sort_by_key(|span| std::cmp::Reverse(span.duration(time)));
    slowest.truncate(SLOWEST);
    // What took no time needs no bar.
    slowest.retain(|span| span.duration(time) >= Duration::from_millis(50));
    if slowest.len() > 1 {
        lines.push(Line::new().with(Paint::Plain, "Slowest parts:"));
        lines.extend(slowest_lines(&slowest, time, columns, style));
    }
    lines
        .into_iter()
        .map(|line| line.fit(columns, style))
        .collect()
}

/// Tells how many parts were worked on, and how.
fn work_line(timeline: &Timeline, time: Duration, style: Style) -> Option<Line> {
    let number = |action: PartAction, end: PartEnd| {
        let spans = timeline.work.iter();
        spans
            .filter(|span| span.action == action && span.end.is_some_and(|(_, e)| e == end))
            .count()
    };
    let failed: usize = [
        PartAction::Install,
        PartAction::Update,
        PartAction::Uninstall,
    ]
    .into_iter()
    .map(|action| number(action, PartEnd::Failed))
    .sum();
    let mut told = Vec::new();
    for (action, verb) in [
        (PartAction::Install, "installed"),
        (PartAction::Update, "updated"),
        (PartAction::Uninstall, "uninstalled"),
    ] {
        let number = number(action, PartEnd::Finished);
        if number > 0 {
            // The first one says what is counted.
            let counted = match told.is_empty() {
                true => count(number, "part"),
                false => number.to_string(),
            };
            told.push(format!("{counted} {verb}"));
        }
    }
    if told.is_empty() && failed == 0 {
        return None;
    }
    let mut line = Line::new();
    if !told.is_empty() {
        line = line.with(Paint::Good, told.join(", "));
    }
    if failed > 0 {
        let counted = match told.is_empty() {
            true => count(failed, "part"),
            false => format!(", {failed}"),
        };
        line = line.with(Paint::Bad, format!("{counted} failed"));
    }
    line = line.with(Paint::Plain, format!(" in {}", exact_time(time)));
    if timeline.jobs > 1 {
        let jobs = count(timeline.jobs, "job");
        line = line.with(
            Paint::Faint,
            format!("{}{jobs}", style.pick(" \u{b7} ", ", ")),
        );
    }
    Some(line)
}

fn slowest_lines(spans: &[&PartSpan], time: Duration, columns: usize, style: Style) -> Vec<Line> {
    let names = spans
        .iter()
        .map(|span| Line::new().with(Paint::Plain, &*span.part).width());
    let names = names.max().unwrap_or(0).min(columns / 2);
    let longest = spans
        .first()
        .map_or(Duration::ZERO, |span| span.duration(time));
    let line = |span: &&PartSpan| {
        let took = span.duration(time);
        let bar = BAR * took.as_millis() / longest.as_millis().max(1);
        let bar = usize::try_from(bar).unwrap_or(0).max(1);
        Line::new()
            .with(Paint::Plain, "  ")
            .column(Paint::Strong, &span.part, names, style)
            .with(Paint::Faint, format!("  {:>7}  ", exact_time(took)))
            .with(Paint::Lively, style.pick("\u{2501}", "#").repeat(bar))
    };
    spans.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use buildout_core::event::{Event, PartOrder};

    use super::*;

    fn shown(events: &[(u64, Event)], end: u64, columns: usize) -> Vec<String> {
        let mut timeline = Timeline::default();
        for (at, event) in events {
            timeline.note(Duration::from_secs(*at), event);
        }
        let end = Duration::from_secs(end);
        timeline.close(end);
        let lines = summary(&timeline, end, columns, Style::PLAIN);
        lines.iter().map(|line| line.render(Style::PLAIN)).collect()
    }

    fn part(name: &str) -> Arc<str> {
        Arc::from(name)
    }

    fn work(name: &str, action: PartAction, start: u64, end: u64) -> [(u64, Event); 2] {
        let part = part(name);
        let started = Event::PartStarted {
            part: Arc::clone(&part),
            action,
        };
        [
            (start, started),
            (end, Event::PartFinished { part, action }),
        ]
    }

    fn run() -> Vec<(u64, Event)> {
        let pair = |before: &str, after: &str| PartOrder {
            before: part(before),
            after: part(after),
        };
        let order = vec![pair("zlib", "openssl"), pair("openssl", "nginx")];
        let parts = ["zlib", "openssl", "pcre2", "nginx"].map(part).to_vec();
        let mut events = Vec::from(work("old", PartAction::Uninstall, 0, 1));
        events.push((1, Event::PartsOrdered { order }));
        events.push((1, Event::InstallationStarted { parts, jobs: 2 }));
        events.extend(work("zlib", PartAction::Install, 1, 4));
        events.extend(work("openssl", PartAction::Install, 4, 74));
        events.extend(work("pcre2", PartAction::Update, 4, 5));
        events
    }

    #[test]
    fn a_good_run() {
        let mut events = run();
        events.extend(work("nginx", PartAction::Install, 74, 90));
        assert_eq!(
            shown(&events, 90, 80),
            [
                "",
                "3 parts installed, 1 updated, 1 uninstalled in 1m 30s, 2 jobs",
                "Critical path: zlib > openssl > nginx  1m 29s",
                "Slowest parts:",
                "  openssl   1m 10s  ########################",
                "  nginx      16.0s  #####",
                "  zlib        3.0s  #",
                "  pcre2       1.0s  #",
            ]
        );
        assert!(shown(&events, 90, 20).iter().all(|line| line.len() < 20));
    }

    #[test]
    fn a_failed_run() {
        let mut events = run();
        events.push(work("nginx", PartAction::Install, 74, 0)[0].clone());
        let lines = shown(&events, 80, 80);
        assert_eq!(
            lines[1],
            "2 parts installed, 1 updated, 1 uninstalled, 1 failed in 1m 20s, 2 jobs"
        );
        let only = [work("a", PartAction::Install, 0, 0)[0].clone()];
        assert_eq!(shown(&only, 4, 80), ["", "1 part failed in 4.0s"]);
        assert_eq!(shown(&[], 9, 80), [""; 0]);
    }
}
