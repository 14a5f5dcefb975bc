//! What a run of `=`, `+=` and `-=` does to one option, as a value.
//!
//! The flat merge applies the files of an include tree in post-order, a file
//! as often as it is reached. What one such application does to the lines `x`
//! of an option is either "replace them" or "drop some lines, then append
//! some", and these maps are closed under composition. So the effect of a
//! whole subtree is one map, computed once however often the subtree is
//! reached. `docs/design/extends.md` has the argument in full.
//!
//! One quirk keeps the second kind of map from being a pair: a value without
//! lines does not exist. Removing the last line leaves the empty string, which
//! is one empty line, and what is appended next comes after it. Such a map
//! therefore also lists, for growing sets of dropped lines, what it yields
//! when exactly that set empties `x`.

use std::collections::HashSet;
use std::rc::Rc;

use rustc_hash::FxBuildHasher;

/// The longest value, in bytes, that `+=` may build up.
pub const VALUE_LIMIT: usize = 4 * 1024 * 1024;

/// The lines of a value; never empty.
pub(super) type Lines<'t> = Rc<Vec<&'t str>>;
type LineSet<'t> = Rc<HashSet<&'t str, FxBuildHasher>>;

/// The effect of a run of assignments on the lines of one option.
#[derive(Clone, Debug)]
pub(super) enum Transform<'t> {
    /// Nothing happens.
    Identity,
    /// The lines are replaced.
    Constant(Lines<'t>),
    /// Lines are dropped, then others appended.
    Edit(Rc<Edit<'t>>),
    /// The value would exceed [`VALUE_LIMIT`].
    TooLong,
}

/// Drop `removed` from `x`; if that empties it for the first time at stage
/// `i`, yield the stage's lines; else append `appended`.
#[derive(Clone, Debug, Default)]
pub(super) struct Edit<'t> {
    stages: Vec<(LineSet<'t>, Lines<'t>)>,
    removed: LineSet<'t>,
    appended: Vec<&'t str>,
}

fn lines_of(value: &str) -> Vec<&str> {
    value.split('\n').collect()
}

fn length(lines: &[&str]) -> usize {
    lines.iter().map(|line| line.len() + 1).sum()
}

fn without<'t>(lines: &[&'t str], removed: &LineSet<'t>) -> Vec<&'t str> {
    let kept = lines.iter().filter(|line| !removed.contains(*line));
    kept.copied().collect()
}

/// A value without lines is the empty string: one empty line.
fn at_least_one_line(lines: Vec<&str>) -> Lines<'_> {
    Rc::new(if lines.is_empty() { vec![""] } else { lines })
}

fn union<'t>(left: &LineSet<'t>, right: &LineSet<'t>) -> LineSet<'t> {
    if right.is_empty() {
        return Rc::clone(left);
    }
    Rc::new(left.union(right).copied().collect())
}

impl<'t> Transform<'t> {
    /// The effect of `option = value`.
    pub(super) fn assign(value: &'t str) -> Self {
        Transform::Constant(Rc::new(lines_of(value)))
    }

    /// The effect of `option += value`.
    pub(super) fn add(value: &'t str) -> Self {
        Transform::Edit(Rc::new(Edit {
            appended: lines_of(value),
            ..Edit::default()
        }))
    }

    /// The effect of `option -= value`.
    pub(super) fn remove(value: &'t str) -> Self {
        let removed: LineSet<'t> = Rc::new(value.split('\n').collect());
        Transform::Edit(Rc::new(Edit {
            stages: vec![(Rc::clone(&removed), Rc::new(vec![""]))],
            removed,
            appended: Vec::new(),
        }))
    }

    /// Tells whether what came before does not matter.
    pub(super) fn forgets(&self) -> bool {
        matches!(self, Transform::Constant(_) | Transform::TooLong)
    }

