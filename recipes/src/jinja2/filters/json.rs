//! `tojson`.

use std::rc::Rc;

use crate::python_value::modules::json::{Options, dumps};
use crate::python_value::{Arguments, Object, Raised};

/// The JSON of a value with sorted keys, safe within HTML.
pub(super) fn tojson(value: Object, arguments: Arguments) -> Raised<Object> {
    let [indent] = arguments.bind("do_tojson", ["indent"], 0)?;
    let indent = indent.filter(|indent| !matches!(indent, Object::None));
    let mut options = Options::with_indent(indent.as_ref())?;
    options.sorts_keys = true;
    let mut text = String::new();
    for character in dumps(&value, &options)?.chars() {
        match character {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\'' => text.push_str("\\u0027"),
            other => text.push(other),
        }
    }
    Ok(Object::Markup(Rc::from(text)))
}
