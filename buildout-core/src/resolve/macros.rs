//! Macros: `<= name` lets a section start from the options of others.
//!
//! Keeps `Options._do_extend_raw`. Each section is expanded once and the
//! result shared, however many sections are made from it; chains are followed
//! with a stack of our own.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::error::{Doing, ResolveProblem};
use crate::configuration::BUILDOUT_SECTION;
use crate::extends::{MergedOption, MergedSection, MergedSections, update_section};
use crate::profile::python_text::strip;
use crate::profile::syntax::MACRO_OPTION;

/// Expanded sections, by name.
#[derive(Debug, Default)]
pub(crate) struct Macros {
    expanded: HashMap<Arc<str>, Arc<MergedSection>, FxBuildHasher>,
}

/// A section being expanded.
struct Frame {
    name: Arc<str>,
    parents: Vec<Arc<str>>,
    next: usize,
    result: MergedSection,
}

impl Macros {
    /// Returns the section `name` with its macros applied. `lookup` finds the
    /// options of a section as the configuration has them.
    ///
    /// # Errors
    ///
    /// A section that does not exist, or that is made from itself; with what
    /// was being done, outermost first.
    pub(crate) fn expand(
        &mut self,
        name: &Arc<str>,
        sections: &MergedSections,
    ) -> Result<Arc<MergedSection>, (ResolveProblem, Vec<Doing>)> {
        if let Some(known) = self.settled(name, sections) {
            return Ok(known);
        }
        let mut stack = vec![Frame::open(name, sections)];
        let mut active: HashSet<Arc<str>, FxBuildHasher> = HashSet::default();
        active.insert(Arc::clone(name));
        while let Some(frame) = stack.last_mut() {
            let Some(parent) = frame.parents.get(frame.next).cloned() else {
                if let Some(frame) = stack.pop() {
                    active.remove(&frame.name);
                    let (name, section) = frame.close(sections);
                    self.expanded.insert(name, section);
                }
                continue;
            };
            let user = Arc::clone(&frame.name);
            if !sections.contains_key(&parent) {
                let problem = ResolveProblem::MissingMacro {
                    name: parent.to_string(),
                    user: user.to_string(),
                };
                return Err((problem, loading(&stack)));
            }
            if let Some(known) = self.settled(&parent, sections) {
                let entries = known.iter();
                frame
                    .result
                    .extend(entries.map(|(key, option)| (Arc::clone(key), inherited(option))));
                frame.next += 1;
            } else if !active.insert(Arc::clone(&parent)) {
                let problem = ResolveProblem::MacroLoop {
                    name: parent.to_string(),
                    user: user.to_string(),
                };
                return Err((problem, loading(&stack)));
            } else {
                stack.push(Frame::open(&parent, sections));
            }
        }
        Ok(self.expanded.get(name).cloned().unwrap_or_default())
    }

    /// Returns the expansion of a section that needs none or has it already.
    fn settled(
        &mut self,
        name: &Arc<str>,
        sections: &MergedSections,
    ) -> Option<Arc<MergedSection>> {
        if let Some(known) = self.expanded.get(name) {
            return Some(Arc::clone(known));
        }
        let section = sections.get(name)?;
        if section.contains_key(MACRO_OPTION) && **name != *BUILDOUT_SECTION {
            return None;
        }
        let section = Arc::clone(section);
        self.expanded.insert(Arc::clone(name), Arc::clone(&section));
        Some(section)
    }

    /// Forgets the expansion of a section whose options changed.
    pub(crate) fn forget(&mut self, name: &str) {
        self.expanded.remove(name);
    }
}

impl Frame {
    fn open(name: &Arc<str>, sections: &MergedSections) -> Self {
        let list = sections
            .get(name)
            .and_then(|section| section.get(MACRO_OPTION))
            .map(|option| Arc::clone(&option.value));
        let parents = list
            .iter()
            .flat_map(|list| list.split('\n'))
            .map(strip)
            .filter(|parent| !parent.is_empty())
            .map(Arc::from)
            .collect();
        Frame {
            name: Arc::clone(name),
            parents,
            next: 0,
            result: MergedSection::default(),
        }
    }

    fn close(self, sections: &MergedSections) -> (Arc<str>, Arc<MergedSection>) {
        let mut result = self.result;
        if let Some(own) = sections.get(&self.name) {
            update_section(&mut result, own);
        }
        result.shift_remove(MACRO_OPTION);
        (self.name, Arc::new(result))
    }
}

/// Returns an option as another section takes it over: where its value comes
/// from, not how it came to be, which in a chain of macros would grow with
/// each link.
fn inherited(option: &MergedOption) -> MergedOption {
    match option.origin() {
        Some(origin) => MergedOption::set(Arc::clone(&option.value), origin),
        None => option.clone(),
    }
}

fn loading(stack: &[Frame]) -> Vec<Doing> {
    let frame = |frame: &Frame| Doing::LoadingMacros(frame.name.to_string());
    stack.iter().map(frame).collect()
}
