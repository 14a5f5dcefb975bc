//! The run as a Chrome trace: `--trace`. <https://ui.perfetto.dev> and
//! `chrome://tracing` show it.
//!
//! The format is the JSON of "Trace Event Format". Everything is one process;
//! its threads are lanes: one with the critical path, as many as parts ran at
//! once, and as many as downloads did.

use std::collections::HashSet;
use std::time::Duration;

use buildout_core::event::{PartEnd, PartSpan, Timeline};
use serde_json::{Value, json};

use crate::redaction::redacted;

/// Where lanes of each kind begin.
const CRITICAL_LANE: usize = 0;
const PART_LANES: usize = 1;
const DOWNLOAD_LANES: usize = 1000;

/// Colours that the viewer has a name for.
const CRITICAL_COLOUR: &str = "terrible";
const FAILED_COLOUR: &str = "bad";

/// Returns the trace of a closed timeline.
pub(crate) fn trace(timeline: &Timeline) -> Value {
    let path = timeline.critical_path();
    let critical: HashSet<&str> = path.steps.iter().map(|step| &*step.part).collect();
    let mut events = vec![metadata(
        "process_name",
        CRITICAL_LANE,
        json!({"name": "buildout"}),
    )];
    events.extend(lane(CRITICAL_LANE, "critical path"));
    let mut lanes = Lanes::default();
    for span in &timeline.work {
        let end = span.end.map_or(span.start, |(end, _)| end);
        let number = lanes.take(span.start, end);
        part_events(span, end, PART_LANES + number, &mut events);
    }
    for span in timeline.installations() {
        if critical.contains(&*span.part)
            && let Some((end, _)) = span.end
        {
            let mut event = complete(&span.part, "critical path", CRITICAL_LANE, span.start, end);
            event["cname"] = json!(CRITICAL_COLOUR);
            events.push(event);
        }
    }
    for number in 0..lanes.0.len() {
        events.extend(lane(PART_LANES + number, &format!("parts {}", number + 1)));
    }
    let mut lanes = Lanes::default();
    for span in &timeline.downloads {
        let Some((end, outcome)) = span.end else {
            continue;
        };
        let number = DOWNLOAD_LANES + lanes.take(span.start, end);
        let url = redacted(&span.url);
        let mut event = complete(&url, "download", number, span.start, end);
        event["args"] = json!({
            "part": span.part.as_deref(),
            "received": span.received,
            "end": outcome.name(),
        });
        events.push(event);
    }
    for number in 0..lanes.0.len() {
        let name = format!("downloads {}", number + 1);
        events.extend(lane(DOWNLOAD_LANES + number, &name));
    }
    json!({
        "displayTimeUnit": "ms",
        "otherData": {
            "critical path": path.steps.iter().map(|step| &*step.part).collect::<Vec<_>>(),
        },
        "traceEvents": events,
    })
}

/// The work on a part, and its phases within.
fn part_events(span: &PartSpan, end: Duration, lane: usize, events: &mut Vec<Value>) {
    let failed = span
        .end
        .is_none_or(|(_, outcome)| outcome == PartEnd::Failed);
    let mut event = complete(&span.part, span.action.name(), lane, span.start, end);
    if failed {
        event["cname"] = json!(FAILED_COLOUR);
    }
    event["args"] = json!({ "end": if failed { "failed" } else { "finished" } });
    events.push(event);
    for (number, phase) in span.phases.iter().enumerate() {
        let next = span.phases.get(number + 1);
        let until = next.map_or(end, |next| next.start);
        events.push(complete(&phase.phase, "phase", lane, phase.start, until));
    }
}

/// An event with a beginning and an end.
fn complete(name: &str, category: &str, lane: usize, start: Duration, end: Duration) -> Value {
    json!({
        "ph": "X",
        "name": name,
        "cat": category,
        "pid": 1,
        "tid": lane,
        "ts": microseconds(start),
        "dur": microseconds(end.saturating_sub(start)),
    })
}

/// Names a lane and keeps its place.
fn lane(number: usize, name: &str) -> [Value; 2] {
    [
        metadata("thread_name", number, json!({ "name": name })),
        metadata("thread_sort_index", number, json!({ "sort_index": number })),
    ]
}

fn metadata(name: &str, lane: usize, arguments: Value) -> Value {
    json!({ "ph": "M", "name": name, "pid": 1, "tid": lane, "args": arguments })
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// When each lane is free again.
#[derive(Default)]
struct Lanes(Vec<Duration>);

impl Lanes {
    /// Takes the first lane that is free at `start`, until `end`; spans come
    /// in the order of their starts.
    fn take(&mut self, start: Duration, end: Duration) -> usize {
        let free = self.0.iter().position(|until| *until <= start);
        match free {
            Some(number) => {
                self.0[number] = end;
                number
            }
            None => {
                self.0.push(end);
                self.0.len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use buildout_core::event::{DownloadEnd, DownloadId, Event, PartAction, PartOrder};

    use super::*;

    fn timeline() -> Timeline {
        let part = |name: &str| Arc::<str>::from(name);
        let action = PartAction::Install;
        let started = |name| Event::PartStarted {
            part: part(name),
            action,
        };
        let finished = |name| Event::PartFinished {
            part: part(name),
            action,
        };
        let phase = |name, phase: &str| Event::PartPhase {
            part: part(name),
            phase: Arc::from(phase),
        };
        let download = DownloadId(7);
        let order = vec![PartOrder {
            before: part("a"),
            after: part("c"),
        }];
        let mut timeline = Timeline::default();
        for (at, event) in [
            (0, Event::PartsOrdered { order }),
            (1, started("a")),
            (1, started("b")),
            (2, phase("a", "configure")),
            (3, phase("a", "make")),
            (
                3,
                Event::DownloadStarted {
                    download,
                    part: None,
                    url: "http://me:secret@host/x".to_owned(),
                },
            ),
            (5, finished("a")),
            (5, started("c")),
            (
                6,
                Event::DownloadFinished {
                    download,
                    received: 9,
                    end: DownloadEnd::Complete,
                },
            ),
            (6, finished("b")),
        ] {
            timeline.note(Duration::from_secs(at), &event);
        }
        timeline.close(Duration::from_secs(8));
        timeline
    }

    #[test]
    fn spans_are_on_lanes_and_the_critical_path_on_its_own() {
        let trace = trace(&timeline());
        let events = trace["traceEvents"].as_array().unwrap();
        let spans: Vec<String> = events
            .iter()
            .filter(|event| event["ph"] == "X")
            .map(|event| {
                let seconds = |member: &str| event[member].as_u64().unwrap() / 1_000_000;
                let start = seconds("ts");
                format!(
                    "{} {} {}-{} {}",
                    event["tid"],
                    event["name"].as_str().unwrap(),
                    start,
                    start + seconds("dur"),
                    event["cat"].as_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            spans,
            [
                "1 a 1-5 install",
                "1 configure 2-3 phase",
                "1 make 3-5 phase",
                "2 b 1-6 install",
                "1 c 5-8 install",
                "0 a 1-5 critical path",
                "0 c 5-8 critical path",
                "1000 http://me:****@host/x 3-6 download",
            ]
        );
        let lanes: Vec<&str> = events
            .iter()
            .filter(|event| event["name"] == "thread_name")
            .map(|event| event["args"]["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            lanes,
            ["critical path", "parts 1", "parts 2", "downloads 1"]
        );
        assert_eq!(trace["otherData"]["critical path"], json!(["a", "c"]));
        let failed: Vec<&Value> = events
            .iter()
            .filter(|e| e["args"]["end"] == "failed")
            .collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0]["name"], "c");
    }
}
