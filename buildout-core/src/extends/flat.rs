//! The merge of zc.buildout 6: every file of the include tree is applied to
//! one accumulator, in post-order and as often as it is reached.
//!
//! The accumulator is never built. A plain option is decided by the last file
//! that writes it; an option with operators by composing the maps of the
//! subtrees ([`super::transform`]). `docs/design/extends.md` argues why both
//! equal the accumulator.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::edits::WriterMarks;
use super::option::{
    HISTORY_LIMIT, History, HistoryItem, HistoryListing, MergedOption, MergedSection,
    MergedSections, Operation,
};
use super::transform::Transform;
use super::tree::{LastEntry, NodeId, Tree, TreeHistory, Visit, plain_item};
use super::update::{first_occurrence, operator_order};
use super::{ExtendsError, MergeShape};
use crate::profile::syntax::{Operator, ParsedOption, ParsedSection};
use crate::symbols::Symbol;

/// Merges the files of `tree`.
///
/// # Errors
///
/// [`ExtendsError::ValueTooLong`] if repeated `+=` builds up a value above the
/// limit.
pub(super) fn merge(tree: &Arc<Tree>) -> Result<MergedSections, ExtendsError> {
    let paths = tree.path_counts();
    let mut drafts: IndexMap<Symbol, Draft, FxBuildHasher> = IndexMap::default();
    for &node in tree.first_applications() {
        for section in tree.sections(node) {
            match drafts.get_mut(&section.name) {
                Some(draft) => draft.apply(node, section, tree),
                None => {
                    let mut draft = Draft::born(node, section, tree);
                    if paths[node.index()] > 1 {
                        // Reached again, its operators act like any other's.
                        draft.edit(section, tree);
                    }
                    drafts.insert(section.name, draft);
                }
            }
        }
    }
    let mut sections = MergedSections::default();
    for (name, draft) in drafts {
        let section = draft.finish(tree, name)?;
        sections.insert(Arc::clone(tree.symbols.name(name)), Arc::new(section));
    }
    Ok(sections)
}

/// A section while the files are looked at once each.
struct Draft<'t> {
    birth: NodeId,
    options: IndexMap<Symbol, DraftOption<'t>, FxBuildHasher>,
}

#[derive(Default)]
struct DraftOption<'t> {
    /// The last plain assignment.
    winner: Option<(NodeId, &'t ParsedOption)>,
    /// The value with which the section is born, where that is more than one
    /// plain assignment.
    born: Option<MergedOption>,
    /// Whether operators act on the option after the birth.
    edited: bool,
}

impl<'t> Draft<'t> {
    /// The section as its first occurrence makes it.
    fn born(birth: NodeId, section: &'t ParsedSection, tree: &'t Tree) -> Self {
        let mut options = IndexMap::default();
        if is_plain(section) && tree.node(birth).content.carried.is_empty() {
            for option in &section.options {
                let draft = DraftOption {
                    winner: Some((birth, option)),
                    ..DraftOption::default()
                };
                options.insert(option.key, draft);
            }
        } else {
            for (key, born) in birth_state(tree, birth, section) {
                let plain = section
                    .option(key)
                    .filter(|option| option.operator.is_none())
                    .filter(|_| !section.options.iter().any(|o| edits(o, key)));
                let draft = match plain {
                    Some(option) => DraftOption {
                        winner: Some((birth, option)),
                        ..DraftOption::default()
                    },
                    None => DraftOption {
                        born: Some(born),
                        ..DraftOption::default()
                    },
                };
                options.insert(key, draft);
            }
        }
        Draft { birth, options }
    }

    /// A later occurrence of the section.
    fn apply(&mut self, node: NodeId, section: &'t ParsedSection, tree: &Tree) {
        let last = tree.last_applications();
        for option in section.options.iter().filter(|o| o.operator.is_none()) {
            let draft = self.options.entry(option.key).or_default();
            let later = |(other, _): &(NodeId, &ParsedOption)| last.is_after(node, *other);
            if draft.winner.as_ref().is_none_or(later) {
                draft.winner = Some((node, option));
            }
        }
        self.edit(section, tree);
    }

