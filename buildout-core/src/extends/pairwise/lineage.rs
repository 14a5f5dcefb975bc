//! The steps that led to a value of the pairwise merge, newest first.
//!
//! Of one option, a merge keeps what the last of the merged files has, unless
//! operators act on what was there before. So the past of a value lies along
//! one path through the graph, which is read backwards and never returned on.
//! `docs/design/extends.md` has the argument.

use std::sync::Arc;

use super::super::edits::{EditedOption, EditedSection};
use super::super::marks::{Mark, Marks};
use super::super::tree::{NodeId, Tree, Visit};
use crate::profile::syntax::ParsedOption;
use crate::symbols::Symbol;

/// One step in the past of a value.
#[derive(Debug)]
pub(super) enum Step<'t> {
    /// An operator acted on what was there.
    Edit(Visit, &'t ParsedOption),
    /// A plain value replaced what was there.
    Plain {
        visit: Visit,
        option: &'t ParsedOption,
        /// Whether the history starts here.
        oldest: bool,
    },
    /// An operator found nothing and started from the empty value.
    Implicit,
}

/// The option whose past is asked for, and the files that matter for it.
#[derive(Clone, Copy)]
pub(super) struct Subject<'t> {
    pub(super) tree: &'t Tree,
    pub(super) section: Symbol,
    pub(super) option: Symbol,
    marks: &'t Marks,
    /// The files that have the section.
    holders: Mark,
    /// The files that write the option.
    writers: Mark,
    /// The files with which the section can begin.
    births: &'t [NodeId],
    /// See [`EditedOption::loose`].
    loose: bool,
}

/// An option as one file writes it.
struct Own<'t> {
    plain: Option<&'t ParsedOption>,
    operators: Vec<&'t ParsedOption>,
}

impl<'t> Subject<'t> {
    /// An option without operators; `marks` has one mark, for its writers.
    pub(super) fn plain(tree: &'t Tree, section: Symbol, option: Symbol, marks: &'t Marks) -> Self {
        Subject {
            tree,
            section,
            option,
            marks,
            holders: Mark::FIRST,
            writers: Mark::FIRST,
            births: &[],
            loose: false,
        }
    }

    /// An option that operators act on.
    pub(super) fn edited(
        tree: &'t Tree,
        section: (Symbol, &'t EditedSection),
        option: (Symbol, &EditedOption),
    ) -> Self {
        Subject {
            tree,
            section: section.0,
            option: option.0,
            marks: tree.edits().marks(),
            holders: section.1.mark,
            writers: option.1.mark,
            births: &section.1.births,
            loose: option.1.loose,
        }
    }

    fn leads_to_holder(&self, file: NodeId) -> bool {
        self.marks.has(file, self.holders)
    }

    fn leads_to_writer(&self, file: NodeId) -> bool {
        self.marks.has(file, self.writers)
    }

    /// Returns the first entry of `file` below which the section exists.
    fn first_entry(&self, file: NodeId) -> Option<usize> {
        let includes = &self.tree.node(file).includes;
        includes.iter().position(|i| self.leads_to_holder(i.target))
    }

    /// Returns the last of the first `left` entries of `file` below which the
    /// option exists.
    fn last_entry(&self, file: NodeId, left: usize) -> Option<usize> {
        let includes = &self.tree.node(file).includes[..left];
        includes
            .iter()
            .rposition(|i| self.leads_to_writer(i.target))
    }

    /// The option as `file` itself writes it.
    fn own(&self, file: NodeId) -> Option<Own<'t>> {
        let section = self.tree.node(file).content.profile.section(self.section)?;
        let own = Own {
            plain: section.option(self.option).filter(|o| o.operator.is_none()),
            operators: self.tree.operators_on(section, self.option),
        };
        (own.plain.is_some() || !own.operators.is_empty()).then_some(own)
    }

    /// Returns the file with whose section the result of `file` begins. The
    /// section is copied from there, operators and all.
    fn birth(&self, file: NodeId) -> NodeId {
        if let [only] = self.births {
            return *only;
        }
        let mut birth = file;
        while let Some(entry) = self.first_entry(birth) {
            birth = self.tree.node(birth).includes[entry].target;
        }
        birth
    }

    /// Tells whether the result of `file`, which leads to a writer, has only
    /// operators on the option and no value: those of one file that no merge
    /// has touched.
    fn is_untouched(&self, mut file: NodeId) -> bool {
        if !self.loose {
            return false;
        }
        loop {
            let first = self.first_entry(file);
            if let Some(own) = self.own(file) {
                return first.is_none() && own.plain.is_none();
            }
            let includes = &self.tree.node(file).includes;
            match self.last_entry(file, includes.len()) {
                Some(last) if Some(last) == first => file = includes[last].target,
                _ => return false,
            }
        }
    }

    /// Tells whether the merge of the first `left` entries of `file` has a
    /// value for the option.
    fn has_value(&self, file: NodeId, left: usize) -> bool {
        let Some(last) = self.last_entry(file, left) else {
            return false;
        };
        let include = &self.tree.node(file).includes[last];
        self.first_entry(file) != Some(last) || !self.is_untouched(include.target)
    }
}

