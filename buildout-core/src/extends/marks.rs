//! Which files lead to which: for many questions at once, a bit for each.

use super::tree::{NodeId, Tree};

/// One of the questions: whether a file, or one that it includes, is among
/// certain files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(usize);

/// For each file of a tree, the questions that are true of it.
#[derive(Debug)]
pub(super) struct Marks {
    /// How many words of `bits` a file has.
    width: usize,
    bits: Vec<u64>,
}

impl Mark {
    /// The mark of [`Marks::of_files`].
    pub(super) const FIRST: Mark = Mark(0);

    /// The mark number `index`.
    pub(super) fn new(index: usize) -> Self {
        Mark(index)
    }
}

impl Marks {
    /// No file of `tree` has any of `count` marks.
    pub(super) fn none(tree: &Tree, count: usize) -> Self {
        let width = count.div_ceil(64);
        Marks {
            width,
            bits: vec![0; width * tree.nodes.len()],
        }
    }

    /// Marks each of `files`, and all that include them, directly or not.
    pub(super) fn of_files(tree: &Tree, files: impl IntoIterator<Item = NodeId>) -> Self {
        let mut marks = Marks::none(tree, 1);
        for file in files {
            marks.set(file, Mark::FIRST);
        }
        marks.spread(tree);
        marks
    }

    pub(super) fn set(&mut self, file: NodeId, mark: Mark) {
        self.bits[file.index() * self.width + mark.0 / 64] |= 1 << (mark.0 % 64);
    }

    pub(super) fn has(&self, file: NodeId, mark: Mark) -> bool {
        self.bits[file.index() * self.width + mark.0 / 64] >> (mark.0 % 64) & 1 != 0
    }

    /// Hands the marks of each file on to those that include it. Children come
    /// before parents in the order of first application, so one pass does.
    pub(super) fn spread(&mut self, tree: &Tree) {
        for file in tree.first_applications() {
            let here = file.index() * self.width;
            for include in &tree.node(*file).includes {
                let below = include.target.index() * self.width;
                for word in 0..self.width {
                    self.bits[here + word] |= self.bits[below + word];
                }
            }
        }
    }
}
