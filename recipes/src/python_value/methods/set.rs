//! The methods of `set` and `frozenset`.

use std::rc::Rc;

use super::super::function::Method;
use super::super::iterator::IteratorObject;
use super::super::{Arguments, Exception, Object, Raised, Set, collect, repr};
use super::{not_own, nothing};

type Call = fn(&Rc<Set>, Arguments) -> Raised<Object>;

/// Calls a method with the set that it belongs to.
fn with(object: &Object, arguments: Arguments, call: Call) -> Raised<Object> {
    match object {
        Object::Set(set) | Object::FrozenSet(set) => call(set, arguments),
        other => Err(not_own(other, "set")),
    }
}

const METHODS: &[Method] = &[
    method!("add", |set, arguments| {
        let [member] = arguments.exactly("add")?;
        set.insert(member)?;
        Ok(Object::None)
    }),
    method!("update", |set, arguments| {
        for other in arguments.without_keywords("update")? {
            for member in collect(&other)? {
                set.insert(member)?;
            }
        }
        Ok(Object::None)
    }),
    method!("discard", |set, arguments| {
        let [member] = arguments.exactly("discard")?;
        set.remove(&member)?;
        Ok(Object::None)
    }),
    method!("remove", |set, arguments| {
        let [member] = arguments.exactly("remove")?;
        match set.remove(&member)? {
            true => Ok(Object::None),
            false => Err(Exception::key_error(&repr(&member)?)),
        }
    }),
    method!("pop", |set, arguments| {
        nothing(arguments, "pop")?;
        set.pop()
            .ok_or_else(|| Exception::key_error("'pop from an empty set'"))
    }),
    method!("clear", |set, arguments| {
        nothing(arguments, "clear")?;
        set.clear();
        Ok(Object::None)
    }),
    method!("difference_update", |set, arguments| {
        for other in arguments.without_keywords("difference_update")? {
            for member in collect(&other)? {
                set.remove(&member)?;
            }
        }
        Ok(Object::None)
    }),
];

const COMMON: &[Method] = &[
    Method {
        name: "union",
        call: |object, arguments| {
            with_others(object, arguments, |members, other| {
                for member in other.to_vec() {
                    members.insert(member)?;
                }
                Ok(())
            })
        },
    },
    Method {
        name: "intersection",
        call: |object, arguments| {
            with_others(object, arguments, |members, other| {
                for member in members.to_vec() {
                    if !other.contains(&member)? {
                        members.remove(&member)?;
                    }
                }
                Ok(())
            })
        },
    },
    Method {
        name: "difference",
        call: |object, arguments| {
            with_others(object, arguments, |members, other| {
                for member in other.to_vec() {
                    members.remove(&member)?;
                }
                Ok(())
            })
        },
    },
    Method {
        name: "symmetric_difference",
        call: |object, arguments| {
            with_others(object, arguments, |members, other| {
                for member in other.to_vec() {
                    if !members.remove(&member)? {
                        members.insert(member)?;
                    }
                }
                Ok(())
            })
        },
    },
    method!("issubset", |set, arguments| {
        let [other] = arguments.exactly("issubset")?;
        let other = Set::of(collect(&other)?)?;
        Ok(Object::Bool(set.is_subset(&other)))
    }),
    method!("issuperset", |set, arguments| {
        let [other] = arguments.exactly("issuperset")?;
        let other = Set::of(collect(&other)?)?;
        Ok(Object::Bool(other.is_subset(set)))
    }),
    method!("isdisjoint", |set, arguments| {
        let [other] = arguments.exactly("isdisjoint")?;
        for member in collect(&other)? {
            if set.contains(&member)? {
                return Ok(Object::Bool(false));
            }
        }
        Ok(Object::Bool(true))
    }),
    Method {
        name: "copy",
        call: |object, arguments| {
            nothing(arguments, "copy")?;
            with_others(object, Arguments::default(), |_, _| Ok(()))
        },
    },
    Method {
        name: "__iter__",
        call: |object, _| IteratorObject::of(object),
    },
];

/// Finds a method of `set`.
pub(super) fn find(name: &str) -> Option<Method> {
    let all = METHODS.iter().chain(COMMON);
    all.copied().find(|method| method.name == name)
}

/// Finds a method of `frozenset`.
pub(super) fn find_of_frozen(name: &str) -> Option<Method> {
    COMMON.iter().find(|method| method.name == name).copied()
}

/// Makes a copy of a set and combines it with each argument.
fn with_others(
    object: &Object,
    arguments: Arguments,
    combine: fn(&Set, &Set) -> Raised<()>,
) -> Raised<Object> {
    let (Object::Set(set) | Object::FrozenSet(set)) = object else {
        return Ok(Object::None);
    };
    let result = (**set).clone();
    for other in arguments.without_keywords("set")? {
        combine(&result, &Set::of(collect(&other)?)?)?;
    }
    Ok(match object {
        Object::FrozenSet(_) => Object::FrozenSet(Rc::new(result)),
        _ => Object::Set(Rc::new(result)),
    })
}
