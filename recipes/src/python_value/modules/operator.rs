//! `operator`.

use super::super::arithmetic::{Operator, operate};
use super::super::function::closure;
use super::super::{
    Arguments, Comparison, Exception, Object, Raised, compare, contains, equals, subscript, to_str,
};
use super::{Member, Module};

/// An operator as a function.
macro_rules! function {
    ($name:literal, $apply:expr) => {
        (
            $name,
            Member::Function(|arguments| {
                let [left, right] = arguments.exactly($name)?;
                let apply: fn(&Object, &Object) -> Raised<Object> = $apply;
                apply(&left, &right)
            }),
        )
    };
}

pub(super) static OPERATOR: Module = Module {
    name: "operator",
    members: &[
        function!("add", |left, right| operate(Operator::Add, left, right)),
        function!("contains", |left, right| contains(left, right)
            .map(Object::Bool)),
        function!("eq", |left, right| equals(left, right).map(Object::Bool)),
        function!("floordiv", |left, right| operate(
            Operator::FloorDivide,
            left,
            right
        )),
        function!("ge", |left, right| {
            compare(Comparison::GreaterOrEqual, left, right).map(Object::Bool)
        }),
        function!("getitem", subscript::item),
        function!("gt", |left, right| compare(
            Comparison::Greater,
            left,
            right
        )
        .map(Object::Bool)),
        function!("le", |left, right| {
            compare(Comparison::LessOrEqual, left, right).map(Object::Bool)
        }),
        function!("lt", |left, right| compare(Comparison::Less, left, right)
            .map(Object::Bool)),
        function!("mod", |left, right| operate(
            Operator::Remainder,
            left,
            right
        )),
        function!("mul", |left, right| operate(
            Operator::Multiply,
            left,
            right
        )),
        function!("ne", |left, right| Ok(Object::Bool(!equals(left, right)?))),
        function!("sub", |left, right| operate(
            Operator::Subtract,
            left,
            right
        )),
        function!("truediv", |left, right| operate(
            Operator::Divide,
            left,
            right
        )),
        ("attrgetter", Member::Function(attrgetter)),
        ("itemgetter", Member::Function(itemgetter)),
        (
            "not_",
            Member::Function(|arguments| {
                let [object] = arguments.exactly("not_")?;
                Ok(Object::Bool(!object.is_truthy()?))
            }),
        ),
    ],
};

fn itemgetter(arguments: Arguments) -> Raised<Object> {
    let keys = arguments.without_keywords("itemgetter")?;
    if keys.is_empty() {
        return Err(Exception::type_error(
            "itemgetter expected 1 argument, got 0",
        ));
    }
    Ok(closure("itemgetter", move |arguments| {
        let [object] = arguments.exactly("itemgetter")?;
        let items: Raised<Vec<Object>> = keys
            .iter()
            .map(|key| subscript::item(&object, key))
            .collect();
        let mut items = items?;
        Ok(match items.len() {
            1 => items.remove(0),
            _ => Object::tuple(items),
        })
    }))
}

fn attrgetter(arguments: Arguments) -> Raised<Object> {
    let names = arguments.without_keywords("attrgetter")?;
    let names: Raised<Vec<String>> = names.iter().map(to_str).collect();
    let names = names?;
    if names.is_empty() {
        return Err(Exception::type_error(
            "attrgetter expected 1 argument, got 0",
        ));
    }
    Ok(closure("attrgetter", move |arguments| {
        let [object] = arguments.exactly("attrgetter")?;
        let mut found = Vec::new();
        for name in &names {
            let mut value = object.clone();
            for part in name.split('.') {
                value = value
                    .attribute(part)?
                    .ok_or_else(|| Exception::attribute_error(value.type_name(), part))?;
            }
            found.push(value);
        }
        Ok(match found.len() {
            1 => found.remove(0),
            _ => Object::tuple(found),
        })
    }))
}
