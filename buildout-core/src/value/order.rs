//! Python's ordering of values.

use std::cmp::Ordering;

use super::Value;
use super::equality::is_subset;

/// Python's `<` and its kin refuse the two types with a `TypeError`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no order is defined between instances of '{left}' and '{right}'")]
pub struct IncomparableTypes {
    /// Python's name of the left operand's type.
    pub left: &'static str,
    /// Python's name of the right operand's type.
    pub right: &'static str,
}

/// Compares as Python's `<`, `<=`, `>` and `>=` do. The result is `None` where
/// all four are false: with a NaN, and for sets of which neither contains the
/// other.
///
/// # Errors
/// The types have no order, for instance a number and a text, or two dicts. As
/// in Python, sequences compare their first differing members only.
pub fn compare(left: &Value, right: &Value) -> Result<Option<Ordering>, IncomparableTypes> {
    let (mut left, mut right) = (left, right);
    // Descends into the first differing pair of members without recursion.
    loop {
        let (left_items, right_items) = match (left, right) {
            (Value::List(left), Value::List(right)) | (Value::Tuple(left), Value::Tuple(right)) => {
                (left, right)
            }
            (left, right) => return compare_others(left, right),
        };
        match left_items.iter().zip(right_items).find(|(a, b)| a != b) {
            Some((next_left, next_right)) => (left, right) = (next_left, next_right),
            None => return Ok(Some(left_items.len().cmp(&right_items.len()))),
        }
    }
}

fn compare_others(left: &Value, right: &Value) -> Result<Option<Ordering>, IncomparableTypes> {
    Ok(match (left, right) {
        (Value::Str(left), Value::Str(right)) => Some(left.cmp(right)),
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (
            Value::Set(left) | Value::FrozenSet(left),
            Value::Set(right) | Value::FrozenSet(right),
        ) => match left.len().cmp(&right.len()) {
            Ordering::Greater => is_subset(right, left).then_some(Ordering::Greater),
            order => is_subset(left, right).then_some(order),
        },
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (left, right) => match (left.as_int(), right.as_int(), left, right) {
            (Some(left), Some(right), ..) => Some(left.cmp(&right)),
            (Some(left), None, _, Value::Float(right)) => compare_int_float(left, *right),
            (None, Some(right), Value::Float(left), _) => {
                compare_int_float(right, *left).map(Ordering::reverse)
            }
            _ => {
                return Err(IncomparableTypes {
                    left: left.type_name(),
                    right: right.type_name(),
                });
            }
        },
    })
}

/// The least power of two above all our integers, 2 to the 127.
pub(super) const INTEGER_LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

/// Compares an integer with a float exactly, as Python does; converting the
/// integer would round it.
pub(super) fn compare_int_float(integer: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float >= INTEGER_LIMIT {
        return Some(Ordering::Less);
    }
    if float < -INTEGER_LIMIT {
        return Some(Ordering::Greater);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the float is within the range of i128"
    )]
    let truncated = float.trunc() as i128;
    match integer.cmp(&truncated) {
        Ordering::Equal => 0.0_f64.partial_cmp(&float.fract()),
        order => Some(order),
    }
}

/// Orders dict keys and set members for the `!py!` form, as the safe `repr` of
/// Python's `pprint` does: by value where the types have an order, else by the
/// name of the type. Python's own relation is not transitive for some mixtures
/// of numbers with `bytes` or `frozenset`; ours puts all numbers at the place
/// of `int` among the type names.
pub(super) fn compare_for_display(left: &Value, right: &Value) -> Ordering {
    // In the order of the texts `<class 'NoneType'>`, `<class 'bytes'>`, ...
    let rank = |value: &Value| match value {
        Value::None => 0,
        Value::Bytes(_) => 1,
        Value::Dict(_) => 2,
        Value::FrozenSet(_) => 3,
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => 4,
        Value::List(_) => 5,
        Value::Set(_) => 6,
        Value::Str(_) => 7,
        Value::Tuple(_) => 8,
    };
    let mut pending = vec![(left, right)];
    while let Some((left, right)) = pending.pop() {
        let order = match (left, right) {
            (Value::Tuple(left), Value::Tuple(right)) => {
                // A longer tuple follows its own beginning.
                if let Some(pair) = left.iter().zip(right).find(|(a, b)| a != b) {
                    pending.push(pair);
                    Ordering::Equal
                } else {
                    left.len().cmp(&right.len())
                }
            }
            (Value::Float(left), Value::Float(right)) => left
                .partial_cmp(right)
                .unwrap_or_else(|| left.is_nan().cmp(&right.is_nan())),
            // A NaN follows all other numbers.
            (Value::Float(float), Value::Bool(_) | Value::Int(_)) if float.is_nan() => {
                Ordering::Greater
            }
            (Value::Bool(_) | Value::Int(_), Value::Float(float)) if float.is_nan() => {
                Ordering::Less
            }
            (Value::FrozenSet(left), Value::FrozenSet(right)) => left.len().cmp(&right.len()),
            (left, right) => rank(left).cmp(&rank(right)).then_with(|| {
                compare(left, right)
                    .ok()
                    .flatten()
                    .unwrap_or(Ordering::Equal)
            }),
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::super::literal::parse;
    use super::*;

    #[test]
    fn order_follows_python() {
        use Ordering::{Equal, Greater, Less};
        for (left, right, order) in [
            ("1", "2", Some(Less)),
            ("1", "1.5", Some(Less)),
            ("-1", "-1.5", Some(Greater)),
            ("True", "1", Some(Equal)),
            ("9007199254740993", "9007199254740992.0", Some(Greater)),
            ("1", "1e300", Some(Less)),
            ("[3, 8]", "[3, 10]", Some(Less)),
            ("(3,)", "(3, 8)", Some(Less)),
            ("[[1], 2]", "[[0], 3]", Some(Greater)),
            ("'a'", "'B'", Some(Greater)),
            ("b'a'", "b'b'", Some(Less)),
            ("{1}", "{1, 2}", Some(Less)),
            ("{1}", "{2}", None),
        ] {
            let (left, right) = (parse(left).unwrap(), parse(right).unwrap());
            assert_eq!(compare(&left, &right), Ok(order), "{left} {right}");
        }
        for (left, right) in [
            ("1", "'1'"),
            ("None", "None"),
            ("[1]", "(1,)"),
            ("{}", "{}"),
        ] {
            let (left, right) = (parse(left).unwrap(), parse(right).unwrap());
            assert!(compare(&left, &right).is_err(), "{left} {right}");
        }
    }
}
