//! The names that a template is given.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::context::Variables;
use super::engine::ContextValue;
use super::globals::jinja_global;
use super::names::PREDEFINED;
use crate::python_value::Object;
use crate::python_value::builtins::{assert, builtin};
use crate::python_value::convert::{dumps, from_value};
use crate::python_value::function::function;
use crate::python_value::modules::Module;

/// The names that all templates of one rendering know. An object is made when
/// its name is first used, and stays the same.
pub(super) struct Given {
    source: Source,
    objects: RefCell<FxHashMap<Rc<str>, Option<Object>>>,
}

enum Source {
    /// Jinja2's own names.
    Jinja,
    /// Those, the recipe's, and those of the profile.
    Recipe {
        context: Arc<[(String, ContextValue)]>,
        has_dumps: bool,
    },
}

impl Given {
    /// Returns what a template knows that is imported without a context.
    pub(super) fn nothing() -> Self {
        Given {
            source: Source::Jinja,
            objects: RefCell::default(),
        }
    }

    /// Returns what a template of the recipe knows.
    pub(super) fn recipe(context: &Arc<[(String, ContextValue)]>, has_dumps: bool) -> Self {
        Given {
            source: Source::Recipe {
                context: Arc::clone(context),
                has_dumps,
            },
            objects: RefCell::default(),
        }
    }

    fn get(&self, name: &Rc<str>) -> Option<Object> {
        if let Some(object) = self.objects.borrow().get(name) {
            return object.clone();
        }
        let object = self.make(name);
        let mut objects = self.objects.borrow_mut();
        objects.insert(Rc::clone(name), object.clone());
        object
    }

    fn make(&self, name: &str) -> Option<Object> {
        let Source::Recipe { context, has_dumps } = &self.source else {
            return jinja_global(name);
        };
        let mut entries = context.iter();
        match entries.rfind(|(known, _)| known == name) {
            Some((_, ContextValue::Value(value))) => return Some(from_value(value)),
            Some((_, ContextValue::Module(module))) => {
                return Module::named(module).map(Module::object);
            }
            None => {}
        }
        match name {
            "dumps" if *has_dumps => Some(function("dumps", |arguments| {
                let [object] = arguments.exactly("dumps")?;
                dumps(&object)
            })),
            "assert" => Some(function("assert", assert)),
            "six" => Module::named("six").map(Module::object),
            name if PREDEFINED.binary_search(&name).is_ok() => builtin(name),
            name => jinja_global(name),
        }
    }
}

/// The names that one template is given: those that were set where it is
/// included, in front of what was given there.
pub(super) struct Names {
    own: Variables,
    outer: Outer,
    /// How many there are before those that were given.
    depth: usize,
}

/// How many names that lie behind each other are looked through. More are
/// copied into one.
const LAYER_LIMIT: usize = 8;

enum Outer {
    Names(Rc<Names>),
    Given(Rc<Given>),
}

impl Names {
    pub(super) fn given(given: Rc<Given>) -> Rc<Self> {
        Rc::new(Names {
            own: Variables::default(),
            outer: Outer::Given(given),
            depth: 0,
        })
    }

    /// Returns these names with others in front.
    pub(super) fn with(self: &Rc<Self>, own: Variables) -> Rc<Self> {
        if own.is_empty() {
            return Rc::clone(self);
        }
        if self.depth < LAYER_LIMIT {
            return Rc::new(Names {
                own,
                outer: Outer::Names(Rc::clone(self)),
                depth: self.depth + 1,
            });
        }
        let mut layers = vec![&own];
        let mut names = self;
        let given = loop {
            layers.push(&names.own);
            match &names.outer {
                Outer::Names(outer) => names = outer,
                Outer::Given(given) => break given,
            }
        };
        let mut all = Variables::default();
        for layer in layers.into_iter().rev() {
            let entries = layer.iter();
            all.extend(entries.map(|(name, value)| (Rc::clone(name), value.clone())));
        }
        Rc::new(Names {
            own: all,
            outer: Outer::Given(Rc::clone(given)),
            depth: 1,
        })
    }

    pub(super) fn get(&self, name: &Rc<str>) -> Option<Object> {
        let mut names = self;
        loop {
            if let Some(object) = names.own.get(name) {
                return Some(object.clone());
            }
            names = match &names.outer {
                Outer::Names(outer) => outer,
                Outer::Given(given) => return given.get(name),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predefined_names_are_sorted() {
        assert!(PREDEFINED.is_sorted());
    }
}
