//! Functions of iterables.

use std::rc::Rc;

use super::super::arithmetic::{Operator, operate};
use super::super::function::function;
use super::super::iterate::Iter;
use super::super::iterator::{FromFunction, IteratorObject, next_of};
use super::super::methods::int_argument;
use super::super::range::Range;
use super::super::subscript::like;
use super::super::view::View;
use super::super::{
    Arguments, Exception, Iterate, Object, Raised, collect, iterate, less_than, sort,
};

/// Returns the function of a name.
pub(super) fn named(name: &str) -> Option<Object> {
    Some(match name {
        "all" => function("all", |arguments| {
            any_or_all(arguments, "all", false).map(|found| Object::Bool(!found))
        }),
        "any" => function("any", |arguments| {
            any_or_all(arguments, "any", true).map(Object::Bool)
        }),
        "enumerate" => function("enumerate", |arguments| {
            let [items, start] = arguments.bind("enumerate", ["iterable", "start"], 1)?;
            enumerate(&items.unwrap_or_default(), start)
        }),
        "filter" => function("filter", filter),
        "iter" => function("iter", |arguments| {
            let [object] = arguments.exactly("iter")?;
            IteratorObject::of(&object)
        }),
        "map" => function("map", map),
        "max" => function("max", |arguments| extreme(arguments, "max")),
        "min" => function("min", |arguments| extreme(arguments, "min")),
        "next" => function("next", |arguments| {
            let [iterator, default] = arguments.bind("next", ["/iterator", "/default"], 1)?;
            match next_of(&iterator.unwrap_or_default())?.or(default) {
                Some(item) => Ok(item),
                None => Err(Exception::stop_iteration()),
            }
        }),
        "range" => function("range", range),
        "reversed" => function("reversed", |arguments| {
            let [object] = arguments.exactly("reversed")?;
            reversed(&object)
        }),
        "sorted" => function("sorted", |mut arguments| {
            if arguments.positional.len() != 1 {
                return Err(Exception::type_error(format!(
                    "sorted expected 1 argument, got {}",
                    arguments.positional.len()
                )));
            }
            let items = collect(&arguments.positional.remove(0))?;
            sorted_with(items, arguments.keywords).map(Object::list)
        }),
        "sum" => function("sum", |arguments| {
            let [items, start] = arguments.bind("sum", ["/iterable", "start"], 1)?;
            sum(&items.unwrap_or_default(), start)
        }),
        "zip" => function("zip", |arguments| zip(&arguments.positional)),
        _ => return None,
    })
}

