//! The view on a terminal: what is red comes first, with the reason beside it.

use slapgrid::health::{Finding, NodeHealth, PartitionHealth, Severity};
use slapgrid::log_time;

use super::duration::{since, until};
use crate::terminal::{Line, Paint, Style};

/// How wide lines are that are for no terminal: errors are shown whole.
pub(super) const PLAIN_COLUMNS: usize = 400;

/// The width of the column with what a finding is about.
const SUBJECT: usize = 24;

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
        push_partition(&mut lines, partition, health, style);
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
        lines.push(finding_line(&finding, health, style));
    }
}

/// Says what is fine: how many processes and promises, and bangs left.
fn summary(partition: &PartitionHealth, health: &NodeHealth) -> String {
    let mut words = Vec::new();
    let running = partition.processes.iter().filter(|it| it.is_running());
    let processes = partition.processes.len();
    if processes > 0 {
        words.push(format!("{} of {processes} processes run", running.count()));
    }
    let promises = partition.promises.len();
    if promises > 0 {
        let results = partition
            .promises
            .iter()
            .filter_map(|it| it.result.as_ref());
        let kept = results.filter(|result| !result.failed).count();
        words.push(format!("{kept} of {promises} promises hold"));
        let due = partition.promises.iter().filter_map(|it| it.cache.as_ref());
        let next = due.map(|cache| cache.next_run_after).reduce(f64::min);
        if let Some(next) = next {
            words.push(until(next, health.at));
        }
    }
    let left = partition.bangs_left();
    if left < partition.bang_quota {
        words.push(format!("{left} of {} bangs left", partition.bang_quota));
    }
    match words.as_slice() {
        [] => String::new(),
        words => format!("  {}", words.join(", ")),
    }
}

fn finding_line(finding: &Finding, health: &NodeHealth, style: Style) -> Line {
    let first = finding.text.lines().next().unwrap_or_default();
    let mut line = Line::new()
        .with(Paint::Plain, "    ")
        .append(mark(finding.severity, style))
        .column(paint(finding.severity), &finding.subject, SUBJECT, style)
        .with(Paint::Plain, " ")
        .with(Paint::Plain, first);
    let more = finding.text.lines().count().saturating_sub(1);
    if more > 0 {
        line = line.with(Paint::Faint, format!(" (+{more} lines)"));
    }
    let mut times = Vec::new();
    times.extend(finding.since.map(|it| since(it, health.at)));
    times.extend(finding.next.map(|it| until(it, health.at)));
    if !times.is_empty() {
        line = line.with(Paint::Faint, format!("  {}", times.join(", ")));
    }
    line
}
