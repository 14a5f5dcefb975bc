//! XML-RPC, as much of it as supervisord speaks.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use roxmltree::{Document, Node, ParsingOptions};

/// How many nodes an answer may have: thousands of processes, not endless ones.
const NODE_LIMIT: u32 = 4_000_000;

/// A value of a call or an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `nil`, an extension that some servers use.
    Nil,
    /// `boolean`.
    Boolean(bool),
    /// `int` or `i4`.
    Integer(i64),
    /// `double`.
    Double(f64),
    /// `string`.
    String(String),
    /// `array`.
    Array(Vec<Value>),
    /// `struct`.
    Struct(BTreeMap<String, Value>),
}

impl Value {
    /// Returns the text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number of an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns the members of an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(values) => Some(values),
            _ => None,
        }
    }

    /// Returns a member of a struct.
    pub fn member(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Struct(members) => members.get(name),
            _ => None,
        }
    }
}

/// What the other side answers to a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The result.
    Value(Value),
    /// A refusal.
    Fault {
        /// Its number.
        code: i64,
        /// Its text, such as `BAD_NAME: slappart0`.
        text: String,
    },
}

/// An answer that is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It is no XML.
    #[error("the answer is no XML: {0}")]
    Xml(#[from] roxmltree::Error),
    /// It is other XML.
    #[error("the answer is not in the form of XML-RPC: {0}")]
    Form(String),
}

/// Writes a call.
pub fn call_text(method: &str, arguments: &[Value]) -> String {
    let mut text = String::from("<?xml version='1.0'?>\n<methodCall>\n<methodName>");
    push_escaped(&mut text, method);
    text.push_str("</methodName>\n<params>\n");
    for argument in arguments {
        text.push_str("<param>\n");
        push_value(&mut text, argument);
        text.push_str("</param>\n");
    }
    text.push_str("</params>\n</methodCall>\n");
    text
}

/// What is left to write of a value.
enum Writing<'a> {
    Value(&'a Value),
    Text(String),
}

fn push_value(text: &mut String, value: &Value) {
    let mut waiting = vec![Writing::Value(value)];
    while let Some(next) = waiting.pop() {
        let value = match next {
            Writing::Text(piece) => {
                text.push_str(&piece);
                continue;
            }
            Writing::Value(value) => value,
        };
        match value {
            Value::Nil => text.push_str("<value><nil/></value>\n"),
            Value::Boolean(value) => {
                let digit = u8::from(*value);
                let _ = writeln!(text, "<value><boolean>{digit}</boolean></value>");
            }
            Value::Integer(number) => {
                let _ = writeln!(text, "<value><int>{number}</int></value>");
            }
            Value::Double(number) => {
                let _ = writeln!(text, "<value><double>{number}</double></value>");
            }
            Value::String(string) => {
                text.push_str("<value><string>");
                push_escaped(text, string);
                text.push_str("</string></value>\n");
            }
            Value::Array(values) => {
                text.push_str("<value><array><data>\n");
                waiting.push(Writing::Text("</data></array></value>\n".to_owned()));
                waiting.extend(values.iter().rev().map(Writing::Value));
            }
            Value::Struct(members) => {
                text.push_str("<value><struct>\n");
                waiting.push(Writing::Text("</struct></value>\n".to_owned()));
                for (name, member) in members.iter().rev() {
                    let mut begin = String::from("<member>\n<name>");
                    push_escaped(&mut begin, name);
                    begin.push_str("</name>\n");
                    waiting.push(Writing::Text("</member>\n".to_owned()));
                    waiting.push(Writing::Value(member));
                    waiting.push(Writing::Text(begin));
                }
            }
        }
    }
}

fn push_escaped(text: &mut String, piece: &str) {
    for character in piece.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            other => text.push(other),
        }
    }
}

/// Reads an answer.
///
/// # Errors
///
/// See [`AnswerError`].
pub fn read_answer(text: &str) -> Result<Answer, AnswerError> {
    let options = ParsingOptions {
        nodes_limit: NODE_LIMIT,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options)?;
    let response = document.root_element();
    let content = only_child(response, "methodResponse")?;
    match content.tag_name().name() {
        "params" => {
            let param = only_child(content, "params")?;
            let value = only_child(param, "param")?;
            Ok(Answer::Value(read_value(value, 0)?))
        }
        "fault" => {
            let value = read_value(only_child(content, "fault")?, 0)?;
            let code = value.member("faultCode").and_then(Value::as_integer);
            let text = value.member("faultString").and_then(Value::as_str);
            match (code, text) {
                (Some(code), Some(text)) => Ok(Answer::Fault {
                    code,
                    text: text.to_owned(),
                }),
                _ => Err(form("a fault without code and text")),
            }
        }
        other => Err(form(&format!("`{other}` in a response"))),
    }
}

