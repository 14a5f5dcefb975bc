//! Whether an installed part can stay.

use std::path::Path;
use std::sync::Arc;

use super::signature::{SIGNATURE_OPTION, SIGNATURE_PREFIX};
use crate::event::Event;
use crate::redaction::redacted;
use crate::resolve::OptionMap;
use crate::state::installed::InstalledPart;

/// What becomes of an installed part that is still wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It stays, and is updated.
    Keep,
    /// It is uninstalled and installed anew.
    Reinstall {
        /// The options that differ.
        changes: Vec<Change>,
    },
}

/// An option that differs from the recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    option: Arc<str>,
    old: Option<Arc<str>>,
    new: Option<Arc<str>>,
}

impl Change {
    pub(crate) fn into_event(self, part: &Arc<str>) -> Event {
        Event::OptionChanged {
            part: Arc::clone(part),
            option: self.option,
            old: self.old,
            new: self.new,
        }
    }
}

/// Compares the record of a part with its options now (signature included) and
/// with what is on disk, below `directory`.
///
/// The passwords of URLs do not count: this program does not record them.
///
/// A signature that a Python buildout made says nothing here: such a part is
/// current if all else agrees.
pub(crate) fn decide(record: &InstalledPart, new: &OptionMap, directory: &Path) -> Decision {
    let foreign = record
        .signature()
        .is_none_or(|signature| !signature.starts_with(SIGNATURE_PREFIX));
    let counts = |option: &str| !(foreign && option == SIGNATURE_OPTION);
    let mut changes = Vec::new();
    for (option, old) in &record.options {
        let now = new.get(option.as_str());
        let differs = |now: &Arc<str>| **now != **old && redacted(now) != redacted(old);
        if counts(option) && now.is_none_or(differs) {
            changes.push(Change {
                option: Arc::from(&**option),
                old: Some(Arc::from(&**old)),
                new: now.cloned(),
            });
        }
    }
    for (option, now) in new {
        if counts(option) && !record.options.contains_key(&**option) {
            changes.push(Change {
                option: Arc::clone(option),
                old: None,
                new: Some(Arc::clone(now)),
            });
        }
    }
    if !changes.is_empty() {
        return Decision::Reinstall { changes };
    }
    let mut paths = record.installed.iter().filter(|path| !path.is_empty());
    if paths.any(|path| !directory.join(path).exists()) {
        return Decision::Reinstall { changes };
    }
    Decision::Keep
}
