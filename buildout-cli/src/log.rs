//! The plain log: events as zc.buildout prints them.

use std::sync::{Arc, Mutex, PoisonError};

use buildout_core::event::{ENGINE_LOGGER, Event, EventSink, Level, LogRecord, OutputStream};
use buildout_core::run::Reason;
use buildout_core::state::installed::InstalledState;

use crate::Streams;
use buildout_core::redaction::redacted;

/// Prints records from a level on, in upstream's format.
pub(crate) struct PlainLog {
    streams: Streams,
    settings: Mutex<Settings>,
    /// Whether stdout carries a document, so that the log goes to stderr.
    to_stderr: bool,
}

struct Settings {
    level: i64,
    format: Option<LogFormat>,
}

impl PlainLog {
    /// Prints warnings only, until told what the configuration wants.
    pub(crate) fn new(streams: &Streams, to_stderr: bool) -> Arc<Self> {
        Arc::new(PlainLog {
            streams: streams.clone(),
            settings: Mutex::new(Settings {
                level: Level::Warning.number(),
                format: None,
            }),
            to_stderr,
        })
    }

    /// Prints records from `level` on from now on, in Python's %-style `format`;
    /// empty for upstream's default.
    ///
    /// # Errors
    ///
    /// A field of the format that is not supported.
    pub(crate) fn configure(&self, level: i64, format: &str) -> Result<(), String> {
        let format = match format {
            "" => None,
            format => Some(LogFormat::parse(format)?),
        };
        *self.lock() = Settings { level, format };
        Ok(())
    }

    /// Returns the level from which on records are printed.
    pub(crate) fn level(&self) -> i64 {
        self.lock().level
    }

    /// Whether records have a format of the user's.
    pub(crate) fn has_format(&self) -> bool {
        self.lock().format.is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print_record(&self, record: &LogRecord) {
        let line = match &self.lock().format {
            Some(format) => format.render(record),
            None if is_engine(&record.logger) => record.message.clone(),
            None => format!("{}: {}", record.logger, record.message),
        };
        self.print(&format!("{line}\n"));
    }

    fn print(&self, text: &str) {
        if self.to_stderr {
            self.streams.err(text);
        } else {
            self.streams.out(text);
        }
    }
}

/// Tells whether records of a logger are shown without its name: that of zc.buildout
/// and those below it, which recipes in Python use.
fn is_engine(logger: &str) -> bool {
    let below = logger.strip_prefix(ENGINE_LOGGER);
    below.is_some_and(|below| below.is_empty() || below.starts_with('.'))
}

impl EventSink for PlainLog {
    fn emit(&self, event: Event) {
        let level = self.lock().level;
        match &event {
            Event::ExtendsSkipped { name } => {
                self.print(&format!("optional-extends file not found: {name}\n"));
            }
            Event::Configured { sections } if level < Level::Debug.number() => {
                self.print("\nConfiguration data:\n");
                for (name, options) in sections {
                    let options = options
                        .iter()
                        .map(|(name, value)| (name.to_string(), value.to_string()));
                    self.print(&InstalledState::section_text(name, options.collect()));
                }
                self.print("\n");
            }
            Event::Output { stream, bytes, .. } => {
                let text = String::from_utf8_lossy(bytes);
                match stream {
                    OutputStream::Stdout => self.print(&text),
                    OutputStream::Stderr => self.streams.err(&text),
                }
            }
            // Upstream does not tell, but with `-vv`.
            Event::PartChanged { part, reasons } if level <= Level::Info.number() => {
                let text = Reason::sentence(part, reasons);
                self.print_record(&LogRecord {
                    level: Level::Info,
                    logger: Arc::from(ENGINE_LOGGER),
                    message: redacted(&text).into_owned(),
                });
            }
            // Upstream compares options only at the lowest level.
            Event::OptionChanged { .. } if level >= Level::Debug.number() => {}
            _ => {
                let record = event.log_record();
                if let Some(record) = record.filter(|record| record.level.number() >= level) {
                    self.print_record(&record);
                }
            }
        }
    }
}

/// A %-style format of Python's `logging`.
struct LogFormat {
    pieces: Vec<Piece>,
}

enum Piece {
    Text(String),
    Field {
        name: Field,
        left: bool,
        width: usize,
    },
}

#[derive(Clone, Copy)]
enum Field {
    Name,
    Level,
    LevelNumber,
    Message,
}

impl LogFormat {
    fn parse(format: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = format;
        while let Some((text, after)) = rest.split_once('%') {
            pieces.push(Piece::Text(text.to_owned()));
            if let Some(after) = after.strip_prefix('%') {
                pieces.push(Piece::Text("%".to_owned()));
                rest = after;
                continue;
            }
            let field = after
                .strip_prefix('(')
                .and_then(|body| body.split_once(')'));
            let Some((name, after)) = field else {
                return Err(format!("log-format: unsupported `%{after}`"));
            };
            let name = match name {
                "name" => Field::Name,
                "levelname" => Field::Level,
                "levelno" => Field::LevelNumber,
                "message" => Field::Message,
                other => return Err(format!("log-format: unsupported field `{other}`")),
            };
            let (left, after) = match after.strip_prefix('-') {
                Some(after) => (true, after),
                None => (false, after),
            };
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let width = after[..digits].parse().unwrap_or(0);
            let Some(after) = after[digits..].strip_prefix(['s', 'd']) else {
                return Err("log-format: a field ends in `s` or `d`".to_owned());
            };
            pieces.push(Piece::Field { name, left, width });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(LogFormat { pieces })
    }

    fn render(&self, record: &LogRecord) -> String {
        let mut line = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => line.push_str(text),
                Piece::Field { name, left, width } => {
                    let value = match name {
                        Field::Name => record.logger.to_string(),
                        Field::Level => record.level.name().to_owned(),
                        Field::LevelNumber => record.level.number().to_string(),
                        Field::Message => record.message.clone(),
                    };
                    if *left {
                        line.push_str(&format!("{value:<width$}"));
                    } else {
                        line.push_str(&format!("{value:>width$}"));
                    }
                }
            }
        }
        line
    }
}
