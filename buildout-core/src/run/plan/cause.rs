//! Where a change began.
//!
//! A part may have to be installed anew because of a section that it depends
//! on, perhaps through many others. What its own options say then is only a
//! consequence. Here the sections are told apart that changed by themselves:
//! an option of theirs differs, and no changed section explains that.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::super::history::History;
use super::super::record::Record;
use super::super::session::{State, is_buildout, known_values};
use super::decide::changes;
use super::reason::Reason;
use crate::state::installed::InstalledPart;

/// How many beginnings are told for a part.
const ROOT_LIMIT: usize = 8;

/// What is known about sections, now and from earlier runs.
pub(crate) struct Known<'k> {
    /// The sections now.
    pub(crate) state: &'k State,
    /// The parts as they were recorded when the run began.
    pub(crate) record: &'k Record,
    /// The other sections as an earlier run saw them.
    pub(crate) history: &'k History,
}

impl<'k> Known<'k> {
    fn previous(&self, section: &str) -> Option<&'k BTreeMap<String, String>> {
        let recorded = self.record.before(section);
        let options = recorded.map(|recorded| &recorded.options);
        options.or_else(|| self.history.section(section))
    }

    fn dependencies(&self, section: &str) -> impl Iterator<Item = &'k Arc<str>> {
        self.state.dependencies.get(section).into_iter().flatten()
    }
}

/// For each option of a section, the sections that its value refers to.
type References = HashMap<(Arc<str>, Arc<str>), Vec<Arc<str>>, FxBuildHasher>;

/// The changes of sections, found on demand.
pub(crate) struct Causes {
    references: References,
    found: HashMap<Arc<str>, Change, FxBuildHasher>,
}

/// What changed about a section.
#[derive(Clone, Debug, Default)]
struct Change {
    /// What changed by itself.
    own: Vec<Reason>,
    /// Whether anything changed, there or where it began.
    any: bool,
    /// The sections where it began, this one included.
    roots: IndexSet<Arc<str>, FxBuildHasher>,
}

/// A section whose dependencies are being visited.
struct Visit {
    section: Arc<str>,
    left: Vec<Arc<str>>,
}

impl Causes {
    /// Takes up the references known to `state`; those that are noticed later
    /// do not count.
    pub(crate) fn new(state: &State) -> Self {
        let mut references = References::default();
        for edge in &state.edges {
            if let Some(option) = &edge.option {
                references
                    .entry((Arc::clone(&edge.from), Arc::clone(option)))
                    .or_default()
                    .push(Arc::clone(&edge.to));
            }
        }
        Causes {
            references,
            found: HashMap::default(),
        }
    }

    /// Puts the reasons of `part` in order: what changed by itself, then where
    /// else the change began, then what follows from that.
    pub(crate) fn explain(
        &mut self,
        known: &Known<'_>,
        part: &Arc<str>,
        reasons: Vec<Reason>,
    ) -> Vec<Reason> {
        let change = self.change(known, part);
        let dependencies: Vec<Reason> = change
            .roots
            .iter()
            .filter(|root| *root != part)
            .map(|root| Reason::Dependency {
                section: Arc::clone(root),
                reason: self.found[root].own.first().cloned().map(Box::new),
            })
            .collect();
        let is_consequence = |reason: &Reason| match reason {
            Reason::Dependency { .. } => !dependencies.is_empty(),
            _ => reason.option().is_some() && !change.own.contains(reason),
        };
        let (consequences, mut ordered): (Vec<_>, Vec<_>) =
            reasons.into_iter().partition(is_consequence);
        ordered.extend(dependencies);
        // The sections between are of no interest any more.
        let told = consequences.into_iter();
        ordered.extend(told.filter(|reason| !matches!(reason, Reason::Dependency { .. })));
        ordered
    }

    /// Finds what changed about a section. Its dependencies are visited with a
    /// stack of our own; of a circle, the section met first is looked at last.
    fn change(&mut self, known: &Known<'_>, section: &Arc<str>) -> Change {
        let mut visits = Vec::new();
        self.enter(known, section, &mut visits);
        while let Some(visit) = visits.last_mut() {
            match visit.left.pop() {
                Some(next) => self.enter(known, &next, &mut visits),
                None => {
                    let section = Arc::clone(&visit.section);
                    visits.pop();
                    let change = self.look_at(known, &section);
                    self.found.insert(section, change);
                }
            }
        }
        self.found.get(section).cloned().unwrap_or_default()
    }

    fn enter(&mut self, known: &Known<'_>, section: &Arc<str>, visits: &mut Vec<Visit>) {
        if is_buildout(section) || self.found.contains_key(section) {
            return;
        }
        // Seen as unchanged by those of a circle with it.
        self.found.insert(Arc::clone(section), Change::default());
        let left = known.dependencies(section).cloned().collect();
        visits.push(Visit {
            section: Arc::clone(section),
            left,
        });
    }

    fn look_at(&self, known: &Known<'_>, section: &Arc<str>) -> Change {
        let mut change = Change::default();
        let changed = |section: &Arc<str>| self.found.get(section).filter(|found| found.any);
        for dependency in known.dependencies(section) {
            if let Some(found) = changed(dependency) {
                change.any = true;
                let room = ROOT_LIMIT.saturating_sub(change.roots.len());
                change.roots.extend(found.roots.iter().take(room).cloned());
            }
        }
        let Some(previous) = known.previous(section) else {
            return change;
        };
        let record = InstalledPart {
            options: previous.clone(),
            installed: Vec::new(),
        };
        let reasons = changes(&record, &known_values(known.state, section));
        let is_explained = |reason: &&Reason| {
            let option = reason.option().map(Arc::clone).unwrap_or_default();
            let targets = self.references.get(&(Arc::clone(section), option));
            targets.is_some_and(|targets| targets.iter().any(|to| changed(to).is_some()))
        };
        let unexplained = reasons.iter().filter(|reason| !is_explained(reason));
        let (written, computed): (Vec<&Reason>, Vec<&Reason>) = unexplained.partition(|reason| {
            let option = reason.option().map_or("", |option| option);
            let section = known.state.sections.get(section);
            section.is_none_or(|section| section.unresolved(option).is_some())
                || matches!(reason, Reason::OptionDropped { .. })
        });
        // What a recipe computes follows from something, if there is anything.
        let own = match written.is_empty() && !change.any {
            true => computed,
            false => written,
        };
        change.own = own.into_iter().cloned().collect();
        change.any |= !reasons.is_empty();
        if !change.own.is_empty() {
            change.roots.insert(Arc::clone(section));
        }
        change
    }
}
