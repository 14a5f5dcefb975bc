//! Waiting for the parts whose paths a part has to do with.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, MatchKind};

use super::{Order, PartFootprint};
use crate::recipe::Footprint;

/// The rules about paths, for a buildout.
pub(super) struct PathRules {
    directory: PathBuf,
    /// The directories that many parts share: a command that is told of one
    /// may touch anything in it.
    common: Vec<PathBuf>,
}

impl PathRules {
    pub(super) fn new(directory: &Path, common: &[PathBuf]) -> Self {
        PathRules {
            directory: directory.to_owned(),
            common: common.to_vec(),
        }
    }

    /// Adds what the rules demand to `order`.
    pub(super) fn apply(&self, mut parts: Vec<PartFootprint>, order: &mut Order) {
        let outputs = self.outputs(&parts);
        name_outputs(&parts, &outputs, order);
        overlap_outputs(&parts, self, order);
        self.name_same_paths(&mut parts, &outputs, order);
        keep_places(&parts, order);
    }

    /// Returns the outputs, absolute, with the parts that make them.
    fn outputs(&self, parts: &[PartFootprint]) -> HashMap<PathBuf, Vec<usize>> {
        let mut outputs: HashMap<PathBuf, Vec<usize>> = HashMap::new();
        for (place, part) in parts.iter().enumerate() {
            for output in &part.outputs {
                let output = self.directory.join(output);
                outputs.entry(output).or_default().push(place);
            }
        }
        outputs
    }

    /// Orders the parts whose commands name the same path in the buildout that
    /// no part is known to make. One that names a directory which many share,
    /// or in which parts make something, keeps its place against all.
    fn name_same_paths(
        &self,
        parts: &mut [PartFootprint],
        outputs: &HashMap<PathBuf, Vec<usize>>,
        order: &mut Order,
    ) {
        let Some(directory) = self.directory.to_str() else {
            return;
        };
        let around_outputs: HashSet<&Path> = outputs
            .keys()
            .flat_map(|output| output.ancestors().skip(1))
            .collect();
        let mut named = Overlaps::default();
        for (place, part) in parts.iter_mut().enumerate() {
            if part.footprint != Footprint::Commands {
                continue;
            }
            for path in part
                .values
                .iter()
                .flat_map(|value| paths_in(value, directory))
            {
                let path = Path::new(path);
                let is_common = path == self.directory
                    || self.common.iter().any(|common| common == path)
                    || around_outputs.contains(path);
                if is_common {
                    part.footprint = Footprint::Barrier;
                } else if !path.ancestors().any(|path| outputs.contains_key(path)) {
                    named.add(path, place, &mut order.waits[place]);
                }
            }
        }
    }
}

/// Paths met so far, to find those that overlap with another one.
#[derive(Default)]
struct Overlaps {
    /// The latest part for each path.
    at: HashMap<PathBuf, usize>,
    /// For each path, the parts with paths below it, since the latest one with
    /// that path.
    below: HashMap<PathBuf, Vec<usize>>,
}

impl Overlaps {
    /// Has the part `place` wait for the earlier ones with the same path, one
    /// above it or one below it.
    fn add(&mut self, path: &Path, place: usize, waits: &mut Vec<usize>) {
        let above = path.ancestors().filter_map(|path| self.at.get(path));
        waits.extend(above.filter(|other| **other != place));
        let below = self.below.remove(path).unwrap_or_default();
        waits.extend(below.into_iter().filter(|other| *other != place));
        for ancestor in path.ancestors().skip(1) {
            let below = self.below.entry(ancestor.to_owned()).or_default();
            if below.last() != Some(&place) {
                below.push(place);
            }
        }
        self.at.insert(path.to_owned(), place);
    }
}

/// A part waits for the earlier ones whose outputs its values name.
fn name_outputs(
    parts: &[PartFootprint],
    outputs: &HashMap<PathBuf, Vec<usize>>,
    order: &mut Order,
) {
    let paths: Vec<(&str, &Vec<usize>)> = outputs
        .iter()
        .filter_map(|(path, makers)| Some((path.to_str()?, makers)))
        .collect();
    let searcher = AhoCorasick::builder()
        .match_kind(MatchKind::Standard)
        .build(paths.iter().map(|(path, _)| path));
    let Ok(searcher) = searcher else {
        // More paths than fit: no part runs beside another one.
        let one_by_one = Order::one_by_one(parts.len());
        for (waits, before) in order.waits.iter_mut().zip(one_by_one.waits) {
            waits.extend(before);
        }
        return;
    };
    for (place, part) in parts.iter().enumerate() {
        for value in &part.values {
            for found in searcher.find_overlapping_iter(&**value) {
                if is_boundary(value.as_bytes().get(found.end())) {
                    let (_, makers) = paths[found.pattern()];
                    order.waits[place].extend(makers.iter().filter(|maker| **maker < place));
                }
            }
        }
    }
}

/// Of two parts with one output inside the other, the later one waits.
fn overlap_outputs(parts: &[PartFootprint], rules: &PathRules, order: &mut Order) {
    let mut made = Overlaps::default();
    for (place, part) in parts.iter().enumerate() {
        for output in &part.outputs {
            let output = rules.directory.join(output);
            made.add(&output, place, &mut order.waits[place]);
        }
    }
}

