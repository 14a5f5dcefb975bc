//! The merge of zc.buildout 3 and the SlapOS fork: the results of the extended
//! files are merged pairwise, left to right, then the file itself.
//!
//! The result of a file depends on the file only, so it is the same however
//! the file is reached. Nothing is merged here, though. A plain option is
//! decided by the last writer, as in the flat merge; the value of one with
//! operators follows from the steps that led to it ([`Lineage`]).

mod fold;
mod lineage;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::ExtendsError;
use super::edits::{EditedOption, EditedSection};
use super::marks::Marks;
use super::option::{
    HISTORY_LIMIT, History, HistoryItem, HistoryListing, MergedOption, MergedSection,
    MergedSections, Operation, append_lines, without_lines,
};
use super::transform::VALUE_LIMIT;
use super::tree::{LastEntry, NodeId, Tree, TreeHistory, plain_item};
use crate::profile::syntax::{Operator, ParsedOption, ParsedSection};
use crate::symbols::Symbol;
use fold::Fold;
use lineage::{Lineage, Step, Subject};

/// Merges the files of `tree`.
///
/// # Errors
///
/// [`ExtendsError::ValueTooLong`] if repeated `+=` builds up a value above the
/// limit.
pub(super) fn merge(tree: &Arc<Tree>) -> Result<MergedSections, ExtendsError> {
    let mut order: FxHashMap<Symbol, usize> = FxHashMap::default();
    let mut drafts = Vec::new();
    for &file in tree.first_applications() {
        for section in tree.sections(file) {
            let next = order.len();
            let place = *order.entry(section.name).or_insert(next);
            drafts.push((place, Draft { file, section }));
        }
    }
    drafts.sort_by_key(|(place, _)| *place);
    let mut sections = MergedSections::with_capacity_and_hasher(order.len(), FxBuildHasher);
    for drafts in drafts.chunk_by(|(one, _), (next, _)| one == next) {
        let (name, merged) = merge_section(tree, drafts)?;
        sections.insert(Arc::clone(tree.symbols.name(name)), Arc::new(merged));
    }
    Ok(sections)
}

/// What one file writes into a section.
#[derive(Clone, Copy)]
struct Draft<'t> {
    file: NodeId,
    section: &'t ParsedSection,
}

/// An option, and the file that writes it last.
type Winner<'t> = (NodeId, &'t ParsedOption);

/// Merges what the files write into one section, in the order of their first
/// application.
fn merge_section(
    tree: &Arc<Tree>,
    drafts: &[(usize, Draft<'_>)],
) -> Result<(Symbol, MergedSection), ExtendsError> {
    let (_, first) = drafts[0];
    // Most sections are written by one file.
    let merged = if drafts.len() == 1 {
        let options = first.section.options.iter();
        merge_winners(tree, first, options.map(|option| (first.file, option)))
    } else {
        merge_winners(tree, first, winners(tree, drafts).into_values())
    };
    Ok((first.section.name, merged?))
}

/// Returns the last assignment of each key.
fn winners<'t>(
    tree: &Tree,
    drafts: &[(usize, Draft<'t>)],
) -> IndexMap<Symbol, Winner<'t>, FxBuildHasher> {
    let mut winners: IndexMap<Symbol, Winner<'t>, FxBuildHasher> = IndexMap::default();
    for (_, Draft { file, section }) in drafts {
        for option in &section.options {
            let winner = winners.entry(option.key).or_insert((*file, option));
            if tree.last_applications().is_after(*file, winner.0) {
                *winner = (*file, option);
            }
        }
    }
    winners
}

/// Makes a section that begins with `first` of the last writers of its options.
fn merge_winners<'t>(
    tree: &'t Arc<Tree>,
    first: Draft<'t>,
    winners: impl ExactSizeIterator<Item = Winner<'t>>,
) -> Result<MergedSection, ExtendsError> {
    let name = first.section.name;
    let mut merged = MergedSection::with_capacity_and_hasher(winners.len(), FxBuildHasher);
    let mut edited_options = EditedOptions::of(tree, first)?;
    for (file, option) in winners {
        let edited = edited_options
            .as_mut()
            .filter(|edited| edited.section.options.contains_key(&option.base));
        let Some(edited) = edited else {
            let key = Arc::clone(tree.symbols.name(option.key));
            let visit = tree.last_applications().of(file);
            merged.insert(key, tree.plain_option(visit, name, option));
            continue;
        };
        for key in [option.key, option.base] {
            let text = tree.symbols.name(key);
            if !merged.contains_key(text)
                && let Some(option) = edited.get(key)?
            {
                merged.insert(Arc::clone(text), option);
            }
        }
    }
    Ok(merged)
}

/// The options of a section that operators act on, in the result of the root.
struct EditedOptions<'t> {
    tree: &'t Arc<Tree>,
    birth: NodeId,
    name: Symbol,
    section: &'t EditedSection,
    /// The options, if they cannot be looked at one by one.
    folded: Option<MergedSection>,
}

