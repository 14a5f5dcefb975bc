//! The language of Graphviz.

use buildout_core::run::PartGraph;

use super::look;

/// Returns the graph in DOT.
pub(crate) fn dot(graph: &PartGraph) -> String {
    let mut text = String::from(
        "digraph buildout {\n  rankdir = LR;\n  node [shape = box, fontname = \"sans-serif\"];\n",
    );
    for node in &graph.nodes {
        let look = look(node.kind);
        let style = if look.dashed {
            "rounded,filled,dashed"
        } else {
            "rounded,filled"
        };
        text.push_str(&format!(
            "  {} [style = \"{style}\", fillcolor = \"{}\", color = \"{}\", fontcolor = \"{}\", tooltip = \"{}\"];\n",
            quoted(&node.name),
            look.fill,
            look.border,
            look.text,
            look.name,
        ));
    }
    for edge in &graph.edges {
        text.push_str(&format!(
            "  {} -> {};\n",
            quoted(&edge.before),
            quoted(&edge.after)
        ));
    }
    text.push_str("}\n");
    text
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn nodes_have_colours_and_names_are_quoted() {
        let text = dot(&example());
        let line = "  \"nginx \\\"1\\\"\" [style = \"rounded,filled\", fillcolor = \"#dbeafe\", color = \"#3b76d6\", fontcolor = \"#173a75\", tooltip = \"new\"];\n";
        assert!(text.contains(line), "{text}");
        assert!(
            text.contains("  \"zlib\" -> \"nginx \\\"1\\\"\";\n"),
            "{text}"
        );
        assert_eq!(text.matches(" -> ").count(), 3);
    }
}
