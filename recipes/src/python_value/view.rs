//! What `keys`, `values` and `items` of a dict return.

use std::any::Any;
use std::rc::Rc;

use super::iterate::{changed, collect};
use super::iterator::FromFunction;
use super::{Dict, Iterate, Native, Object, Raised, Set, equality, equals, repr};

/// What a view shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Keys,
    Values,
    Items,
}

/// A view of a dict, which shows it as it is.
pub(crate) struct View {
    dict: Rc<Dict>,
    part: Part,
}

impl View {
    pub(crate) fn new(dict: &Rc<Dict>, part: Part) -> Self {
        View {
            dict: Rc::clone(dict),
            part,
        }
    }

    fn show(&self, (key, value): (Object, Object)) -> Object {
        match self.part {
            Part::Keys => key,
            Part::Values => value,
            Part::Items => Object::tuple(vec![key, value]),
        }
    }

    /// Yields what is shown, last entry first.
    pub(crate) fn reversed(&self) -> Vec<Object> {
        let entries = self.dict.to_vec().into_iter().rev();
        entries.map(|entry| self.show(entry)).collect()
    }

    /// Whether operators of sets apply.
    pub(crate) fn is_set(&self) -> bool {
        self.part != Part::Values
    }
}

impl Native for View {
    fn type_name(&self) -> &str {
        match self.part {
            Part::Keys => "dict_keys",
            Part::Values => "dict_values",
            Part::Items => "dict_items",
        }
    }

    fn repr(&self) -> Raised<String> {
        let entries = self.dict.to_vec().into_iter();
        let shown = Object::list(entries.map(|entry| self.show(entry)).collect());
        Ok(format!("{}({})", self.type_name(), repr(&shown)?))
    }

    fn is_truthy(&self) -> bool {
        !self.dict.is_empty()
    }

    fn length(&self) -> Raised<Option<usize>> {
        Ok(Some(self.dict.len()))
    }

    fn iterate(self: Rc<Self>) -> Raised<Option<Box<dyn Iterate>>> {
        let (mut index, length) = (0, self.dict.len());
        Ok(Some(Box::new(FromFunction(move || {
            if self.dict.len() != length {
                return Err(changed("dictionary"));
            }
            index += 1;
            Ok(self.dict.entry(index - 1).map(|entry| self.show(entry)))
        }))))
    }

    fn equals(&self, other: &Object) -> Raised<Option<bool>> {
        if !self.is_set() {
            return Ok(None);
        }
        let other = match other {
            Object::Set(_) | Object::FrozenSet(_) => collect(other)?,
            other => match other.downcast::<View>() {
                Some(view) if view.is_set() => collect(other)?,
                _ => return Ok(None),
            },
        };
        let shown = self.dict.to_vec().into_iter();
        let shown = Set::of(shown.map(|entry| self.show(entry)))?;
        let other = Set::of(other)?;
        Ok(Some(shown.len() == other.len() && shown.is_subset(&other)))
    }

    fn contains(&self, item: &Object) -> Raised<Option<bool>> {
        match (self.part, item) {
            (Part::Keys, key) => self.dict.contains(key).map(Some),
            (Part::Values, _) => Ok(None),
            (Part::Items, Object::Tuple(pair)) if pair.len() == 2 => {
                let found = self.dict.get(&pair[0])?;
                let same = |value: Object| -> Raised<bool> {
                    Ok(equality::is_identical(&value, &pair[1]) || equals(&value, &pair[1])?)
                };
                found.map_or(Ok(false), same).map(Some)
            }
            (Part::Items, _) => Ok(Some(false)),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
