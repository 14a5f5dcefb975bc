//! The include graph of a profile: each file parsed once, however often it is
//! reached, and the questions the merges ask of it. Immutable once loaded.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxBuildHasher;

use super::edits::Edits;
use super::location::{base_of, join};
use super::option::{History, HistoryItem, HistoryListing, MergedOption, Operation};
use super::origin::{Origin, Place};
use super::update::operator_order;
use super::{flat, pairwise};
use crate::dialect::MergeShape;
use crate::profile::syntax::{Operator, ParsedOption, ParsedProfile, ParsedSection};
use crate::symbols::{Symbol, Symbols};

/// A file of an include graph, as an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// One parsed profile.
#[derive(Debug)]
pub(super) struct FileContent {
    /// The text, for diagnostics.
    pub(super) text: String,
    /// The sections, `extends` taken out.
    pub(super) profile: ParsedProfile,
    /// Options that are not the file's own but come with it: the first leaf of
    /// a tree carries the user's defaults.
    pub(super) carried: HashMap<(Symbol, Symbol), MergedOption, FxBuildHasher>,
}

/// An entry of `extends`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Include {
    pub(super) target: NodeId,
    pub(super) entry: Symbol,
    /// What the entry means where the file that holds it has its first name.
    pub(super) name: Symbol,
}

/// A file in the graph. Several nodes share the content of the file that
/// carries the user's defaults, once with and once without them.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) content: Arc<FileContent>,
    /// The name by which the file was reached first.
    pub(super) source: Arc<str>,
    /// `extends`, then `optional-extends`, in order.
    pub(super) includes: Vec<Include>,
}

/// Where a file was reached, walking the graph.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) node: NodeId,
    /// The name by which this path reaches the file.
    pub(super) source: Arc<str>,
}

/// The last application of each file.
#[derive(Debug, Default)]
pub(super) struct LastApplications {
    /// The latest first.
    visits: Vec<Visit>,
    /// For each file, its place in `visits`.
    rank: Vec<usize>,
}

impl LastApplications {
    /// Tells whether `file` is applied for the last time after `other` is.
    pub(super) fn is_after(&self, file: NodeId, other: NodeId) -> bool {
        self.rank[file.index()] < self.rank[other.index()]
    }

    /// Returns the visit by which `file` is applied for the last time.
    pub(super) fn of(&self, file: NodeId) -> &Visit {
        &self.visits[self.rank[file.index()]]
    }
}

/// A loaded include graph.
#[derive(Debug)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    pub(super) symbols: Arc<Symbols>,
    pub(super) shape: MergeShape,
    pub(super) normalized: bool,
    /// For each node, the step by which it is reached first.
    parents: Vec<Option<(NodeId, usize)>>,
    /// The nodes in the order of their first application.
    first_applications: Vec<NodeId>,
    last_applications: LastApplications,
    edits: OnceLock<Edits>,
}

/// How many files a profile consists of, and how they are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeSize {
    /// Distinct files.
    pub files: usize,
    /// `extends` entries in them.
    pub edges: usize,
    /// Paths from the root to any file, the root's own included: how often
    /// zc.buildout opens a file. Saturates.
    pub paths: u64,
}

