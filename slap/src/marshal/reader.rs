//! Documents become values.

use std::collections::{HashMap, HashSet};

use buildout_core::value::{MAXIMUM_DEPTH, Value};
use roxmltree::{Document, Node};

use super::error::UnmarshalError;
use super::item::{CLASSES, Item, MODULE, Object};

/// How many values references may add to a document: enough for every
/// partition of a large node to refer to its release.
const REFERENCE_LIMIT: usize = 1_000_000;

/// Reads the value of a document.
pub(super) fn document(text: &str) -> Result<Item, UnmarshalError> {
    let document = Document::parse(text)?;
    let root = document.root_element();
    if root.tag_name().name() != "marshal" {
        return Err(UnmarshalError::Root {
            name: root.tag_name().name().to_owned(),
        });
    }
    let wanted = document
        .descendants()
        .filter(|node| node.tag_name().name() == "reference")
        .filter_map(|node| node.attribute("id"))
        .collect();
    let mut reader = Reader {
        wanted,
        known: HashMap::new(),
        produced: 0,
        copied: 0,
    };
    let mut values = reader.members(root, 0)?;
    match (values.pop(), values.len()) {
        (Some(value), 0) => Ok(value),
        (None, _) => Err(UnmarshalError::Count { count: 0 }),
        (Some(_), others) => Err(UnmarshalError::Count { count: others + 1 }),
    }
}

struct Reader<'document> {
    /// The identifiers that something refers to.
    wanted: HashSet<&'document str>,
    /// What was read of them.
    known: HashMap<&'document str, Known>,
    /// How many values there are so far.
    produced: usize,
    /// How many of them are copies that references made.
    copied: usize,
}

/// Something that a reference may lead to.
struct Known {
    item: Item,
    /// How many values it is.
    size: usize,
    /// How many levels of containers it is.
    height: usize,
}

impl<'document> Reader<'document> {
    fn members(
        &mut self,
        node: Node<'document, '_>,
        depth: usize,
    ) -> Result<Vec<Item>, UnmarshalError> {
        if depth > MAXIMUM_DEPTH {
            return Err(UnmarshalError::TooDeep);
        }
        node.children()
            .filter(Node::is_element)
            .map(|child| self.item(child, depth))
            .collect()
    }

    fn item(&mut self, node: Node<'document, '_>, depth: usize) -> Result<Item, UnmarshalError> {
        let before = self.produced;
        self.produced += 1;
        let item = match node.tag_name().name() {
            "none" => Item::Plain(Value::None),
            "bool" => Item::Plain(Value::Bool(integer(node, "boolean")? != 0)),
            "int" | "long" => Item::Plain(Value::Int(integer(node, "integer")?)),
            "float" => {
                let text = content(node);
                let number = text.trim().parse().map_err(|_| UnmarshalError::Number {
                    text,
                    expected: "float",
                })?;
                Item::Plain(Value::Float(number))
            }
            "string" | "unicode" => Item::Plain(Value::from(unescape(&content(node)))),
            "tuple" => Item::tuple(self.members(node, depth + 1)?),
            "list" => Item::list(self.members(node, depth + 1)?),
            "set" => {
                let members = self.members(node, depth + 1)?;
                let members: Result<Vec<_>, _> =
                    members.into_iter().map(Item::into_value).collect();
                Item::Plain(Value::set(members?)?)
            }
            "dictionary" => Item::dictionary(self.entries(node, depth + 1)?)?,
            "object" => Item::Object(self.object(node, depth + 1)?),
            "reference" => return self.reference(node, depth),
            name => {
                return Err(UnmarshalError::Element {
                    name: name.to_owned(),
                });
            }
        };
        if let Some(id) = node.attribute("id")
            && self.wanted.contains(id)
        {
            let known = Known {
                size: self.produced - before,
                height: height(&item),
                item: item.clone(),
            };
            self.known.insert(id, known);
        }
        Ok(item)
    }

