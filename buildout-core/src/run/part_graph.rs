//! The graph of parts: which needs which, and what a run would do to each.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::decide::{Decision, decide};
use super::failure::Failure;
use super::session::{Edge, Session};
use super::settings::BuildoutSettings;
use super::signature::SIGNATURE_OPTION;
use crate::configuration::BUILDOUT_SECTION;
use crate::event::PartOrder;
use crate::profile::python_text::split_words;
use crate::resolve::OptionMap;
use crate::state::installed::InstalledFile;

/// What a run would do to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartState {
    /// It is not installed and would be.
    New,
    /// It is installed as the profile says, and would be updated.
    Current,
    /// It is installed otherwise, and would be installed anew.
    Changed,
    /// It is installed and no longer wanted; it would be uninstalled.
    Unwanted,
}

/// What a node of the graph stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// A part.
    Part(PartState),
    /// A section without a recipe.
    Section,
}

/// A node of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphNode {
    /// The name of the part or section.
    pub name: Arc<str>,
    /// What it is.
    pub kind: NodeKind,
}

/// The parts of a profile, and which needs which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartGraph {
    /// The nodes: parts in the order a run works on them, then sections, then
    /// what is no longer wanted.
    pub nodes: Vec<GraphNode>,
    /// The pairs of a node and one that refers to it.
    pub edges: Vec<PartOrder>,
}

/// Returns the graph of the parts of `[buildout] parts`, or of the `requested`
/// ones, and of those they need. Sections without a recipe are nodes only
/// `with_sections`; else what refers to them needs the parts they refer to.
///
/// Constructs the recipes, and installs nothing.
///
/// # Errors
///
/// A part cannot be constructed, or the record of what is installed cannot be
/// read.
pub fn part_graph(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    requested: &[String],
    with_sections: bool,
) -> Result<PartGraph, Failure> {
    let configured = session.required(BUILDOUT_SECTION, "parts")?;
    let wanted: Vec<&str> = if requested.is_empty() {
        split_words(&configured).collect()
    } else {
        requested.iter().map(String::as_str).collect()
    };
    for part in wanted {
        session.reach(part).map_err(|failure| {
            let place = session.option_place(BUILDOUT_SECTION, "parts", part);
            failure.with_label(place, "needed here")
        })?;
    }
    let parts = session.parts();
    let mut states = part_states(session, settings, &parts)?;
    if !requested.is_empty() {
        states.retain(|(_, state)| *state != PartState::Unwanted);
    }
    let mut nodes: Vec<GraphNode> = states
        .into_iter()
        .map(|(name, state)| GraphNode {
            name,
            kind: NodeKind::Part(state),
        })
        .collect();
    let edges = session.edges();
    if !with_sections {
        let edges = fold_sections(&parts, &edges);
        return Ok(PartGraph { nodes, edges });
    }
    let known: HashSet<Arc<str>> = nodes.iter().map(|node| Arc::clone(&node.name)).collect();
    let sections = session.initialised_sections().into_iter();
    nodes.extend(
        sections
            .filter(|name| !known.contains(name))
            .map(|name| GraphNode {
                name,
                kind: NodeKind::Section,
            }),
    );
    let mut seen = HashSet::new();
    let edges = edges.into_iter().map(|edge| PartOrder {
        before: edge.to,
        after: edge.from,
    });
    let edges = edges.filter(|edge| seen.insert(edge.clone())).collect();
    Ok(PartGraph { nodes, edges })
}

/// Returns what a run would do to each of the constructed `parts`, and to
/// those that are recorded besides them.
fn part_states(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    parts: &[Arc<str>],
) -> Result<Vec<(Arc<str>, PartState)>, Failure> {
    let recorded_in = settings.installed.as_deref().and_then(Path::to_str);
    let file = InstalledFile::new(&settings.directory, recorded_in.unwrap_or(""));
    let mut recorded = file.load()?.unwrap_or_default().parts;
    let mut states = Vec::with_capacity(parts.len());
    for part in parts {
        let state = match recorded.shift_remove(&**part) {
            None => PartState::New,
            Some(record) => {
                let mut options = OptionMap::default();
                for name in session.known_options(part) {
                    if let Some(value) = session.get_stored(part, &name)? {
                        options.insert(name, value);
                    }
                }
                options.insert(Arc::from(SIGNATURE_OPTION), session.freeze_signature(part)?);
                match decide(&record, &options, &settings.directory) {
                    Decision::Keep => PartState::Current,
                    Decision::Reinstall { .. } => PartState::Changed,
                }
            }
        };
        states.push((Arc::clone(part), state));
    }
    let unwanted = recorded
        .into_keys()
        .map(|name| (Arc::from(name), PartState::Unwanted));
    states.extend(unwanted);
    Ok(states)
}

/// Returns which part refers to which, also through sections that are no part.
fn fold_sections(parts: &[Arc<str>], edges: &[Edge]) -> Vec<PartOrder> {
    let is_part: HashSet<&str, FxBuildHasher> = parts.iter().map(|part| &**part).collect();
    let mut referred: HashMap<&str, Vec<&Arc<str>>, FxBuildHasher> = HashMap::default();
    for edge in edges {
        referred.entry(&edge.from).or_default().push(&edge.to);
    }
    let mut folded = Vec::new();
    for part in parts {
        let mut seen: HashSet<&str, FxBuildHasher> = HashSet::default();
        seen.insert(part);
        let mut pending = vec![part];
        while let Some(section) = pending.pop() {
            for to in referred.get(&**section).into_iter().flatten() {
                if !seen.insert(to) {
                } else if is_part.contains(&***to) {
                    folded.push(PartOrder {
                        before: Arc::clone(to),
                        after: Arc::clone(part),
                    });
                } else {
                    pending.push(to);
                }
            }
        }
    }
    folded
}

/// Returns which of `parts`, which are in order, must precede which later one.
pub(super) fn installation_order(parts: &[Arc<str>], edges: &[Edge]) -> Vec<PartOrder> {
    let numbers: HashMap<&str, usize, FxBuildHasher> = parts
        .iter()
        .enumerate()
        .map(|(number, part)| (&**part, number))
        .collect();
    let mut order = fold_sections(parts, edges);
    order.retain(|pair| numbers.get(&*pair.before) < numbers.get(&*pair.after));
    order
}
