//! Filters that look at all items of something, and those of numbers.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::rc::Rc;

use super::attributes::{argument_error, follow, ignore_case, path};
use crate::python_value::builtins::{self, construct_int, reversed, round_to};
use crate::python_value::container::{Tuple, TupleType};
use crate::python_value::iterator::next_of;
use crate::python_value::methods::int_argument;
use crate::python_value::{
    Arguments, Exception, Iterate as _, Object, Raised, Undefined, collect, equals, iterate,
    less_than, sort, subscript, to_str,
};

fn undefined(message: &str) -> Object {
    Object::Undefined(Rc::new(Undefined::new(message)))
}

fn flag(argument: Option<Object>) -> Raised<bool> {
    argument.map_or(Ok(false), |argument| argument.is_truthy())
}

/// Calls the built-in function that a filter is.
fn builtin(name: &str, value: Object, arguments: Arguments) -> Raised<Object> {
    let mut arguments = arguments;
    arguments.positional.insert(0, value);
    match builtins::builtin(name) {
        Some(function) => function.call(arguments),
        None => Ok(Object::None),
    }
}

pub(super) fn abs(value: Object, arguments: Arguments) -> Raised<Object> {
    builtin("abs", value, arguments)
}

pub(super) fn length(value: Object, arguments: Arguments) -> Raised<Object> {
    builtin("len", value, arguments)
}

pub(super) fn default(value: Object, arguments: Arguments) -> Raised<Object> {
    let [default, for_false] = arguments.bind("do_default", ["default_value", "boolean"], 0)?;
    let is_replaced =
        matches!(value, Object::Undefined(_)) || (flag(for_false)? && !value.is_truthy()?);
    Ok(match is_replaced {
        true => default.unwrap_or_else(|| Object::from("")),
        false => value,
    })
}

pub(super) fn list(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_list")?;
    collect(&value).map(Object::list)
}

pub(super) fn first(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_first")?;
    let first = iterate(&value)?.next()?;
    Ok(first.unwrap_or_else(|| undefined("No first item, sequence was empty.")))
}

pub(super) fn last(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_last")?;
    let last = next_of(&reversed(&value)?)?;
    Ok(last.unwrap_or_else(|| undefined("No last item, sequence was empty.")))
}

pub(super) fn random(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_random")?;
    let length = value.length()?;
    if length == 0 {
        return Ok(undefined("No random item, sequence was empty."));
    }
    // The hashers of the standard library start at random.
    let random = RandomState::new().build_hasher().finish();
    let index = i128::from(random) % (length as i128);
    subscript::item(&value, &Object::Int(index))
}

pub(super) fn reverse(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_reverse")?;
    if let Some(text) = value.as_str() {
        return Ok(Object::from(text.chars().rev().collect::<String>()));
    }
    match reversed(&value) {
        Err(error) if error.class() == "TypeError" => {
            let items = collect(&value).map_err(|error| match error.class() {
                "TypeError" => argument_error("argument must be iterable"),
                _ => error,
            });
            let mut items = items?;
            items.reverse();
            Ok(Object::list(items))
        }
        result => result,
    }
}

pub(super) fn join(value: Object, arguments: Arguments) -> Raised<Object> {
    let [separator, attribute] = arguments.bind("do_join", ["d", "attribute"], 0)?;
    let separator = separator.map_or(Ok(String::new()), |separator| to_str(&separator))?;
    let way = attribute.filter(|attribute| !matches!(attribute, Object::None));
    let way = way.map(|attribute| path(&attribute));
    let mut text = String::new();
    let mut items = iterate(&value)?;
    let mut is_first = true;
    while let Some(item) = items.next()? {
        if !is_first {
            text.push_str(&separator);
        }
        is_first = false;
        let item = match &way {
            Some(way) => follow(&item, way, None)?,
            None => item,
        };
        match item.as_str() {
            Some(item) => text.push_str(item),
            None => text.push_str(&to_str(&item)?),
        }
    }
    Ok(Object::from(text))
}

