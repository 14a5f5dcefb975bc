//! `[buildout-override]`: assignments above every profile that the node runs.
//!
//! The node's runs ignore the defaults of users, so this is where a machine
//! says where downloads come from.

use indexmap::IndexMap;

use super::ConfigurationError;

/// The options that may be overridden.
const OPTIONS: [&str; 6] = [
    "index",
    "allow-hosts",
    "find-links",
    "download-cache",
    "extends-cache",
    "url-replace",
];

/// Options of `[buildout]` that all profiles get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildoutOverride {
    values: IndexMap<String, String>,
}

impl BuildoutOverride {
    pub(super) const SECTION: &str = "buildout-override";

    pub(super) fn of(items: IndexMap<String, String>) -> Result<Self, ConfigurationError> {
        if let Some(name) = items.keys().find(|name| !OPTIONS.contains(&name.as_str())) {
            return Err(ConfigurationError::Unsupported {
                what: format!("option {name} of [{}]", Self::SECTION),
                hint: "the options are index, allow-hosts, find-links, download-cache, extends-cache and url-replace",
            });
        }
        let values = items
            .into_iter()
            .map(|(name, value)| (name, value.trim().to_owned()))
            .collect();
        Ok(BuildoutOverride { values })
    }

    /// Tells whether this option is overridden.
    pub(crate) fn has(&self, option: &str) -> bool {
        self.values.contains_key(option)
    }

    /// Returns the value of an option that is overridden.
    pub fn get(&self, option: &str) -> Option<&str> {
        self.values.get(option).map(String::as_str)
    }

    /// Returns them as words of a command line.
    pub fn assignments(&self) -> Vec<String> {
        self.values
            .iter()
            .map(|(name, value)| format!("buildout:{name}={value}"))
            .collect()
    }

    /// Returns a line for the log, none if there are none.
    pub fn describe(&self) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let values = self.values.iter();
        let values = values.map(|(name, value)| format!("{name} = {}", value.replace('\n', " ")));
        let values = values.collect::<Vec<_>>().join(", ");
        Some(format!("Overridden in all profiles: {values}"))
    }
}
