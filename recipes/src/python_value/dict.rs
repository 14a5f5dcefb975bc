//! Dicts.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::container::dismantle;
use super::equality::{Key, StrKey};
use super::{Object, Raised};

/// A `dict`, in the order of insertion.
#[derive(Default)]
pub(crate) struct Dict {
    entries: RefCell<IndexMap<Key, Object, FxBuildHasher>>,
}

impl Dict {
    pub(crate) fn new() -> Self {
        Dict::default()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.borrow().is_empty()
    }

    /// Returns the value of a key.
    ///
    /// # Errors
    ///
    /// The key cannot be one.
    pub(crate) fn get(&self, key: &Object) -> Raised<Option<Object>> {
        match key {
            Object::Str(text) => Ok(self.get_str(text)),
            key => Ok(self.entries.borrow().get(&Key::new(key.clone())?).cloned()),
        }
    }

    /// Returns the value of a `str` key.
    pub(crate) fn get_str(&self, key: &str) -> Option<Object> {
        self.entries.borrow().get(&StrKey(key)).cloned()
    }

    pub(crate) fn contains(&self, key: &Object) -> Raised<bool> {
        Ok(self.get(key)?.is_some())
    }

    /// Sets a key; an existing one keeps its place.
    pub(crate) fn insert(&self, key: Object, value: Object) -> Raised<()> {
        let key = Key::new(key)?;
        let old = self.entries.borrow_mut().insert(key, value);
        drop(old);
        Ok(())
    }

    /// Sets a `str` key.
    pub(crate) fn insert_str(&self, key: impl Into<Rc<str>>, value: Object) {
        let key = Key::from_str(key.into());
        let old = self.entries.borrow_mut().insert(key, value);
        drop(old);
    }

    /// Removes a key and returns its value.
    pub(crate) fn remove(&self, key: &Object) -> Raised<Option<Object>> {
        let key = Key::new(key.clone())?;
        Ok(self.entries.borrow_mut().shift_remove(&key))
    }

    /// Removes the last entry.
    pub(crate) fn pop_last(&self) -> Option<(Object, Object)> {
        let (key, value) = self.entries.borrow_mut().pop()?;
        Some((key.into_object(), value))
    }

    pub(crate) fn clear(&self) {
        let old = std::mem::take(&mut *self.entries.borrow_mut());
        drop(old);
    }

    /// Returns the entry at a position.
    pub(crate) fn entry(&self, index: usize) -> Option<(Object, Object)> {
        let entries = self.entries.borrow();
        let (key, value) = entries.get_index(index)?;
        Some((key.object().clone(), value.clone()))
    }

    /// Returns the entries as they are now.
    pub(crate) fn to_vec(&self) -> Vec<(Object, Object)> {
        let entries = self.entries.borrow();
        let entries = entries.iter();
        entries
            .map(|(key, value)| (key.object().clone(), value.clone()))
            .collect()
    }

    /// Returns another dict with the same entries.
    pub(crate) fn copy(&self) -> Dict {
        Dict {
            entries: RefCell::new(self.entries.borrow().clone()),
        }
    }

    /// Takes keys and values out, for dropping.
    pub(super) fn take_contents(&mut self) -> Vec<Object> {
        let mut contents = Vec::new();
        for (key, value) in std::mem::take(self.entries.get_mut()) {
            contents.push(key.into_object());
            contents.push(value);
        }
        contents
    }
}

impl Drop for Dict {
    fn drop(&mut self) {
        let contents = self.take_contents();
        dismantle(contents);
    }
}