    /// Notes that the operators of `section` act on what is there.
    fn edit(&mut self, section: &ParsedSection, tree: &Tree) {
        for option in operators(section, tree) {
            self.options.entry(option.base).or_default().edited = true;
        }
    }

    fn finish(self, tree: &Arc<Tree>, name: Symbol) -> Result<MergedSection, ExtendsError> {
        let mut merged = MergedSection::default();
        let birth = self.birth;
        for (key, draft) in self.options {
            let text = Arc::clone(tree.symbols.name(key));
            let option = if draft.edited {
                let born = draft.born.or_else(|| born_plain(tree, birth, name, key));
                fold(tree, name, key, birth, born.as_ref())?
            } else {
                match draft.winner {
                    Some((node, option)) => {
                        let visit = tree.last_applications().of(node);
                        Some(tree.plain_option(visit, name, option))
                    }
                    None => draft.born,
                }
            };
            if let Some(option) = option {
                merged.insert(text, option);
            }
        }
        Ok(merged)
    }
}

fn edits(option: &ParsedOption, base: Symbol) -> bool {
    option.operator.is_some() && option.base == base
}

fn is_plain(section: &ParsedSection) -> bool {
    section.options.iter().all(|o| o.operator.is_none())
}

/// The value that the birth of a section gives `option` by one plain line.
fn born_plain(tree: &Tree, birth: NodeId, section: Symbol, option: Symbol) -> Option<MergedOption> {
    let found = tree.node(birth).content.profile.section(section)?;
    let plain = found.option(option)?;
    let single = || tree.single(&tree.first_visit(birth), section, plain);
    plain.operator.is_none().then(single)
}

/// The options of `section` that act on others, in upstream's order.
fn operators<'t>(section: &'t ParsedSection, tree: &Tree) -> Vec<&'t ParsedOption> {
    let mut found: Vec<_> = section
        .options
        .iter()
        .filter(|option| option.operator.is_some())
        .collect();
    found.sort_by_key(|option| operator_order(tree.symbols.name(option.key)));
    found
}

/// The section as `birth` brings it into the world.
fn birth_state(tree: &Tree, birth: NodeId, section: &ParsedSection) -> Vec<(Symbol, MergedOption)> {
    let visit = tree.first_visit(birth);
    let own: MergedSection = section
        .options
        .iter()
        .map(|option| {
            let key = Arc::clone(tree.symbols.name(option.key));
            (key, tree.single(&visit, section.name, option))
        })
        .collect();
    let born = first_occurrence(&Arc::new(own), MergeShape::Flat);
    let named =
        |(key, option): (&Arc<str>, &MergedOption)| Some((tree.symbols.get(key)?, option.clone()));
    born.iter().filter_map(named).collect()
}

/// The map of one application of `node` to `option` of `section`.
fn own_map<'t>(tree: &'t Tree, node: NodeId, section: Symbol, option: Symbol) -> Transform<'t> {
    let Some(found) = tree.node(node).content.profile.section(section) else {
        return Transform::Identity;
    };
    let mut map = match found.option(option) {
        Some(plain) if plain.operator.is_none() => Transform::assign(&plain.value),
        _ => Transform::Identity,
    };
    for change in tree.operators_on(found, option) {
        let step = match change.operator {
            Some(Operator::Remove) => Transform::remove(&change.value),
            _ => Transform::add(&change.value),
        };
        map = step.after(&map);
    }
    map
}

