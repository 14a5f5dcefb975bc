//! What the process sends.

use buildout_core::event::Level;
use serde_json::Value;

use crate::changes::EnvironmentChanges;

/// A message of the process.
#[derive(Debug)]
pub(crate) enum Message {
    /// A record of `logging`.
    Log {
        level: Level,
        logger: String,
        text: String,
    },
    /// What belongs to a request of the engine.
    About { request: u64, reply: Reply },
}

/// What a request of the engine brings about.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The process has the engine do something.
    Call {
        number: u64,
        name: String,
        arguments: Vec<Value>,
    },
    /// The request is carried out.
    Ended {
        result: Result<Value, PythonFailure>,
        environment: Option<EnvironmentChanges>,
    },
}

/// An exception that ended a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PythonFailure {
    /// `UserError`.
    User(String),
    /// A failure of the engine, by its number.
    Engine { number: u64, text: String },
    /// `SystemExit`.
    Exit(i32),
    /// `KeyboardInterrupt`.
    Cancelled(String),
    /// Anything else.
    Crash {
        exception: String,
        text: String,
        traceback: String,
    },
}

/// The process sent something that means nothing.
#[derive(Debug, thiserror::Error)]
#[error("the process sent something that is no message: {0}")]
pub(crate) struct Malformed(String);

impl Message {
    /// Reads a message.
    pub(crate) fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let malformed = || {
            let shown = String::from_utf8_lossy(&payload[..payload.len().min(200)]);
            Malformed(shown.into_owned())
        };
        let value: Value = serde_json::from_slice(payload).map_err(|_| malformed())?;
        Self::from_value(value).ok_or_else(malformed)
    }

    fn from_value(mut value: Value) -> Option<Self> {
        if let Some(Value::Array(record)) = value.get("log") {
            let [level, logger, text] = record.as_slice() else {
                return None;
            };
            return Some(Message::Log {
                level: level_of(level.as_i64()?),
                logger: logger.as_str()?.to_owned(),
                text: text.as_str()?.to_owned(),
            });
        }
        let request = value.get("id")?.as_u64()?;
        let reply = match value.get("call") {
            Some(number) => Reply::Call {
                number: number.as_u64()?,
                name: value.get("name")?.as_str()?.to_owned(),
                arguments: match value.get_mut("arguments")?.take() {
                    Value::Array(arguments) => arguments,
                    _ => return None,
                },
            },
            None => Reply::Ended {
                environment: match value.get("environment")? {
                    Value::Null => None,
                    changes => Some(EnvironmentChanges::from_value(changes)?),
                },
                result: match value.get("failed") {
                    Some(failure) => Err(PythonFailure::from_value(failure)?),
                    None => Ok(value.get_mut("done")?.take()),
                },
            },
        };
        Some(Message::About { request, reply })
    }
}

impl PythonFailure {
    fn from_value(value: &Value) -> Option<Self> {
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        Some(match value.get("kind")?.as_str()? {
            "user" => PythonFailure::User(text("text")?),
            "engine" => PythonFailure::Engine {
                number: value.get("failure")?.as_u64()?,
                text: text("text")?,
            },
            "exit" => {
                let code = value.get("code")?.as_i64()?;
                // As the system sees it.
                PythonFailure::Exit(i32::from(code.to_le_bytes()[0]))
            }
            "cancelled" => PythonFailure::Cancelled(text("text")?),
            "crash" => PythonFailure::Crash {
                exception: text("exception")?,
                text: text("text")?,
                traceback: text("traceback")?,
            },
            _ => return None,
        })
    }
}

/// Returns the level of a record by Python's number.
fn level_of(number: i64) -> Level {
    match number {
        ..20 => Level::Debug,
        20..30 => Level::Info,
        30..40 => Level::Warning,
        40.. => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Message> {
        Message::parse(text.as_bytes()).ok()
    }

    #[test]
    fn messages_are_told_apart() {
        assert!(matches!(
            parsed(r#"{"log":[25,"a","text"]}"#),
            Some(Message::Log {
                level: Level::Info,
                ..
            })
        ));
        assert!(matches!(
            parsed(r#"{"id":1,"call":2,"name":"get","arguments":["a"]}"#),
            Some(Message::About {
                request: 1,
                reply: Reply::Call { number: 2, .. }
            })
        ));
        let Some(Message::About { reply, .. }) =
            parsed(r#"{"id":1,"failed":{"kind":"exit","code":263,"text":""},"environment":null}"#)
        else {
            panic!("no message");
        };
        let Reply::Ended { result, .. } = reply else {
            panic!("a call");
        };
        assert_eq!(result, Err(PythonFailure::Exit(7)));
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"id":1}"#,
            r#"{"log":[1]}"#,
            r#"{"id":1,"call":2}"#,
        ] {
            assert!(parsed(text).is_none(), "{text}");
        }
    }
}