pub(super) fn sum(value: Object, arguments: Arguments) -> Raised<Object> {
    let [attribute, start] = arguments.bind("do_sum", ["attribute", "start"], 0)?;
    let value = match attribute {
        None | Some(Object::None) => value,
        Some(attribute) => {
            let way = path(&attribute);
            let items = collect(&value)?.into_iter();
            let items: Raised<Vec<Object>> = items.map(|item| follow(&item, &way, None)).collect();
            Object::list(items?)
        }
    };
    builtins::sum(&value, start)
}

pub(super) fn dictsort(value: Object, arguments: Arguments) -> Raised<Object> {
    let [case_sensitive, by, is_reversed] =
        arguments.bind("do_dictsort", ["case_sensitive", "by", "reverse"], 0)?;
    let case_sensitive = flag(case_sensitive)?;
    let by_value = match by.as_ref().and_then(Object::as_str) {
        None | Some("key") => false,
        Some("value") => true,
        Some(_) => {
            return Err(argument_error(
                "You can only sort by either \"key\" or \"value\"",
            ));
        }
    };
    let items = match &value {
        Object::Dict(dict) => dict.to_vec(),
        Object::Undefined(undefined) => return Err(undefined.error()),
        other => return Err(Exception::attribute_error(other.type_name(), "items")),
    };
    let keyed = items.into_iter().map(|(key, value)| {
        let compared = if by_value { value.clone() } else { key.clone() };
        let compared = if case_sensitive {
            compared
        } else {
            ignore_case(compared)
        };
        (compared, Object::tuple(vec![key, value]))
    });
    sort(keyed.collect(), flag(is_reversed)?).map(Object::list)
}

pub(super) fn sorted(value: Object, arguments: Arguments) -> Raised<Object> {
    let [is_reversed, case_sensitive, attribute] =
        arguments.bind("do_sort", ["reverse", "case_sensitive", "attribute"], 0)?;
    let case_sensitive = flag(case_sensitive)?;
    let attribute = attribute.unwrap_or_default();
    let ways: Vec<_> = match attribute.as_str() {
        Some(attributes) => attributes
            .split(',')
            .map(|attribute| path(&attribute.into()))
            .collect(),
        None => vec![path(&attribute)],
    };
    let keyed: Raised<Vec<(Object, Object)>> = collect(&value)?
        .into_iter()
        .map(|item| {
            let mut keys = Vec::with_capacity(ways.len());
            for way in &ways {
                let key = follow(&item, way, None)?;
                keys.push(if case_sensitive {
                    key
                } else {
                    ignore_case(key)
                });
            }
            Ok((Object::list(keys), item))
        })
        .collect();
    sort(keyed?, flag(is_reversed)?).map(Object::list)
}

fn extreme(
    name: &str,
    value: &Object,
    arguments: Arguments,
    is_better: fn(&Object, &Object) -> Raised<bool>,
) -> Raised<Object> {
    let [case_sensitive, attribute] = arguments.bind(name, ["case_sensitive", "attribute"], 0)?;
    let case_sensitive = flag(case_sensitive)?;
    let way = path(&attribute.unwrap_or_default());
    let mut best: Option<(Object, Object)> = None;
    for item in collect(value)? {
        let key = follow(&item, &way, None)?;
        let key = if case_sensitive {
            key
        } else {
            ignore_case(key)
        };
        let replaces = match &best {
            None => true,
            Some((so_far, _)) => is_better(&key, so_far)?,
        };
        if replaces {
            best = Some((key, item));
        }
    }
    Ok(match best {
        Some((_, item)) => item,
        None => undefined("No aggregated item, sequence was empty."),
    })
}

pub(super) fn max(value: Object, arguments: Arguments) -> Raised<Object> {
    extreme("do_max", &value, arguments, |key, so_far| {
        less_than(so_far, key)
    })
}

pub(super) fn min(value: Object, arguments: Arguments) -> Raised<Object> {
    extreme("do_min", &value, arguments, less_than)
}