impl Tree {
    pub(super) fn new(
        nodes: Vec<Node>,
        root: NodeId,
        symbols: Arc<Symbols>,
        shape: MergeShape,
        normalized: bool,
    ) -> Self {
        let mut tree = Tree {
            parents: vec![None; nodes.len()],
            first_applications: Vec::with_capacity(nodes.len()),
            nodes,
            root,
            symbols,
            shape,
            normalized,
            last_applications: LastApplications::default(),
            edits: OnceLock::new(),
        };
        tree.walk();
        tree.last_applications = tree.walk_backwards();
        tree
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    pub(super) fn sections(&self, id: NodeId) -> &[ParsedSection] {
        &self.node(id).content.profile.sections
    }

    /// Returns the name of the file that `include` of `file` leads to, when that
    /// is reached as `source`.
    pub(super) fn spell(&self, file: NodeId, source: &str, include: &Include) -> Arc<str> {
        if *self.node(file).source == *source {
            return Arc::clone(self.symbols.name(include.name));
        }
        let entry = self.symbols.name(include.entry);
        Arc::from(join(base_of(source), entry, self.normalized))
    }

    /// Returns the number of files, edges and paths.
    pub fn size(&self) -> TreeSize {
        let counts = self.path_counts();
        TreeSize {
            files: self.nodes.len(),
            edges: self.nodes.iter().map(|node| node.includes.len()).sum(),
            paths: counts.iter().fold(0, |sum, n| sum.saturating_add(*n)),
        }
    }

    /// Returns the files in the order in which each is reached first, children
    /// before the file itself: the order of first application.
    pub(super) fn first_applications(&self) -> &[NodeId] {
        &self.first_applications
    }

    /// Walks the files in the order in which they are reached first, and notes
    /// that order and the step by which each is reached.
    fn walk(&mut self) {
        let mut seen = vec![false; self.nodes.len()];
        let mut stack = vec![(self.root, 0)];
        seen[self.root.index()] = true;
        while let Some((node, next)) = stack.last_mut() {
            match self.nodes[node.index()].includes.get(*next) {
                Some(include) => {
                    let step = (*node, *next);
                    *next += 1;
                    if !std::mem::replace(&mut seen[include.target.index()], true) {
                        self.parents[include.target.index()] = Some(step);
                        stack.push((include.target, 0));
                    }
                }
                None => {
                    self.first_applications.push(*node);
                    stack.pop();
                }
            }
        }
    }

    /// Returns the steps from the root to the first visit of `file`, each a
    /// file and the entry of it that leads on.
    pub(super) fn first_path(&self, file: NodeId) -> Vec<(NodeId, usize)> {
        let mut path = Vec::new();
        let mut current = file;
        while let Some(step) = self.parents[current.index()] {
            path.push(step);
            current = step.0;
        }
        path.reverse();
        path
    }

    /// Returns the first visit of `file`.
    pub(super) fn first_visit(&self, file: NodeId) -> Visit {
        let mut source = Arc::clone(&self.node(self.root).source);
        for (node, entry) in self.first_path(file) {
            source = self.spell(node, &source, &self.node(node).includes[entry]);
        }
        Visit { node: file, source }
    }

    /// Returns the file whose application brings `section` into being.
    pub(super) fn first_holder(&self, section: Symbol) -> Option<NodeId> {
        self.first_applications
            .iter()
            .copied()
            .find(|id| self.node(*id).content.profile.section(section).is_some())
    }

    /// Returns the last application of each file.
    pub(super) fn last_applications(&self) -> &LastApplications {
        &self.last_applications
    }

    /// Returns what operators act on.
    pub(super) fn edits(&self) -> &Edits {
        self.edits.get_or_init(|| Edits::of(self))
    }

    /// Orders the files by their last application, the latest first.
    ///
    /// Backwards, a file precedes its includes, and they follow last to first;
    /// meeting a file for the first time that way is meeting its last
    /// application.
    fn walk_backwards(&self) -> LastApplications {
        let mut order: Vec<Visit> = Vec::with_capacity(self.nodes.len());
        let mut seen = vec![false; self.nodes.len()];
        let mut stack = vec![(self.root, None)];
        while let Some((node, reached)) = stack.pop() {
            if std::mem::replace(&mut seen[node.index()], true) {
                continue;
            }
            let source = match reached {
                None => Arc::clone(&self.node(node).source),
                Some((includer, entry)) => {
                    let includer: &Visit = &order[includer];
                    let include = &self.node(includer.node).includes[entry];
                    self.spell(includer.node, &includer.source, include)
                }
            };
            let here = order.len();
            for (entry, include) in self.node(node).includes.iter().enumerate() {
                if !seen[include.target.index()] {
                    stack.push((include.target, Some((here, entry))));
                }
            }
            order.push(Visit { node, source });
        }
        let mut rank = vec![0; self.nodes.len()];
        for (position, visit) in order.iter().enumerate() {
            rank[visit.node.index()] = position;
        }
        LastApplications {
            visits: order,
            rank,
        }
    }

    /// Returns, for each file, on how many paths it is reached. Saturates.
    pub(super) fn path_counts(&self) -> Vec<u64> {
        let mut counts = vec![0_u64; self.nodes.len()];
        counts[self.root.index()] = 1;
        for node in self.first_applications.iter().rev() {
            let count = counts[node.index()];
            for include in &self.node(*node).includes {
                let target = &mut counts[include.target.index()];
                *target = target.saturating_add(count);
            }
        }
        counts
    }

    /// Returns the files that hold an option of `section` for which `matches`
    /// holds.
    pub(super) fn writers(
        &self,
        section: Symbol,
        matches: impl Fn(&ParsedOption) -> bool,
    ) -> Vec<NodeId> {
        let holds = |id: &NodeId| {
            let profile = &self.node(*id).content.profile;
            let found = profile.section(section);
            found.is_some_and(|found| found.options.iter().any(&matches))
        };
        (0..self.nodes.len() as u32)
            .map(NodeId)
            .filter(holds)
            .collect()
    }

    /// Returns `option` of the file `visit` as an option of its own.
    pub(super) fn single(
        &self,
        visit: &Visit,
        section: Symbol,
        option: &ParsedOption,
    ) -> MergedOption {
        let carried = &self.node(visit.node).content.carried;
        if !carried.is_empty()
            && let Some(carried) = carried.get(&(section, option.key))
        {
            return carried.clone();
        }
        let origin = Origin::profile(Arc::clone(&visit.source), option.line);
        MergedOption::set(Arc::clone(&option.value), origin)
    }

    /// Returns the operators of `section` that act on `option`, in the order in
    /// which they do.
    pub(super) fn operators_on<'t>(
        &self,
        section: &'t ParsedSection,
        option: Symbol,
    ) -> Vec<&'t ParsedOption> {
        let candidates = section.options.iter();
        let mut found: Vec<_> = candidates
            .filter(|candidate| candidate.base == option && candidate.operator.is_some())
            .collect();
        found.sort_by_key(|operator| operator_order(self.symbols.name(operator.key)));
        found
    }

    /// Tells whether `option` of `file` comes with the file as a value that
    /// operators changed before.
    pub(super) fn is_computed(&self, file: NodeId, section: Symbol, option: &ParsedOption) -> bool {
        let carried = &self.node(file).content.carried;
        let last = carried
            .get(&(section, option.key))
            .and_then(MergedOption::last);
        last.is_some_and(|last| last.operation.is_edit())
    }

    /// Makes the entry that an operator of the file `visit` leaves in a
    /// history.
    pub(super) fn edit_item(
        &self,
        visit: &Visit,
        section: Symbol,
        edit: &ParsedOption,
    ) -> HistoryItem {
        let carried = self
            .node(visit.node)
            .content
            .carried
            .get(&(section, edit.key));
        let origin = carried.and_then(MergedOption::origin);
        HistoryItem {
            operation: match edit.operator {
                Some(Operator::Remove) => Operation::Remove,
                _ => Operation::Add,
            },
            value: Arc::clone(&edit.value),
            origin: origin.unwrap_or_else(|| Origin::profile(Arc::clone(&visit.source), edit.line)),
        }
    }

    /// Returns the result of a merge for an option that the file of `visit`
    /// writes last, by a plain line.
    pub(super) fn plain_option(
        self: &Arc<Self>,
        visit: &Visit,
        section: Symbol,
        option: &ParsedOption,
    ) -> MergedOption {
        let carried = &self.node(visit.node).content.carried;
        let last = if carried.is_empty() {
            None
        } else {
            let carried = carried.get(&(section, option.key));
            carried.and_then(|carried| plain_item(Operation::Override, carried))
        };
        let last = match last {
            Some(last) => LastEntry::Other(Box::new(last)),
            None => LastEntry::plain(self, visit, option),
        };
        MergedOption {
            value: Arc::clone(&option.value),
            history: History::of_tree(TreeHistory {
                tree: Arc::clone(self),
                section,
                option: option.base,
                last,
            }),
        }
    }

    /// Finds an option of an included file (not the root) whose value
    /// `matches`; returns the file, the value and its line.
    pub(crate) fn find_in_includes(
        &self,
        section: &str,
        option: &str,
        matches: impl Fn(&str) -> bool,
    ) -> Option<(Arc<str>, Arc<str>, u32)> {
        let section = self.symbols.get(section)?;
        let option = self.symbols.get(option)?;
        let root = &self.node(self.root).source;
        self.nodes
            .iter()
            .filter(|node| node.source != *root)
            .find_map(|node| {
                let found = node.content.profile.section(section)?.option(option)?;
                let wanted = matches(&found.value) && node.content.carried.is_empty();
                wanted.then(|| {
                    let value = Arc::clone(&found.value);
                    (Arc::clone(&node.source), value, found.line)
                })
            })
    }

    /// Returns the place of `origin` in its profile, underlining `needle`.
    pub fn place(&self, origin: &Origin, needle: &str) -> Option<Place> {
        let super::origin::Source::Profile(source) = &origin.source else {
            return None;
        };
        let normal = super::location::normalize_path(source);
        let node = self
            .nodes
            .iter()
            .find(|node| node.source == *source)
            .or_else(|| {
                self.nodes
                    .iter()
                    .find(|node| super::location::normalize_path(&node.source) == normal)
            })?;
        Some(Place::find(
            source,
            &node.content.text,
            origin.line?,
            needle,
        ))
    }
}

