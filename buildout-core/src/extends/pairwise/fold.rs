//! The pairwise merge of one section as it is defined: file by file.
//!
//! Only sections with entangled options need it ([`super::super::edits`]), of
//! which no real profile is known.

use std::sync::Arc;

use super::super::ExtendsError;
use super::super::edits::EditedSection;
use super::super::option::MergedSection;
use super::super::transform::VALUE_LIMIT;
use super::super::tree::{NodeId, Tree, Visit};
use super::super::update::update_section;
use crate::symbols::Symbol;

/// A section with options that operators act on.
pub(super) struct Fold<'t> {
    tree: &'t Tree,
    name: Symbol,
    section: &'t EditedSection,
}

/// The edited options of a section in the result of one file; `None` if that
/// result has no such section.
type Partial = Option<Arc<MergedSection>>;

impl<'t> Fold<'t> {
    pub(super) fn new(tree: &'t Tree, name: Symbol, section: &'t EditedSection) -> Self {
        Fold {
            tree,
            name,
            section,
        }
    }

    /// Computes the edited options in the result of the root.
    pub(super) fn of_root(&self) -> Result<MergedSection, ExtendsError> {
        let marks = self.tree.edits().marks();
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
                    if !marks.has(target, self.section.mark) {
                        *next += 1;
                    } else if let Some(done) = &known[target.index()] {
                        *next += 1;
                        merge_into(partial, done);
                        self.check(partial, visit.node)?;
                    } else {
                        let source = self.tree.spell(visit.node, &visit.source, include);
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
        let section = profile.section(self.name)?;
        let options = section
            .options
            .iter()
            .filter(|option| self.section.options.contains_key(&option.base))
            .map(|option| {
                let key = Arc::clone(self.tree.symbols.name(option.key));
                (key, self.tree.single(visit, self.name, option))
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
                section: self.tree.symbols.name(self.name).to_string(),
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
