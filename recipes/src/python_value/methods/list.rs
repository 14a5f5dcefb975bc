//! The methods of `list` and `tuple`.

use std::rc::Rc;

use super::super::builtins::sorted_with;
use super::super::container::position;
use super::super::function::Method;
use super::super::iterator::IteratorObject;
use super::super::subscript::slice_positions;
use super::super::{Arguments, Exception, List, Object, Raised, collect, equals, is_identical};
use super::{int_argument, not_own, nothing, optional_int};

type Call = fn(&Rc<List>, Arguments) -> Raised<Object>;

/// Calls a method with the list that it belongs to.
fn with(object: &Object, arguments: Arguments, call: Call) -> Raised<Object> {
    match object {
        Object::List(list) => call(list, arguments),
        other => Err(not_own(other, "list")),
    }
}

const METHODS: &[Method] = &[
    method!("append", |list, arguments| {
        let [item] = arguments.exactly("append")?;
        list.push(item);
        Ok(Object::None)
    }),
    method!("extend", |list, arguments| {
        let [items] = arguments.exactly("extend")?;
        let items = collect(&items)?;
        list.change(|list| list.extend(items));
        Ok(Object::None)
    }),
    method!("pop", |list, arguments| {
        let [index] = arguments.bind("pop", ["/index"], 0)?;
        let index = optional_int(index)?.unwrap_or(-1);
        if list.is_empty() {
            return Err(Exception::index_error("pop from empty list"));
        }
        let popped = list.change(|list| {
            let at = position(index, list.len())?;
            Some(list.remove(at))
        });
        popped.ok_or_else(|| Exception::index_error("pop index out of range"))
    }),
    method!("insert", |list, arguments| {
        let [index, item] = arguments.exactly("insert")?;
        let index = int_argument(&index)?;
        list.change(|list| {
            let length = list.len() as i128;
            let at = if index < 0 {
                (index + length).max(0)
            } else {
                index.min(length)
            };
            list.insert(usize::try_from(at).unwrap_or_default(), item);
        });
        Ok(Object::None)
    }),
    method!("remove", |list, arguments| {
        let [item] = arguments.exactly("remove")?;
        let at = index_in(&list.to_vec(), &item)?
            .ok_or_else(|| Exception::value_error("list.remove(x): x not in list"))?;
        list.change(|list| (at < list.len()).then(|| list.remove(at)));
        Ok(Object::None)
    }),
    method!("clear", |list, arguments| {
        nothing(arguments, "clear")?;
        drop(list.change(std::mem::take));
        Ok(Object::None)
    }),
    method!("copy", |list, arguments| {
        nothing(arguments, "copy")?;
        Ok(Object::list(list.to_vec()))
    }),
    method!("reverse", |list, arguments| {
        nothing(arguments, "reverse")?;
        list.change(|list| list.reverse());
        Ok(Object::None)
    }),
    method!("sort", |list, arguments| {
        let sorted = sorted_with(list.to_vec(), arguments.keywords)?;
        list.change(|list| *list = sorted);
        Ok(Object::None)
    }),
    method!("__setitem__", |list, arguments| {
        let [index, item] = arguments.exactly("__setitem__")?;
        let index = int_argument(&index)?;
        let is_set = list.change(|list| match position(index, list.len()) {
            Some(at) => {
                list[at] = item;
                true
            }
            None => false,
        });
        match is_set {
            true => Ok(Object::None),
            false => Err(Exception::index_error("list assignment index out of range")),
        }
    }),
    method!("__delitem__", |list, arguments| {
        let [index] = arguments.exactly("__delitem__")?;
        let index = int_argument(&index)?;
        let removed = list.change(|list| {
            let at = position(index, list.len())?;
            Some(list.remove(at))
        });
        match removed {
            Some(_) => Ok(Object::None),
            None => Err(Exception::index_error("list assignment index out of range")),
        }
    }),
];

/// The methods that tuples have too.
const SEQUENCE: &[Method] = &[
    Method {
        name: "index",
        call: |object, arguments| {
            let [item, start, stop] = arguments.bind("index", ["/value", "/start", "/stop"], 1)?;
            let items = collect(object)?;
            let item = item.unwrap_or_default();
            for at in slice_positions([start, stop, None], items.len())? {
                if is_identical(&items[at], &item) || equals(&items[at], &item)? {
                    return Ok(Object::size(at));
                }
            }
            let what = match object {
                Object::List(_) => format!("{} is not in list", super::super::repr(&item)?),
                _ => "tuple.index(x): x not in tuple".to_owned(),
            };
            Err(Exception::value_error(what))
        },
    },
    Method {
        name: "count",
        call: |object, arguments| {
            let [item] = arguments.exactly("count")?;
            let mut count = 0;
            for other in collect(object)? {
                if is_identical(&other, &item) || equals(&other, &item)? {
                    count += 1;
                }
            }
            Ok(Object::size(count))
        },
    },
    Method {
        name: "__iter__",
        call: |object, _| IteratorObject::of(object),
    },
];

/// Finds a method of `list`.
pub(super) fn find(name: &str) -> Option<Method> {
    let all = METHODS.iter().chain(SEQUENCE);
    all.copied().find(|method| method.name == name)
}

/// Finds a method of `tuple`.
pub(super) fn find_of_tuple(name: &str) -> Option<Method> {
    SEQUENCE.iter().find(|method| method.name == name).copied()
}

fn index_in(items: &[Object], item: &Object) -> Raised<Option<usize>> {
    for (index, other) in items.iter().enumerate() {
        if is_identical(other, item) || equals(other, item)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}
