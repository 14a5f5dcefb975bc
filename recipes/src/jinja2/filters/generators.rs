//! Filters that return generators, which give each item when it is wanted.

use std::rc::Rc;

use super::super::tests;
use super::attributes::{Path, argument_error, follow, ignore_case, path};
use crate::python_value::iterate::Iter;
use crate::python_value::iterator::{FromFunction, IteratorObject};
use crate::python_value::methods::int_argument;
use crate::python_value::{
    Arguments, Exception, Iterate as _, Object, Raised, Set, collect, iterate, repr, to_str,
};

/// Iterates over a value when the generator is first used.
struct Lazy {
    value: Object,
    iterator: Option<Iter>,
}

impl Lazy {
    fn new(value: Object) -> Self {
        Lazy {
            value,
            iterator: None,
        }
    }

    fn next(&mut self) -> Raised<Option<Object>> {
        if let Some(iterator) = &mut self.iterator {
            return iterator.next();
        }
        let mut iterator = iterate(&self.value)?;
        let item = iterator.next();
        self.iterator = Some(iterator);
        item
    }
}

type Transform = Box<dyn Fn(&Object) -> Raised<Object>>;

fn prepare_map(arguments: Arguments) -> Raised<Transform> {
    let Arguments {
        mut positional,
        mut keywords,
    } = arguments;
    let mut take = |name: &str| {
        let at = keywords.iter().position(|(known, _)| **known == *name)?;
        Some(keywords.remove(at).1)
    };
    if positional.is_empty()
        && let Some(attribute) = take("attribute")
    {
        let default = take("default").filter(|default| !matches!(default, Object::None));
        if let Some((name, _)) = keywords.first() {
            let name = repr(&Object::Str(Rc::clone(name)))?;
            return Err(argument_error(format!(
                "Unexpected keyword argument {name}"
            )));
        }
        let way = path(&attribute);
        return Ok(Box::new(move |item| follow(item, &way, default.as_ref())));
    }
    if positional.is_empty() {
        return Err(argument_error("map requires a filter argument"));
    }
    let name = to_str(&positional.remove(0))?;
    let apply = super::find(&name).ok_or_else(|| {
        Exception::new(
            "jinja2.exceptions.TemplateRuntimeError",
            format!("No filter named {}.", buildout_core::value::str_repr(&name)),
        )
    })?;
    Ok(Box::new(move |item| {
        let arguments = Arguments {
            positional: positional.clone(),
            keywords: keywords.clone(),
        };
        apply(item.clone(), arguments)
    }))
}

pub(super) fn map(value: Object, arguments: Arguments) -> Raised<Object> {
    let mut items = Lazy::new(value);
    let mut arguments = Some(arguments);
    let mut transform: Option<Transform> = None;
    Ok(IteratorObject::generator(FromFunction(move || {
        if transform.is_none() {
            if !items.value.is_truthy()? {
                return Ok(None);
            }
            transform = Some(prepare_map(arguments.take().unwrap_or_default())?);
        }
        match (items.next()?, &transform) {
            (Some(item), Some(transform)) => transform(&item).map(Some),
            _ => Ok(None),
        }
    })))
}

type Predicate = Box<dyn Fn(&Object) -> Raised<bool>>;

fn prepare_selection(arguments: Arguments, by_attribute: bool) -> Raised<Predicate> {
    let Arguments {
        mut positional,
        keywords,
    } = arguments;
    let way: Option<Path> = match by_attribute {
        true if positional.is_empty() => {
            return Err(argument_error("Missing parameter for attribute name"));
        }
        true => Some(path(&positional.remove(0))),
        false => None,
    };
    let test = match positional.is_empty() {
        true => None,
        false => {
            let name = to_str(&positional.remove(0))?;
            Some(tests::find(&name).ok_or_else(|| {
                Exception::new(
                    "jinja2.exceptions.TemplateRuntimeError",
                    format!("No test named {}.", buildout_core::value::str_repr(&name)),
                )
            })?)
        }
    };
    Ok(Box::new(move |item| {
        let followed;
        let item = match &way {
            Some(way) => {
                followed = follow(item, way, None)?;
                &followed
            }
            None => item,
        };
        match test {
            Some(test) => {
                let arguments = Arguments {
                    positional: positional.clone(),
                    keywords: keywords.clone(),
                };
                test(item, arguments)
            }
            None => item.is_truthy(),
        }
    }))
}

