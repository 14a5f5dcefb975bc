//! The attributes of an object that a master sent.

use buildout_core::value::{Dict, Value};

use crate::marshal::{Item, Object, UnmarshalError};

/// The attributes of an object. What is unknown is ignored, as upstream does.
pub(crate) struct State {
    entries: Vec<(Value, Item)>,
}

impl State {
    /// Takes the attributes of an object of a class.
    pub(crate) fn of(item: Item, class: &'static str) -> Result<Self, UnmarshalError> {
        match item {
            Item::Object(Object {
                class: found,
                state,
                ..
            }) if found == class => Ok(State { entries: state }),
            _ => Err(UnmarshalError::Unexpected { expected: class }),
        }
    }

    /// Takes an attribute; `None` if there is none, or it is `None`.
    pub(crate) fn take(&mut self, name: &str) -> Option<Item> {
        let position = self
            .entries
            .iter()
            .position(|(key, _)| key.as_str() == Some(name))?;
        match self.entries.swap_remove(position).1 {
            Item::Plain(Value::None) => None,
            item => Some(item),
        }
    }

    /// Takes a plain attribute as a text, which a number becomes as well.
    pub(crate) fn take_text(&mut self, name: &str) -> Result<Option<String>, UnmarshalError> {
        let value = self.take(name).map(Item::into_value).transpose()?;
        Ok(value.map(|value| value.to_string()))
    }

    /// Takes a text that must be there.
    pub(crate) fn require_text(&mut self, name: &'static str) -> Result<String, UnmarshalError> {
        self.take_text(name)?
            .ok_or(UnmarshalError::Unexpected { expected: name })
    }

    /// Takes a dict.
    pub(crate) fn take_dict(&mut self, name: &'static str) -> Result<Option<Dict>, UnmarshalError> {
        match self.take(name).map(Item::into_value).transpose()? {
            None => Ok(None),
            Some(Value::Dict(dict)) => Ok(Some(dict)),
            Some(_) => Err(UnmarshalError::Unexpected { expected: name }),
        }
    }

    /// Takes a list; none is an empty one.
    pub(crate) fn take_list(&mut self, name: &'static str) -> Result<Vec<Item>, UnmarshalError> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Item::Plain(Value::List(values))) => {
                Ok(values.into_iter().map(Item::Plain).collect())
            }
            Some(Item::List(items)) => Ok(items),
            Some(_) => Err(UnmarshalError::Unexpected { expected: name }),
        }
    }
}
