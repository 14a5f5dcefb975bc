//! The include graph of a generated tree: which file extends which, with a wanted number of
//! files, edges and levels, and a number of include paths as near to the wanted one as the
//! choice of edges allows.

use crate::random::Random;

/// Files that are no component: the root, the release below it and the stack below that.
pub(super) const TOP_FILES: usize = 3;

/// An acyclic include graph. Files are numbered so that a file only extends lower numbers, and
/// the last one is the root that reaches all others.
#[derive(Debug)]
pub(super) struct IncludeGraph {
    /// The files each file extends, in order, without repetition.
    pub(super) children: Vec<Vec<usize>>,
    /// The length in files of the longest chain that starts at each file.
    pub(super) levels: Vec<usize>,
}

/// What an include graph should look like.
#[derive(Debug, Clone, Copy)]
pub(super) struct GraphShape {
    /// Number of files.
    pub(super) files: usize,
    /// Number of `extends` entries in all files together.
    pub(super) edges: usize,
    /// Files on the longest chain from the root.
    pub(super) depth: usize,
    /// Number of times a file is opened if each include path is followed.
    pub(super) include_paths: u128,
}

impl IncludeGraph {
    /// Builds a graph of the wanted shape.
    ///
    /// Files, edges and depth are met exactly as long as the shape is possible: four levels or
    /// more, a file for each level, and an edge for each file but the root. Include paths are
    /// approached by choosing, for each edge that is not needed to hold the graph together, the
    /// candidate that brings the count nearest to a geometric growth towards the target.
    pub(super) fn generate(shape: GraphShape, random: &mut Random) -> Self {
        assert!(shape.depth > TOP_FILES, "a tree needs four levels or more");
        assert!(
            shape.files >= shape.depth,
            "a chain needs one file a level, and {} < {}",
            shape.files,
            shape.depth
        );
        let levels = assign_levels(shape.files, shape.depth, random);
        let mut graph = Self {
            children: vec![Vec::new(); shape.files],
            levels,
        };
        graph.connect(random);
        let connected = graph.edge_count();
        graph.densify(shape, shape.edges.saturating_sub(connected), random);
        for children in &mut graph.children {
            children.sort_unstable();
        }
        graph
    }

    /// The file whose inclusion reaches all others.
    pub(super) fn root(&self) -> usize {
        self.children.len() - 1
    }

    /// Number of `extends` entries.
    pub(super) fn edge_count(&self) -> usize {
        self.children.iter().map(Vec::len).sum()
    }

    /// For each file, how many files are opened when each include path below it is followed,
    /// itself included. Saturates.
    pub(super) fn paths_below(&self) -> Vec<u128> {
        let mut below = vec![0u128; self.children.len()];
        self.update_below(&mut below, 0);
        below
    }

    /// For each file, the number of include paths from the root to it. Saturates.
    fn paths_from_root(&self) -> Vec<u128> {
        let mut above = vec![0u128; self.children.len()];
        above[self.root()] = 1;
        for file in (0..self.children.len()).rev() {
            for &child in &self.children[file] {
                above[child] = above[child].saturating_add(above[file]);
            }
        }
        above
    }

    /// Gives each file its chain of maximal length, and each file but the root a parent.
    fn connect(&mut self, random: &mut Random) {
        let files = self.children.len();
        let stack = files - TOP_FILES;
        let mut has_parent = vec![false; files];
        let starts = level_starts(&self.levels);
        for file in 0..files {
            let level = self.levels[file];
            if level == 1 {
                continue;
            }
            let (start, end) = (starts[level - 2], starts[level - 1]);
            let child = start + random.below(end - start);
            self.children[file].push(child);
            has_parent[child] = true;
        }
        // The stack names a good part of the components by itself, as SlapOS's do; the
        // others are reached through some component above them.
        for file in (0..stack).filter(|&file| !has_parent[file]) {
            let above = starts[self.levels[file]];
            let parent = if above < stack && !random.chance(35) {
                above + random.below(stack - above)
            } else {
                stack
            };
            self.children[parent].push(file);
        }
    }