/// A part that may touch anything waits for all earlier ones, and all later
/// ones wait for it. Waiting for the barrier before is waiting for all before
/// that.
fn keep_places(parts: &[PartFootprint], order: &mut Order) {
    let mut barrier = None;
    for (place, part) in parts.iter().enumerate() {
        if part.footprint == Footprint::Barrier {
            let since = barrier.map_or(0, |barrier| barrier + 1);
            order.waits[place].extend(since..place);
        }
        order.waits[place].extend(barrier);
        if part.footprint == Footprint::Barrier {
            barrier = Some(place);
        }
    }
}

/// Tells whether a path ends before this byte.
fn is_boundary(next: Option<&u8>) -> bool {
    next.is_none_or(|byte| !(byte.is_ascii_alphanumeric() || b"._-+~@%".contains(byte)))
}

/// Returns the paths in and below `directory` that a text names, as far as
/// they can be told from what surrounds them.
fn paths_in<'t>(text: &'t str, directory: &'t str) -> impl Iterator<Item = &'t str> {
    let ends = |c: char| c.is_whitespace() || "'\"`:;,=<>|&()[]{}$*?!#\\".contains(c);
    text.match_indices(directory).filter_map(move |(start, _)| {
        let after = start + directory.len();
        if !is_boundary(text.as_bytes().get(after)) {
            return None;
        }
        let length = text[after..].find(ends).unwrap_or(text.len() - after);
        Some(text[start..after + length].trim_end_matches('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn part(footprint: Footprint, outputs: &[&str], values: &[&str]) -> PartFootprint {
        PartFootprint {
            footprint,
            outputs: outputs.iter().map(ToString::to_string).collect(),
            values: values.iter().map(|value| Arc::from(*value)).collect(),
        }
    }

    #[track_caller]
    fn check(parts: Vec<PartFootprint>, expected: &[&[usize]]) {
        let rules = PathRules::new(Path::new("/b"), &[PathBuf::from("/b/bin")]);
        let mut order = Order {
            waits: vec![Vec::new(); parts.len()],
            parts: parts.len(),
        };
        rules.apply(parts, &mut order);
        assert_eq!(order.part_waits(), expected);
    }

    const DECLARED: Footprint = Footprint::Declared;
    const COMMANDS: Footprint = Footprint::Commands;
    const BARRIER: Footprint = Footprint::Barrier;

    #[test]
    fn outputs_that_values_name_are_waited_for() {
        let user = |value: &str| {
            vec![
                part(COMMANDS, &["/b/parts/z"], &[]),
                part(COMMANDS, &["/b/parts/other"], &[]),
                part(COMMANDS, &["/b/parts/u"], &[value]),
            ]
        };
        for value in [
            "/b/parts/z",
            "-I/b/parts/z/include -DX",
            "PATH=/b/parts/z:/bin",
            "x\n/b/parts/z\ny",
        ] {
            check(user(value), &[&[], &[], &[0]]);
        }
        for value in ["/b/parts/zlib", "/b/parts/z.c", "parts/z"] {
            check(user(value), &[&[], &[], &[]]);
        }
        // What holds outputs of others may be looked through.
        check(user("/b/parts"), &[&[], &[], &[0, 1]]);
        // Only earlier ones.
        let first = part(COMMANDS, &[], &["/b/parts/z"]);
        check(
            vec![first, part(COMMANDS, &["/b/parts/z"], &[])],
            &[&[], &[]],
        );
    }

    #[test]
    fn overlapping_outputs_are_made_in_order() {
        check(
            vec![
                part(DECLARED, &["etc/a/b"], &[]),
                part(DECLARED, &["/b/etc/c"], &[]),
                part(DECLARED, &["/b/etc"], &[]),
                part(DECLARED, &["/b/etc/c/d"], &[]),
            ],
            &[&[], &[], &[0, 1], &[1, 2]],
        );
    }

    #[test]
    fn commands_that_name_the_same_path_keep_their_order() {
        check(
            vec![
                part(COMMANDS, &[], &["touch /b/var/flag/x; true"]),
                part(COMMANDS, &[], &["ls /b/var/other"]),
                part(DECLARED, &[], &["/b/var/flag/x"]),
                part(COMMANDS, &[], &["ls '/b/var/flag'"]),
                part(COMMANDS, &[], &["ls /b/var/flag/y"]),
            ],
            &[&[], &[], &[], &[0], &[3]],
        );
    }

    #[test]
    fn who_may_touch_anything_keeps_its_place() {
        check(
            vec![
                part(DECLARED, &[], &[]),
                part(DECLARED, &[], &[]),
                part(BARRIER, &[], &[]),
                part(DECLARED, &[], &[]),
                part(COMMANDS, &[], &["cp x /b/bin"]),
                part(DECLARED, &[], &[]),
            ],
            &[&[], &[], &[0, 1], &[2], &[2, 3], &[4]],
        );
        check(
            vec![
                part(DECLARED, &[], &[]),
                part(COMMANDS, &[], &["cd /b && make"]),
                part(COMMANDS, &[], &["cd /backup"]),
            ],
            &[&[], &[0], &[1]],
        );
    }
}
