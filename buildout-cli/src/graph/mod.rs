//! The part graph as a picture: DOT, Mermaid or SVG.
//!
//! Arrows lead from a part to those that need it, which is the order in which
//! parts are made.

mod dot;
mod layout;
mod mermaid;
mod svg;

use std::collections::HashMap;

use buildout_core::run::{NodeKind, PartGraph, PartState};

pub(crate) use dot::dot;
pub(crate) use mermaid::mermaid;
pub(crate) use svg::svg;

/// How a kind of nodes looks, in every format.
struct Look {
    /// What it is called.
    name: &'static str,
    fill: &'static str,
    border: &'static str,
    text: &'static str,
    dashed: bool,
}

const KINDS: [NodeKind; 6] = [
    NodeKind::Part(PartState::Current),
    NodeKind::Part(PartState::New),
    NodeKind::Part(PartState::Changed),
    NodeKind::Part(PartState::Unwanted),
    NodeKind::Part(PartState::Unknown),
    NodeKind::Section,
];

fn look(kind: NodeKind) -> &'static Look {
    match kind {
        NodeKind::Part(PartState::Current) => &Look {
            name: "current",
            fill: "#dcf5e3",
            border: "#3f9c62",
            text: "#14532d",
            dashed: false,
        },
        NodeKind::Part(PartState::New) => &Look {
            name: "new",
            fill: "#dbeafe",
            border: "#3b76d6",
            text: "#173a75",
            dashed: false,
        },
        NodeKind::Part(PartState::Changed) => &Look {
            name: "changed",
            fill: "#fdeec8",
            border: "#c98a14",
            text: "#6b4504",
            dashed: false,
        },
        NodeKind::Part(PartState::Unwanted) => &Look {
            name: "unwanted",
            fill: "#fbe3e4",
            border: "#c9525a",
            text: "#7a1f27",
            dashed: true,
        },
        NodeKind::Part(PartState::Unknown) => &Look {
            name: "unknown",
            fill: "#f3e8ff",
            border: "#8b5cc9",
            text: "#4c1d80",
            dashed: true,
        },
        NodeKind::Section => &Look {
            name: "section",
            fill: "#f3f4f6",
            border: "#9aa3af",
            text: "#4b5563",
            dashed: true,
        },
    }
}

/// Returns the edges by the numbers of their nodes. Every edge of a graph
/// connects two of its nodes.
fn numbered_edges(graph: &PartGraph) -> Vec<(usize, usize)> {
    let numbers: HashMap<&str, usize> = graph
        .nodes
        .iter()
        .enumerate()
        .map(|(number, node)| (&*node.name, number))
        .collect();
    let number = |name: &str| numbers.get(name).copied();
    let edges = graph.edges.iter();
    edges
        .filter_map(|edge| Some((number(&edge.before)?, number(&edge.after)?)))
        .collect()
}

/// A graph with a node of each kind, for tests.
#[cfg(test)]
fn example() -> PartGraph {
    use std::sync::Arc;

    use buildout_core::event::PartOrder;
    use buildout_core::run::GraphNode;

    let kinds = KINDS
        .into_iter()
        .zip(["zlib", "nginx \"1\"", "<lua>", "old", "versions"]);
    let nodes = kinds.map(|(kind, name)| GraphNode {
        name: Arc::from(name),
        kind,
    });
    let edge = |before: &str, after: &str| PartOrder {
        before: Arc::from(before),
        after: Arc::from(after),
    };
    PartGraph {
        nodes: nodes.collect(),
        edges: vec![
            edge("zlib", "nginx \"1\""),
            edge("versions", "zlib"),
            edge("versions", "nginx \"1\""),
        ],
    }
}
