//! The files that describe a computer: JSON and XML as Python writes them.

use buildout_core::value::{JsonCharacters, Value, push_json_text};
use roxmltree::{Document, Node};

/// Returns a value as `json.dumps(value, sort_keys=True, indent=indent)` does.
/// Other values than JSON knows become `null`.
pub fn json_text(value: &Value, indent: usize) -> String {
    let mut text = String::new();
    let mut waiting = vec![Piece::Value(value, 0)];
    while let Some(piece) = waiting.pop() {
        match piece {
            Piece::Text(piece) => text.push_str(&piece),
            Piece::Value(value, depth) => push_json(&mut text, &mut waiting, value, depth, indent),
        }
    }
    text
}

enum Piece<'a> {
    Value(&'a Value, usize),
    Text(String),
}

fn push_json<'a>(
    text: &mut String,
    waiting: &mut Vec<Piece<'a>>,
    value: &'a Value,
    depth: usize,
    indent: usize,
) {
    let line = |depth: usize| format!("\n{}", " ".repeat(indent * depth));
    match value {
        Value::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => text.push_str(&number.to_string()),
        Value::Float(number) => text.push_str(&Value::Float(*number).to_string()),
        Value::Str(string) => push_json_text(string, JsonCharacters::Ascii, text),
        Value::List(values) | Value::Tuple(values) if values.is_empty() => text.push_str("[]"),
        Value::List(values) | Value::Tuple(values) => {
            text.push('[');
            waiting.push(Piece::Text(format!("{}]", line(depth))));
            for (index, member) in values.iter().enumerate().rev() {
                waiting.push(Piece::Value(member, depth + 1));
                let comma = if index == 0 { "" } else { "," };
                waiting.push(Piece::Text(format!("{comma}{}", line(depth + 1))));
            }
        }
        Value::Dict(members) if members.is_empty() => text.push_str("{}"),
        Value::Dict(members) => {
            text.push('{');
            let mut sorted: Vec<(String, &Value)> = members
                .iter()
                .map(|(name, member)| (name.to_string(), member))
                .collect();
            sorted.sort_by(|one, other| one.0.cmp(&other.0));
            waiting.push(Piece::Text(format!("{}}}", line(depth))));
            for (index, (name, member)) in sorted.into_iter().enumerate().rev() {
                waiting.push(Piece::Value(member, depth + 1));
                let comma = if index == 0 { "" } else { "," };
                let mut begin = format!("{comma}{}", line(depth + 1));
                push_json_text(&name, JsonCharacters::Ascii, &mut begin);
                begin.push_str(": ");
                waiting.push(Piece::Text(begin));
            }
        }
        _ => text.push_str("null"),
    }
}

/// Indents a document of ours as lxml does with `pretty_print`: elements with
/// elements on lines of their own, two blanks for each level.
pub fn pretty_xml(xml: &str) -> String {
    let Ok(document) = Document::parse(xml) else {
        // It was just written by this program.
        return xml.to_owned();
    };
    let mut text = String::new();
    let mut waiting = vec![(Step::Open(document.root_element()), 0)];
    while let Some((step, depth)) = waiting.pop() {
        let blanks = "  ".repeat(depth);
        match step {
            Step::Close(name) => text.push_str(&format!("{blanks}</{name}>\n")),
            Step::Open(node) => {
                let name = node.tag_name().name();
                text.push_str(&format!("{blanks}<{name}"));
                for attribute in node.attributes() {
                    text.push_str(&format!(" {}=\"", attribute.name()));
                    push_xml(&mut text, attribute.value());
                    text.push('"');
                }
                let content = node.text().unwrap_or_default();
                if node.has_children() && node.first_element_child().is_some() {
                    text.push_str(">\n");
                    waiting.push((Step::Close(name), depth));
                    let children: Vec<Node<'_, '_>> =
                        node.children().filter(Node::is_element).collect();
                    let children = children.into_iter().rev();
                    waiting.extend(children.map(|child| (Step::Open(child), depth + 1)));
                } else if content.is_empty() {
                    text.push_str("/>\n");
                } else {
                    text.push('>');
                    push_xml(&mut text, content);
                    text.push_str(&format!("</{name}>\n"));
                }
            }
        }
    }
    text
}

enum Step<'a> {
    Open(Node<'a, 'a>),
    Close(&'a str),
}

fn push_xml(text: &mut String, piece: &str) {
    for character in piece.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\n' | ' '..='~' => text.push(character),
            other => text.push_str(&format!("&#{};", u32::from(other))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use buildout_core::value::Dict;

    #[test]
    fn json_is_python_s() {
        let mut inner = Dict::new();
        inner.insert_str("z", Value::Int(1));
        inner.insert_str("a", Value::List(vec![Value::None, Value::string("é\"😀")]));
        let mut outer = Dict::new();
        outer.insert_str("x", Value::Dict(inner));
        outer.insert_str("e", Value::Dict(Dict::new()));
        // `json.dumps(..., sort_keys=True, indent=4)`.
        assert_eq!(
            json_text(&Value::Dict(outer), 4),
            "{\n    \"e\": {},\n    \"x\": {\n        \"a\": [\n            null,\n            \"\\u00e9\\\"\\ud83d\\ude00\"\n        ],\n        \"z\": 1\n    }\n}"
        );
    }

    #[test]
    fn xml_is_lxml_s() {
        // `lxml.etree.tostring(lxml.etree.fromstring(...), pretty_print=True)`.
        assert_eq!(
            pretty_xml(
                "<marshal><dictionary id=\"i2\"><string>a&amp;b</string><string></string><string>n</string><none/></dictionary></marshal>"
            ),
            "<marshal>\n  <dictionary id=\"i2\">\n    <string>a&amp;b</string>\n    <string/>\n    <string>n</string>\n    <none/>\n  </dictionary>\n</marshal>\n"
        );
    }
}
