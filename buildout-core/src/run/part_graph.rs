//! The graph of parts: which needs which, and what a run would do to each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use super::failure::Failure;
use super::plan::{Plan, PlannedAction};
use super::session::{Edge, Session};
use super::settings::BuildoutSettings;
use crate::event::PartOrder;

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
    /// Only a run can tell.
    Unknown,
}

impl PartState {
    fn of(action: PlannedAction) -> Self {
        match action {
            PlannedAction::Install => PartState::New,
            PlannedAction::Keep | PlannedAction::Update => PartState::Current,
            PlannedAction::Reinstall => PartState::Changed,
            PlannedAction::Uninstall => PartState::Unwanted,
            PlannedAction::Unknown => PartState::Unknown,
        }
    }
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
/// As for [`Plan::new`].
pub fn part_graph(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    requested: &[String],
    with_sections: bool,
) -> Result<PartGraph, Failure> {
    let plan = Plan::new(session, settings, requested)?;
    let mut parts = Vec::new();
    let (unwanted, wanted): (Vec<_>, Vec<_>) = plan
        .parts
        .into_iter()
        .partition(|planned| planned.action == PlannedAction::Uninstall);
    let mut nodes = Vec::new();
    for planned in wanted.into_iter().chain(unwanted) {
        let state = PartState::of(planned.action);
        if state != PartState::Unwanted {
            parts.push(Arc::clone(&planned.part));
        }
        nodes.push(GraphNode {
            name: planned.part,
            kind: NodeKind::Part(state),
        });
    }
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
