//! A section while a run uses it: upstream's `Options`, without behaviour.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::extends::{MergedSection, Origin};

/// The options of a section in the order of upstream's dictionaries.
pub type OptionMap = IndexMap<Arc<str>, Arc<str>, FxBuildHasher>;

/// A section and what became of its options.
#[derive(Debug, Default)]
pub struct Section {
    /// The name.
    pub name: Arc<str>,
    /// The options as the configuration has them, macros expanded once the
    /// section is initialised.
    pub(crate) raw: Arc<MergedSection>,
    /// The options whose references were resolved on initialisation.
    pub(crate) cooked: HashMap<Arc<str>, Arc<str>, FxBuildHasher>,
    /// The options that were read or set; what is not here is unused.
    pub(crate) data: OptionMap,
    /// The options that are not recorded, and of which no copy knows.
    pub(crate) volatile: HashSet<Arc<str>, FxBuildHasher>,
}

impl Section {
    pub(crate) fn new(name: Arc<str>, raw: Arc<MergedSection>) -> Self {
        Section {
            name,
            raw,
            ..Section::default()
        }
    }

    /// Returns the names of the options: those of the configuration, then
    /// those that were set, in the order they came.
    pub fn option_names(&self) -> Vec<Arc<str>> {
        let added = self.data.keys().filter(|key| !self.raw.contains_key(*key));
        self.raw.keys().chain(added).cloned().collect()
    }

    /// Tells whether the section has the option.
    pub fn contains(&self, option: &str) -> bool {
        self.raw.contains_key(option) || self.data.contains_key(option)
    }

    /// Upstream's `Options.copy`: what is known of each option, resolved or
    /// not. Volatile options are missing.
    pub fn known_values(&self) -> OptionMap {
        let mut values: OptionMap = self
            .raw
            .iter()
            .map(|(name, option)| (Arc::clone(name), Arc::clone(&option.value)))
            .collect();
        for (name, value) in &self.cooked {
            values.insert(Arc::clone(name), Arc::clone(value));
        }
        for (name, value) in &self.data {
            values.insert(Arc::clone(name), Arc::clone(value));
        }
        if !self.volatile.is_empty() {
            values.retain(|name, _| !self.volatile.contains(name));
        }
        values
    }

    /// Returns the options of the configuration that nothing has read, sorted.
    pub fn unused_options(&self) -> Vec<Arc<str>> {
        let mut unused: Vec<Arc<str>> = self
            .raw
            .keys()
            .filter(|name| !self.data.contains_key(*name))
            .cloned()
            .collect();
        unused.sort();
        unused
    }

    /// Returns the value that is already resolved, if there is one.
    pub(crate) fn resolved(&self, option: &str) -> Option<&Arc<str>> {
        self.data.get(option)
    }

    /// Returns the text that reading `option` starts from.
    pub(crate) fn unresolved(&self, option: &str) -> Option<&Arc<str>> {
        self.cooked
            .get(option)
            .or_else(|| self.raw.get(option).map(|found| &found.value))
    }

    /// Returns where the configuration sets `option`.
    pub fn origin(&self, option: &str) -> Option<Origin> {
        self.raw.get(option)?.origin()
    }
}
