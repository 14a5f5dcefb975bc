//! The merge of zc.buildout 3 and the SlapOS fork: the results of the extended
//! files are merged pairwise, left to right, then the file itself.
//!
//! The result of a file depends on the file only, so it is the same however
//! the file is reached. Plain options are decided by the last writer, as in
//! the flat merge. For the options of a section that operators act on, the
//! results are computed file by file, each once; an operator without a base
//! survives there as a key of its own, as upstream has it.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::ExtendsError;
use super::option::{
    HISTORY_LIMIT, HistoryItem, HistoryListing, MergedSection, MergedSections, Operation,
};
use super::transform::VALUE_LIMIT;
use super::tree::{LastApplications, NodeId, Tree, Visit, plain_item};
use super::update::update_section;
use crate::profile::syntax::ParsedOption;
use crate::symbols::Symbol;

/// Merges the files of `tree`.
///
/// # Errors
///
/// [`ExtendsError::ValueTooLong`] if repeated `+=` builds up a value above the
/// limit.
pub(super) fn merge(tree: &Arc<Tree>) -> Result<MergedSections, ExtendsError> {
    let last = tree.last_applications();
    let mut drafts: IndexMap<Symbol, Draft, FxBuildHasher> = IndexMap::default();
    for &node in tree.first_applications() {
        for section in tree.sections(node) {
            let draft = drafts.entry(section.name).or_default();
            draft.holders.push(node);
            for option in &section.options {
                if option.operator.is_some() {
                    draft.edited.insert(option.base);
                }
                let winner = draft.winners.entry(option.key).or_insert((node, option));
                if last.is_after(node, winner.0) {
                    *winner = (node, option);
                }
            }
        }
    }
    let mut sections = MergedSections::default();
    for (name, draft) in drafts {
        let section = draft.finish(tree, name, &last)?;
        sections.insert(Arc::clone(tree.symbols.name(name)), Arc::new(section));
    }
    Ok(sections)
}

/// A section while the files are looked at once each.
#[derive(Default)]
struct Draft<'t> {
    /// The files that have the section.
    holders: Vec<NodeId>,
    /// The last assignment of each key.
    winners: IndexMap<Symbol, (NodeId, &'t ParsedOption), FxBuildHasher>,
    /// The options that operators act on.
    edited: HashSet<Symbol, FxBuildHasher>,
}

impl Draft<'_> {
    fn finish(
        self,
        tree: &Arc<Tree>,
        name: Symbol,
        last: &LastApplications,
    ) -> Result<MergedSection, ExtendsError> {
        let mut computed = if self.edited.is_empty() {
            MergedSection::default()
        } else {
            let edited = Edited {
                tree,
                section: name,
                options: &self.edited,
            };
            edited.fold(&self.holders)?
        };
        let mut merged = MergedSection::default();
        for (key, (node, option)) in self.winners {
            let text = tree.symbols.name(key);
            if self.edited.contains(&option.base) {
                // The keys of an edited option, in the order the fold left.
                for key in [text, tree.symbols.name(option.base)] {
                    if let Some(option) = computed.shift_remove(key) {
                        merged.insert(Arc::clone(key), option);
                    }
                }
                continue;
            }
            let visit = last.of(node);
            merged.insert(Arc::clone(text), tree.plain_option(visit, name, option));
        }
        merged.extend(computed);
        Ok(merged)
    }
}

/// The options of one section that operators act on.
struct Edited<'t> {
    tree: &'t Tree,
    section: Symbol,
    options: &'t HashSet<Symbol, FxBuildHasher>,
}

/// The edited options of a section in the result of one file; `None` if that
/// result has no such section.
type Partial = Option<Arc<MergedSection>>;

