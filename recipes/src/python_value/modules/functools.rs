//! `functools`.

use super::super::function::Partial;
use super::super::{Arguments, Exception, Iterate as _, Object, Raised, iterate};
use super::{Member, Module};

pub(super) static FUNCTOOLS: Module = Module {
    name: "functools",
    members: &[
        ("partial", Member::Function(partial)),
        ("reduce", Member::Function(reduce)),
    ],
};

fn partial(mut arguments: Arguments) -> Raised<Object> {
    if arguments.positional.is_empty() {
        return Err(Exception::type_error(
            "type 'partial' takes at least one argument",
        ));
    }
    let callee = arguments.positional.remove(0);
    if !super::super::builtins::is_callable(&callee) {
        return Err(Exception::type_error("the first argument must be callable"));
    }
    Ok(Object::native(Partial { callee, arguments }))
}

fn reduce(arguments: Arguments) -> Raised<Object> {
    let [combine, items, initial] =
        arguments.bind("reduce", ["/function", "/sequence", "/initial"], 2)?;
    let combine = combine.unwrap_or_default();
    let mut items = iterate(&items.unwrap_or_default())?;
    let first = match initial {
        Some(initial) => Some(initial),
        None => items.next()?,
    };
    let mut result = first
        .ok_or_else(|| Exception::type_error("reduce() of empty iterable with no initial value"))?;
    while let Some(item) = items.next()? {
        result = combine.call(Arguments::positional(vec![result, item]))?;
    }
    Ok(result)
}
