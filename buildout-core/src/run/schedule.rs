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
    /// Which parts run commands.
    runs_commands: Vec<bool>,
    /// The parts that may be worked on, the earliest first.
    ready: BinaryHeap<Reverse<usize>>,
    /// Those of them that run commands.
    ready_for_commands: BinaryHeap<Reverse<usize>>,
}

impl Schedule {
    /// Starts with nothing done. `runs_commands` tells for each part whether it
    /// needs a job of the budget.
    pub(super) fn new(order: Order, runs_commands: Vec<bool>) -> Self {
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
            runs_commands,
            ready: BinaryHeap::new(),
            ready_for_commands: BinaryHeap::new(),
        };
        let free = (0..order.waits.len()).filter(|step| order.waits[*step].is_empty());
        for step in free.collect::<Vec<_>>() {
            schedule.free(step);
        }
        schedule
    }

    /// Takes the earliest part that may be worked on; with no job free, one
    /// that runs no commands.
    pub(super) fn next(&mut self, job_is_free: bool) -> Option<usize> {
        let other = self.ready.peek().map(|Reverse(part)| *part);
        let command = self.ready_for_commands.peek().map(|Reverse(part)| *part);
        let takes_command = match (other, command) {
            (_, None) => false,
            (None, Some(_)) => job_is_free,
            (Some(other), Some(command)) => job_is_free && command < other,
        };
        let heap = match takes_command {
            true => &mut self.ready_for_commands,
            false => &mut self.ready,
        };
        heap.pop().map(|Reverse(part)| part)
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
                let heap = match self.runs_commands[step] {
                    true => &mut self.ready_for_commands,
                    false => &mut self.ready,
                };
                heap.push(Reverse(step));
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
        let mut schedule = Schedule::new(order, vec![false; 4]);
        let next = |schedule: &mut Schedule| schedule.next(true);
        assert_eq!(next(&mut schedule), Some(0));
        assert_eq!(next(&mut schedule), Some(1));
        assert_eq!(next(&mut schedule), None);
        schedule.done(1);
        assert_eq!(next(&mut schedule), None);
        schedule.done(0);
        assert_eq!(next(&mut schedule), Some(2));
        assert_eq!(next(&mut schedule), None);
        schedule.done(2);
        assert_eq!(next(&mut schedule), Some(3));
        schedule.done(3);
        assert_eq!(next(&mut schedule), None);
    }

    #[test]
    fn one_by_one_is_the_order_of_the_parts() {
        let runs_commands = vec![true, false, true, false, false];
        let mut schedule = Schedule::new(Order::one_by_one(5), runs_commands);
        for part in 0..5 {
            assert_eq!(schedule.next(true), Some(part));
            assert_eq!(schedule.next(true), None);
            schedule.done(part);
        }
        assert_eq!(schedule.next(true), None);
    }

    #[test]
    fn parts_without_commands_do_not_wait_for_jobs() {
        let order = Order {
            waits: vec![Vec::new(); 4],
            parts: 4,
        };
        let mut schedule = Schedule::new(order, vec![true, true, false, true]);
        assert_eq!(schedule.next(true), Some(0));
        assert_eq!(schedule.next(false), Some(2));
        assert_eq!(schedule.next(false), None);
        assert_eq!(schedule.next(true), Some(1));
        assert_eq!(schedule.next(true), Some(3));
    }
}
