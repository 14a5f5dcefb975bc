//! Bounds on what calls itself through objects, and drops that do not recurse.

use std::any::Any;
use std::cell::{Cell, RefCell};

use super::{Exception, Raised};

/// How deep calls, iterators over iterators and texts of objects may nest.
/// Python's limit allows about a third of that.
const LIMIT: usize = 1000;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// What is still to be dropped, while something is.
    static PENDING: RefCell<Option<Vec<Box<dyn Any>>>> = const { RefCell::new(None) };
}

/// Does something one level deeper.
pub(super) fn deeper<T>(work: impl FnOnce() -> Raised<T>) -> Raised<T> {
    let depth = DEPTH.get();
    if depth >= LIMIT {
        return Err(Exception::recursion());
    }
    DEPTH.set(depth + 1);
    let result = work();
    DEPTH.set(depth);
    result
}

/// Drops something that may own the like of itself, any number of levels deep:
/// what is dropped meanwhile waits for its turn.
pub(super) fn drop_later(owned: Box<dyn Any>) {
    let first = PENDING.with_borrow_mut(|pending| match pending {
        Some(pending) => {
            pending.push(owned);
            None
        }
        None => {
            *pending = Some(Vec::new());
            Some(owned)
        }
    });
    let mut next = first;
    while let Some(owned) = next {
        drop(owned);
        next = PENDING.with_borrow_mut(|pending| {
            let popped = pending.as_mut().and_then(Vec::pop);
            if popped.is_none() {
                *pending = None;
            }
            popped
        });
    }
}
