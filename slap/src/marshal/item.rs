//! A value of a document.

use buildout_core::value::{Dict, Value};

use super::error::UnmarshalError;

/// A value that may hold objects. What holds none is always [`Item::Plain`].
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A value without objects.
    Plain(Value),
    /// A list with an object somewhere in it.
    List(Vec<Item>),
    /// A tuple with an object somewhere in it.
    Tuple(Vec<Item>),
    /// A dict with an object somewhere in its values, in the order of the
    /// document.
    Dictionary(Vec<(Value, Item)>),
    /// An object.
    Object(Object),
}

/// An object of `slapos.slap.slap`, as it travels.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The class: `Computer`, `ComputerPartition`, `SoftwareRelease` or
    /// `SoftwareInstance`.
    pub class: String,
    /// The arguments its constructor gets first.
    pub arguments: Vec<Item>,
    /// Its attributes.
    pub state: Vec<(Value, Item)>,
}

/// The module of all classes that travel.
pub(super) const MODULE: &str = "slapos.slap.slap";

/// The classes that travel.
pub(super) const CLASSES: [&str; 4] = [
    "Computer",
    "ComputerPartition",
    "SoftwareRelease",
    "SoftwareInstance",
];

impl Item {
    /// Returns the plain value.
    ///
    /// # Errors
    ///
    /// There is an object in it.
    pub fn into_value(self) -> Result<Value, UnmarshalError> {
        match self {
            Item::Plain(value) => Ok(value),
            other => Err(UnmarshalError::UnexpectedObject {
                class: other.first_class().unwrap_or_default().to_owned(),
            }),
        }
    }

    /// Makes a list, plain if its members are.
    pub fn list(members: Vec<Item>) -> Self {
        match all_plain(members) {
            Ok(values) => Item::Plain(Value::List(values)),
            Err(members) => Item::List(members),
        }
    }

    /// Makes a tuple, plain if its members are.
    pub fn tuple(members: Vec<Item>) -> Self {
        match all_plain(members) {
            Ok(values) => Item::Plain(Value::Tuple(values)),
            Err(members) => Item::Tuple(members),
        }
    }

    /// Makes a dict, plain if its values are. Of equal keys the last wins.
    ///
    /// # Errors
    ///
    /// A key is unhashable.
    pub fn dictionary(entries: Vec<(Value, Item)>) -> Result<Self, UnmarshalError> {
        if entries
            .iter()
            .any(|(_, item)| !matches!(item, Item::Plain(_)))
        {
            return Ok(Item::Dictionary(entries));
        }
        let mut dict = Dict::new();
        for (key, item) in entries {
            dict.insert(key, item.into_value()?)?;
        }
        Ok(Item::Plain(Value::Dict(dict)))
    }

    /// Returns the class of the first object in it.
    fn first_class(&self) -> Option<&str> {
        match self {
            Item::Plain(_) => None,
            Item::Object(object) => Some(&object.class),
            Item::List(members) | Item::Tuple(members) => {
                members.iter().find_map(Item::first_class)
            }
            Item::Dictionary(entries) => entries.iter().find_map(|(_, item)| item.first_class()),
        }
    }
}

impl From<Value> for Item {
    fn from(value: Value) -> Self {
        Item::Plain(value)
    }
}

/// Takes the values out if all are plain.
fn all_plain(members: Vec<Item>) -> Result<Vec<Value>, Vec<Item>> {
    if members.iter().all(|item| matches!(item, Item::Plain(_))) {
        let values = members.into_iter().filter_map(|item| match item {
            Item::Plain(value) => Some(value),
            _ => None,
        });
        Ok(values.collect())
    } else {
        Err(members)
    }
}
