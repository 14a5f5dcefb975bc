//! Python modules as native objects, as far as templates use them.

pub(crate) mod base64;
mod functools;
mod hashlib;
mod itertools;
pub(crate) mod json;
mod operator;
mod os;
mod path;
mod re;
mod shlex;
mod six;
mod textwrap;
pub(crate) mod urllib;

use std::any::Any;
use std::rc::Rc;

use super::function::function;
use super::{Arguments, Native, Object, Raised};

/// A member of a module.
#[derive(Clone, Copy)]
pub(crate) enum Member {
    Function(fn(Arguments) -> Raised<Object>),
    Object(fn() -> Object),
    Module(&'static Module),
}

/// A module: its name, and its members by name.
pub(crate) struct Module {
    name: &'static str,
    members: &'static [(&'static str, Member)],
}

const MODULES: &[&Module] = &[
    &base64::BASE64,
    &functools::FUNCTOOLS,
    &hashlib::HASHLIB,
    &itertools::ITERTOOLS,
    &json::JSON,
    &operator::OPERATOR,
    &os::OS,
    &path::PATH,
    &path::POSIXPATH,
    &re::RE,
    &shlex::SHLEX,
    &six::SIX,
    &six::MOVES,
    &six::MOVES_URLLIB,
    &six::MOVES_PARSE,
    &textwrap::TEXTWRAP,
    &urllib::URLLIB,
    &urllib::PARSE,
];

impl Module {
    /// Finds the module that `import name` gives, with dots.
    pub(crate) fn named(name: &str) -> Option<&'static Module> {
        MODULES.iter().find(|module| module.name == name).copied()
    }

    /// Returns the module as an object.
    pub(crate) fn object(&'static self) -> Object {
        Object::native(ModuleObject { module: self })
    }

    fn find(&self, name: &str) -> Option<&'static Member> {
        let found = self.members.iter().find(|(known, _)| *known == name);
        found.map(|(_, member)| member)
    }

    /// Follows names as far as they lead to modules; returns the first that
    /// this module does not have, with the name of the module that lacks it.
    pub(crate) fn missing<'n>(
        &'static self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Option<(&'static str, &'n str)> {
        let mut module = self;
        for name in names {
            match module.find(name) {
                None if name == "__name__" => return None,
                None => return Some((module.name, name)),
                Some(Member::Module(inner)) => module = inner,
                Some(_) => return None,
            }
        }
        None
    }
}

/// The object of a module.
struct ModuleObject {
    module: &'static Module,
}

impl Native for ModuleObject {
    fn type_name(&self) -> &str {
        "module"
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!("<module '{}'>", self.module.name))
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        if name == "__name__" {
            return Ok(Some(self.module.name.into()));
        }
        let found = self.module.members.iter().find(|(known, _)| *known == name);
        Ok(found.map(|(name, member)| match member {
            Member::Function(call) => function(name, *call),
            Member::Object(make) => make(),
            Member::Module(module) => module.object(),
        }))
    }

    fn equals(&self, other: &Object) -> Raised<Option<bool>> {
        let other = other.downcast::<ModuleObject>();
        Ok(other.map(|other| std::ptr::eq(self.module, other.module)))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
