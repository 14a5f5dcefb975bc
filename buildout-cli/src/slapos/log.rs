//! The log of `slapos`: `YYYY-mm-dd HH:MM:SS LOGGER[PID] LEVEL message`.

use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use buildout_core::event::{Level, LogRecord};
use slapgrid::{LogSink, log_time};

use crate::Streams;

/// Writes records from a level on to standard error, and to a file.
pub(super) struct NodeLog {
    streams: Streams,
    level: Level,
    colour: bool,
    file: Option<Mutex<File>>,
}

impl NodeLog {
    pub(super) fn new(streams: &Streams, level: Level, colour: bool, file: Option<File>) -> Self {
        NodeLog {
            streams: streams.clone(),
            level,
            colour,
            file: file.map(Mutex::new),
        }
    }
}

impl LogSink for NodeLog {
    fn record(&self, record: &LogRecord) {
        if record.level < self.level {
            return;
        }
        let time = log_time(SystemTime::now());
        let LogRecord {
            level,
            logger,
            message,
        } = record;
        let name = level.name();
        let process = std::process::id();
        let shown = match (self.colour, level) {
            (true, Level::Warning) => format!("\u{1b}[33m{name}\u{1b}[m"),
            (true, Level::Error) => format!("\u{1b}[31m{name}\u{1b}[m"),
            _ => name.to_owned(),
        };
        self.streams
            .err(&format!("{time} {logger}[{process}] {shown} {message}\n"));
        if let Some(file) = &self.file {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // A log that cannot be written stops nothing.
            let _ = writeln!(file, "[{time}] {name:<8} {message}");
        }
    }
}