/// The history of one option of a merged tree, listed on demand: most are
/// never asked for, and in nested diamonds they are long.
#[derive(Clone, Debug)]
pub(super) struct TreeHistory {
    pub(super) tree: Arc<Tree>,
    pub(super) section: Symbol,
    /// The option, without operator.
    pub(super) option: Symbol,
    pub(super) last: LastEntry,
}

/// The newest entry of an option's history. There is one for each option, so it
/// is kept small.
#[derive(Clone, Debug)]
pub(super) enum LastEntry {
    /// The last application of `file` sets the option, by its line `line`.
    Plain { file: NodeId, line: u32 },
    /// Any other.
    Other(Box<HistoryItem>),
}

impl LastEntry {
    /// The entry for the plain line `option` of the file `visit`.
    fn plain(tree: &Tree, visit: &Visit, option: &ParsedOption) -> Self {
        let last = tree.last_applications().of(visit.node);
        if Arc::ptr_eq(&visit.source, &last.source) {
            return LastEntry::Plain {
                file: visit.node,
                line: option.line,
            };
        }
        LastEntry::Other(Box::new(HistoryItem {
            operation: Operation::Override,
            value: Arc::clone(&option.value),
            origin: Origin::profile(Arc::clone(&visit.source), option.line),
        }))
    }
}

