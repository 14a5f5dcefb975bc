//! The events as JSON lines, for other programs: `--events`.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use buildout_core::event::{EVENT_VERSION, Event, EventSink};
use serde_json::{Map, Value, json};

use crate::clock::Clock;
use crate::redaction::redacted;

/// Writes each event as a line as it comes; `docs/events.md` documents them.
pub(crate) struct EventsFile {
    clock: Clock,
    out: Mutex<Out>,
}

struct Out {
    file: Box<dyn Write + Send>,
    /// Why writing failed; nothing is written after that.
    failure: Option<io::Error>,
}

impl EventsFile {
    /// Begins to write to `file`.
    pub(crate) fn begin(file: Box<dyn Write + Send>, clock: Clock) -> Self {
        let events = EventsFile {
            clock,
            out: Mutex::new(Out {
                file,
                failure: None,
            }),
        };
        events.write(
            "run_started",
            Duration::ZERO,
            json!({
                "version": EVENT_VERSION,
                "program": env!("CARGO_PKG_VERSION"),
                "began": clock.began.as_secs_f64(),
            }),
        );
        events
    }

    /// Writes the last line.
    ///
    /// # Errors
    ///
    /// Something could not be written.
    pub(crate) fn finish(&self, exit_code: i32) -> io::Result<()> {
        let at = self.clock.elapsed();
        self.write("run_finished", at, json!({ "exit_code": exit_code }));
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.failure.take().map_or(Ok(()), Err)
    }

    fn write(&self, event: &str, at: Duration, members: Value) {
        let mut object = Map::new();
        object.insert("event".to_owned(), json!(event));
        object.insert("time".to_owned(), json!(seconds(at)));
        if let Value::Object(members) = members {
            object.extend(
                members
                    .into_iter()
                    .map(|(name, value)| (name, shown(value))),
            );
        }
        let line = format!("{}\n", Value::Object(object));
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.failure.is_none() {
            let written = out.file.write_all(line.as_bytes());
            out.failure = written.and_then(|()| out.file.flush()).err();
        }
    }
}

impl EventSink for EventsFile {
    fn emit(&self, event: Event) {
        let members = Value::Object(event.to_json());
        self.write(event.name(), self.clock.elapsed(), members);
    }
}

/// Seconds, to the microsecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e6
}

/// Hides passwords in all texts. No member of an event nests deeper than
/// lists of lists.
fn shown(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redacted(&text).into_owned()),
        Value::Array(values) => Value::Array(values.into_iter().map(shown).collect()),
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_in_every_member() {
        let value = json!(["http://me:secret@host/a", ["x", 1, "https://token@host"]]);
        let expected = json!(["http://me:****@host/a", ["x", 1, "https://****@host"]]);
        assert_eq!(shown(value), expected);
    }
}
