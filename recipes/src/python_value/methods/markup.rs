//! `markupsafe.Markup`, which the filters `escape`, `safe` and `tojson`
//! return: what is added to it is escaped, and its methods return it again.

use super::super::format::{format_fields, format_object};
use super::super::function::Method;
use super::super::subscript::like;
use super::super::{Arguments, Object, Raised, to_str};
use super::str;
use std::rc::Rc;

/// Escapes the text of an object, unless it is one already.
pub(crate) fn escape(object: &Object) -> Raised<String> {
    match object {
        Object::Markup(text) => Ok(text.to_string()),
        other => Ok(escape_text(&to_str(other)?)),
    }
}

/// Escapes a text, with the entities that markupsafe writes.
pub(crate) fn escape_text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&#39;"),
            '"' => escaped.push_str("&#34;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Makes a method of `str` return Markup; its arguments are escaped.
macro_rules! wrapped {
    ($($name:literal)*) => {
        &[$(Method {
            name: $name,
            call: |object, arguments| through_str(object, arguments, $name),
        }),*]
    };
}

const WRAPPED: &[Method] = wrapped!(
    "split" "rsplit" "splitlines" "capitalize" "title" "lower" "upper" "replace" "ljust" "rjust"
    "lstrip" "rstrip" "center" "strip" "expandtabs" "swapcase" "zfill" "casefold" "removeprefix"
    "removesuffix" "partition" "rpartition"
);

const OWN: &[Method] = &[
    Method {
        name: "join",
        call: |object, arguments| {
            let [items] = arguments.exactly("join")?;
            let escaped: Raised<Vec<String>> =
                super::super::collect(&items)?.iter().map(escape).collect();
            let text = escaped?.join(str::text_of(object)?);
            Ok(Object::Markup(Rc::from(text)))
        },
    },
    Method {
        name: "format",
        call: |object, arguments| {
            let convert = |value: &Object, specification: &str| match value {
                Object::Markup(text) if specification.is_empty() => Ok(text.to_string()),
                value => format_object(value, specification).map(|text| escape_text(&text)),
            };
            let text = format_fields(str::text_of(object)?, &arguments, &convert)?;
            Ok(Object::Markup(Rc::from(text)))
        },
    },
    Method {
        name: "unescape",
        call: |object, arguments| {
            super::nothing(arguments, "unescape")?;
            let text = str::text_of(object)?;
            let entities = [
                ("&lt;", "<"),
                ("&gt;", ">"),
                ("&#39;", "'"),
                ("&#34;", "\""),
                ("&quot;", "\""),
                ("&amp;", "&"),
            ];
            let unescaped = entities
                .iter()
                .fold(text.to_owned(), |text, (entity, plain)| {
                    text.replace(entity, plain)
                });
            Ok(Object::from(unescaped))
        },
    },
];

/// Finds a method.
pub(super) fn find(name: &str) -> Option<Method> {
    let all = OWN.iter().chain(WRAPPED);
    let own = all.copied().find(|method| method.name == name);
    own.or_else(|| str::find(name))
}

fn through_str(object: &Object, mut arguments: Arguments, name: &str) -> Raised<Object> {
    let Some(method) = str::find(name) else {
        return Ok(Object::None);
    };
    if name == "replace" {
        // Only the new text is escaped.
        if let Some(new @ Object::Str(_)) = arguments.positional.get_mut(1) {
            *new = Object::from(escape(new)?);
        }
    }
    let result = (method.call)(object, arguments)?;
    Ok(match result {
        Object::List(parts) => {
            let parts = parts.to_vec().into_iter();
            Object::list(parts.map(|part| like(object, part)).collect())
        }
        Object::Tuple(parts) => {
            let parts = parts.iter().cloned();
            Object::tuple(parts.map(|part| like(object, part)).collect())
        }
        other => like(object, other),
    })
}
