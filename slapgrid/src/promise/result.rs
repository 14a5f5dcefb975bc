//! What came out of a promise:
//! `.slapgrid/promise/result/TITLE.status.json`.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::json::python_json;
use crate::clock::result_time;

/// The longest message that is kept, in characters (`BaseResult`).
const LONGEST_MESSAGE: usize = 5000;

/// How a promise was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResultKind {
    /// It must hold for its partition to be processed to the end.
    Test,
    /// It was to be seen whether it goes on to hold.
    Anomaly,
}

impl ResultKind {
    /// Returns slapos.core's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            ResultKind::Test => "Test Result",
            ResultKind::Anomaly => "Anomaly Result",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [ResultKind::Test, ResultKind::Anomaly]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// The result of a promise (`PromiseQueueResult`).
#[derive(Clone, Debug, PartialEq)]
pub struct PromiseResult {
    /// The name without its last extension.
    pub title: String,
    /// The name of its file.
    pub name: String,
    /// The path of its file.
    pub path: String,
    /// The seconds it took, in steps of 0.05.
    pub execution_time: f64,
    /// How it was checked.
    pub kind: ResultKind,
    /// Whether it does not hold.
    pub failed: bool,
    /// When, in UTC: `YYYY-mm-ddTHH:MM:SS+0000`.
    pub date: String,
    /// What it says. Plugins may say nothing.
    pub message: Option<String>,
}

impl PromiseResult {
    /// Reads a result; none if it is not what slapos.core writes.
    pub fn parse(text: &str) -> Option<Self> {
        Self::of(&serde_json::from_str(text).ok()?)
    }

    /// Takes a result from its document.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let result = value.get("result")?;
        Some(PromiseResult {
            title: text(value, "title")?,
            name: text(value, "name")?,
            path: text(value, "path")?,
            execution_time: value.get("execution-time")?.as_f64()?,
            kind: ResultKind::of_name(result.get("type")?.as_str()?)?,
            failed: result.get("failed")?.as_bool()?,
            date: text(result, "date").filter(|date| is_date(date))?,
            message: match result.get("message")? {
                Value::Null => None,
                message => Some(message.as_str()?.to_owned()),
            },
        })
    }

    /// Returns the text to the byte as slapos.core writes it.
    pub fn to_text(&self) -> String {
        python_json(&json!({
            "title": self.title,
            "name": self.name,
            "path": self.path,
            "execution-time": self.execution_time,
            "result": {
                "type": self.kind.name(),
                "failed": self.failed,
                "date": self.date,
                "message": self.message,
            },
        }))
    }

    /// Returns what it says.
    pub fn text(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// Tells whether it failed, or speaks of an error: a promise that then
    /// gives no result has failed.
    pub(super) fn is_bad(&self) -> bool {
        self.failed || self.text().to_lowercase().contains("error:")
    }
}

/// Returns the time of a result made now.
pub(super) fn date_of(time: SystemTime) -> String {
    result_time(time)
}

/// Returns a message that is not too long: the end of it.
pub(super) fn shortened(message: &str) -> String {
    let length = message.chars().count();
    if length <= LONGEST_MESSAGE {
        return message.to_owned();
    }
    let end = message.chars().skip(length - LONGEST_MESSAGE);
    "...".chars().chain(end).collect()
}

fn is_date(text: &str) -> bool {
    let form = "dddd-dd-ddTdd:dd:dd+0000";
    text.len() == form.len()
        && text.chars().zip(form.chars()).all(|pair| match pair {
            (character, 'd') => character.is_ascii_digit(),
            (character, wanted) => character == wanted,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from slapos.core 1.26.1.
    const RECORDED: &str = r#"{"title": "ok", "name": "ok.py", "path": "/p/etc/plugin/ok.py", "execution-time": 0.1, "result": {"type": "Test Result", "failed": false, "date": "2026-11-22T01:32:36+0000", "message": "all good \u00e9"}}"#;

    #[test]
    fn what_python_writes_is_read_and_written_to_the_byte() {
        let result = PromiseResult::parse(RECORDED).unwrap();
        assert_eq!(result.text(), "all good é");
        assert_eq!(result.to_text(), RECORDED);
        let silent = RECORDED.replace(r#""all good \u00e9""#, "null");
        assert_eq!(PromiseResult::parse(&silent).unwrap().to_text(), silent);
    }

    #[test]
    fn what_is_no_result_is_none() {
        for (part, other) in [
            ("Test Result", "Empty Result"),
            ("+0000", ""),
            ("0.1", "null"),
            ("false", "0"),
            ("{", "["),
        ] {
            let text = RECORDED.replace(part, other);
            assert_eq!(PromiseResult::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn of_a_long_message_the_end_is_kept() {
        assert_eq!(shortened(&"é".repeat(5000)), "é".repeat(5000));
        let long = shortened(&format!("a{}", "é".repeat(5000)));
        assert_eq!(long, format!("...{}", "é".repeat(5000)));
    }
}