    /// Adds `count` edges, steering the number of include paths towards the wanted one.
    fn densify(&mut self, shape: GraphShape, count: usize, random: &mut Random) {
        let stack = self.root() + 1 - TOP_FILES;
        let hubs = self.hubs(stack, random);
        let mut below = self.paths_below();
        let mut above = self.paths_from_root();
        for remaining in (1..=count).rev() {
            let paths = below[self.root()];
            let deficit = shape.include_paths.saturating_sub(paths) as f64;
            let growth = (shape.include_paths as f64 / paths as f64).max(1.0);
            let wanted = if remaining <= 8 {
                deficit / remaining as f64
            } else {
                paths as f64 * (growth.powf(1.0 / remaining as f64) - 1.0)
            };
            let candidates = if remaining <= 24 { 400 } else { 24 };
            let mut best: Option<(f64, usize, usize)> = None;
            for _ in 0..candidates {
                let Some((parent, child)) = self.candidate(stack, &hubs, random) else {
                    continue;
                };
                let gain = above[parent].saturating_mul(below[child]) as f64;
                let distance = if remaining <= 8 {
                    (gain - wanted).abs()
                } else {
                    ((gain + 1.0) / (wanted + 1.0)).ln().abs()
                };
                if best.is_none_or(|(least, _, _)| distance < least) {
                    best = Some((distance, parent, child));
                }
            }
            if let Some((_, parent, child)) = best {
                self.children[parent].push(child);
                self.update_below(&mut below, parent);
                let more = above[parent];
                self.update_above(&mut above, child, more);
            }
        }
    }

    /// Counts the paths below `parent` and all files above it anew.
    fn update_below(&self, below: &mut [u128], parent: usize) {
        for file in parent..self.children.len() {
            below[file] = self.children[file]
                .iter()
                .fold(1u128, |sum, &child| sum.saturating_add(below[child]));
        }
    }

    /// Adds `more` paths from the root to `child`, and what follows from them below it.
    fn update_above(&self, above: &mut [u128], child: usize, more: u128) {
        let mut added = vec![0u128; child + 1];
        added[child] = more;
        for file in (0..=child).rev() {
            if added[file] > 0 {
                above[file] = above[file].saturating_add(added[file]);
                for &grandchild in &self.children[file] {
                    added[grandchild] = added[grandchild].saturating_add(added[file]);
                }
            }
        }
    }

    /// Proposes an edge that keeps all levels and is not there yet.
    fn candidate(
        &self,
        stack: usize,
        hubs: &[usize],
        random: &mut Random,
    ) -> Option<(usize, usize)> {
        let parent = if random.chance(4) {
            stack
        } else {
            random.below(stack)
        };
        let child = if random.chance(55) {
            // The square favours the first hubs: half of the draws fall on a quarter of them.
            let place = random.fraction().powi(2) * hubs.len() as f64;
            hubs[place as usize]
        } else {
            random.below(parent)
        };
        let fits = self.levels[child] < self.levels[parent] && child < stack;
        (fits && !self.children[parent].contains(&child)).then_some((parent, child))
    }

    /// Chooses the components that many others extend, like `xz-utils` and `perl`.
    fn hubs(&self, stack: usize, random: &mut Random) -> Vec<usize> {
        (0..(stack / 16).max(1))
            .map(|_| random.below((stack / 2).max(1)))
            .collect()
    }
}

/// Distributes the files over the levels: many leaves, then fewer and fewer files a level, and
/// one file on each of the top levels. The result is in ascending order.
fn assign_levels(files: usize, depth: usize, random: &mut Random) -> Vec<usize> {
    let component_levels = depth - TOP_FILES;
    let mut sizes = vec![1usize; component_levels];
    for _ in component_levels..files - TOP_FILES {
        let level = if random.chance(20) {
            0
        } else {
            // Of two draws the lower one: the density falls linearly with the level.
            random
                .below(component_levels)
                .min(random.below(component_levels))
        };
        sizes[level] += 1;
    }
    let mut levels = Vec::with_capacity(files);
    for (index, size) in sizes.into_iter().enumerate() {
        levels.extend(std::iter::repeat_n(index + 1, size));
    }
    levels.extend(component_levels + 1..=depth);
    levels
}

/// Returns at index `l` the first file whose level is above `l`, for ascending levels.
fn level_starts(levels: &[usize]) -> Vec<usize> {
    let depth = levels.last().copied().unwrap_or(0);
    (0..=depth)
        .map(|level| levels.partition_point(|&of_file| of_file <= level))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_paths_levels_and_reachability() {
        let shape = GraphShape {
            files: 40,
            edges: 90,
            depth: 9,
            include_paths: 2_000,
        };
        let graph = IncludeGraph::generate(shape, &mut Random::new(7));
        assert_eq!(graph.edge_count(), 90);
        assert_eq!(graph.levels[graph.root()], 9);
        assert!(graph.paths_from_root().iter().all(|&paths| paths > 0));
        // The same counts by following each path, and each chain, for real.
        let mut opened = 0u128;
        let mut longest = 0;
        let mut pending = vec![(graph.root(), 1)];
        while let Some((file, length)) = pending.pop() {
            opened += 1;
            longest = longest.max(length);
            pending.extend(
                graph.children[file]
                    .iter()
                    .map(|&child| (child, length + 1)),
            );
        }
        assert_eq!(opened, graph.paths_below()[graph.root()]);
        assert_eq!(longest, 9);
        assert!(opened.abs_diff(2_000) <= 40, "{opened} include paths");
    }
}
