//! What documents of consumption must look like: the schemas of slapos.core,
//! `partition_consumption.xsd` and `computer_consumption.xsd`, as values.
//!
//! Documents come from programs of instances, so whoever writes one is told
//! what is wrong with it, and where.

use roxmltree::{Document, Node};

/// A kind of document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// What the programs of a partition write: `<consumption>`.
    Partition,
    /// What is sent to the master: `<journal>`.
    Computer,
}

/// A document that is not of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableUsage {
    /// It is longer than anything that reports what was used.
    #[error("it is longer than {} bytes", Schema::LIMIT)]
    TooLong,
    /// It is no text.
    #[error("it is not UTF-8")]
    Encoding,
    /// It is not well-formed, or has a document type.
    #[error("{0}")]
    Syntax(String),
    /// Something is where it must not be.
    #[error("line {line}: {reason}")]
    Invalid {
        /// The line, from 1 on.
        line: u32,
        /// What is wrong.
        reason: String,
    },
}

/// How often an element may be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occurrence {
    Once,
    AtMostOnce,
    AtLeastOnce,
    Any,
}

impl Occurrence {
    fn is_needed(self) -> bool {
        matches!(self, Occurrence::Once | Occurrence::AtLeastOnce)
    }

    fn is_repeated(self) -> bool {
        matches!(self, Occurrence::AtLeastOnce | Occurrence::Any)
    }
}

/// What is between the tags of an element.
#[derive(Clone, Copy)]
enum Content {
    /// Any text.
    Text,
    /// A number (`xs:float`).
    Number,
    /// These elements, in this order.
    Elements(&'static [Element]),
}

/// An element of a document.
struct Element {
    name: &'static str,
    occurrence: Occurrence,
    /// The attribute that it must have; it may have no other.
    attribute: Option<&'static str>,
    content: Content,
}

const fn element(name: &'static str, occurrence: Occurrence, content: Content) -> Element {
    Element {
        name,
        occurrence,
        attribute: None,
        content,
    }
}

const fn typed(name: &'static str, occurrence: Occurrence, content: Content) -> Element {
    Element {
        name,
        occurrence,
        attribute: Some("type"),
        content,
    }
}

use Content::{Elements, Number, Text};
use Occurrence::{Any, AtLeastOnce, AtMostOnce, Once};

const MOVEMENT: Element = element(
    "movement",
    AtLeastOnce,
    Elements(&[
        element("resource", Once, Text),
        element("title", AtMostOnce, Text),
        element("reference", AtMostOnce, Text),
        element("quantity", Once, Number),
        element("price", Once, Number),
        element("VAT", Once, Text),
        element("category", Any, Text),
    ]),
);

const CONSUMPTION: Element = element("consumption", Once, Elements(&[MOVEMENT]));

const ARROW: Element = typed(
    "arrow",
    AtLeastOnce,
    Elements(&[
        element("source", AtMostOnce, Text),
        element("destination", AtMostOnce, Text),
    ]),
);

const TRANSACTION: Element = typed(
    "transaction",
    AtLeastOnce,
    Elements(&[
        element("title", AtMostOnce, Text),
        element("start_date", Once, Text),
        element("stop_date", Once, Text),
        element("reference", Once, Text),
        element("currency", Once, Text),
        element("payment_mode", Once, Text),
        element("category", Any, Text),
        ARROW,
        MOVEMENT,
    ]),
);

const JOURNAL: Element = element("journal", Once, Elements(&[TRANSACTION]));

/// The namespace whose attributes say where a schema is: they change nothing.
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

impl Schema {
    /// The most bytes that a document may have.
    pub const LIMIT: u64 = 1024 * 1024;

    fn root(self) -> &'static Element {
        match self {
            Schema::Partition => &CONSUMPTION,
            Schema::Computer => &JOURNAL,
        }
    }

    /// Checks the bytes of a file, and returns them as a text.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn check_bytes(self, bytes: Vec<u8>) -> Result<String, UnusableUsage> {
        if bytes.len() as u64 > Self::LIMIT {
            return Err(UnusableUsage::TooLong);
        }
        let text = String::from_utf8(bytes).map_err(|_| UnusableUsage::Encoding)?;
        self.check(&text)?;
        Ok(text)
    }

    /// Checks a document.
    ///
    /// # Errors
    ///
    /// What is wrong first.
    pub fn check(self, text: &str) -> Result<(), UnusableUsage> {
        let document =
            Document::parse(text).map_err(|error| UnusableUsage::Syntax(error.to_string()))?;
        let (root, wanted) = (document.root_element(), self.root());
        if !is_named(root, wanted.name) {
            let reason = format!("the document is {}, not <{}>", tag(root), wanted.name);
            return Err(invalid(root, reason));
        }
        check_element(root, wanted)
    }
}

/// Checks an element whose name is right. It nests as deep as the schema does.
fn check_element(node: Node<'_, '_>, wanted: &Element) -> Result<(), UnusableUsage> {
    for attribute in node.attributes() {
        let is_fine = match attribute.namespace() {
            None => wanted.attribute == Some(attribute.name()),
            Some(SCHEMA_INSTANCE) => {
                matches!(
                    attribute.name(),
                    "schemaLocation" | "noNamespaceSchemaLocation"
                )
            }
            Some(_) => false,
        };
        if !is_fine {
            let reason = format!("{} must not have `{}`", tag(node), attribute.name());
            return Err(invalid(node, reason));
        }
    }
    if let Some(name) = wanted.attribute
        && node.attribute(name).is_none()
    {
        return Err(invalid(node, format!("{} needs `{name}`", tag(node))));
    }
    match wanted.content {
        Text => check_text(node).map(drop),
        Number => {
            let text = check_text(node)?;
            if is_float(&text) {
                return Ok(());
            }
            let reason = format!("{} is {text:?}, which is no number", tag(node));
            Err(invalid(node, reason))
        }
        Elements(wanted) => check_sequence(node, wanted),
    }
}