impl TreeHistory {
    /// Returns the newest entry; `value` is that of the option.
    pub(super) fn last(&self, value: &Arc<str>) -> HistoryItem {
        match &self.last {
            LastEntry::Plain { file, line } => {
                let visit = self.tree.last_applications().of(*file);
                HistoryItem {
                    operation: Operation::Override,
                    value: Arc::clone(value),
                    origin: Origin::profile(Arc::clone(&visit.source), *line),
                }
            }
            LastEntry::Other(item) => (**item).clone(),
        }
    }

    /// Lists the newest entries, back to the last one that is no edit, newest
    /// first.
    pub(super) fn list_current(&self) -> Vec<HistoryItem> {
        match self.tree.shape {
            MergeShape::Flat => {
                let mut items = self.list().items;
                let edits = items
                    .iter()
                    .rev()
                    .take_while(|item| item.operation.is_edit());
                let start = items.len().saturating_sub(edits.count() + 1);
                items.drain(..start);
                items.reverse();
                items
            }
            MergeShape::Pairwise => pairwise::list_current(&self.tree, self.section, self.option),
        }
    }

    /// Lists the history, as the shape of the merge makes it.
    pub(super) fn list(&self) -> HistoryListing {
        match self.tree.shape {
            MergeShape::Flat => flat::list_history(&self.tree, self.section, self.option),
            MergeShape::Pairwise => pairwise::list_history(&self.tree, self.section, self.option),
        }
    }
}

/// Makes the entry that a plain value leaves in a history; of a value that
/// operators changed before it came here, their last entry.
pub(super) fn plain_item(operation: Operation, option: &MergedOption) -> Option<HistoryItem> {
    let last = option.last()?;
    if last.operation.is_edit() {
        return Some(last);
    }
    Some(HistoryItem {
        operation,
        value: Arc::clone(&option.value),
        origin: last.origin,
    })
}