/// Where the walk through the graph goes on.
struct Position {
    file: NodeId,
    /// The name by which the file was reached; `None` if it was reached on the
    /// path of its last application.
    source: Option<Arc<str>>,
    /// How many entries are left to look at; `None` before the file's own
    /// options have been.
    left: Option<usize>,
}

/// The steps that led to the value of an option, newest first.
pub(super) struct Lineage<'t> {
    subject: Subject<'t>,
    /// Where to go on; `None` at the end.
    position: Option<Position>,
    /// Where to go on after the next step if that is a plain one. It then
    /// stands for all that a whole entry has done.
    beside: Option<Position>,
    /// Steps that are found already, the newest last.
    pending: Vec<Step<'t>>,
}

impl<'t> Lineage<'t> {
    /// Starts at the result of the root.
    pub(super) fn new(subject: Subject<'t>) -> Self {
        let root = subject.tree.root;
        let position = subject.leads_to_writer(root).then_some(Position {
            file: root,
            source: None,
            left: None,
        });
        Lineage {
            subject,
            position,
            beside: None,
            pending: Vec::new(),
        }
    }

    /// Looks at the file's own options.
    fn enter(&mut self, position: Position) -> Option<Step<'t>> {
        let subject = self.subject;
        let file = position.file;
        let count = subject.tree.node(file).includes.len();
        let Some(own) = subject.own(file) else {
            self.position = Some(position.before(count));
            return None;
        };
        let visit = self.visit(&position);
        if subject.first_entry(file).is_none() {
            // The section begins here. Its operators act where it is merged
            // onto another, which is above.
            return own.plain.map(|option| self.plain(visit, option, None));
        }
        let before = subject
            .has_value(file, count)
            .then(|| position.before(count));
        if own.operators.is_empty() {
            return own.plain.map(|option| self.plain(visit, option, before));
        }
        match own.plain {
            Some(option) => self.pending.push(Step::Plain {
                visit: visit.clone(),
                option,
                oldest: true,
            }),
            None => self.go_on_before_edits(before),
        }
        self.edits(&visit, own.operators);
        None
    }

    /// Looks at the last of the first `left` entries that matters.
    fn descend(&mut self, position: Position, left: usize) {
        let subject = self.subject;
        let file = position.file;
        let Some(entry) = subject.last_entry(file, left) else {
            return;
        };
        let include = &subject.tree.node(file).includes[entry];
        let before = subject.has_value(file, entry).then(|| Position {
            file,
            source: Some(self.visit(&position).source),
            left: Some(entry),
        });
        let below = Position {
            file: include.target,
            source: position
                .source
                .map(|source| subject.tree.spell(file, &source, include)),
            left: None,
        };
        if subject.loose && subject.first_entry(file) != Some(entry) {
            let birth = subject.birth(below.file);
            if let Some(own) = subject.own(birth)
                && !own.operators.is_empty()
            {
                if subject.is_untouched(below.file) {
                    self.go_on_before_edits(before);
                } else {
                    self.position = Some(below);
                }
                let source = Arc::clone(&subject.tree.node(birth).source);
                self.edits(
                    &Visit {
                        node: birth,
                        source,
                    },
                    own.operators,
                );
                return;
            }
        }
        self.beside = self.beside.take().or(before);
        self.position = Some(below);
    }

    /// A plain value. What is `before` it, only its history tells.
    fn plain(
        &mut self,
        visit: Visit,
        option: &'t ParsedOption,
        before: Option<Position>,
    ) -> Step<'t> {
        let beside = self.beside.take();
        // A value that operators changed brings its own history along.
        let computed = self
            .subject
            .tree
            .is_computed(visit.node, self.subject.section, option);
        self.position = beside.or(before).filter(|_| !computed);
        Step::Plain {
            visit,
            option,
            oldest: self.position.is_none(),
        }
    }

    /// Operators of one file or section, in the order in which they act.
    fn edits(&mut self, visit: &Visit, operators: Vec<&'t ParsedOption>) {
        // What they act on belongs to the history, all of it.
        self.beside = None;
        let steps = operators.into_iter();
        self.pending
            .extend(steps.map(|option| Step::Edit(visit.clone(), option)));
    }

    fn go_on_before_edits(&mut self, before: Option<Position>) {
        if before.is_none() {
            self.pending.push(Step::Implicit);
        }
        self.position = before;
    }

    fn visit(&self, position: &Position) -> Visit {
        match &position.source {
            Some(source) => Visit {
                node: position.file,
                source: Arc::clone(source),
            },
            None => self
                .subject
                .tree
                .last_applications()
                .of(position.file)
                .clone(),
        }
    }
}

impl Position {
    /// Before the file's own options, at the last of its `count` entries.
    fn before(&self, count: usize) -> Position {
        Position {
            file: self.file,
            source: self.source.clone(),
            left: Some(count),
        }
    }
}

impl<'t> Iterator for Lineage<'t> {
    type Item = Step<'t>;

    fn next(&mut self) -> Option<Step<'t>> {
        loop {
            if let Some(step) = self.pending.pop() {
                return Some(step);
            }
            let position = self.position.take()?;
            match position.left {
                Some(left) => self.descend(position, left),
                None => {
                    if let Some(step) = self.enter(position) {
                        return Some(step);
                    }
                }
            }
        }
    }
}