/// Returns the text of an element that must not have others.
fn check_text(node: Node<'_, '_>) -> Result<String, UnusableUsage> {
    if let Some(child) = node.children().find(Node::is_element) {
        let reason = format!("{} must not have {}", tag(node), tag(child));
        return Err(invalid(child, reason));
    }
    Ok(text_of(node))
}

/// Returns the text of an element without elements.
pub(super) fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter_map(text_piece).collect()
}

/// Returns the text of a node that is text.
fn text_piece<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    if node.is_text() { node.text() } else { None }
}

fn check_sequence(node: Node<'_, '_>, wanted: &[Element]) -> Result<(), UnusableUsage> {
    let has_text = |child: &Node<'_, '_>| {
        text_piece(*child)
            .is_some_and(|text| !text.trim_matches([' ', '\t', '\r', '\n']).is_empty())
    };
    if let Some(child) = node.children().find(has_text) {
        let reason = format!("{} must not have text between its elements", tag(node));
        return Err(invalid(child, reason));
    }
    let mut children = node.children().filter(Node::is_element).peekable();
    for element in wanted {
        let mut count = 0;
        while let Some(child) = children.next_if(|child| is_named(*child, element.name)) {
            count += 1;
            if count > 1 && !element.occurrence.is_repeated() {
                let reason = format!("{} has a second {}", tag(node), tag(child));
                return Err(invalid(child, reason));
            }
            check_element(child, element)?;
        }
        if count == 0 && element.occurrence.is_needed() {
            let name = element.name;
            let (place, reason) = match children.peek() {
                Some(child) => (
                    *child,
                    format!("{} has {} where <{name}> must be", tag(node), tag(*child)),
                ),
                None => (node, format!("{} has no <{name}>", tag(node))),
            };
            return Err(invalid(place, reason));
        }
    }
    match children.next() {
        None => Ok(()),
        Some(child) => {
            let reason = format!("{} must not have {} here", tag(node), tag(child));
            Err(invalid(child, reason))
        }
    }
}

fn is_named(node: Node<'_, '_>, name: &str) -> bool {
    node.tag_name().namespace().is_none() && node.tag_name().name() == name
}

fn tag(node: Node<'_, '_>) -> String {
    match node.tag_name().namespace() {
        None => format!("<{}>", node.tag_name().name()),
        Some(space) => format!("<{} xmlns={space:?}>", node.tag_name().name()),
    }
}

fn invalid(node: Node<'_, '_>, reason: String) -> UnusableUsage {
    let place = node.document().text_pos_at(node.range().start);
    UnusableUsage::Invalid {
        line: place.row,
        reason,
    }
}

/// Tells whether a text is a number as XML Schema 1.0 writes them.
fn is_float(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if matches!(text, "INF" | "-INF" | "NaN") {
        return true;
    }
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (number, exponent) = match text.split_once(['e', 'E']) {
        None => (unsigned(text), None),
        Some((number, exponent)) => (unsigned(number), Some(unsigned(exponent))),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    let is_exponent = |text: &String| !text.is_empty() && digits(text);
    has_digits && digits(whole) && digits(fraction) && exponent.as_ref().is_none_or(is_exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "<consumption>\n<movement>\n<resource>r</resource>\n<title>t</title>\n<reference/>\n<quantity>1.5</quantity>\n<price>0</price>\n<VAT/>\n<category>c</category>\n</movement>\n</consumption>\n";

    fn reason(text: &str) -> String {
        Schema::Partition.check(text).unwrap_err().to_string()
    }

    #[test]
    fn a_valid_document_passes() {
        Schema::Partition.check(VALID).unwrap();
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            (
                VALID.replace("<price>0</price>\n", ""),
                "line 7: <movement> has <VAT> where <price> must be",
            ),
            (
                VALID.replace("1.5", "many"),
                "line 6: <quantity> is \"many\", which is no number",
            ),
            (
                VALID.replace("<title>t</title>", "<title>t</title><title/>"),
                "line 4: <movement> has a second <title>",
            ),
            (
                VALID.replace("<VAT/>", "<VAT/>x"),
                "line 8: <movement> must not have text between its elements",
            ),
            (
                VALID.replace("<VAT/>", "<VAT><b/></VAT>"),
                "line 8: <VAT> must not have <b>",
            ),
            (
                VALID.replace("<category>c</category>", "<other/>"),
                "line 9: <movement> must not have <other> here",
            ),
            (
                "<consumption/>".to_owned(),
                "line 1: <consumption> has no <movement>",
            ),
            (
                "<journal/>".to_owned(),
                "line 1: the document is <journal>, not <consumption>",
            ),
            (
                VALID.replace("<VAT/>", "<VAT rate='1'/>"),
                "line 8: <VAT> must not have `rate`",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(reason(&text), expected);
        }
        let entities = format!("<!DOCTYPE c [<!ENTITY a 'b'>]>{VALID}");
        assert!(reason(&entities).contains("DTD"), "{}", reason(&entities));
        let long = vec![b' '; Schema::LIMIT as usize + 1];
        let error = Schema::Partition.check_bytes(long).unwrap_err();
        assert_eq!(error, UnusableUsage::TooLong);
    }
}
