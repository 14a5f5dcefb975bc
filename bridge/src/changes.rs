//! How the environment variables of the process and of the run differ.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use buildout_core::recipe::Environment;
use serde_json::{Value, json};

/// Variables that were set and unset.
///
/// In messages, names and values are bytes as if they were Latin-1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EnvironmentChanges {
    set: Environment,
    unset: Vec<OsString>,
}

impl EnvironmentChanges {
    /// Returns what makes `new` of `old`; `None` if they are the same.
    pub(crate) fn between(old: &Environment, new: &Environment) -> Option<Self> {
        if old == new {
            return None;
        }
        let set = new
            .iter()
            .filter(|(name, value)| old.get(*name) != Some(*value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let unset = old
            .keys()
            .filter(|name| !new.contains_key(*name))
            .cloned()
            .collect();
        Some(EnvironmentChanges { set, unset })
    }

    /// Makes the changes.
    pub(crate) fn apply(&self, environment: &mut Environment) {
        for name in &self.unset {
            environment.remove(name);
        }
        environment.extend(self.set.clone());
    }

    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let mut set = BTreeMap::new();
        for (name, value) in value.get("set")?.as_object()? {
            set.insert(os_string(name)?, os_string(value.as_str()?)?);
        }
        let mut unset = Vec::new();
        for name in value.get("unset")?.as_array()? {
            unset.push(os_string(name.as_str()?)?);
        }
        Some(EnvironmentChanges { set, unset })
    }

    pub(crate) fn to_value(&self) -> Value {
        let set: serde_json::Map<String, Value> = self
            .set
            .iter()
            .map(|(name, value)| (latin_1(name), Value::from(latin_1(value))))
            .collect();
        let unset: Vec<String> = self.unset.iter().map(|name| latin_1(name)).collect();
        json!({"set": set, "unset": unset})
    }
}

/// Returns bytes as text of the same length.
pub(crate) fn latin_1(text: &OsStr) -> String {
    text.as_bytes().iter().copied().map(char::from).collect()
}

/// The reverse; nothing if it is no text of that kind.
pub(crate) fn os_string(text: &str) -> Option<OsString> {
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
    bytes.map(OsString::from_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &[u8])]) -> Environment {
        pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from_vec(value.to_vec())))
            .collect()
    }

    #[test]
    fn changes_survive_being_sent() {
        let old = environment(&[("A", b"1"), ("B", b"2"), ("C", b"3")]);
        let new = environment(&[("A", b"1"), ("C", b"\xff\xe9"), ("D", b"")]);
        let changes = EnvironmentChanges::between(&old, &new).unwrap();
        let sent = EnvironmentChanges::from_value(&changes.to_value()).unwrap();
        assert_eq!(sent, changes);
        let mut changed = old.clone();
        sent.apply(&mut changed);
        assert_eq!(changed, new);
        assert_eq!(EnvironmentChanges::between(&new, &new), None);
    }
}
