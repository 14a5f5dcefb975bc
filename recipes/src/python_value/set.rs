//! Sets.

use std::cell::RefCell;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::equality::Key;
use super::{Object, Raised};

/// A `set` or `frozenset`. Its members keep the order of insertion; Python
/// promises none.
#[derive(Clone, Default)]
pub(crate) struct Set {
    members: RefCell<IndexSet<Key, FxBuildHasher>>,
}

impl Set {
    pub(crate) fn new() -> Self {
        Set::default()
    }

    /// Makes a set of objects, of equal ones the first.
    pub(crate) fn of(members: impl IntoIterator<Item = Object>) -> Raised<Self> {
        let members: Raised<_> = members.into_iter().map(Key::new).collect();
        Ok(Set {
            members: RefCell::new(members?),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.members.borrow().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.borrow().is_empty()
    }

    pub(crate) fn contains(&self, member: &Object) -> Raised<bool> {
        let key = Key::new(member.clone())?;
        Ok(self.members.borrow().contains(&key))
    }

    /// Adds a member; tells whether it is new.
    pub(crate) fn insert(&self, member: Object) -> Raised<bool> {
        let key = Key::new(member)?;
        Ok(self.members.borrow_mut().insert(key))
    }

    /// Removes a member; tells whether it was there.
    pub(crate) fn remove(&self, member: &Object) -> Raised<bool> {
        let key = Key::new(member.clone())?;
        Ok(self.members.borrow_mut().shift_remove(&key))
    }

    pub(crate) fn pop(&self) -> Option<Object> {
        let first = self.members.borrow_mut().shift_remove_index(0)?;
        Some(first.into_object())
    }

    pub(crate) fn clear(&self) {
        let old = std::mem::take(&mut *self.members.borrow_mut());
        drop(old);
    }

    pub(crate) fn member(&self, index: usize) -> Option<Object> {
        let members = self.members.borrow();
        members.get_index(index).map(|key| key.object().clone())
    }

    pub(crate) fn to_vec(&self) -> Vec<Object> {
        let members = self.members.borrow();
        members.iter().map(|key| key.object().clone()).collect()
    }

    /// Tells whether all members are in another set.
    pub(crate) fn is_subset(&self, other: &Set) -> bool {
        let other = other.members.borrow();
        self.members.borrow().iter().all(|key| other.contains(key))
    }
}