impl Edited<'_> {
    /// Computes the edited options in the result of the root.
    fn fold(&self, holders: &[NodeId]) -> Result<MergedSection, ExtendsError> {
        let marked = self.tree.mark_includers(holders.iter().copied());
        let mut known: Vec<Option<Partial>> = vec![None; self.tree.nodes.len()];
        let root = Visit {
            node: self.tree.root,
            source: Arc::clone(&self.tree.node(self.tree.root).source),
        };
        let mut stack: Vec<(Visit, usize, Partial)> = vec![(root, 0, None)];
        let mut result: Partial = None;
        while let Some((visit, next, partial)) = stack.last_mut() {
            match self.tree.node(visit.node).includes.get(*next) {
                Some(include) => {
                    let target = include.target;
                    if !marked[target.index()] {
                        *next += 1;
                    } else if let Some(done) = &known[target.index()] {
                        *next += 1;
                        merge_into(partial, done);
                        self.check(partial, visit.node)?;
                    } else {
                        let source = self.tree.spell(&visit.source, include);
                        let visit = Visit {
                            node: target,
                            source,
                        };
                        stack.push((visit, 0, None));
                    }
                }
                None => {
                    merge_into(partial, &self.own(visit));
                    self.check(partial, visit.node)?;
                    let done = partial.take();
                    known[visit.node.index()] = Some(done.clone());
                    result = done;
                    stack.pop();
                }
            }
        }
        Ok(result.map_or_else(MergedSection::default, |section| (*section).clone()))
    }

    /// The edited options as one file writes them.
    fn own(&self, visit: &Visit) -> Partial {
        let profile = &self.tree.node(visit.node).content.profile;
        let section = profile.section(self.section)?;
        let options = section
            .options
            .iter()
            .filter(|option| self.options.contains(&option.base))
            .map(|option| {
                let key = Arc::clone(self.tree.symbols.name(option.key));
                (key, self.tree.single(visit, self.section, option))
            });
        Some(Arc::new(options.collect()))
    }

    fn check(&self, partial: &Partial, file: NodeId) -> Result<(), ExtendsError> {
        let Some(section) = partial else {
            return Ok(());
        };
        match section.iter().find(|(_, o)| o.value.len() > VALUE_LIMIT) {
            None => Ok(()),
            Some((key, _)) => Err(ExtendsError::ValueTooLong {
                section: self.tree.symbols.name(self.section).to_string(),
                option: key.to_string(),
                source_name: Arc::clone(&self.tree.node(file).source),
            }),
        }
    }
}

fn merge_into(partial: &mut Partial, changes: &Partial) {
    let Some(changes) = changes else {
        return;
    };
    match partial {
        None => *partial = Some(Arc::clone(changes)),
        Some(section) if !changes.is_empty() => update_section(Arc::make_mut(section), changes),
        Some(_) => {}
    }
}

/// Lists the history of a plain option: the history of the first include that
/// has it, one entry for each further include, and one for the file itself.
pub(super) fn list_history(tree: &Tree, section: Symbol, option: Symbol) -> HistoryListing {
    let writers: HashSet<NodeId, FxBuildHasher> = tree
        .writers(section, |candidate| candidate.key == option)
        .into_iter()
        .collect();
    let marked = tree.mark_includers(writers.iter().copied());
    if !marked[tree.root.index()] {
        return HistoryListing::default();
    }
    // Down the first includes that have the option.
    let mut spine = vec![Visit {
        node: tree.root,
        source: Arc::clone(&tree.node(tree.root).source),
    }];
    let mut first_entries = Vec::new();
    while let Some(visit) = spine.last() {
        let includes = &tree.node(visit.node).includes;
        let Some(entry) = includes.iter().position(|i| marked[i.target.index()]) else {
            break;
        };
        let below = Visit {
            node: includes[entry].target,
            source: tree.spell(&visit.source, &includes[entry]),
        };
        first_entries.push(entry);
        spine.push(below);
    }
    let mut items = Vec::new();
    for (depth, visit) in spine.iter().enumerate().rev() {
        let node = tree.node(visit.node);
        let further = first_entries
            .get(depth)
            .map_or(node.includes.len(), |e| e + 1);
        for include in &node.includes[further..] {
            if marked[include.target.index()] {
                let source = tree.spell(&visit.source, include);
                let below = Visit {
                    node: include.target,
                    source,
                };
                let writer = last_writer(tree, below, &marked, &writers);
                push(&mut items, tree, &writer, section, option);
            }
        }
        if writers.contains(&visit.node) {
            push(&mut items, tree, visit, section, option);
        }
    }
    let surplus = items.len().saturating_sub(HISTORY_LIMIT);
    items.drain(..surplus);
    HistoryListing {
        omitted: surplus as u64,
        items,
    }
}

/// Returns the file whose value an include's result has: the include itself,
/// or what its last include with the option has.
fn last_writer(
    tree: &Tree,
    mut visit: Visit,
    marked: &[bool],
    writers: &HashSet<NodeId, FxBuildHasher>,
) -> Visit {
    while !writers.contains(&visit.node) {
        let includes = &tree.node(visit.node).includes;
        let Some(include) = includes.iter().rfind(|i| marked[i.target.index()]) else {
            break;
        };
        visit = Visit {
            node: include.target,
            source: tree.spell(&visit.source, include),
        };
    }
    visit
}

fn push(items: &mut Vec<HistoryItem>, tree: &Tree, visit: &Visit, section: Symbol, option: Symbol) {
    let profile = &tree.node(visit.node).content.profile;
    let Some(found) = profile.section(section).and_then(|s| s.option(option)) else {
        return;
    };
    let single = tree.single(visit, section, found);
    let edited = single
        .history
        .last()
        .is_some_and(|last| last.operation.is_edit());
    if items.is_empty() || edited {
        // The first value, and one that operators changed, bring their own
        // history along.
        *items = single.history.list().items;
    } else {
        items.extend(plain_item(Operation::Override, &single));
    }
}
