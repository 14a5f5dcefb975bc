//! A picture by itself: no other program is needed to see the graph.

use std::fmt::Write as _;

use buildout_core::run::{NodeKind, PartGraph};

use super::layout::{Layout, Route, layout};
use super::{KINDS, look, numbered_edges};
use crate::quantity::count;

const MARGIN: f64 = 24.0;
const NODE_HEIGHT: f64 = 30.0;
/// The distance of two rows.
const ROW: f64 = 44.0;
/// The space between two columns, where edges turn.
const GAP: f64 = 64.0;
/// How wide a character is in the font that is asked for, on average.
const CHARACTER: f64 = 7.4;
/// The space around a name.
const PADDING: f64 = 26.0;
/// How wide a row of nodes without edges may be, unless the graph is wider.
const FLOW: f64 = 760.0;
const LEGEND: f64 = 34.0;

/// Returns the graph as an SVG document.
pub(crate) fn svg(graph: &PartGraph) -> String {
    let edges = numbered_edges(graph);
    let mut is_linked = vec![false; graph.nodes.len()];
    for (before, after) in &edges {
        is_linked[*before] = true;
        is_linked[*after] = true;
    }
    let linked: Vec<usize> = (0..is_linked.len())
        .filter(|node| is_linked[*node])
        .collect();
    let mut place = vec![0; graph.nodes.len()];
    for (number, node) in linked.iter().enumerate() {
        place[*node] = number;
    }
    let edges: Vec<_> = edges.iter().map(|(a, b)| (place[*a], place[*b])).collect();
    let layout = layout(linked.len(), &edges);
    let columns = Columns::new(graph, &linked, &layout);

    let mut body = String::new();
    for route in &layout.routes {
        draw_edge(&mut body, route, &layout, &columns);
    }
    let rows = layout.rows.iter().copied();
    let bends = layout
        .routes
        .iter()
        .flat_map(|route| route.bends.iter().copied());
    let last = rows.chain(bends).fold(-1.0, f64::max);
    for (number, node) in linked.iter().enumerate() {
        let (left, width) = columns.node(number, &layout);
        let top = MARGIN + layout.rows[number] * ROW;
        draw_node(&mut body, graph, *node, (left, top), width);
    }
    let mut width = columns.right();
    let mut top = MARGIN + (last + 1.0) * ROW;
    let alone: Vec<usize> = (0..is_linked.len())
        .filter(|node| !is_linked[*node])
        .collect();
    if !alone.is_empty() {
        let flow = (width - MARGIN).max(FLOW);
        let mut left = MARGIN;
        for node in alone {
            let node_width = node_width(&graph.nodes[node].name);
            if left > MARGIN && left + node_width > flow {
                left = MARGIN;
                top += ROW;
            }
            draw_node(&mut body, graph, node, (left, top), node_width);
            left += node_width + 14.0;
            width = width.max(left + MARGIN - 14.0);
        }
        top += ROW;
    }
    let legend = draw_legend(&mut body, graph, top);
    let (width, height) = (width.max(legend + MARGIN), top + LEGEND);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"system-ui, 'DejaVu Sans', Helvetica, Arial, sans-serif\" font-size=\"13\">\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto-start-reverse\"><path d=\"M0 0.5 8 4 0 7.5z\" fill=\"#8792a2\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"10\" fill=\"#ffffff\"/>\n\
         {body}</svg>\n"
    )
}

/// Where the columns of the layout begin, and how wide they are.
struct Columns {
    spans: Vec<(f64, f64)>,
    widths: Vec<f64>,
}

impl Columns {
    fn new(graph: &PartGraph, linked: &[usize], layout: &Layout) -> Self {
        let widths: Vec<f64> = linked
            .iter()
            .map(|node| node_width(&graph.nodes[*node].name))
            .collect();
        let count = layout.layers.iter().max().map_or(0, |last| last + 1);
        let mut widest = vec![0.0_f64; count];
        for (layer, width) in layout.layers.iter().zip(&widths) {
            widest[*layer] = widest[*layer].max(*width);
        }
        let mut left = MARGIN;
        let mut spans = Vec::with_capacity(count);
        for width in widest {
            spans.push((left, width));
            left += width + GAP;
        }
        Columns { spans, widths }
    }

    /// Returns where a node begins, in the middle of its column, and its
    /// width.
    fn node(&self, number: usize, layout: &Layout) -> (f64, f64) {
        let (left, column) = self.spans[layout.layers[number]];
        let width = self.widths[number];
        (left + (column - width) / 2.0, width)
    }