    fn reference(
        &mut self,
        node: Node<'document, '_>,
        depth: usize,
    ) -> Result<Item, UnmarshalError> {
        let id = node.attribute("id").unwrap_or_default();
        let Some(known) = self.known.get(id) else {
            return Err(UnmarshalError::Reference { id: id.to_owned() });
        };
        if depth + known.height > MAXIMUM_DEPTH {
            return Err(UnmarshalError::TooDeep);
        }
        self.produced += known.size;
        self.copied += known.size;
        if self.copied > REFERENCE_LIMIT {
            return Err(UnmarshalError::TooLarge);
        }
        Ok(known.item.clone())
    }

    fn entries(
        &mut self,
        node: Node<'document, '_>,
        depth: usize,
    ) -> Result<Vec<(Value, Item)>, UnmarshalError> {
        let mut members = self.members(node, depth)?.into_iter();
        let mut entries = Vec::with_capacity(members.len() / 2);
        while let Some(key) = members.next() {
            let Some(item) = members.next() else {
                return Err(UnmarshalError::OddDictionary);
            };
            entries.push((key.into_value()?, item));
        }
        Ok(entries)
    }

    fn object(
        &mut self,
        node: Node<'document, '_>,
        depth: usize,
    ) -> Result<Object, UnmarshalError> {
        let module = node.attribute("module").unwrap_or_default();
        let class = node.attribute("class").unwrap_or_default().to_owned();
        if module != MODULE || !CLASSES.contains(&class.as_str()) {
            return Err(UnmarshalError::Refused {
                module: module.to_owned(),
                class,
            });
        }
        let mut members = self.members(node, depth)?.into_iter();
        let (arguments, state) = match (members.next(), members.next(), members.next()) {
            (Some(arguments), Some(state), None) => (arguments, state),
            _ => return Err(UnmarshalError::NoState { class }),
        };
        let arguments = match arguments {
            Item::Plain(Value::Tuple(values)) => values.into_iter().map(Item::Plain).collect(),
            Item::Tuple(members) => members,
            _ => return Err(UnmarshalError::NoState { class }),
        };
        let state = match state {
            Item::Plain(Value::Dict(dict)) => dict
                .iter()
                .map(|(key, value)| (key.clone(), Item::Plain(value.clone())))
                .collect(),
            Item::Dictionary(entries) => entries,
            _ => return Err(UnmarshalError::NoState { class }),
        };
        Ok(Object {
            class,
            arguments,
            state,
        })
    }
}

/// Returns how many levels of containers an item is, which are few enough to
/// recurse.
fn height(item: &Item) -> usize {
    let members = match item {
        Item::Plain(value) => return value_height(value),
        Item::List(members) | Item::Tuple(members) => members.iter().map(height).max(),
        Item::Dictionary(entries) => entries.iter().map(|(_, item)| height(item)).max(),
        // The tuple and the dict of an object are levels of their own.
        Item::Object(object) => {
            let arguments = object.arguments.iter();
            let state = object.state.iter().map(|(_, item)| item);
            arguments.chain(state).map(|item| height(item) + 1).max()
        }
    };
    1 + members.unwrap_or_default()
}

fn value_height(value: &Value) -> usize {
    let members = match value {
        Value::List(members)
        | Value::Tuple(members)
        | Value::Set(members)
        | Value::FrozenSet(members) => members.iter().map(value_height).max(),
        Value::Dict(dict) => dict
            .iter()
            .flat_map(|(key, value)| [key, value])
            .map(value_height)
            .max(),
        _ => return 0,
    };
    1 + members.unwrap_or_default()
}

fn content(node: Node<'_, '_>) -> String {
    let texts = node.children().filter(|child| child.is_text());
    texts.filter_map(|child| child.text()).collect()
}

fn integer(node: Node<'_, '_>, expected: &'static str) -> Result<i128, UnmarshalError> {
    let text = content(node);
    match text.trim().parse() {
        Ok(number) => Ok(number),
        Err(_) => Err(UnmarshalError::Number { text, expected }),
    }
}

/// Undoes the marshaller's own escapes (`xml.sax.saxutils.unescape`), the
/// ampersand last.
fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    text.replace("&gt;", ">")
        .replace("&lt;", "<")
        .replace("&amp;", "&")
}
