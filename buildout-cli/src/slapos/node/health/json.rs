//! The same for programs; `docs/health.md` tells what the members are.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use slapgrid::health::{Finding, NodeHealth, PartitionHealth};
use slapgrid::promise::{PromiseKind, PromiseStatus};
use slapgrid::supervisor::ProcessInfo;

/// The version of the document.
const VERSION: u32 = 1;

/// Returns the document.
pub(super) fn document(health: &NodeHealth) -> Value {
    json!({
        "version": VERSION,
        "computer": health.computer_id,
        "time": seconds(health.at),
        "severity": health.severity().name(),
        "master_problem": health.master_problem,
        "supervisor_problem": health.supervisor_problem,
        "free": health.free,
        "partitions": health.partitions.iter().map(partition).collect::<Vec<_>>(),
    })
}

fn seconds(time: SystemTime) -> f64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

fn partition(partition: &PartitionHealth) -> Value {
    let held_back = partition.bangs.held_back.as_ref().map(|held| {
        json!({
            "count": held.count,
            "since": held.since,
            "latest": held.latest,
            "message": held.message,
        })
    });
    json!({
        "name": partition.name,
        "title": partition.title,
        "state": partition.state,
        "severity": partition.severity().name(),
        "error": partition.error,
        "current": partition.is_current,
        "findings": partition.findings().iter().map(finding).collect::<Vec<_>>(),
        "processes": partition.processes.iter().map(process).collect::<Vec<_>>(),
        "promises": partition.promises.iter().map(promise).collect::<Vec<_>>(),
        "bangs": {
            "quota": partition.bang_quota,
            "left": partition.bangs_left(),
            "times": partition.bangs.bangs,
            "held_back": held_back,
        },
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "severity": finding.severity.name(),
        "subject": finding.subject,
        "text": finding.text,
        "since": finding.since,
        "next": finding.next,
    })
}

fn process(process: &ProcessInfo) -> Value {
    json!({
        "name": process.full_name(),
        "state": process.state,
        "pid": process.process,
        "exit_status": process.exit_status,
        "description": process.description,
    })
}

fn promise(promise: &PromiseStatus) -> Value {
    let result = promise.result.as_ref();
    json!({
        "name": promise.name,
        "title": promise.title,
        "kind": match promise.kind {
            PromiseKind::Plugin => "plugin",
            PromiseKind::Executable => "executable",
        },
        "failed": result.map(|result| result.failed),
        "message": result.map(|result| result.text()),
        "date": result.map(|result| result.date.as_str()),
        "checked_as": result.map(|result| result.kind.name()),
        "since": promise.unchanged_since,
        "next": promise.cache.as_ref().map(|cache| cache.next_run_after),
    })
}