    /// Returns the right edge, with the margin.
    fn right(&self) -> f64 {
        let last = self.spans.last();
        last.map_or(2.0 * MARGIN, |(left, width)| left + width + MARGIN)
    }
}

fn node_width(name: &str) -> f64 {
    name.chars().count() as f64 * CHARACTER + PADDING
}

/// Draws a line that is level in every column it passes, so that it meets no
/// other node, and turns between them.
fn draw_edge(body: &mut String, route: &Route, layout: &Layout, columns: &Columns) {
    let middle = |row: f64| MARGIN + row * ROW + NODE_HEIGHT / 2.0;
    let (start, width) = columns.node(route.left, layout);
    let (end, _) = columns.node(route.right, layout);
    let mut x = start + width;
    let mut y = middle(layout.rows[route.left]);
    let mut path = format!("M{x:.1} {y:.1}");
    let first = layout.layers[route.left];
    let rows = route.bends.iter().chain([&layout.rows[route.right]]);
    for (number, row) in rows.enumerate() {
        let (left, width) = columns.spans[first + number];
        x = left + width;
        let (next, _) = columns.spans[first + number + 1];
        let (turn, to) = ((x + next) / 2.0, middle(*row));
        // Writing to a string cannot fail.
        let _ = write!(
            path,
            " H{x:.1} C{turn:.1} {y:.1} {turn:.1} {to:.1} {next:.1} {to:.1}"
        );
        y = to;
    }
    let _ = write!(path, " H{end:.1}");
    let (marker, dashes) = match route.backwards {
        false => ("marker-end", ""),
        true => ("marker-start", " stroke-dasharray=\"5 3\""),
    };
    let _ = writeln!(
        body,
        "<path d=\"{path}\" fill=\"none\" stroke=\"#a4adba\" stroke-width=\"1.4\"{dashes} {marker}=\"url(#arrow)\"/>"
    );
}

fn draw_node(body: &mut String, graph: &PartGraph, node: usize, at: (f64, f64), width: f64) {
    let node = &graph.nodes[node];
    let look = look(node.kind);
    let round = if node.kind == NodeKind::Section {
        NODE_HEIGHT / 2.0
    } else {
        6.0
    };
    let dashes = if look.dashed {
        " stroke-dasharray=\"5 3\""
    } else {
        ""
    };
    let name = escaped(&node.name);
    let (left, top) = at;
    let _ = writeln!(
        body,
        "<g><title>{name}: {}</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{NODE_HEIGHT}\" rx=\"{round}\" fill=\"{}\" stroke=\"{}\" stroke-width=\"1.3\"{dashes}/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{}\">{name}</text></g>",
        look.name,
        look.fill,
        look.border,
        left + width / 2.0,
        top + NODE_HEIGHT / 2.0 + 4.5,
        look.text,
    );
}

/// Tells what the colours mean, with numbers; returns how wide that is.
fn draw_legend(body: &mut String, graph: &PartGraph, top: f64) -> f64 {
    let mut left = MARGIN;
    for kind in KINDS {
        let number = graph.nodes.iter().filter(|node| node.kind == kind).count();
        if number == 0 {
            continue;
        }
        let look = look(kind);
        let dashes = if look.dashed {
            " stroke-dasharray=\"3 2\""
        } else {
            ""
        };
        let text = match kind {
            NodeKind::Section => count(number, look.name),
            NodeKind::Part(_) => format!("{number} {}", look.name),
        };
        let _ = writeln!(
            body,
            "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"12\" height=\"12\" rx=\"3\" fill=\"{}\" stroke=\"{}\"{dashes}/><text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" fill=\"#6b7280\">{text}</text>",
            top + 2.0,
            look.fill,
            look.border,
            left + 18.0,
            top + 12.5,
        );
        left += 18.0 + text.len() as f64 * CHARACTER + 18.0;
    }
    left
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ if character.is_control() => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn every_node_and_edge_is_drawn_once() {
        let text = svg(&example());
        assert_eq!(text.matches("<g><title>").count(), 5, "{text}");
        assert_eq!(text.matches("marker-end=").count(), 3, "{text}");
        assert!(
            text.contains("<title>&lt;lua&gt;: changed</title>"),
            "{text}"
        );
        assert!(text.contains(">1 unwanted</text>"), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn an_empty_graph_is_a_picture_too() {
        let text = svg(&PartGraph::default());
        assert!(text.contains("width=\"48\" height=\"58\""), "{text}");
    }
}
