//! The chain of parts that bounds the time of a run.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxBuildHasher;

use super::PartOrder;

/// The longest chain of parts that had to wait for each other. A run cannot
/// take less time than that, however many jobs it may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CriticalPath {
    /// The parts, in order.
    pub steps: Vec<PathStep>,
    /// Their times together.
    pub total: Duration,
}

/// A part of a critical path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// The part.
    pub part: Arc<str>,
    /// How long it took.
    pub duration: Duration,
}

/// Finds the chain with the greatest sum of times; of several, the one that
/// ends first in `parts`. A pair of `order` against the order of `parts` did
/// not hold and is left out, so there are no circles.
pub(super) fn critical_path(parts: &[(Arc<str>, Duration)], order: &[PartOrder]) -> CriticalPath {
    let numbers: HashMap<&str, usize, FxBuildHasher> = parts
        .iter()
        .enumerate()
        .map(|(number, (part, _))| (&**part, number))
        .collect();
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    for pair in order {
        let number = |part: &str| numbers.get(part).copied();
        if let (Some(first), Some(second)) = (number(&pair.before), number(&pair.after))
            && first < second
        {
            before[second].push(first);
        }
    }
    // For each part, the sum of the longest chain that ends in it, and the
    // part before it there.
    let mut chains: Vec<(Duration, Option<usize>)> = Vec::with_capacity(parts.len());
    let mut last: Option<usize> = None;
    for (number, (_, duration)) in parts.iter().enumerate() {
        let mut longest = (Duration::ZERO, None);
        for previous in &before[number] {
            let (sum, _) = chains[*previous];
            if longest.1.is_none() || sum > longest.0 {
                longest = (sum, Some(*previous));
            }
        }
        chains.push((longest.0 + *duration, longest.1));
        if last.is_none_or(|last| chains[number].0 > chains[last].0) {
            last = Some(number);
        }
    }
    let total = last.map_or(Duration::ZERO, |last| chains[last].0);
    let mut steps: Vec<PathStep> = std::iter::successors(last, |number| chains[*number].1)
        .map(|number| PathStep {
            part: Arc::clone(&parts[number].0),
            duration: parts[number].1,
        })
        .collect();
    steps.reverse();
    CriticalPath { steps, total }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(parts: &[(&str, u64)], order: &[(&str, &str)]) -> (Vec<String>, u64) {
        let parts: Vec<(Arc<str>, Duration)> = parts
            .iter()
            .map(|(part, seconds)| (Arc::from(*part), Duration::from_secs(*seconds)))
            .collect();
        let order: Vec<PartOrder> = order
            .iter()
            .map(|(before, after)| PartOrder {
                before: Arc::from(*before),
                after: Arc::from(*after),
            })
            .collect();
        let path = critical_path(&parts, &order);
        let names = path.steps.iter().map(|step| step.part.to_string());
        (names.collect(), path.total.as_secs())
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_longest_chain_counts_not_the_slowest_part() {
        let parts = [("a", 3), ("b", 5), ("slow", 9), ("c", 4), ("d", 1)];
        let order = [("a", "b"), ("b", "c"), ("a", "c"), ("slow", "d")];
        assert_eq!(path(&parts, &order), (names(&["a", "b", "c"]), 12));
        assert_eq!(path(&parts, &[]), (names(&["slow"]), 9));
        assert_eq!(path(&[], &order), (names(&[]), 0));
    }

    #[test]
    fn pairs_that_did_not_hold_are_no_matter() {
        let order = [("b", "a"), ("a", "b"), ("a", "a"), ("b", "gone")];
        assert_eq!(path(&[("a", 1), ("b", 2)], &order), (names(&["a", "b"]), 3));
    }

    #[test]
    fn a_chain_may_take_no_time() {
        let order = [("a", "b")];
        assert_eq!(path(&[("a", 0), ("b", 0)], &order), (names(&["a"]), 0));
        assert_eq!(path(&[("a", 0), ("b", 1)], &order), (names(&["a", "b"]), 1));
    }
}
