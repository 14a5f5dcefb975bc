//! What earlier runs did and saw, to explain what the next one does.
//!
//! Nothing is decided by this: a history that is lost or cannot be read makes
//! explanations shorter. It is read only when something is to be explained.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::plan::{PlannedAction, Reason};
use crate::state::OWN_DIRECTORY;
use crate::state::atomic::{ReplaceError, replace_file};

/// The file in [`OWN_DIRECTORY`].
const FILE_NAME: &str = "history.json";

/// The version of the format; another one is as good as no history.
const VERSION: u64 = 1;

type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// The last thing that was done to a part, updates that are done in every run
/// left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastAction {
    /// What was done.
    pub action: PlannedAction,
    /// Whether it failed.
    pub failed: bool,
    /// Why it was done.
    pub reasons: Vec<Reason>,
}

/// What earlier runs in a buildout directory did and saw.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    content: OnceCell<Content>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Content {
    /// The options of the sections without a recipe on which parts depended.
    sections: Sections,
    parts: BTreeMap<String, PastAction>,
}

impl History {
    /// Returns the history of a buildout directory, which is read when it is
    /// asked for.
    pub fn of(directory: &Path) -> Self {
        History {
            path: directory.join(OWN_DIRECTORY).join(FILE_NAME),
            content: OnceCell::new(),
        }
    }

    /// Returns the last thing that was done to `part`.
    pub fn part(&self, part: &str) -> Option<&PastAction> {
        self.content().parts.get(part)
    }

    /// Returns the options that a section without a recipe had.
    pub(crate) fn section(&self, section: &str) -> Option<&BTreeMap<String, String>> {
        self.content().sections.get(section)
    }

    /// Adds what a run did and saw, and writes it down.
    ///
    /// # Errors
    ///
    /// See [`ReplaceError`].
    pub(crate) fn add(
        self,
        sections: Sections,
        actions: impl IntoIterator<Item = (Arc<str>, PastAction)>,
    ) -> Result<(), ReplaceError> {
        let before = self.content();
        let mut content = before.clone();
        content.sections.extend(sections);
        for (part, action) in actions {
            content.parts.insert(part.to_string(), action);
        }
        if content == *before {
            return Ok(());
        }
        replace_file(&self.path, format!("{:#}\n", content.to_json()).as_bytes())
    }

    fn content(&self) -> &Content {
        self.content.get_or_init(|| {
            let text = fs::read_to_string(&self.path).unwrap_or_default();
            let json = serde_json::from_str(&text).unwrap_or_default();
            Content::from_json(&json).unwrap_or_default()
        })
    }
}

impl Content {
    fn to_json(&self) -> Value {
        let parts: Map<String, Value> = self
            .parts
            .iter()
            .map(|(part, past)| {
                let reasons: Vec<Value> = past.reasons.iter().map(Reason::to_json).collect();
                let past = json!({
                    "action": past.action.name(),
                    "failed": past.failed,
                    "reasons": reasons,
                });
                (part.clone(), past)
            })
            .collect();
        json!({"version": VERSION, "parts": parts, "sections": self.sections})
    }

    fn from_json(json: &Value) -> Option<Self> {
        if json["version"] != VERSION {
            return None;
        }
        let mut content = Content::default();
        for (part, past) in json["parts"].as_object()? {
            let reasons = past["reasons"].as_array()?.iter();
            let past = PastAction {
                action: PlannedAction::named(past["action"].as_str()?)?,
                failed: past["failed"].as_bool()?,
                reasons: reasons.filter_map(Reason::from_json).collect(),
            };
            content.parts.insert(part.clone(), past);
        }
        for (section, options) in json["sections"].as_object()? {
            let options = options.as_object()?.iter();
            let options: Option<BTreeMap<String, String>> = options
                .map(|(option, value)| Some((option.clone(), value.as_str()?.to_owned())))
                .collect();
            content.sections.insert(section.clone(), options?);
        }
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_grows_and_is_read_again() {
        let site = tempfile::tempdir().expect("a directory can be made");
        fs::create_dir(site.path().join(OWN_DIRECTORY)).expect("it can be made");
        let past = |failed| PastAction {
            action: PlannedAction::Reinstall,
            failed,
            reasons: vec![Reason::NeverInstalled],
        };
        let sections = |name: &str| {
            let options = BTreeMap::from([("a".to_owned(), "é".to_owned())]);
            Sections::from([(name.to_owned(), options)])
        };
        let history = || History::of(site.path());
        assert_eq!(history().part("p"), None);
        history()
            .add(sections("one"), [(Arc::from("p"), past(true))])
            .expect("it can be written");
        history()
            .add(sections("two"), [(Arc::from("q"), past(false))])
            .expect("it can be written");
        assert_eq!(history().part("p"), Some(&past(true)));
        assert_eq!(history().part("q"), Some(&past(false)));
        for section in ["one", "two"] {
            let options = history().section(section).cloned();
            assert_eq!(options, sections(section).remove(section));
        }
        let path = site.path().join(OWN_DIRECTORY).join(FILE_NAME);
        fs::write(path, "{\"version\": 1, \"parts\": 3").expect("it can be written");
        assert_eq!(history().part("p"), None);
    }
}
