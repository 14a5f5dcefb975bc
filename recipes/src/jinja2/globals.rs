//! The names that Jinja2 gives to every template.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;

use crate::python_value::builtins::{self, update_dict};
use crate::python_value::function::function;
use crate::python_value::iterator::FromFunction;
use crate::python_value::{Arguments, Dict, Exception, Iterate, Native, Object, Raised, repr};

/// Makes the object of one of Jinja2's own names.
pub(super) fn jinja_global(name: &str) -> Option<Object> {
    Some(match name {
        "range" | "dict" => return builtins::builtin(name),
        "namespace" => function("namespace", |arguments| {
            let attributes = Dict::new();
            update_dict(&attributes, arguments, "namespace")?;
            Ok(Object::native(Namespace {
                attributes: Rc::new(attributes),
            }))
        }),
        "cycler" => function("cycler", |arguments| {
            let items = arguments.without_keywords("cycler")?;
            if items.is_empty() {
                return Err(Exception::new(
                    "RuntimeError",
                    "at least one item has to be provided",
                ));
            }
            Ok(Object::native(Cycler {
                items,
                position: Cell::new(0),
            }))
        }),
        "joiner" => function("joiner", |arguments| {
            let [separator] = arguments.bind("joiner", ["sep"], 0)?;
            Ok(Object::native(Joiner {
                separator: separator.unwrap_or_else(|| Object::from(", ")),
                is_used: Cell::new(false),
            }))
        }),
        "lipsum" => function("lipsum", |_| {
            Err(Exception::new(
                "NotImplementedError",
                "lipsum, which makes up text, is not supported",
            ))
        }),
        _ => return None,
    })
}

/// `namespace(...)`: an object whose attributes can be set.
pub(super) struct Namespace {
    attributes: Rc<Dict>,
}

impl Namespace {
    pub(super) fn set(&self, name: &Rc<str>, value: Object) {
        self.attributes.insert_str(Rc::clone(name), value);
    }
}

impl Native for Namespace {
    fn type_name(&self) -> &str {
        "Namespace"
    }

    fn qualified_type_name(&self) -> String {
        "jinja2.utils.Namespace".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        let attributes = repr(&Object::Dict(Rc::clone(&self.attributes)))?;
        Ok(format!("<Namespace {attributes}>"))
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        Ok(self.attributes.get_str(name))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `cycler(...)`: goes round through its items.
struct Cycler {
    items: Vec<Object>,
    position: Cell<usize>,
}

impl Cycler {
    fn current(&self) -> Object {
        self.items[self.position.get()].clone()
    }

    fn advance(&self) -> Object {
        let current = self.current();
        self.position
            .set((self.position.get() + 1) % self.items.len());
        current
    }
}

impl Native for Cycler {
    fn type_name(&self) -> &str {
        "Cycler"
    }

    fn qualified_type_name(&self) -> String {
        "jinja2.utils.Cycler".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        Ok("<jinja2.utils.Cycler object>".to_owned())
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        use crate::python_value::function::closure;
        Ok(match name {
            "current" => Some(self.current()),
            "pos" => Some(Object::size(self.position.get())),
            "items" => Some(Object::tuple(self.items.clone())),
            "next" | "__next__" => Some(closure("next", move |_| Ok(self.advance()))),
            "reset" => Some(closure("reset", move |_| {
                self.position.set(0);
                Ok(Object::None)
            })),
            _ => None,
        })
    }

    fn iterate(self: Rc<Self>) -> Raised<Option<Box<dyn Iterate>>> {
        Ok(Some(Box::new(FromFunction(move || {
            Ok(Some(self.advance()))
        }))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `joiner(...)`: nothing when it is first called, then the separator.
struct Joiner {
    separator: Object,
    is_used: Cell<bool>,
}

impl Native for Joiner {
    fn type_name(&self) -> &str {
        "Joiner"
    }

    fn qualified_type_name(&self) -> String {
        "jinja2.utils.Joiner".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        Ok("<jinja2.utils.Joiner object>".to_owned())
    }

    fn call(self: Rc<Self>, arguments: Arguments) -> Raised<Object> {
        let [] = arguments.exactly("joiner")?;
        Ok(match self.is_used.replace(true) {
            true => self.separator.clone(),
            false => Object::from(""),
        })
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