    /// Returns the effect of `earlier` followed by `self`.
    pub(super) fn after(&self, earlier: &Transform<'t>) -> Transform<'t> {
        match (earlier, self) {
            (_, Transform::Constant(_) | Transform::TooLong) | (Transform::Identity, _) => {
                self.clone()
            }
            (_, Transform::Identity) | (Transform::TooLong, _) => earlier.clone(),
            (Transform::Constant(lines), Transform::Edit(edit)) => match edit.apply(lines) {
                Some(lines) => Transform::Constant(lines),
                None => Transform::TooLong,
            },
            (Transform::Edit(first), Transform::Edit(second)) => match first.then(second) {
                Some(edit) => Transform::Edit(Rc::new(edit)),
                None => Transform::TooLong,
            },
        }
    }

    /// Applies the map to a value, or to the empty one that operators start
    /// from. Returns `None` above [`VALUE_LIMIT`].
    pub(super) fn apply(&self, value: Option<&'t str>) -> Option<String> {
        let start = Rc::new(lines_of(value.unwrap_or("")));
        let lines = match self {
            Transform::Identity => start,
            Transform::Constant(lines) => Rc::clone(lines),
            Transform::Edit(edit) => edit.apply(&start)?,
            Transform::TooLong => return None,
        };
        Some(lines.join("\n"))
    }
}

impl<'t> Edit<'t> {
    fn apply(&self, lines: &Lines<'t>) -> Option<Lines<'t>> {
        for (removed, result) in &self.stages {
            if lines.iter().all(|line| removed.contains(line)) {
                return Some(Rc::clone(result));
            }
        }
        let mut result = without(lines, &self.removed);
        if length(&result) + length(&self.appended) > VALUE_LIMIT {
            return None;
        }
        result.extend_from_slice(&self.appended);
        Some(at_least_one_line(result))
    }

    fn then(&self, second: &Edit<'t>) -> Option<Edit<'t>> {
        let mut stages = Vec::with_capacity(self.stages.len());
        for (removed, result) in &self.stages {
            stages.push((Rc::clone(removed), second.apply(result)?));
        }
        for (removed, result) in &second.stages {
            if self.appended.iter().all(|line| removed.contains(line)) {
                let grown = union(&self.removed, removed);
                // A stage with the dropped lines of the one before it can
                // never be the first to empty a value.
                let last = stages.last().map_or(0, |(removed, _)| removed.len());
                if stages.is_empty() || grown.len() > last {
                    stages.push((grown, Rc::clone(result)));
                }
            }
        }
        let mut appended = without(&self.appended, &second.removed);
        if length(&appended) + length(&second.appended) > VALUE_LIMIT {
            return None;
        }
        appended.extend_from_slice(&second.appended);
        Some(Edit {
            stages,
            removed: union(&self.removed, &second.removed),
            appended,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small deterministic numbers; good enough to mix cases.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % bound
        }
    }

    const VALUES: [&str; 8] = ["", "a", "b", "a\nb", "c\na", "\na", "b\n", "a\n\nb"];

    /// What zc.buildout does, one step at a time.
    fn naive(value: &str, kind: u64, operand: &str) -> String {
        match kind {
            0 => operand.to_owned(),
            1 => format!("{value}\n{operand}"),
            _ => {
                let dropped: Vec<&str> = operand.split('\n').collect();
                let kept = value.split('\n').filter(|line| !dropped.contains(line));
                kept.collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn composed_maps_equal_one_step_at_a_time() {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for round in 0..20_000 {
            let steps = 1 + numbers.below(7);
            let start = VALUES[numbers.below(8) as usize];
            let mut expected = start.to_owned();
            let mut maps = Vec::new();
            for _ in 0..steps {
                // Plain assignments are rare, or the edits before them would
                // hardly be tried.
                let kind = match numbers.below(9) {
                    0 => 0,
                    n => 1 + n % 2,
                };
                let operand = VALUES[numbers.below(8) as usize];
                expected = naive(&expected, kind, operand);
                maps.push(match kind {
                    0 => Transform::assign(operand),
                    1 => Transform::add(operand),
                    _ => Transform::remove(operand),
                });
            }
            // Compose in a random bracketing: adjacent pairs, until one is left.
            while maps.len() > 1 {
                let at = numbers.below(maps.len() as u64 - 1) as usize;
                let later = maps.remove(at + 1);
                maps[at] = later.after(&maps[at]);
            }
            assert_eq!(maps[0].apply(Some(start)), Some(expected), "round {round}");
        }
    }

    #[test]
    fn doubling_ends_at_the_limit() {
        let mut map = Transform::add("a line");
        for _ in 0..64 {
            map = map.after(&map.clone());
        }
        assert_eq!(map.apply(None), None);
        let reset = Transform::assign("x").after(&map);
        assert_eq!(reset.apply(None), Some("x".to_owned()));
    }
}
