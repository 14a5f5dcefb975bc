//! Items and slices.

use super::container::position;
use super::range::Range;
use super::{Exception, Object, Raised, repr};

/// Returns `object[key]`.
pub(crate) fn item(object: &Object, key: &Object) -> Raised<Object> {
    let index = |what: &str, length: usize| -> Raised<usize> {
        let index = index_of(key, what)?;
        position(index, length)
            .ok_or_else(|| Exception::index_error(format!("{what} index out of range")))
    };
    match object {
        Object::Dict(dict) => match dict.get(key)? {
            Some(value) => Ok(value),
            None => Err(Exception::key_error(&repr(key)?)),
        },
        Object::List(list) => {
            let at = index("list", list.len())?;
            Ok(list.get(at).unwrap_or_default())
        }
        Object::Tuple(tuple) => Ok(tuple[index("tuple", tuple.len())?].clone()),
        Object::Str(text) | Object::Markup(text) => {
            let wanted = index_of(key, "string")?;
            let found = match text.is_ascii() {
                true => position(wanted, text.len()).map(|at| Object::from(&text[at..=at])),
                false => position(wanted, text.chars().count())
                    .and_then(|at| text.chars().nth(at))
                    .map(|character| Object::from(character.to_string())),
            };
            let found = found.ok_or_else(|| Exception::index_error("string index out of range"))?;
            Ok(like(object, found))
        }
        Object::Bytes(bytes) => Ok(Object::Int(bytes[index("byte", bytes.len())?].into())),
        Object::Undefined(undefined) => Err(undefined.error()),
        Object::Native(native) => native.item(key),
        other => Err(Exception::type_error(format!(
            "'{}' object is not subscriptable",
            other.type_name()
        ))),
    }
}

fn index_of(key: &Object, what: &str) -> Raised<i128> {
    key.as_int().ok_or_else(|| {
        Exception::type_error(match what {
            "string" => format!("string indices must be integers, not '{}'", key.type_name()),
            what => format!(
                "{what} indices must be integers or slices, not {}",
                key.type_name()
            ),
        })
    })
}

/// Makes a text of the same type as another one.
pub(crate) fn like(original: &Object, text: Object) -> Object {
    match (original, text) {
        (Object::Markup(_), Object::Str(text)) => Object::Markup(text),
        (_, text) => text,
    }
}

/// The bounds of a slice, as positions: `stop` is -1 before the first one.
pub(crate) struct Bounds {
    pub(crate) start: i128,
    pub(crate) stop: i128,
    pub(crate) step: i128,
}

/// Computes the bounds of `[start:stop:step]` in a sequence.
pub(crate) fn slice_bounds(bounds: [Option<Object>; 3], length: usize) -> Raised<Bounds> {
    let [start, stop, step] = bounds;
    let number = |bound: Option<Object>| -> Raised<Option<i128>> {
        match bound {
            None | Some(Object::None) => Ok(None),
            Some(bound) => bound.as_int().map(Some).ok_or_else(|| {
                Exception::type_error(
                    "slice indices must be integers or None or have an __index__ method",
                )
            }),
        }
    };
    let length = length as i128;
    let step = number(step)?.unwrap_or(1);
    if step == 0 {
        return Err(Exception::value_error("slice step cannot be zero"));
    }
    let (lowest, highest) = if step > 0 {
        (0, length)
    } else {
        (-1, length - 1)
    };
    let clamp = |bound: i128| {
        let bound = if bound < 0 {
            bound.saturating_add(length)
        } else {
            bound
        };
        bound.clamp(lowest, highest)
    };
    let (first, last) = if step > 0 {
        (lowest, highest)
    } else {
        (highest, lowest)
    };
    Ok(Bounds {
        start: number(start)?.map_or(first, clamp),
        stop: number(stop)?.map_or(last, clamp),
        step,
    })
}

/// Lists the positions of a slice.
pub(crate) fn slice_positions(bounds: [Option<Object>; 3], length: usize) -> Raised<Vec<usize>> {
    let Bounds { start, stop, step } = slice_bounds(bounds, length)?;
    let mut positions = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        // The bounds are within the length.
        positions.push(usize::try_from(at).unwrap_or_default());
        at = at.saturating_add(step);
    }
    Ok(positions)
}

/// Returns `object[start:stop:step]`.
pub(crate) fn slice(object: &Object, bounds: [Option<Object>; 3]) -> Raised<Object> {
    let pick = |items: &[Object]| -> Raised<Vec<Object>> {
        let positions = slice_positions(bounds.clone(), items.len())?;
        Ok(positions.into_iter().map(|at| items[at].clone()).collect())
    };
    match object {
        Object::List(list) => Ok(Object::list(pick(&list.to_vec())?)),
        Object::Tuple(tuple) => Ok(Object::tuple(pick(tuple)?)),
        Object::Str(text) | Object::Markup(text) => {
            let characters: Vec<char> = text.chars().collect();
            let positions = slice_positions(bounds, characters.len())?;
            let text: String = positions.into_iter().map(|at| characters[at]).collect();
            Ok(like(object, Object::from(text)))
        }
        Object::Bytes(bytes) => {
            let positions = slice_positions(bounds, bytes.len())?;
            let bytes: Vec<u8> = positions.into_iter().map(|at| bytes[at]).collect();
            Ok(Object::bytes(bytes))
        }
        Object::Undefined(undefined) => Err(undefined.error()),
        Object::Dict(_) => Err(Exception::type_error("unhashable type: 'slice'")),
        other => {
            if let Some(range) = other.downcast::<Range>() {
                return range.slice(bounds);
            }
            Err(Exception::type_error(format!(
                "'{}' object is not subscriptable",
                other.type_name()
            )))
        }
    }
}
