//! Python's `dict`.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::Value;
use super::equality::{Key, StrKey, UnhashableType};

/// A `dict`: keeps insertion order, and finds keys by Python's equality, so
/// `1`, `1.0` and `True` are one key. As in Python, setting an existing key
/// keeps the key object and the place of the first insertion.
#[derive(Debug, Clone, Default)]
pub struct Dict {
    entries: IndexMap<Key, Value, FxBuildHasher>,
}

impl Dict {
    /// Makes an empty dict.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the value of a key; nothing for an unhashable key.
    pub fn get(&self, key: &Value) -> Option<&Value> {
        match key {
            Value::Str(text) => self.get_str(text),
            key => self.entries.get(&Key::new(key.clone()).ok()?),
        }
    }

    /// Returns the value of a `str` key.
    pub fn get_str(&self, key: &str) -> Option<&Value> {
        self.entries.get(&StrKey(key))
    }

    /// Tells whether a key is there.
    pub fn contains_key(&self, key: &Value) -> bool {
        self.get(key).is_some()
    }

    /// Sets a key and returns the value it had.
    ///
    /// # Errors
    /// The key is unhashable.
    pub fn insert(&mut self, key: Value, value: Value) -> Result<Option<Value>, UnhashableType> {
        Ok(self.entries.insert(Key::new(key)?, value))
    }

    /// Sets a `str` key and returns the value it had.
    pub fn insert_str(
        &mut self,
        key: impl Into<std::sync::Arc<str>>,
        value: impl Into<Value>,
    ) -> Option<Value> {
        self.entries.insert(Key::from_str(key.into()), value.into())
    }

    /// Removes a key and returns its value; the others keep their order, which
    /// costs time linear in the number of keys.
    pub fn remove(&mut self, key: &Value) -> Option<Value> {
        self.entries.shift_remove(&Key::new(key.clone()).ok()?)
    }

    /// Returns keys and values in insertion order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.entries.iter())
    }

    /// Returns the keys in insertion order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.entries.keys().map(Key::value)
    }

    /// Returns the values in insertion order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.entries.values()
    }
}

/// Python's equality: the same keys with equal values, in any order.
impl PartialEq for Dict {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

/// The keys and values of a [`Dict`], in insertion order.
#[derive(Debug, Clone)]
pub struct Iter<'dict>(indexmap::map::Iter<'dict, Key, Value>);

impl<'dict> Iterator for Iter<'dict> {
    type Item = (&'dict Value, &'dict Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key.value(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, value)| (key.value(), value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'dict> IntoIterator for &'dict Dict {
    type Item = (&'dict Value, &'dict Value);
    type IntoIter = Iter<'dict>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_equal_are_one_key() {
        let mut dict = Dict::new();
        dict.insert(Value::Int(1), "int".into()).unwrap();
        dict.insert(Value::Float(1.0), "float".into()).unwrap();
        dict.insert(Value::Bool(true), "bool".into()).unwrap();
        dict.insert_str("1", "str");
        dict.insert(Value::Float(1.5), "half".into()).unwrap();
        assert_eq!(
            Value::Dict(dict).repr(),
            "{1: 'bool', '1': 'str', 1.5: 'half'}"
        );
    }

    #[test]
    fn an_unhashable_key_is_refused_by_type() {
        let mut dict = Dict::new();
        let key = Value::Tuple(vec![Value::List(Vec::new())]);
        let error = dict.insert(key.clone(), Value::None).unwrap_err();
        assert_eq!(error.to_string(), "unhashable type: 'list'");
        assert!(!dict.contains_key(&key));
    }

    #[test]
    fn removal_keeps_the_order_and_equality_ignores_it() {
        let build = |names: &[&str]| {
            let mut dict = Dict::new();
            for name in names {
                dict.insert_str(*name, 1_i64);
            }
            dict
        };
        let mut dict = build(&["a", "b", "c"]);
        assert_eq!(dict.remove(&"a".into()), Some(Value::Int(1)));
        assert_eq!(dict, build(&["c", "b"]));
        assert_ne!(dict, build(&["c", "b", "a"]));
        assert_eq!(Value::Dict(dict).repr(), "{'b': 1, 'c': 1}");
    }
}
