//! The same as a page: one file, without scripts, for a browser or a mail.

use std::fmt::Write as _;

use slapgrid::health::{NodeHealth, PartitionHealth, Severity};
use slapgrid::log_time;

use super::duration::{since, until};

const STYLE: &str = "body{background:#16181d;color:#d7dae0;font:15px/1.45 system-ui,sans-serif;margin:2em}\
h1{font-size:1.3em}time,.faint{color:#7d8491}main{display:grid;grid-template-columns:repeat(auto-fill,minmax(22em,1fr));gap:1em}\
section{background:#23262e;border-left:.5em solid #8fd19e;border-radius:.4em;padding:.6em 1em}\
section.trouble{border-color:#f07178}section.pending{border-color:#e5c07b}h2{font-size:1em;margin:0 0 .4em}\
ul{list-style:none;margin:.4em 0;padding:0}li{margin:.3em 0;overflow-wrap:anywhere;white-space:pre-wrap}\
li.trouble b{color:#f07178}li.pending b{color:#e5c07b}li.fine{color:#8fd19e}";

/// Returns the page.
pub(super) fn page(health: &NodeHealth) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{computer}: {severity}</title><style>{STYLE}</style></head>\n<body><h1>Computer {computer}</h1><p><time>{time} UTC</time></p>\n<main>\n",
        computer = escaped(&health.computer_id),
        severity = health.severity().name(),
        time = log_time(health.at),
    );
    let problems = [
        ("supervisord", &health.supervisor_problem, Severity::Trouble),
        ("The master", &health.master_problem, Severity::Pending),
    ];
    for (what, problem, severity) in problems {
        if let Some(problem) = problem {
            let _ = writeln!(
                page,
                "<section class=\"{}\"><h2>{what} does not answer</h2><ul><li>{}</li></ul></section>",
                severity.name(),
                escaped(problem)
            );
        }
    }
    for partition in &health.partitions {
        push_partition(&mut page, partition, health);
    }
    page.push_str("</main>\n");
    if let Some(free) = health.free {
        let _ = writeln!(page, "<p class=\"faint\">{free} partitions are free.</p>");
    }
    page.push_str("</body></html>\n");
    page
}

fn push_partition(page: &mut String, partition: &PartitionHealth, health: &NodeHealth) {
    let words: Vec<String> = [
        Some(&partition.name),
        partition.state.as_ref(),
        partition.title.as_ref(),
    ]
    .into_iter()
    .flatten()
    .map(|word| escaped(word))
    .collect();
    let _ = write!(
        page,
        "<section class=\"{}\"><h2>{}</h2><ul>",
        partition.severity().name(),
        words.join(" <span class=\"faint\">·</span> ")
    );
    for finding in partition.findings() {
        let mut times = Vec::new();
        times.extend(finding.since.map(|it| since(it, health.at)));
        times.extend(finding.next.map(|it| until(it, health.at)));
        let _ = write!(
            page,
            "<li class=\"{}\"><b>{}</b> {} <span class=\"faint\">{}</span></li>",
            finding.severity.name(),
            escaped(&finding.subject),
            escaped(&finding.text),
            times.join(", ")
        );
    }
    for process in partition.processes.iter().filter(|it| it.is_running()) {
        let _ = write!(page, "<li class=\"fine\">{}</li>", escaped(&process.name));
    }
    for promise in &partition.promises {
        let holds = promise.result.as_ref().is_some_and(|result| !result.failed);
        if holds {
            let _ = write!(page, "<li class=\"fine\">{}</li>", escaped(&promise.title));
        }
    }
    let _ = writeln!(
        page,
        "</ul><p class=\"faint\">{} of {} bangs left</p></section>",
        partition.bangs_left(),
        partition.bang_quota
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
