//! Events without the passwords of URLs.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memmem;

use crate::event::{Event, EventSink, LogRecord};
use crate::redaction::redacted;
use crate::resolve::OptionMap;

/// Passes events on to another sink, without the passwords of the URLs in
/// their texts: whoever renders them need not think of it.
pub(super) struct RedactedEvents(pub(super) Arc<dyn EventSink>);

impl EventSink for RedactedEvents {
    fn emit(&self, event: Event) {
        self.0.emit(match event {
            Event::Log(record) => Event::Log(LogRecord {
                message: match redacted(&record.message) {
                    Cow::Owned(message) => message,
                    Cow::Borrowed(_) => record.message,
                },
                ..record
            }),
            Event::OptionChanged {
                part,
                option,
                old,
                new,
            } => Event::OptionChanged {
                part,
                option,
                old: old.map(redacted_value),
                new: new.map(redacted_value),
            },
            Event::Configured { sections } => Event::Configured {
                sections: sections
                    .into_iter()
                    .map(|(name, options)| (name, redacted_options(options)))
                    .collect(),
            },
            Event::Output {
                part,
                stream,
                bytes,
            } => Event::Output {
                part,
                stream,
                bytes: redacted_bytes(bytes),
            },
            Event::CommandStarted {
                part,
                command,
                directory,
            } => Event::CommandStarted {
                part,
                command: redacted(&command).into_owned(),
                directory,
            },
            Event::ExtendsSkipped { name } => Event::ExtendsSkipped {
                name: redacted(&name).into_owned(),
            },
            event => event,
        });
    }
}

fn redacted_options(options: OptionMap) -> OptionMap {
    options
        .into_iter()
        .map(|(name, value)| (name, redacted_value(value)))
        .collect()
}

fn redacted_value(value: Arc<str>) -> Arc<str> {
    match redacted(&value) {
        Cow::Owned(shown) => Arc::from(shown),
        Cow::Borrowed(_) => value,
    }
}

/// Output that holds no URL stays as it is, whatever its encoding.
fn redacted_bytes(bytes: Vec<u8>) -> Vec<u8> {
    if memmem::find(&bytes, b"://").is_none() {
        return bytes;
    }
    let shown = match std::str::from_utf8(&bytes).map(redacted) {
        Ok(Cow::Borrowed(_)) => None,
        Ok(Cow::Owned(text)) => Some(text),
        Err(_) => match redacted(&String::from_utf8_lossy(&bytes)) {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text),
        },
    };
    shown.map_or(bytes, String::into_bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::event::{Level, OutputStream};

    #[derive(Default)]
    struct Shown(Mutex<String>);

    impl EventSink for Shown {
        fn emit(&self, event: Event) {
            self.0.lock().unwrap().push_str(&format!("{event:?}\n"));
        }
    }

    #[test]
    fn no_event_has_a_password() {
        let shown = Arc::new(Shown::default());
        let sink = RedactedEvents(Arc::<Shown>::clone(&shown));
        let url: Arc<str> = Arc::from("https://me:hunter2@h/a");
        let part: Arc<str> = Arc::from("a");
        let options: OptionMap = [(Arc::from("url"), Arc::clone(&url))].into_iter().collect();
        let mut bytes = format!("got {url}\n").into_bytes();
        bytes.push(0xff);
        for event in [
            Event::engine_log(Level::Info, format!("see {url}")),
            Event::OptionChanged {
                part: Arc::clone(&part),
                option: Arc::from("url"),
                old: Some(Arc::clone(&url)),
                new: Some(Arc::clone(&url)),
            },
            Event::Configured {
                sections: vec![(Arc::clone(&part), options)],
            },
            Event::Output {
                part,
                stream: OutputStream::Stdout,
                bytes,
            },
            Event::ExtendsSkipped {
                name: url.to_string(),
            },
            Event::CommandStarted {
                part: Arc::from("a"),
                command: format!("curl {url}"),
                directory: std::path::PathBuf::from("/"),
            },
        ] {
            sink.emit(event);
        }
        let shown = shown.0.lock().unwrap();
        let secret = format!("{:?}", b"hunter2");
        assert!(!shown.contains("hunter2") && !shown.contains(secret.trim_matches(['[', ']'])));
        // The output is shown as numbers.
        assert_eq!(shown.matches("https://me:****@h/a").count(), 6);
    }
}
