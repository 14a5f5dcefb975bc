//! The view on a terminal: what is red comes first, with the reason beside it.

use slapgrid::health::{Finding, NodeHealth, PartitionHealth, Severity};
use slapgrid::log_time;

use super::duration::{since, until};
use crate::terminal::{Line, Paint, Style, width};

/// How wide lines are that are for no terminal: errors are shown whole.
pub(super) const PLAIN_COLUMNS: usize = 400;

/// The width of the column with what a finding is about.
const SUBJECT: usize = 24;

/// How many lines a finding has at most, but for its times.
const LONGEST_TEXT: usize = 4;

/// How many columns a finding has at least, however narrow the terminal is.
const LEAST_ROOM: usize = 20;

/// Shows how a node is.
pub(super) fn view(health: &NodeHealth, style: Style, columns: usize) -> String {
    let mut lines = vec![headline(health), Line::new()];
    for (what, problem) in [
        ("master", &health.master_problem),
        ("supervisord", &health.supervisor_problem),
    ] {
        if let Some(problem) = problem {
            let severity = if what == "master" {
                Severity::Pending
            } else {
                Severity::Trouble
            };
            let last = problem.lines().last().unwrap_or_default();
            lines.push(
                mark(severity, style)
                    .with(paint(severity), what)
                    .with(Paint::Plain, format!("  {last}")),
            );
        }
    }
    for partition in &health.partitions {
        push_partition(&mut lines, partition, health, style, columns);
    }
    if let Some(free) = health.free {
        lines.push(Line::new().with(Paint::Faint, format!("  {free} free")));
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.fit(columns, style).render(style));
        text.push('\n');
    }
    text
}

fn headline(health: &NodeHealth) -> Line {
    let count = |severity: Severity| {
        let partitions = health.partitions.iter();
        partitions.filter(|it| it.severity() == severity).count()
    };
    let (trouble, pending, fine) = (
        count(Severity::Trouble),
        count(Severity::Pending),
        count(Severity::Fine),
    );
    let mut line = Line::new()
        .with(Paint::Strong, format!("Computer {}", health.computer_id))
        .with(Paint::Plain, "  ");
    let counts = [
        (trouble, Paint::Bad, "in trouble"),
        (pending, Paint::Lively, "pending"),
        (fine, Paint::Good, "fine"),
    ];
    for (count, paint, word) in counts {
        if count > 0 {
            line = line
                .with(paint, format!("{count} {word}"))
                .with(Paint::Plain, "  ");
        }
    }
    line.with(Paint::Faint, format!("{} UTC", log_time(health.at)))
}

fn paint(severity: Severity) -> Paint {
    match severity {
        Severity::Trouble => Paint::Bad,
        Severity::Pending => Paint::Lively,
        Severity::Fine => Paint::Good,
    }
}

fn mark(severity: Severity, style: Style) -> Line {
    let mark = match severity {
        Severity::Trouble => style.pick("\u{2717} ", "! "),
        Severity::Pending => style.pick("\u{2022} ", "- "),
        Severity::Fine => style.pick("\u{2713} ", "+ "),
    };
    Line::new().with(paint(severity), mark)
}

fn push_partition(
    lines: &mut Vec<Line>,
    partition: &PartitionHealth,
    health: &NodeHealth,
    style: Style,
    columns: usize,
) {
    let severity = partition.severity();
    let name = match severity {
        Severity::Trouble => Paint::Bad,
        _ => Paint::Plain,
    };
    let mut line = mark(severity, style).with(name, &partition.name);
    for word in [&partition.state, &partition.title].into_iter().flatten() {
        line = line.with(Paint::Faint, "  ").with(Paint::Plain, word);
    }
    lines.push(line.with(Paint::Faint, summary(partition, health)));
    for finding in partition.findings() {
        push_finding(lines, &finding, health, style, columns);
    }
}

