//! Values become documents.

use std::cmp::Ordering;
use std::fmt::Write as _;

use buildout_core::value::{MAXIMUM_DEPTH, Value, compare, float_repr};

use super::error::MarshalError;
use super::item::{CLASSES, Item, MODULE, Object};

/// Numbers from here on are `long`: what a double is 1e24.
const LONG: i128 = 999_999_999_999_999_983_222_784;

/// Writes `item` as a document.
pub(super) fn document(item: &Item) -> Result<String, MarshalError> {
    let mut writer = Writer {
        text: String::from("<marshal>"),
        // Upstream counts up before it gives a number.
        last_id: 1,
        depth: 0,
    };
    writer.item(item)?;
    writer.text.push_str("</marshal>");
    Ok(writer.text)
}

struct Writer {
    text: String,
    last_id: u64,
    depth: usize,
}

impl Writer {
    fn item(&mut self, item: &Item) -> Result<(), MarshalError> {
        match item {
            Item::Plain(value) => self.value(value),
            Item::List(members) => self.container("list", true, members.is_empty(), |writer| {
                members.iter().try_for_each(|member| writer.item(member))
            }),
            Item::Tuple(members) => self.container("tuple", false, members.is_empty(), |writer| {
                members.iter().try_for_each(|member| writer.item(member))
            }),
            Item::Dictionary(entries) => self.entries(entries),
            Item::Object(object) => self.object(object),
        }
    }

    fn object(&mut self, object: &Object) -> Result<(), MarshalError> {
        let class = &object.class;
        if !CLASSES.contains(&class.as_str()) {
            return Err(MarshalError::Refused {
                module: MODULE.to_owned(),
                class: class.clone(),
            });
        }
        self.enter()?;
        self.last_id += 1;
        // Writing to a string cannot fail.
        let _ = write!(
            self.text,
            "<object id=\"i{}\" module=\"{MODULE}\" class=\"{class}\">",
            self.last_id
        );
        let arguments = &object.arguments;
        self.container("tuple", false, arguments.is_empty(), |writer| {
            arguments.iter().try_for_each(|member| writer.item(member))
        })?;
        self.entries(&object.state)?;
        self.text.push_str("</object>");
        self.depth -= 1;
        Ok(())
    }

    fn entries(&mut self, entries: &[(Value, Item)]) -> Result<(), MarshalError> {
        let mut sorted: Vec<_> = entries.iter().map(|(key, item)| (key, item)).collect();
        sort_by_key(&mut sorted);
        self.container("dictionary", true, sorted.is_empty(), |writer| {
            sorted.iter().try_for_each(|(key, item)| {
                writer.value(key)?;
                writer.item(item)
            })
        })
    }

    fn value(&mut self, value: &Value) -> Result<(), MarshalError> {
        match value {
            Value::None => self.text.push_str("<none/>"),
            Value::Bool(value) => self.leaf("bool", if *value { "1" } else { "0" }),
            Value::Int(value) => {
                let name = if value.unsigned_abs() < LONG.unsigned_abs() {
                    "int"
                } else {
                    "long"
                };
                self.leaf(name, &value.to_string());
            }
            Value::Float(value) => self.leaf("float", &float_repr(*value)),
            Value::Str(text) => self.string(text)?,
            Value::Bytes(bytes) => {
                let text = std::str::from_utf8(bytes).map_err(|_| MarshalError::NotText)?;
                self.string(text)?;
            }
            Value::List(members) => {
                self.container("list", true, members.is_empty(), |writer| {
                    members.iter().try_for_each(|member| writer.value(member))
                })?;
            }
            Value::Tuple(members) => {
                self.container("tuple", false, members.is_empty(), |writer| {
                    members.iter().try_for_each(|member| writer.value(member))
                })?;
            }
            Value::Set(members) => {
                self.container("set", true, members.is_empty(), |writer| {
                    members.iter().try_for_each(|member| writer.value(member))
                })?;
            }
            Value::Dict(dict) => {
                let mut sorted: Vec<_> = dict.iter().collect();
                sort_by_key(&mut sorted);
                self.container("dictionary", true, sorted.is_empty(), |writer| {
                    sorted.iter().try_for_each(|(key, value)| {
                        writer.value(key)?;
                        writer.value(value)
                    })
                })?;
            }
            Value::FrozenSet(_) => {
                return Err(MarshalError::Refused {
                    module: "builtins".to_owned(),
                    class: "frozenset".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Writes a container, closed at once if it is empty.
    fn container(
        &mut self,
        name: &str,
        has_id: bool,
        is_empty: bool,
        members: impl FnOnce(&mut Self) -> Result<(), MarshalError>,
    ) -> Result<(), MarshalError> {
        self.enter()?;
        self.text.push('<');
        self.text.push_str(name);
        if has_id {
            self.last_id += 1;
            let _ = write!(self.text, " id=\"i{}\"", self.last_id);
        }
        if is_empty {
            self.text.push_str("/>");
        } else {
            self.text.push('>');
            members(self)?;
            let _ = write!(self.text, "</{name}>");
        }
        self.depth -= 1;
        Ok(())
    }

    fn enter(&mut self) -> Result<(), MarshalError> {
        if self.depth >= MAXIMUM_DEPTH {
            return Err(MarshalError::TooDeep);
        }
        self.depth += 1;
        Ok(())
    }

    fn leaf(&mut self, name: &str, content: &str) {
        let _ = write!(self.text, "<{name}>{content}</{name}>");
    }

    /// Escapes once as the marshaller does and once more as XML does, in
    /// ASCII.
    fn string(&mut self, text: &str) -> Result<(), MarshalError> {
        self.text.push_str("<string>");
        for character in text.chars() {
            match character {
                '&' => self.text.push_str("&amp;amp;"),
                '<' => self.text.push_str("&amp;lt;"),
                '>' => self.text.push_str("&amp;gt;"),
                // A reader would take it for the end of a line.
                '\r' => self.text.push_str("&#13;"),
                '\t' | '\n' | ' '..='\x7f' => self.text.push(character),
                '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => {
                    return Err(MarshalError::ControlCharacter);
                }
                other => {
                    let _ = write!(self.text, "&#{};", u32::from(other));
                }
            }
        }
        self.text.push_str("</string>");
        Ok(())
    }
}

/// Sorts by value, or by `repr` if there are keys without an order. Upstream
/// decides so for each pair, which is no order for some mixtures.
fn sort_by_key<T>(entries: &mut [(&Value, T)]) {
    let is_ordered = entries
        .iter()
        .all(|(key, _)| matches!(compare(entries[0].0, key), Ok(Some(_))));
    let is_scalar = entries
        .iter()
        .all(|(key, _)| !matches!(key, Value::Tuple(_) | Value::FrozenSet(_)));
    if is_ordered && is_scalar {
        entries.sort_by(|(left, _), (right, _)| match compare(left, right) {
            Ok(Some(order)) => order,
            // All are of one kind, and none is NaN.
            _ => Ordering::Equal,
        });
    } else {
        entries.sort_by_cached_key(|(key, _)| key.repr());
    }
}