impl<'t> EditedOptions<'t> {
    /// Those of the section that begins with `first`, if there are any.
    fn of(tree: &'t Arc<Tree>, first: Draft<'t>) -> Result<Option<Self>, ExtendsError> {
        let name = first.section.name;
        let Some(section) = tree.edits().section(name) else {
            return Ok(None);
        };
        let folded = section
            .entangled
            .then(|| Fold::new(tree, name, section).of_root());
        Ok(Some(EditedOptions {
            tree,
            birth: first.file,
            name,
            section,
            folded: folded.transpose()?,
        }))
    }

    /// Returns what is stored under `key`: an option, or an operator that no
    /// merge has resolved.
    fn get(&mut self, key: Symbol) -> Result<Option<MergedOption>, ExtendsError> {
        if let Some(folded) = &mut self.folded {
            return Ok(folded.shift_remove(self.tree.symbols.name(key)));
        }
        if let Some(option) = self.section.options.get(&key) {
            return self.value(key, option);
        }
        let profile = &self.tree.node(self.birth).content.profile;
        let operator = profile.section(self.name).and_then(|s| s.option(key));
        Ok(operator.map(|operator| {
            let visit = self.tree.first_visit(self.birth);
            self.tree.single(&visit, self.name, operator)
        }))
    }

    fn value(
        &self,
        key: Symbol,
        option: &EditedOption,
    ) -> Result<Option<MergedOption>, ExtendsError> {
        let subject = Subject::edited(self.tree, (self.name, self.section), (key, option));
        let mut edits = Vec::new();
        let mut value = String::new();
        for step in Lineage::new(subject) {
            match step {
                Step::Edit(visit, option) => edits.push((visit, option)),
                Step::Plain { visit, option, .. } if edits.is_empty() => {
                    return Ok(Some(self.tree.plain_option(&visit, self.name, option)));
                }
                Step::Plain { option, .. } => {
                    value.push_str(&option.value);
                    break;
                }
                Step::Implicit => break,
            }
        }
        let Some((visit, newest)) = edits.first() else {
            return Ok(None);
        };
        let last = self.tree.edit_item(visit, self.name, newest);
        for (visit, edit) in edits.iter().rev() {
            match edit.operator {
                Some(Operator::Remove) => value = without_lines(&value, &edit.value),
                _ => append_lines(&mut value, &edit.value),
            }
            if value.len() > VALUE_LIMIT {
                return Err(ExtendsError::value_too_long(
                    self.tree, self.name, key, visit.node,
                ));
            }
        }
        Ok(Some(MergedOption {
            value: Arc::from(value),
            history: History::of_tree(TreeHistory {
                tree: Arc::clone(self.tree),
                section: self.name,
                option: key,
                last: LastEntry::Other(Box::new(last)),
            }),
        }))
    }
}

/// Lists the history of an option.
pub(super) fn list_history(tree: &Tree, section: Symbol, option: Symbol) -> HistoryListing {
    let mut listing = HistoryListing::default();
    with_lineage(tree, section, option, |lineage| {
        for item in lineage.flat_map(|step| items(tree, section, step)) {
            if listing.items.len() < HISTORY_LIMIT {
                listing.items.push(item);
            } else {
                listing.omitted += 1;
            }
        }
    });
    listing.items.reverse();
    listing
}

/// Lists the entries of an option's history back to the last one that is no
/// edit, newest first.
pub(super) fn list_current(tree: &Tree, section: Symbol, option: Symbol) -> Vec<HistoryItem> {
    let mut current = Vec::new();
    with_lineage(tree, section, option, |lineage| {
        for item in lineage.flat_map(|step| items(tree, section, step)) {
            let edit = item.operation.is_edit();
            current.push(item);
            if !edit || current.len() == HISTORY_LIMIT {
                break;
            }
        }
    });
    current
}

fn with_lineage(tree: &Tree, section: Symbol, option: Symbol, work: impl FnOnce(Lineage<'_>)) {
    let edited = tree.edits().section(section);
    match edited.and_then(|edited| Some((edited, edited.options.get(&option)?))) {
        Some((edited, found)) => {
            let subject = Subject::edited(tree, (section, edited), (option, found));
            work(Lineage::new(subject));
        }
        None => {
            let writers = tree.writers(section, |candidate| candidate.key == option);
            let marks = Marks::of_files(tree, writers);
            work(Lineage::new(Subject::plain(tree, section, option, &marks)));
        }
    }
}

/// The entries that a step leaves in a history, newest first.
fn items(tree: &Tree, section: Symbol, step: Step<'_>) -> Vec<HistoryItem> {
    let (visit, option, oldest) = match step {
        Step::Edit(visit, option) => return vec![tree.edit_item(&visit, section, option)],
        Step::Implicit => return MergedOption::implicit().history.list().items,
        Step::Plain {
            visit,
            option,
            oldest,
        } => (visit, option, oldest),
    };
    let single = tree.single(&visit, section, option);
    if oldest {
        // The first value, and one that operators changed, bring their own
        // history along.
        let mut items = single.history.list().items;
        items.reverse();
        return items;
    }
    plain_item(Operation::Override, &single)
        .into_iter()
        .collect()
}
