//! Mermaid, which many documents and forges render.

use buildout_core::run::PartGraph;

use super::{KINDS, look, numbered_edges};

/// Returns the graph as a Mermaid flowchart.
pub(crate) fn mermaid(graph: &PartGraph) -> String {
    let mut text = String::from("flowchart LR\n");
    for (number, node) in graph.nodes.iter().enumerate() {
        let name = escaped(&node.name);
        let class = look(node.kind).name;
        text.push_str(&format!("  n{number}(\"{name}\"):::{class}\n"));
    }
    for (before, after) in numbered_edges(graph) {
        text.push_str(&format!("  n{before} --> n{after}\n"));
    }
    for kind in KINDS {
        if graph.nodes.iter().any(|node| node.kind == kind) {
            let look = look(kind);
            let dashes = if look.dashed {
                ",stroke-dasharray:4 3"
            } else {
                ""
            };
            text.push_str(&format!(
                "  classDef {} fill:{},stroke:{},color:{}{dashes}\n",
                look.name, look.fill, look.border, look.text
            ));
        }
    }
    text
}

fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for character in name.chars() {
        match character {
            '"' | '#' | ';' | '<' | '>' | '&' | '`' | '\\' => {
                escaped.push_str(&format!("#{};", u32::from(character)));
            }
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
    fn a_flowchart_with_classes() {
        assert_eq!(
            mermaid(&example()),
            "\
flowchart LR
  n0(\"zlib\"):::current
  n1(\"nginx #34;1#34;\"):::new
  n2(\"#60;lua#62;\"):::changed
  n3(\"old\"):::unwanted
  n4(\"versions\"):::section
  n0 --> n1
  n4 --> n0
  n4 --> n1
  classDef current fill:#dcf5e3,stroke:#3f9c62,color:#14532d
  classDef new fill:#dbeafe,stroke:#3b76d6,color:#173a75
  classDef changed fill:#fdeec8,stroke:#c98a14,color:#6b4504
  classDef unwanted fill:#fbe3e4,stroke:#c9525a,color:#7a1f27,stroke-dasharray:4 3
  classDef section fill:#f3f4f6,stroke:#9aa3af,color:#4b5563,stroke-dasharray:4 3
"
        );
    }
}