fn selection(value: Object, arguments: Arguments, wanted: bool, by_attribute: bool) -> Object {
    let mut items = Lazy::new(value);
    let mut arguments = Some(arguments);
    let mut predicate: Option<Predicate> = None;
    IteratorObject::generator(FromFunction(move || {
        if predicate.is_none() {
            if !items.value.is_truthy()? {
                return Ok(None);
            }
            let arguments = arguments.take().unwrap_or_default();
            predicate = Some(prepare_selection(arguments, by_attribute)?);
        }
        while let (Some(item), Some(predicate)) = (items.next()?, &predicate) {
            if predicate(&item)? == wanted {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }))
}

pub(super) fn select(value: Object, arguments: Arguments) -> Raised<Object> {
    Ok(selection(value, arguments, true, false))
}

pub(super) fn reject(value: Object, arguments: Arguments) -> Raised<Object> {
    Ok(selection(value, arguments, false, false))
}

pub(super) fn selectattr(value: Object, arguments: Arguments) -> Raised<Object> {
    Ok(selection(value, arguments, true, true))
}

pub(super) fn rejectattr(value: Object, arguments: Arguments) -> Raised<Object> {
    Ok(selection(value, arguments, false, true))
}

pub(super) fn unique(value: Object, arguments: Arguments) -> Raised<Object> {
    let [case_sensitive, attribute] =
        arguments.bind("do_unique", ["case_sensitive", "attribute"], 0)?;
    let case_sensitive = case_sensitive.map_or(Ok(false), |flag| flag.is_truthy())?;
    let way = path(&attribute.unwrap_or_default());
    let mut items = Lazy::new(value);
    let seen = Set::new();
    Ok(IteratorObject::generator(FromFunction(move || {
        while let Some(item) = items.next()? {
            let key = follow(&item, &way, None)?;
            let key = if case_sensitive {
                key
            } else {
                ignore_case(key)
            };
            if seen.insert(key)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    })))
}

pub(super) fn items(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_items")?;
    let mut entries: Option<std::vec::IntoIter<(Object, Object)>> = None;
    Ok(IteratorObject::generator(FromFunction(move || {
        let entries = match &mut entries {
            Some(entries) => entries,
            None => entries.insert(match &value {
                Object::Undefined(_) => Vec::new().into_iter(),
                Object::Dict(dict) => dict.to_vec().into_iter(),
                _ => {
                    return Err(Exception::type_error(
                        "Can only get item pairs from a mapping.",
                    ));
                }
            }),
        };
        let entry = entries.next();
        Ok(entry.map(|(key, value)| Object::tuple(vec![key, value])))
    })))
}

pub(super) fn batch(value: Object, arguments: Arguments) -> Raised<Object> {
    let [count, fill] = arguments.bind("do_batch", ["linecount", "fill_with"], 1)?;
    let count = usize::try_from(int_argument(&count.unwrap_or_default())?).unwrap_or(0);
    let fill = fill.filter(|fill| !matches!(fill, Object::None));
    let mut items = Lazy::new(value);
    let mut next: Option<Object> = None;
    let mut is_ended = false;
    Ok(IteratorObject::generator(FromFunction(move || {
        if is_ended {
            return Ok(None);
        }
        let mut batch: Vec<Object> = next.take().into_iter().collect();
        while let Some(item) = items.next()? {
            if batch.len() == count {
                next = Some(item);
                return Ok(Some(Object::list(batch)));
            }
            batch.push(item);
        }
        is_ended = true;
        if batch.is_empty() {
            return Ok(None);
        }
        if let Some(fill) = &fill
            && batch.len() < count
        {
            batch.resize(count, fill.clone());
        }
        Ok(Some(Object::list(batch)))
    })))
}

pub(super) fn slice(value: Object, arguments: Arguments) -> Raised<Object> {
    let [slices, fill] = arguments.bind("do_slice", ["slices", "fill_with"], 1)?;
    let slices = int_argument(&slices.unwrap_or_default())?;
    let slices = usize::try_from(slices)
        .ok()
        .filter(|slices| *slices > 0)
        .ok_or_else(|| Exception::new("ZeroDivisionError", "integer division or modulo by zero"))?;
    let fill = fill.filter(|fill| !matches!(fill, Object::None));
    let mut all: Option<Vec<Object>> = None;
    let mut number = 0;
    Ok(IteratorObject::generator(FromFunction(move || {
        let items = match &all {
            Some(items) => items,
            None => all.insert(collect(&value)?),
        };
        if number == slices {
            return Ok(None);
        }
        let (size, extra) = (items.len() / slices, items.len() % slices);
        let start = number * size + number.min(extra);
        let end = start + size + usize::from(number < extra);
        let mut slice = items[start..end].to_vec();
        if number >= extra {
            slice.extend(fill.clone());
        }
        number += 1;
        Ok(Some(Object::list(slice)))
    })))
}
