//! Which part can be worked on next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::order::Order;

/// The parts of a run, on their way from waiting over ready to done.
#[derive(Debug)]
pub(super) struct Schedule {
    /// How many parts are parts and not steps between.
    parts: usize,
    /// For each step, how many it still waits for.
    waiting_for: Vec<usize>,
    /// For each step, those that wait for it.
    waited_by: Vec<Vec<usize>>,
    /// The parts that may be worked on, the earliest first.
    ready: BinaryHeap<Reverse<usize>>,
}

impl Schedule {
    pub(super) fn new(order: Order) -> Self {
        let mut waited_by = vec![Vec::new(); order.waits.len()];
        for (step, waits) in order.waits.iter().enumerate() {
            for &wait in waits {
                waited_by[wait].push(step);
            }
        }
        let mut schedule = Schedule {
            parts: order.parts,
            waiting_for: order.waits.iter().map(Vec::len).collect(),
            waited_by,
            ready: BinaryHeap::new(),
        };
        let free = (0..order.waits.len()).filter(|step| order.waits[*step].is_empty());
        for step in free.collect::<Vec<_>>() {
            schedule.free(step);
        }
        schedule
    }

    /// Takes the earliest part that may be worked on.
    pub(super) fn next(&mut self) -> Option<usize> {
        self.ready.pop().map(|Reverse(part)| part)
    }

    /// Notes that a part is done: others may be ready now.
    pub(super) fn done(&mut self, part: usize) {
        for next in self.release(part) {
            self.free(next);
        }
    }

    /// Those that waited for `step` wait for one less. Returns those that wait
    /// for nothing any more.
    fn release(&mut self, step: usize) -> Vec<usize> {
        let mut free = std::mem::take(&mut self.waited_by[step]);
        free.retain(|next| {
            self.waiting_for[*next] -= 1;
            self.waiting_for[*next] == 0
        });
        free
    }

    /// A step waits for nothing any more. One between parts is done at once;
    /// chains of those are followed with a stack of our own.
    fn free(&mut self, step: usize) {
        let mut free = vec![step];
        while let Some(step) = free.pop() {
            if step < self.parts {
                self.ready.push(Reverse(step));
                continue;
            }
            free.extend(self.release(step));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_ready_when_what_they_wait_for_is_done() {
        // Step 4 stands for parts 0 and 1; part 2 waits for it, part 3 for 2.
        let order = Order {
            waits: vec![vec![], vec![], vec![4], vec![2], vec![0, 1]],
            parts: 4,
        };
        let mut schedule = Schedule::new(order);
        assert_eq!((schedule.next(), schedule.next()), (Some(0), Some(1)));
        assert_eq!(schedule.next(), None);
        schedule.done(1);
        assert_eq!(schedule.next(), None);
        schedule.done(0);
        assert_eq!((schedule.next(), schedule.next()), (Some(2), None));
        schedule.done(2);
        assert_eq!(schedule.next(), Some(3));
        schedule.done(3);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn one_by_one_is_the_order_of_the_parts() {
        let mut schedule = Schedule::new(Order::one_by_one(5));
        for part in 0..5 {
            assert_eq!((schedule.next(), schedule.next()), (Some(part), None));
            schedule.done(part);
        }
        assert_eq!(schedule.next(), None);
    }
}