/// Folds the applications of all files on one option.
fn fold(
    tree: &Arc<Tree>,
    section: Symbol,
    option: Symbol,
    birth: NodeId,
    born: Option<&MergedOption>,
) -> Result<Option<MergedOption>, ExtendsError> {
    let marked = WriterMarks::of(tree, section, option);
    let mut maps = SubtreeMaps {
        tree,
        section,
        option,
        marked: &marked,
        known: FxHashMap::default(),
    };
    // From the root down to the first occurrence of the section, latest
    // application first: what is applied after that occurrence.
    let mut total = Transform::Identity;
    'path: for (node, taken) in tree.first_path(birth) {
        total = total.after(&own_map(tree, node, section, option));
        for include in tree.node(node).includes[taken + 1..].iter().rev() {
            if total.forgets() {
                break 'path;
            }
            if marked.has(include.target) {
                let map = maps.of(include.target);
                total = total.after(&map);
            }
        }
        if total.forgets() {
            break;
        }
    }
    if matches!(total, Transform::Identity) {
        return Ok(born.cloned());
    }
    let start = born.map(|option| &*option.value);
    let Some(value) = total.apply(start) else {
        let writers = tree.writers(section, |candidate| candidate.base == option);
        let file = writers.first().map_or(tree.root, |writer| *writer);
        return Err(ExtendsError::value_too_long(tree, section, option, file));
    };
    let mut folded = MergedOption {
        value: Arc::from(value),
        history: History::of_items(Vec::new()),
    };
    let listing = list_newest(tree, section, option, 1);
    if let Some(last) = listing.items.last() {
        folded.history = History::of_tree(TreeHistory {
            tree: Arc::clone(tree),
            section,
            option,
            last: LastEntry::Other(Box::new(last.clone())),
        });
    }
    Ok(Some(folded))
}

/// The maps of whole subtrees, each computed once.
struct SubtreeMaps<'t, 'm> {
    tree: &'t Tree,
    section: Symbol,
    option: Symbol,
    marked: &'m WriterMarks<'m>,
    known: FxHashMap<NodeId, Transform<'t>>,
}

impl<'t> SubtreeMaps<'t, '_> {
    /// Returns the map of the subtree below `node`, itself included.
    ///
    /// Includes are composed last to first, and not at all once the rest of
    /// the past is forgotten.
    fn of(&mut self, node: NodeId) -> Transform<'t> {
        struct Frame<'t> {
            node: NodeId,
            map: Transform<'t>,
            left: usize,
        }
        let open = |this: &Self, node: NodeId| Frame {
            node,
            map: own_map(this.tree, node, this.section, this.option),
            left: this.tree.node(node).includes.len(),
        };
        if let Some(map) = self.known.get(&node) {
            return map.clone();
        }
        let mut stack = vec![open(self, node)];
        while let Some(frame) = stack.last_mut() {
            if frame.left == 0 || frame.map.forgets() {
                self.known.insert(frame.node, frame.map.clone());
                stack.pop();
                continue;
            }
            let target = self.tree.node(frame.node).includes[frame.left - 1].target;
            if !self.marked.has(target) {
                frame.left -= 1;
            } else if let Some(map) = self.known.get(&target) {
                frame.map = frame.map.after(map);
                frame.left -= 1;
            } else {
                let next = open(self, target);
                stack.push(next);
            }
        }
        self.known
            .get(&node)
            .cloned()
            .unwrap_or(Transform::Identity)
    }
}

/// Lists the history of an option.
pub(super) fn list_history(tree: &Tree, section: Symbol, option: Symbol) -> HistoryListing {
    list_newest(tree, section, option, HISTORY_LIMIT)
}

