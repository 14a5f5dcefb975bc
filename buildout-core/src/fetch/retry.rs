//! When a failed transfer is repeated.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// How often and after which pauses a transfer is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Repetitions after the first attempt.
    pub retries: u32,
    /// Pause before the first repetition; it doubles each time.
    pub first_delay: Duration,
    /// Longest pause, also when the server asks for a longer one.
    pub maximum_delay: Duration,
}

impl Default for RetryPolicy {
    /// Three repetitions after about 0.5 s, 1 s and 2 s, at most 30 s each.
    fn default() -> Self {
        Self {
            retries: 3,
            first_delay: Duration::from_millis(500),
            maximum_delay: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Never repeats.
    pub fn never() -> Self {
        Self {
            retries: 0,
            ..Self::default()
        }
    }

    /// Returns the pause before repetition number `attempt`, counted from 1.
    ///
    /// It lies between half of the nominal pause and all of it, so that the
    /// clients of a server that was down do not come back in step.
    pub fn delay(&self, attempt: u32, asked_by_server: Option<Duration>) -> Duration {
        let nominal = self
            .first_delay
            .saturating_mul(
                1u32.checked_shl(attempt.saturating_sub(1))
                    .unwrap_or(u32::MAX),
            )
            .min(self.maximum_delay);
        // The hasher's keys are random in each process: enough for a jitter.
        let share = (RandomState::new().hash_one(attempt) % 1000) as u32;
        let jittered = nominal / 2 + (nominal / 2).saturating_mul(share) / 1000;
        match asked_by_server {
            Some(asked) => jittered.max(asked.min(self.maximum_delay)),
            None => jittered,
        }
    }
}

/// Lets a thread wait; injected so that tests do not.
pub trait Sleeper: Send + Sync {
    /// Waits for about this long; may return early if the run is cancelled.
    fn sleep(&self, duration: Duration);
}

/// Waits by blocking the thread.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadSleeper;

impl Sleeper for ThreadSleeper {
    fn sleep(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        let policy = RetryPolicy::default();
        for (attempt, nominal) in [(1, 500), (2, 1000), (3, 2000), (7, 30_000), (90, 30_000)] {
            let delay = policy.delay(attempt, None);
            let nominal = Duration::from_millis(nominal);
            assert!(
                delay >= nominal / 2 && delay <= nominal,
                "{attempt}: {delay:?}"
            );
        }
        let asked = |seconds| policy.delay(1, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(7), Duration::from_secs(7));
        assert_eq!(asked(3600), Duration::from_secs(30));
    }
}
