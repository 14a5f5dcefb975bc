//! What is remembered of a promise between its runs:
//! `.slapgrid/promise/cache/TITLE`.

use std::path::PathBuf;

use buildout_core::value::float_repr;
use serde_json::{Value, json};

use super::json::python_json;

/// The cache of a promise (`PromiseProcess.updatePromiseCache`).
#[derive(Clone, Debug, PartialEq)]
pub struct PromiseCache {
    /// Whether it is checked when its partition is processed.
    pub is_tested: bool,
    /// Whether it is checked while its partition has nothing to do.
    pub is_anomaly_detected: bool,
    /// Minutes between two checks.
    pub periodicity: f64,
    /// When it is due: seconds since the epoch.
    pub next_run_after: f64,
    /// When it was last begun: seconds since the epoch.
    pub timestamp: f64,
    /// The file of its code. The cache is void without it.
    pub module_file: PathBuf,
    /// When that file was changed: seconds since the epoch.
    pub module_file_mtime: f64,
}

impl PromiseCache {
    /// Reads a cache; none if it is not what slapos.core writes. What
    /// slapos.core looks up with a default may be missing.
    pub fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        let members = value.as_object()?;
        let truth = |name: &str| members.get(name).and_then(Value::as_bool).unwrap_or(false);
        let number = |name: &str| members.get(name).and_then(Value::as_f64).unwrap_or(0.0);
        Some(PromiseCache {
            is_tested: truth("is_tested"),
            is_anomaly_detected: truth("is_anomaly_detected"),
            periodicity: number("periodicity"),
            next_run_after: number("next_run_after"),
            timestamp: number("timestamp"),
            module_file: PathBuf::from(members.get("module_file")?.as_str()?),
            module_file_mtime: number("module_file_mtime"),
        })
    }

    /// Returns the text to the byte as slapos.core writes it.
    pub fn to_text(&self) -> String {
        // A period of minutes that was given as a whole number stays one.
        let periodicity = match self.periodicity {
            minutes if minutes.fract() == 0.0 && minutes.abs() < 1e9 => json!(minutes as i64),
            minutes => json!(minutes),
        };
        python_json(&json!({
            "is_tested": self.is_tested,
            "is_anomaly_detected": self.is_anomaly_detected,
            "periodicity": periodicity,
            "next_run_after": self.next_run_after,
            "timestamp": self.timestamp,
            "module_file": self.module_file.to_string_lossy(),
            "module_file_mtime": self.module_file_mtime,
        }))
    }

    /// Tells whether the promise is due.
    pub fn is_due(&self, now: f64) -> bool {
        // Python takes 0 for no time at all.
        self.next_run_after == 0.0 || now >= self.next_run_after
    }
}

/// Returns the text of a cache with another time at which the promise is due,
/// and all else as it was written; none if the text is no cache, or knows no
/// such time.
pub(super) fn with_next_run(text: &str, next_run_after: f64) -> Option<String> {
    PromiseCache::parse(text)?;
    let name = "\"next_run_after\": ";
    let start = text.find(name)? + name.len();
    let end = start + text[start..].find([',', '}'])?;
    let time = float_repr(next_run_after);
    Some([&text[..start], &time, &text[end..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from slapos.core 1.26.1.
    const RECORDED: &str = r#"{"is_tested": true, "is_anomaly_detected": true, "periodicity": 3, "next_run_after": 1795311335.98, "timestamp": 1795311155.98, "module_file": "/p/etc/plugin/ok.py", "module_file_mtime": 1795311153.36}"#;

    #[test]
    fn what_python_writes_is_read_and_written_to_the_byte() {
        let cache = PromiseCache::parse(RECORDED).unwrap();
        assert_eq!(cache.to_text(), RECORDED);
        assert!(!cache.is_due(1795311335.0) && cache.is_due(1795311335.98));
        let moved = with_next_run(RECORDED, 5.5).unwrap();
        assert_eq!(moved, RECORDED.replace("1795311335.98", "5.5"));
    }

    #[test]
    fn what_is_no_cache_is_none() {
        for text in ["", "[]", "{}", r#"{"module_file": 3}"#] {
            assert_eq!(PromiseCache::parse(text), None, "{text}");
        }
        // Old versions wrote less.
        let old = PromiseCache::parse(r#"{"module_file": "/m"}"#).unwrap();
        assert!(!old.is_tested && old.is_due(0.0));
    }
}
