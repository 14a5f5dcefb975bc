//! The clock of a run: the engine has none, its front end does.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the time since a run began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
    /// When that was, since 1970.
    pub(crate) began: Duration,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Clock {
            start: Instant::now(),
            began: now.unwrap_or_default(),
        }
    }

    /// Returns the time since the start; it never goes back.
    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}