/// Lists up to `limit` entries of the history of an option: its applications,
/// newest first, until the beginning, a reset or the limit.
fn list_newest(tree: &Tree, section: Symbol, option: Symbol, limit: usize) -> HistoryListing {
    let Some(birth) = tree.first_holder(section) else {
        return HistoryListing::default();
    };
    let marked = WriterMarks::of(tree, section, option);
    let first_path: Vec<(NodeId, usize)> = tree.first_path(birth);
    let mut newest_first: Vec<HistoryItem> = Vec::new();
    let mut has_beginning = false;
    struct Frame {
        visit: Visit,
        left: usize,
        /// Whether every step so far is one of the path to the section's
        /// first occurrence.
        depth_on_first_path: Option<usize>,
    }
    let root = Visit {
        node: tree.root,
        source: Arc::clone(&tree.node(tree.root).source),
    };
    let mut stack: Vec<Frame> = Vec::new();
    let mut next = marked.has(tree.root).then_some((root, Some(0)));
    loop {
        if let Some((visit, on_path)) = next.take() {
            let is_birth = visit.node == birth && on_path == Some(first_path.len());
            if is_birth {
                if let Some(found) = tree.node(birth).content.profile.section(section) {
                    let state = birth_state(tree, birth, found);
                    if let Some((_, born)) = state.into_iter().find(|(key, _)| *key == option) {
                        newest_first.extend(born.history.list().items.into_iter().rev());
                        has_beginning = true;
                    }
                }
                break;
            }
            let (items, reset) = application_items(tree, &visit, section, option);
            newest_first.extend(items.into_iter().rev());
            if reset {
                has_beginning = true;
                break;
            }
            if newest_first.len() > limit {
                break;
            }
            let left = tree.node(visit.node).includes.len();
            stack.push(Frame {
                visit,
                left,
                depth_on_first_path: on_path,
            });
        }
        let Some(frame) = stack.last_mut() else {
            break;
        };
        if frame.left == 0 {
            stack.pop();
            continue;
        }
        frame.left -= 1;
        let include = &tree.node(frame.visit.node).includes[frame.left];
        if marked.has(include.target) {
            let on_path = frame
                .depth_on_first_path
                .filter(|depth| first_path.get(*depth) == Some(&(frame.visit.node, frame.left)));
            next = Some((
                Visit {
                    node: include.target,
                    source: tree.spell(frame.visit.node, &frame.visit.source, include),
                },
                on_path.map(|depth| depth + 1),
            ));
        }
    }
    let complete = newest_first.len() <= limit;
    let mut items = newest_first;
    items.truncate(limit);
    items.reverse();
    if complete && !has_beginning {
        begin(&mut items);
    }
    let omitted = if complete {
        0
    } else {
        let counts = tree.path_counts();
        let all = tree
            .writers(section, |candidate| candidate.base == option)
            .iter()
            .fold(0_u64, |sum, node| sum.saturating_add(counts[node.index()]));
        all.saturating_sub(items.len() as u64)
    };
    HistoryListing { omitted, items }
}

/// The first application found no value: a plain one sets it, an operator
/// starts from the implicit empty one.
fn begin(items: &mut Vec<HistoryItem>) {
    match items.first_mut() {
        Some(first) if first.operation == Operation::Override => first.operation = Operation::Set,
        Some(first) if first.operation != Operation::Set => {
            let implicit = MergedOption::implicit().history.list().items;
            items.splice(..0, implicit);
        }
        _ => {}
    }
}

/// The entries that one application leaves, and whether they replace all
/// earlier ones.
fn application_items(
    tree: &Tree,
    visit: &Visit,
    section: Symbol,
    option: Symbol,
) -> (Vec<HistoryItem>, bool) {
    let Some(found) = tree.node(visit.node).content.profile.section(section) else {
        return (Vec::new(), false);
    };
    let changes = tree.operators_on(found, option);
    let plain = found.option(option).filter(|o| o.operator.is_none());
    let mut items = Vec::new();
    let mut reset = false;
    if let Some(plain) = plain {
        let single = tree.single(visit, section, plain);
        let computed = single
            .last()
            .is_some_and(|last| matches!(last.operation, Operation::Add | Operation::Remove));
        if changes.is_empty() && !computed {
            items.extend(plain_item(Operation::Override, &single));
        } else {
            // A value that operators of the same file changed brings its own
            // history along.
            items.extend(single.history.list().items);
            reset = true;
        }
    }
    let edits = changes.into_iter();
    items.extend(edits.map(|edit| tree.edit_item(visit, section, edit)));
    (items, reset)
}
