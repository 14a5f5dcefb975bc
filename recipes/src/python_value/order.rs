//! Ordering and sorting.

use std::cmp::Ordering;

use super::{DEPTH_LIMIT, Exception, Object, Raised, equals, is_identical};

/// A comparison that needs an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn symbol(self) -> &'static str {
        match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    fn accepts(self, order: Ordering) -> bool {
        match self {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Returns `left < right`, or what `comparison` says instead.
pub(crate) fn compare(comparison: Comparison, left: &Object, right: &Object) -> Raised<bool> {
    let order = order_of(comparison, left, right, 0)?;
    Ok(order.is_some_and(|order| comparison.accepts(order)))
}

/// Returns `left < right`.
pub(crate) fn less_than(left: &Object, right: &Object) -> Raised<bool> {
    compare(Comparison::Less, left, right)
}

fn order_of(
    comparison: Comparison,
    left: &Object,
    right: &Object,
    depth: usize,
) -> Raised<Option<Ordering>> {
    if depth > DEPTH_LIMIT {
        return Err(Exception::recursion());
    }
    let items = |left: &[Object], right: &[Object]| -> Raised<Option<Ordering>> {
        for (left, right) in left.iter().zip(right) {
            if !is_identical(left, right) && !equals(left, right)? {
                return order_of(comparison, left, right, depth + 1);
            }
        }
        Ok(Some(left.len().cmp(&right.len())))
    };
    Ok(match (left, right) {
        (Object::Undefined(undefined), _) | (_, Object::Undefined(undefined)) => {
            return Err(undefined.error());
        }
        (Object::List(left), Object::List(right)) => items(&left.to_vec(), &right.to_vec())?,
        (Object::Tuple(left), Object::Tuple(right)) => items(left, right)?,
        (Object::Bytes(left), Object::Bytes(right)) => Some(left.cmp(right)),
        (
            Object::Set(left) | Object::FrozenSet(left),
            Object::Set(right) | Object::FrozenSet(right),
        ) => match left.len().cmp(&right.len()) {
            Ordering::Greater => right.is_subset(left).then_some(Ordering::Greater),
            order => left.is_subset(right).then_some(order),
        },
        (Object::Float(left), Object::Float(right)) => left.partial_cmp(right),
        (left, right) => {
            if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
                return Ok(Some(left.cmp(right)));
            }
            match (left.as_int(), right.as_int(), left, right) {
                (Some(left), Some(right), ..) => Some(left.cmp(&right)),
                (Some(left), None, _, Object::Float(right)) => compare_int_float(left, *right),
                (None, Some(right), Object::Float(left), _) => {
                    compare_int_float(right, *left).map(Ordering::reverse)
                }
                _ => {
                    return Err(Exception::type_error(format!(
                        "'{}' not supported between instances of '{}' and '{}'",
                        comparison.symbol(),
                        left.type_name(),
                        right.type_name()
                    )));
                }
            }
        }
    })
}

/// Compares an integer with a float exactly.
pub(super) fn compare_int_float(integer: i128, float: f64) -> Option<Ordering> {
    const LIMIT: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() {
        return None;
    }
    if float >= LIMIT {
        return Some(Ordering::Less);
    }
    if float < -LIMIT {
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

/// Sorts as `sorted` does, stably: a pair has the object to compare and what
/// is sorted by it.
pub(crate) fn sort<T>(mut items: Vec<(Object, T)>, is_reversed: bool) -> Raised<Vec<T>> {
    // Python keeps the order of equal items also in reverse.
    if is_reversed {
        items.reverse();
    }
    let mut items = sort_by(items, &mut |(left, _), (right, _)| less_than(left, right))?;
    if is_reversed {
        items.reverse();
    }
    Ok(items.into_iter().map(|(_, item)| item).collect())
}

/// How many items are sorted by moving each to its place.
const INSERTION_LIMIT: usize = 16;

/// Sorts stably by an order that may fail, or be none: the order of NaN and of
/// many sets makes no sense, which the sort of the standard library takes for
/// a mistake.
pub(super) fn sort_by<T>(
    mut items: Vec<T>,
    is_less: &mut impl FnMut(&T, &T) -> Raised<bool>,
) -> Raised<Vec<T>> {
    // As in Python, the second item is the first to be compared.
    if items.len() <= INSERTION_LIMIT {
        for end in 1..items.len() {
            let mut at = end;
            while at > 0 && is_less(&items[at], &items[at - 1])? {
                items.swap(at, at - 1);
                at -= 1;
            }
        }
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let mut left = sort_by(items, is_less)?.into_iter().peekable();
    let mut right = sort_by(right, is_less)?.into_iter().peekable();
    let mut merged = Vec::with_capacity(left.len() + right.len());
    while let (Some(first), Some(second)) = (left.peek(), right.peek()) {
        merged.extend(match is_less(second, first)? {
            true => right.next(),
            false => left.next(),
        });
    }
    merged.extend(left);
    merged.extend(right);
    Ok(merged)
}
