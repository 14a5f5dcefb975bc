//! Writing down what explains the next run.

use std::collections::{BTreeMap, HashSet};
use std::error::Error as _;
use std::sync::Arc;

use super::super::history::History;
use super::super::session::known_values;
use super::Installation;
use crate::configuration::BUILDOUT_SECTION;
use crate::event::{Event, Level};
use crate::redaction::redacted;

impl Installation<'_, '_> {
    /// Keeps what explains the next run. It is of no other use, so a failure
    /// is only told.
    pub(super) fn write_history(&mut self) {
        let actions = std::mem::take(&mut self.actions);
        if actions.is_empty() {
            return;
        }
        let sections = self.seen_sections();
        let history = std::mem::replace(&mut self.history, History::of(&self.settings.directory));
        if let Err(error) = history.add(sections, actions) {
            let reason = error.source().map(|source| format!(": {source}"));
            let reason = reason.unwrap_or_default();
            let message = format!("Could not write down what this run did: {error}{reason}");
            self.emit(Event::engine_log(Level::Warning, message));
        }
    }

    /// Returns the sections without a recipe on which parts depend, with their
    /// options.
    fn seen_sections(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let state = self.session.state.borrow();
        let is_plain = |section: &Arc<str>| {
            **section != *BUILDOUT_SECTION && !state.parts.contains_key(section)
        };
        let reached = state.dependencies.values().flatten();
        let sections: HashSet<&Arc<str>> = reached.filter(|section| is_plain(section)).collect();
        let text =
            |(name, value): (Arc<str>, Arc<str>)| (name.to_string(), redacted(&value).into_owned());
        sections
            .into_iter()
            .map(|section| {
                let options = known_values(&state, section).into_iter().map(text);
                (section.to_string(), options.collect())
            })
            .collect()
    }
}