static GROUP: TupleType = TupleType {
    name: "",
    fields: &["grouper", "list"],
    attribute: |_, _| Ok(None),
};

pub(super) fn groupby(value: Object, arguments: Arguments) -> Raised<Object> {
    let [attribute, default, case_sensitive] =
        arguments.bind("do_groupby", ["attribute", "default", "case_sensitive"], 1)?;
    let case_sensitive = flag(case_sensitive)?;
    let way = path(&attribute.unwrap_or_default());
    let default = default.filter(|default| !matches!(default, Object::None));
    let key_of = |item: &Object| -> Raised<Object> {
        let key = follow(item, &way, default.as_ref())?;
        Ok(if case_sensitive {
            key
        } else {
            ignore_case(key)
        })
    };
    let keyed: Raised<Vec<(Object, Object)>> = collect(&value)?
        .into_iter()
        .map(|item| Ok((key_of(&item)?, item)))
        .collect();
    let mut groups: Vec<(Object, Vec<Object>)> = Vec::new();
    for item in sort(keyed?, false)? {
        let key = key_of(&item)?;
        match groups.last_mut() {
            Some((last, items)) if equals(last, &key)? => items.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    let groups: Raised<Vec<Object>> = groups
        .into_iter()
        .map(|(key, items)| {
            let shown = match items.first() {
                Some(first) if !case_sensitive => follow(first, &way, default.as_ref())?,
                _ => key,
            };
            let fields = vec![shown, Object::list(items)];
            Ok(Object::Tuple(Rc::new(Tuple::named(&GROUP, fields))))
        })
        .collect();
    groups.map(Object::list)
}

pub(super) fn int(value: Object, arguments: Arguments) -> Raised<Object> {
    let [default, base] = arguments.bind("do_int", ["default", "base"], 0)?;
    let default = default.unwrap_or(Object::Int(0));
    let mut constructed = Arguments::positional(vec![value.clone()]);
    if value.as_str().is_some() {
        constructed.positional.push(base.unwrap_or(Object::Int(10)));
    }
    let is_caught = |error: &Exception| matches!(error.class(), "TypeError" | "ValueError");
    match construct_int(constructed) {
        Err(error) if is_caught(&error) => {}
        result => return result,
    }
    let float = match builtin("float", value, Arguments::default()) {
        Ok(float) => float,
        Err(error) if is_caught(&error) => return Ok(default),
        Err(error) => return Err(error),
    };
    match construct_int(Arguments::positional(vec![float])) {
        Err(error) if is_caught(&error) || error.class() == "OverflowError" => Ok(default),
        result => result,
    }
}

pub(super) fn float(value: Object, arguments: Arguments) -> Raised<Object> {
    let [default] = arguments.bind("do_float", ["default"], 0)?;
    match builtin("float", value, Arguments::default()) {
        Err(error) if matches!(error.class(), "TypeError" | "ValueError") => {
            Ok(default.unwrap_or(Object::Float(0.0)))
        }
        result => result,
    }
}

pub(super) fn round(value: Object, arguments: Arguments) -> Raised<Object> {
    let [precision, method] = arguments.bind("do_round", ["precision", "method"], 0)?;
    let precision = precision.unwrap_or(Object::Int(0));
    let method = method.map_or(Ok("common".to_owned()), |method| to_str(&method))?;
    if method == "common" {
        return round_to(&value, Some(&precision));
    }
    let toward: fn(f64) -> f64 = match method.as_str() {
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        _ => return Err(argument_error("method must be common, ceil or floor")),
    };
    let precision = i32::try_from(int_argument(&precision)?).map_err(|_| Exception::overflow())?;
    let factor = 10_f64.powi(precision);
    match value.as_float() {
        Some(float) => Ok(Object::Float(toward(float * factor) / factor)),
        None => Err(Exception::type_error(format!(
            "must be real number, not {}",
            value.type_name()
        ))),
    }
}
