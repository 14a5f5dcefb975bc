//! How many partitions are worked on at once.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A partition that takes longer than this counts no more: one that hangs must
/// not keep the others from being begun.
const COUNTED_FOR: Duration = Duration::from_secs(10);

/// A number of slots for work that may hang.
pub(crate) struct Slots {
    limit: usize,
    counted_for: Duration,
    taken: Mutex<Taken>,
    given_back: Condvar,
}

#[derive(Default)]
struct Taken {
    next: u64,
    since: HashMap<u64, Instant>,
}

/// A slot that is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot(u64);

impl Slots {
    pub(crate) fn new(limit: usize) -> Self {
        Self::counting(limit, COUNTED_FOR)
    }

    /// Makes so many slots, of which those that are held for longer do not count.
    pub(crate) fn counting(limit: usize, counted_for: Duration) -> Self {
        Slots {
            limit: limit.max(1),
            counted_for,
            taken: Mutex::default(),
            given_back: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a slot: until one is given back, or its work has taken long.
    pub(crate) fn take(&self) -> Slot {
        let mut taken = self.lock();
        loop {
            let now = Instant::now();
            let ages = taken.since.values().map(|since| now - *since);
            let counted: Vec<Duration> = ages.filter(|age| *age < self.counted_for).collect();
            if counted.len() < self.limit {
                let slot = taken.next;
                taken.next += 1;
                taken.since.insert(slot, now);
                return Slot(slot);
            }
            let oldest = counted.into_iter().max().unwrap_or_default();
            let (back, _) = self
                .given_back
                .wait_timeout(taken, self.counted_for - oldest)
                .unwrap_or_else(PoisonError::into_inner);
            taken = back;
        }
    }

    pub(crate) fn give_back(&self, slot: Slot) {
        self.lock().since.remove(&slot.0);
        self.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_hangs_gives_way() {
        let slots = Slots::counting(1, Duration::from_millis(1));
        let hanging = slots.take();
        // The first one is never given back before this returns.
        let second = slots.take();
        slots.give_back(second);
        slots.give_back(hanging);
    }

    #[test]
    fn no_more_than_the_limit_work() {
        let slots = Slots::counting(2, Duration::from_secs(3600));
        let working = Mutex::new((0, 0));
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let slot = slots.take();
                    {
                        let mut working = working.lock().unwrap();
                        working.0 += 1;
                        working.1 = working.1.max(working.0);
                    }
                    std::thread::yield_now();
                    working.lock().unwrap().0 -= 1;
                    slots.give_back(slot);
                });
            }
        });
        let (left, most) = *working.lock().unwrap();
        assert_eq!(left, 0);
        assert!((1..=2).contains(&most));
    }
}
