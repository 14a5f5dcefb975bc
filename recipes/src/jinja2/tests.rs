//! Jinja2's tests.

use super::error::SyntaxProblem;
use super::filters;
use super::parser::Parsed;
use crate::python_value::arithmetic::{Operator, operate};
use crate::python_value::builtins::is_callable;
use crate::python_value::{
    Arguments, Comparison, Object, Raised, compare, contains, equals, is_identical, iterate,
    methods, to_str,
};
use buildout_core::value::str_repr;

/// What a test says of a value, with its arguments.
type Apply = fn(&Object, Arguments) -> Raised<bool>;

/// A test that a template names.
#[derive(Clone)]
pub(super) struct Test {
    pub(super) apply: Apply,
}

/// A test without arguments.
macro_rules! plain {
    ($name:literal, $test:expr) => {
        ($name, |value, arguments| {
            let [] = arguments.exactly($name)?;
            let test: fn(&Object) -> Raised<bool> = $test;
            test(value)
        })
    };
}

/// A test with one argument.
macro_rules! binary {
    ($name:literal, $test:expr) => {
        ($name, |value, arguments| {
            let [other] = arguments.exactly($name)?;
            let test: fn(&Object, &Object) -> Raised<bool> = $test;
            test(value, &other)
        })
    };
}

const TESTS: &[(&str, Apply)] = &[
    binary!("!=", |value, other| Ok(!equals(value, other)?)),
    binary!("<", |value, other| compare(Comparison::Less, value, other)),
    binary!("<=", |value, other| compare(
        Comparison::LessOrEqual,
        value,
        other
    )),
    binary!("==", equals),
    binary!(">", |value, other| compare(
        Comparison::Greater,
        value,
        other
    )),
    binary!(">=", |value, other| compare(
        Comparison::GreaterOrEqual,
        value,
        other
    )),
    plain!("boolean", |value| Ok(matches!(value, Object::Bool(_)))),
    plain!("callable", |value| Ok(is_callable(value))),
    plain!("defined", |value| Ok(!matches!(
        value,
        Object::Undefined(_)
    ))),
    ("divisibleby", |value, arguments| {
        let [number] = arguments.bind("test_divisibleby", ["num"], 1)?;
        remainder_is(value, &number.unwrap_or_default(), 0)
    }),
    binary!("eq", equals),
    binary!("equalto", equals),
    plain!("escaped", |value| Ok(matches!(value, Object::Markup(_)))),
    plain!("even", |value| remainder_is(value, &Object::Int(2), 0)),
    plain!("false", |value| Ok(matches!(value, Object::Bool(false)))),
    plain!("filter", |value| Ok(value
        .as_str()
        .is_some_and(|name| filters::find(name).is_some()))),
    plain!("float", |value| Ok(matches!(value, Object::Float(_)))),
    binary!("ge", |value, other| compare(
        Comparison::GreaterOrEqual,
        value,
        other
    )),
    binary!("greaterthan", |value, other| compare(
        Comparison::Greater,
        value,
        other
    )),
    binary!("gt", |value, other| compare(
        Comparison::Greater,
        value,
        other
    )),
    binary!("in", |value, other| contains(other, value)),
    plain!("integer", |value| Ok(matches!(value, Object::Int(_)))),
    plain!("iterable", |value| match iterate(value) {
        Ok(_) => Ok(true),
        Err(error) if error.class() == "TypeError" => Ok(false),
        Err(error) => Err(error),
    }),
    binary!("le", |value, other| compare(
        Comparison::LessOrEqual,
        value,
        other
    )),
    binary!("lessthan", |value, other| compare(
        Comparison::Less,
        value,
        other
    )),
    plain!("lower", |value| Ok(methods::is_cased(
        &to_str(value)?,
        char::is_lowercase
    ))),
    binary!("lt", |value, other| compare(Comparison::Less, value, other)),
    plain!("mapping", |value| Ok(matches!(value, Object::Dict(_)))),
    binary!("ne", |value, other| Ok(!equals(value, other)?)),
    plain!("none", |value| Ok(matches!(value, Object::None))),
    plain!("number", |value| Ok(value.as_float().is_some())),
    plain!("odd", |value| remainder_is(value, &Object::Int(2), 1)),
    binary!("sameas", |value, other| Ok(is_identical(value, other))),
    plain!("sequence", |value| Ok(match value {
        Object::Undefined(undefined) => undefined.is_lenient(),
        Object::Native(native) => native.is_subscriptable() && native.length()?.is_some(),
        Object::Set(_) | Object::FrozenSet(_) => false,
        value => value.length().is_ok(),
    })),
    plain!("string", |value| Ok(value.as_str().is_some())),
    plain!("test", |value| Ok(value
        .as_str()
        .is_some_and(|name| find(name).is_some()))),
    plain!("true", |value| Ok(matches!(value, Object::Bool(true)))),
    plain!("undefined", |value| Ok(matches!(
        value,
        Object::Undefined(_)
    ))),
    plain!("upper", |value| Ok(methods::is_cased(
        &to_str(value)?,
        char::is_uppercase
    ))),
];

fn remainder_is(value: &Object, divisor: &Object, wanted: i128) -> Raised<bool> {
    let remainder = operate(Operator::Remainder, value, divisor)?;
    equals(&remainder, &Object::Int(wanted))
}

impl Test {
    /// Finds the test of a name.
    pub(super) fn named(name: &str, line: u32) -> Parsed<Self> {
        match find(name) {
            Some(apply) => Ok(Test { apply }),
            None => Err(SyntaxProblem::assertion(
                line,
                format!("No test named {}.", str_repr(name)),
            )),
        }
    }
}

/// Finds what the test of a name says.
pub(super) fn find(name: &str) -> Option<Apply> {
    let at = TESTS
        .binary_search_by(|(known, _)| (*known).cmp(name))
        .ok()?;
    Some(TESTS[at].1)
}

#[cfg(test)]
mod tests_of_the_table {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(TESTS.is_sorted_by_key(|(name, _)| name));
    }
}