/// How deep values may nest; those of supervisord do not go beyond 3.
const DEPTH_LIMIT: usize = 32;

fn read_value(node: Node<'_, '_>, depth: usize) -> Result<Value, AnswerError> {
    if depth > DEPTH_LIMIT {
        return Err(form("values that nest too deeply"));
    }
    if !node.has_tag_name("value") {
        return Err(form(&format!("`{}` for a value", node.tag_name().name())));
    }
    let Some(kind) = node.first_element_child() else {
        // A value without a type is a string.
        return Ok(Value::String(text_of(node)));
    };
    let text = text_of(kind);
    let number = || text.trim().parse().map(Value::Integer);
    Ok(match kind.tag_name().name() {
        "nil" => Value::Nil,
        "boolean" => Value::Boolean(text.trim() == "1"),
        "int" | "i4" | "i8" => number().map_err(|_| form(&format!("the number {text:?}")))?,
        "double" => {
            let number = text.trim().parse();
            Value::Double(number.map_err(|_| form(&format!("the number {text:?}")))?)
        }
        "string" => Value::String(text),
        "array" => {
            let data = only_child(kind, "array")?;
            let elements = data.children().filter(Node::is_element);
            let values: Result<Vec<_>, _> = elements
                .map(|element| read_value(element, depth + 1))
                .collect();
            Value::Array(values?)
        }
        "struct" => {
            let mut members = BTreeMap::new();
            for member in kind.children().filter(Node::is_element) {
                let mut parts = member.children().filter(Node::is_element);
                let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
                    return Err(form("a member without name and value"));
                };
                members.insert(text_of(name), read_value(value, depth + 1)?);
            }
            Value::Struct(members)
        }
        other => return Err(form(&format!("a value of type `{other}`"))),
    })
}

fn only_child<'a, 'input>(
    node: Node<'a, 'input>,
    expected: &str,
) -> Result<Node<'a, 'input>, AnswerError> {
    if !node.has_tag_name(expected) {
        let name = node.tag_name().name();
        return Err(form(&format!("`{name}` instead of `{expected}`")));
    }
    node.first_element_child()
        .ok_or_else(|| form(&format!("an empty `{expected}`")))
}

fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter_map(|child| child.text()).collect()
}

fn form(what: &str) -> AnswerError {
    AnswerError::Form(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_written_as_python_does() {
        // `xmlrpc.client.dumps(("a<b", True, 3), "supervisor.x")`.
        let text = call_text(
            "supervisor.x",
            &[
                Value::String("a<b".to_owned()),
                Value::Boolean(true),
                Value::Integer(3),
            ],
        );
        assert_eq!(
            text,
            "<?xml version='1.0'?>\n<methodCall>\n<methodName>supervisor.x</methodName>\n<params>\n<param>\n<value><string>a&lt;b</string></value>\n</param>\n<param>\n<value><boolean>1</boolean></value>\n</param>\n<param>\n<value><int>3</int></value>\n</param>\n</params>\n</methodCall>\n"
        );
    }

    #[test]
    fn answers_of_every_kind_are_read() {
        let answer = |value: &str| {
            let text = format!(
                "<?xml version='1.0'?>\n<methodResponse><params><param>\n<value>{value}</value></param></params></methodResponse>"
            );
            read_answer(&text)
        };
        let value = answer(
            "<struct><member><name>a</name><value><array><data><value><int>1</int></value><value>x &amp; y</value></data></array></value></member></struct>",
        );
        let Ok(Answer::Value(value)) = value else {
            panic!("{value:?}")
        };
        assert_eq!(
            value.member("a").and_then(Value::as_array),
            Some(&[Value::Integer(1), Value::String("x & y".to_owned())][..])
        );
        let fault = "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>10</int></value></member><member><name>faultString</name><value><string>BAD_NAME: a</string></value></member></struct></value></fault></methodResponse>";
        assert_eq!(
            read_answer(fault).unwrap(),
            Answer::Fault {
                code: 10,
                text: "BAD_NAME: a".to_owned()
            }
        );
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let deep = format!(
            "<methodResponse><params><param>{}{}</param></params></methodResponse>",
            "<value><array><data>".repeat(100),
            "</data></array></value>".repeat(100),
        );
        for text in [
            "",
            "<a/>",
            "<methodResponse/>",
            "<methodResponse><params/></methodResponse>",
            &deep,
        ] {
            assert!(read_answer(text).is_err(), "{text}");
        }
    }
}
