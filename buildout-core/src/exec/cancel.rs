//! Asking work in progress to stop.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// A request to stop, shared by whoever may make it and everyone who has to heed it.
///
/// Clones are the same token. A request is never taken back. A thread which computes asks
/// [`Self::is_cancelled`] now and then; one which waits for something registers a callback that
/// ends its waiting.
#[derive(Clone, Default)]
pub struct CancellationToken {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    /// Keeps a child registered with its parent.
    parent: Mutex<Option<CallbackGuard>>,
    callbacks: Mutex<Callbacks>,
}

type Callback = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Callbacks {
    next: u64,
    waiting: BTreeMap<u64, Callback>,
}

impl CancellationToken {
    /// Makes a token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a token that is cancelled with this one, and may be cancelled
    /// without it.
    #[must_use]
    pub fn child(&self) -> Self {
        let child = Self::new();
        let weak = Arc::downgrade(&child.shared);
        let guard = self.on_cancel(move || {
            if let Some(shared) = weak.upgrade() {
                Self { shared }.cancel();
            }
        });
        // Lives as long as the child, so nothing is left behind in the parent.
        *child
            .shared
            .parent
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(guard);
        child
    }

    /// Returns whether somebody asked to stop; costs one atomic load.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Acquire)
    }

    /// Asks everyone to stop, and runs the registered callbacks in order of registration. Further
    /// calls do nothing.
    ///
    /// This takes a lock, so it must not be called from a signal handler, but from the thread
    /// which the handler wakes.
    pub fn cancel(&self) {
        let waiting = {
            let mut callbacks = self.shared.callbacks();
            self.shared.cancelled.store(true, Ordering::Release);
            std::mem::take(&mut callbacks.waiting)
        };
        for callback in waiting.into_values() {
            callback();
        }
    }

    /// Has a callback run once when somebody asks to stop, on the asking thread; at once and on
    /// this thread if that has happened. Dropping the guard forgets the callback, though one that
    /// has been started meanwhile may still be running.
    #[must_use = "the callback is forgotten when the guard is dropped"]
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) -> CallbackGuard {
        let mut callbacks = self.shared.callbacks();
        let id = callbacks.next;
        callbacks.next += 1;
        if self.is_cancelled() {
            drop(callbacks);
            callback();
        } else {
            callbacks.waiting.insert(id, Box::new(callback));
        }
        CallbackGuard {
            shared: Arc::clone(&self.shared),
            id,
        }
    }
}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CancellationToken")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn callbacks(&self) -> MutexGuard<'_, Callbacks> {
        // No foreign code runs under the lock, so a panic cannot leave the map half changed.
        self.callbacks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a callback registered; see [`CancellationToken::on_cancel`].
pub struct CallbackGuard {
    shared: Arc<Shared>,
    id: u64,
}

impl fmt::Debug for CallbackGuard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CallbackGuard")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Drop for CallbackGuard {
    fn drop(&mut self) {
        let callback = self.shared.callbacks().waiting.remove(&self.id);
        // Outside the lock: what the callback owns may take it when dropped.
        drop(callback);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn a_child_is_cancelled_with_its_parent_and_not_the_other_way_round() {
        let parent = CancellationToken::new();
        let (first, second) = (parent.child(), parent.child());
        drop(parent.child());
        assert_eq!(parent.shared.callbacks().waiting.len(), 2);
        first.cancel();
        assert!(!parent.is_cancelled() && !second.is_cancelled());
        parent.cancel();
        assert!(second.is_cancelled());
    }

    #[test]
    fn callbacks_run_once_and_not_after_their_guard() {
        let count = Arc::new(AtomicUsize::new(0));
        let add = |amount: usize| {
            let count = Arc::clone(&count);
            move || {
                count.fetch_add(amount, Ordering::SeqCst);
            }
        };
        let token = CancellationToken::new();
        let _kept = token.on_cancel(add(1));
        drop(token.on_cancel(add(10)));
        assert!(!token.is_cancelled());
        token.clone().cancel();
        token.cancel();
        assert!(token.is_cancelled());
        assert_eq!(count.load(Ordering::SeqCst), 1);
        let _late = token.on_cancel(add(100));
        assert!(token.child().is_cancelled());
        assert_eq!(count.load(Ordering::SeqCst), 101);
    }
}
