//! What the operators in the files of a tree act on, and which files lead to
//! those that matter for it.

use rustc_hash::FxHashMap;

use super::marks::{Mark, Marks};
use super::tree::{NodeId, Tree};
use crate::profile::syntax::{ParsedSection, split_operator};
use crate::symbols::Symbol;

/// The options of a tree that operators act on.
#[derive(Debug)]
pub(super) struct Edits {
    marks: Marks,
    sections: FxHashMap<Symbol, EditedSection>,
}

/// A section with such options.
#[derive(Debug)]
pub(super) struct EditedSection {
    /// The files that have the section.
    pub(super) mark: Mark,
    pub(super) options: FxHashMap<Symbol, EditedOption>,
    /// The files that have the section and do not include one that has it.
    pub(super) births: Vec<NodeId>,
    /// Whether one of the options looks like an operator key itself (`a-+=`
    /// acts on `a-`): then options do influence each other.
    pub(super) entangled: bool,
}

/// An option that operators act on.
#[derive(Clone, Copy, Debug)]
pub(super) struct EditedOption {
    /// The files that write the option, with or without operator.
    pub(super) mark: Mark,
    /// Whether a file with which the section begins has operators on it.
    pub(super) loose: bool,
}

impl Edits {
    pub(super) fn of(tree: &Tree) -> Self {
        let mut count = 0;
        let mut mark = || {
            count += 1;
            Mark::new(count - 1)
        };
        let mut sections: FxHashMap<Symbol, EditedSection> = FxHashMap::default();
        for (_, section) in all_sections(tree) {
            for option in section.options.iter().filter(|o| o.operator.is_some()) {
                let edited = sections
                    .entry(section.name)
                    .or_insert_with(|| EditedSection {
                        mark: mark(),
                        options: FxHashMap::default(),
                        births: Vec::new(),
                        entangled: false,
                    });
                edited.options.entry(option.base).or_insert_with(|| {
                    let name = tree.symbols.name(option.base);
                    edited.entangled |= split_operator(name).1.is_some();
                    EditedOption {
                        mark: mark(),
                        loose: false,
                    }
                });
            }
        }
        let mut marks = Marks::none(tree, count);
        for (file, section) in all_sections(tree) {
            if let Some(edited) = sections.get(&section.name) {
                marks.set(file, edited.mark);
                for option in &section.options {
                    if let Some(edited) = edited.options.get(&option.base) {
                        marks.set(file, edited.mark);
                    }
                }
            }
        }
        marks.spread(tree);
        for (file, section) in all_sections(tree) {
            let Some(edited) = sections.get_mut(&section.name) else {
                continue;
            };
            let includes = &tree.node(file).includes;
            if includes.iter().any(|i| marks.has(i.target, edited.mark)) {
                continue;
            }
            edited.births.push(file);
            for option in section.options.iter().filter(|o| o.operator.is_some()) {
                if let Some(edited) = edited.options.get_mut(&option.base) {
                    edited.loose = true;
                }
            }
        }
        Edits { marks, sections }
    }

    pub(super) fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Returns the section called `name`, if operators act on options of it.
    pub(super) fn section(&self, name: Symbol) -> Option<&EditedSection> {
        self.sections.get(&name)
    }
}

/// The files that write one option, and those that lead to them.
pub(super) enum WriterMarks<'t> {
    /// Among the marks of all edited options.
    Shared(&'t Marks, Mark),
    /// Made for this option.
    Own(Marks),
}

impl<'t> WriterMarks<'t> {
    /// The marks of an option, with its operators.
    pub(super) fn of(tree: &'t Tree, section: Symbol, option: Symbol) -> Self {
        let edits = tree.edits();
        let edited = edits.section(section).and_then(|s| s.options.get(&option));
        match edited {
            Some(edited) => WriterMarks::Shared(edits.marks(), edited.mark),
            None => {
                let writers = tree.writers(section, |candidate| candidate.base == option);
                WriterMarks::Own(Marks::of_files(tree, writers))
            }
        }
    }

    pub(super) fn has(&self, file: NodeId) -> bool {
        match self {
            WriterMarks::Shared(marks, mark) => marks.has(file, *mark),
            WriterMarks::Own(marks) => marks.has(file, Mark::FIRST),
        }
    }
}

/// The sections of all files that are reached.
fn all_sections(tree: &Tree) -> impl Iterator<Item = (NodeId, &ParsedSection)> {
    let files = tree.first_applications().iter();
    files.flat_map(|file| tree.sections(*file).iter().map(|section| (*file, section)))
}