/// Says what is fine: how many processes and promises, and bangs left.
fn summary(partition: &PartitionHealth, health: &NodeHealth) -> String {
    let mut words = Vec::new();
    let running = partition.processes.iter().filter(|it| it.is_running());
    let processes = partition.processes.len();
    if processes > 0 {
        words.push(format!("{}/{processes} processes run", running.count()));
    }
    let promises = partition.promises.len();
    if promises > 0 {
        let results = partition
            .promises
            .iter()
            .filter_map(|it| it.result.as_ref());
        let kept = results.filter(|result| !result.failed).count();
        words.push(format!("{kept}/{promises} promises hold"));
        let due = partition.promises.iter().filter_map(|it| it.cache.as_ref());
        let next = due.map(|cache| cache.next_run_after).reduce(f64::min);
        if let Some(next) = next {
            words.push(until(next, health.at));
        }
    }
    let left = partition.bangs_left();
    if left < partition.bang_quota {
        words.push(format!("{left}/{} bangs left", partition.bang_quota));
    }
    match words.as_slice() {
        [] => String::new(),
        words => format!("  {}", words.join(", ")),
    }
}

/// Says what is wrong, on as many lines as it takes, up to a few.
fn push_finding(
    lines: &mut Vec<Line>,
    finding: &Finding,
    health: &NodeHealth,
    style: Style,
    columns: usize,
) {
    let mut text = finding.text.lines().next().unwrap_or_default().to_owned();
    let more = finding.text.lines().count().saturating_sub(1);
    if more > 0 {
        text.push_str(&format!(" (+{more} lines)"));
    }
    let mut times = Vec::new();
    times.extend(finding.since.map(|it| since(it, health.at)));
    times.extend(finding.next.map(|it| until(it, health.at)));
    let times = times.join(", ");
    let begin = Line::new()
        .with(Paint::Plain, "    ")
        .append(mark(finding.severity, style))
        .column(paint(finding.severity), &finding.subject, SUBJECT, style)
        .with(Paint::Plain, " ");
    let indent = begin.width();
    let room = columns.saturating_sub(indent).max(LEAST_ROOM);
    let mut pieces = wrapped(&text, room);
    pieces.truncate(LONGEST_TEXT);
    let last = pieces.pop().unwrap_or_default();
    let mut line = begin;
    for piece in pieces {
        lines.push(line.with(Paint::Plain, piece));
        line = Line::new().with(Paint::Plain, " ".repeat(indent));
    }
    let fits = width(&last) + width(&times) + 2 <= room;
    line = line.with(Paint::Plain, last);
    if times.is_empty() {
        lines.push(line);
    } else if fits {
        lines.push(line.with(Paint::Faint, format!("  {times}")));
    } else {
        lines.push(line);
        let line = Line::new().with(Paint::Plain, " ".repeat(indent));
        lines.push(line.with(Paint::Faint, times));
    }
}

/// Breaks a text between words; words that are too long, anywhere.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().map_or(0, |line| width(line));
        if line > 0 && line + 1 + width(word) > room {
            lines.push(String::new());
        }
        let mut rest = word;
        while width(rest) > room {
            let place = rest
                .char_indices()
                .nth(room)
                .map_or(rest.len(), |(at, _)| at);
            let (head, tail) = rest.split_at(place);
            lines.push(head.to_owned());
            rest = tail;
        }
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(rest),
            Some(line) if width(line) + 1 + width(rest) <= room => {
                line.push(' ');
                line.push_str(rest);
            }
            _ => lines.push(rest.to_owned()),
        }
    }
    lines.retain(|line| !line.is_empty());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_broken_between_words() {
        assert_eq!(wrapped("port 5432 refuses", 10), ["port 5432", "refuses"]);
        assert_eq!(
            wrapped("a abcdefghijkl b", 5),
            ["a", "abcde", "fghij", "kl b"]
        );
        assert_eq!(wrapped("  ", 5), Vec::<String>::new());
        for line in wrapped(&"\u{6f22}\u{5b57} long-word ".repeat(5), 7) {
            assert!(!line.is_empty());
        }
    }
}