fn any_or_all(arguments: Arguments, name: &str, wanted: bool) -> Raised<bool> {
    let [items] = arguments.exactly(name)?;
    let mut items = iterate(&items)?;
    while let Some(item) = items.next()? {
        if item.is_truthy()? == wanted {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns `enumerate(items, start)`.
pub(crate) fn enumerate(items: &Object, start: Option<Object>) -> Raised<Object> {
    let mut index = match start {
        Some(start) => int_argument(&start)?,
        None => 0,
    };
    let mut items = iterate(items)?;
    Ok(Object::native(IteratorObject::new(
        "enumerate",
        FromFunction(move || {
            let item = items.next()?;
            index += 1;
            Ok(item.map(|item| Object::tuple(vec![Object::Int(index - 1), item])))
        }),
    )))
}

fn filter(arguments: Arguments) -> Raised<Object> {
    let [predicate, items] = arguments.exactly("filter")?;
    let mut items = iterate(&items)?;
    Ok(Object::native(IteratorObject::new(
        "filter",
        FromFunction(move || {
            while let Some(item) = items.next()? {
                let is_kept = match &predicate {
                    Object::None => item.is_truthy()?,
                    predicate => predicate.call1(item.clone())?.is_truthy()?,
                };
                if is_kept {
                    return Ok(Some(item));
                }
            }
            Ok(None)
        }),
    )))
}

/// Takes one object of each iterator, until one has ended.
fn advance_all(iterators: &mut [Iter]) -> Raised<Option<Vec<Object>>> {
    let mut items = Vec::with_capacity(iterators.len());
    for iterator in iterators {
        match iterator.next()? {
            Some(item) => items.push(item),
            None => return Ok(None),
        }
    }
    Ok(Some(items))
}

fn map(arguments: Arguments) -> Raised<Object> {
    let mut given = arguments.without_keywords("map")?;
    if given.len() < 2 {
        return Err(Exception::type_error(
            "map() must have at least two arguments.",
        ));
    }
    let callee = given.remove(0);
    let iterators: Raised<Vec<Iter>> = given.iter().map(iterate).collect();
    let mut iterators = iterators?;
    Ok(Object::native(IteratorObject::new(
        "map",
        FromFunction(move || match advance_all(&mut iterators)? {
            Some(items) => callee.call(Arguments::positional(items)).map(Some),
            None => Ok(None),
        }),
    )))
}

/// Returns `zip(*iterables)`.
pub(crate) fn zip(iterables: &[Object]) -> Raised<Object> {
    let iterators: Raised<Vec<Iter>> = iterables.iter().map(iterate).collect();
    let mut iterators = iterators?;
    Ok(Object::native(IteratorObject::new(
        "zip",
        FromFunction(move || {
            if iterators.is_empty() {
                return Ok(None);
            }
            Ok(advance_all(&mut iterators)?.map(Object::tuple))
        }),
    )))
}

fn range(arguments: Arguments) -> Raised<Object> {
    let bounds = arguments.without_keywords("range")?;
    let bounds: Raised<Vec<i128>> = bounds.iter().map(int_argument).collect();
    let range = match bounds?[..] {
        [stop] => Range::new(0, stop, 1)?,
        [start, stop] => Range::new(start, stop, 1)?,
        [start, stop, step] => Range::new(start, stop, step)?,
        ref other => {
            return Err(Exception::type_error(format!(
                "range expected 1 to 3 arguments, got {}",
                other.len()
            )));
        }
    };
    Ok(Object::native(range))
}

/// Returns `reversed(object)`.
pub(crate) fn reversed(object: &Object) -> Raised<Object> {
    let items = match object {
        Object::List(_)
        | Object::Tuple(_)
        | Object::Str(_)
        | Object::Markup(_)
        | Object::Bytes(_)
        | Object::Dict(_) => {
            let items = collect(object)?.into_iter().rev();
            items.map(|item| like(object, item)).collect()
        }
        other => {
            if let Some(range) = other.downcast::<Range>() {
                let mut items = iterate(&Object::native(range.reversed()))?;
                return Ok(Object::native(IteratorObject::new(
                    "range_iterator",
                    FromFunction(move || items.next()),
                )));
            }
            match other.downcast::<View>() {
                Some(view) => view.reversed(),
                None => {
                    if let Object::Undefined(undefined) = other {
                        return Err(undefined.error());
                    }
                    return Err(Exception::type_error(format!(
                        "'{}' object is not reversible",
                        other.type_name()
                    )));
                }
            }
        }
    };
    let type_name = if matches!(object, Object::List(_)) {
        "list_reverseiterator"
    } else {
        "reversed"
    };
    let mut items = items.into_iter();
    Ok(Object::native(IteratorObject::new(
        type_name,
        FromFunction(move || Ok(items.next())),
    )))
}

/// Sorts with the keyword arguments `key` and `reverse`.
pub(crate) fn sorted_with(
    items: Vec<Object>,
    keywords: Vec<(Rc<str>, Object)>,
) -> Raised<Vec<Object>> {
    let arguments = Arguments {
        positional: Vec::new(),
        keywords,
    };
    let [key, is_reversed] = arguments.bind("sort", ["key", "reverse"], 0)?;
    let is_reversed = is_reversed.map_or(Ok(false), |flag| flag.is_truthy())?;
    let keyed: Raised<Vec<(Object, Object)>> = items
        .into_iter()
        .map(|item| match &key {
            None | Some(Object::None) => Ok((item.clone(), item)),
            Some(key) => Ok((key.call1(item.clone())?, item)),
        })
        .collect();
    sort(keyed?, is_reversed)
}

/// Returns `sum(items, start)`.
pub(crate) fn sum(items: &Object, start: Option<Object>) -> Raised<Object> {
    let mut total = start.unwrap_or(Object::Int(0));
    if total.as_str().is_some() {
        return Err(Exception::type_error(
            "sum() can't sum strings [use ''.join(seq) instead]",
        ));
    }
    let mut items = iterate(items)?;
    while let Some(item) = items.next()? {
        total = operate(Operator::Add, &total, &item)?;
    }
    Ok(total)
}

fn extreme(arguments: Arguments, name: &'static str) -> Raised<Object> {
    let Arguments {
        positional,
        keywords,
    } = arguments;
    let (mut key, mut default) = (None, None);
    for (keyword, value) in keywords {
        match &*keyword {
            "key" => key = Some(value).filter(|key| !matches!(key, Object::None)),
            "default" => default = Some(value),
            other => {
                return Err(Exception::type_error(format!(
                    "{name}() got an unexpected keyword argument '{other}'"
                )));
            }
        }
    }
    let items = match &positional[..] {
        [] => {
            return Err(Exception::type_error(format!(
                "{name} expected at least 1 argument, got 0"
            )));
        }
        [items] => collect(items)?,
        _ => positional,
    };
    let mut best: Option<(Object, Object)> = None;
    for item in items {
        let compared = match &key {
            Some(key) => key.call1(item.clone())?,
            None => item.clone(),
        };
        let is_better = match &best {
            None => true,
            Some((so_far, _)) if name == "max" => less_than(so_far, &compared)?,
            Some((so_far, _)) => less_than(&compared, so_far)?,
        };
        if is_better {
            best = Some((compared, item));
        }
    }
    match best.map(|(_, item)| item).or(default) {
        Some(item) => Ok(item),
        None => Err(Exception::value_error(format!(
            "{name}() iterable argument is empty"
        ))),
    }
}
