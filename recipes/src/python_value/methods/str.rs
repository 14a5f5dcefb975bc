//! The methods of `str`.

use buildout_core::profile::python_text::is_python_space;

use super::super::format::{format_fields, format_object};
use super::super::function::Method;
use super::super::iterator::IteratorObject;
use super::super::subscript::slice_bounds;
use super::super::{Arguments, Exception, Object, Raised, collect};
use super::{bytes, int_argument, nothing, optional_int, str_class, str_split};
use std::rc::Rc;

/// Returns the text that a method belongs to.
pub(super) fn text_of(object: &Object) -> Raised<&str> {
    object.as_str().ok_or_else(|| {
        Exception::type_error(format!("a 'str' is needed, not '{}'", object.type_name()))
    })
}

/// Returns an argument that must be a text.
pub(super) fn text_argument(argument: &Object, function: &str) -> Raised<Rc<str>> {
    match argument {
        Object::Str(text) | Object::Markup(text) => Ok(Rc::clone(text)),
        Object::Undefined(undefined) => Err(undefined.error()),
        other => Err(Exception::type_error(format!(
            "{function} argument must be str, not {}",
            other.type_name()
        ))),
    }
}

/// A method without arguments that makes another text.
macro_rules! transformation {
    ($name:literal, $transform:expr) => {
        Method {
            name: $name,
            call: |object, arguments| {
                nothing(arguments, $name)?;
                let transform: fn(&str) -> String = $transform;
                Ok(Object::from(transform(text_of(object)?)))
            },
        }
    };
}

/// A method that strips characters.
macro_rules! stripping {
    ($name:literal, $strip:expr) => {
        Method {
            name: $name,
            call: |object, arguments| {
                let [characters] = arguments.bind($name, ["/chars"], 0)?;
                let text = text_of(object)?;
                let strip: fn(&str, &dyn Fn(char) -> bool) -> String = $strip;
                let stripped = match characters {
                    None | Some(Object::None) => strip(text, &is_python_space),
                    Some(characters) => {
                        let characters = text_argument(&characters, $name)?;
                        strip(text, &|character| characters.contains(character))
                    }
                };
                Ok(Object::from(stripped))
            },
        }
    };
}

/// A method that searches a text in a part of another.
macro_rules! search {
    ($name:literal, $search:expr) => {
        Method {
            name: $name,
            call: |object, arguments| {
                let [part, start, stop] = arguments.bind($name, ["/sub", "/start", "/end"], 1)?;
                let part = text_argument(&part.unwrap_or_default(), $name)?;
                let text = text_of(object)?;
                let (offset, within) = window(text, start, stop)?;
                let search: fn(&str, &str) -> Option<usize> = $search;
                let found = within.and_then(|within| {
                    search(within, &part).map(|at| offset + within[..at].chars().count())
                });
                found_or(found, $name)
            },
        }
    };
}

fn found_or(found: Option<usize>, name: &str) -> Raised<Object> {
    match found {
        Some(at) => Ok(Object::size(at)),
        None if name.ends_with("index") => Err(Exception::value_error("substring not found")),
        None => Ok(Object::Int(-1)),
    }
}

/// A test of a whole text.
macro_rules! test {
    ($name:literal, $test:expr) => {
        Method {
            name: $name,
            call: |object, arguments| {
                nothing(arguments, $name)?;
                let test: fn(&str) -> bool = $test;
                Ok(Object::Bool(test(text_of(object)?)))
            },
        }
    };
}

/// A method that pads a text to a width.
macro_rules! padding {
    ($name:literal, $pad:expr) => {
        Method {
            name: $name,
            call: |object, arguments| {
                let [width, fill] = arguments.bind($name, ["/width", "/fillchar"], 1)?;
                let width = int_argument(&width.unwrap_or_default())?;
                let fill = match fill {
                    None => ' ',
                    Some(fill) => {
                        let fill = text_argument(&fill, $name)?;
                        let mut characters = fill.chars();
                        match (characters.next(), characters.next()) {
                            (Some(fill), None) => fill,
                            _ => {
                                return Err(Exception::type_error(
                                    "The fill character must be exactly one character long",
                                ));
                            }
                        }
                    }
                };
                let text = text_of(object)?;
                let length = text.chars().count();
                let width = super::super::container::repeated_length(1, width)?;
                let blanks = width.saturating_sub(length);
                let pad: fn(usize, usize) -> usize = $pad;
                let left = pad(blanks, width);
                let repeat = |count| std::iter::repeat_n(fill, count).collect::<String>();
                Ok(Object::from(format!(
                    "{}{text}{}",
                    repeat(left),
                    repeat(blanks - left)
                )))
            },
        }
    };
}

const METHODS: &[Method] = &[
    Method {
        name: "join",
        call: |object, arguments| {
            let [items] = arguments.exactly("join")?;
            join(text_of(object)?, &items).map(Object::from)
        },
    },
    Method {
        name: "split",
        call: str_split::split,
    },
    Method {
        name: "rsplit",
        call: str_split::rsplit,
    },
    Method {
        name: "splitlines",
        call: str_split::splitlines,
    },
    Method {
        name: "partition",
        call: str_split::partition,
    },
    Method {
        name: "rpartition",
        call: str_split::rpartition,
    },
    stripping!("strip", |text, strips| text.trim_matches(strips).to_owned()),
    stripping!("lstrip", |text, strips| text
        .trim_start_matches(strips)
        .to_owned()),
    stripping!("rstrip", |text, strips| text
        .trim_end_matches(strips)
        .to_owned()),
    transformation!("lower", str::to_lowercase),
    transformation!("upper", str::to_uppercase),
    transformation!("casefold", |text| text.to_lowercase().replace('ß', "ss")),
    transformation!("capitalize", str_class::capitalize),
    transformation!("title", str_class::title),
    transformation!("swapcase", str_class::swapcase),
    Method {
        name: "startswith",
        call: |object, arguments| {
            affix(object, arguments, "startswith", |text, part| {
                text.starts_with(part)
            })
        },
    },
    Method {
        name: "endswith",
        call: |object, arguments| {
            affix(object, arguments, "endswith", |text, part| {
                text.ends_with(part)
            })
        },
    },
    Method {
        name: "replace",
        call: |object, arguments| {
            let [old, new, count] = arguments.bind("replace", ["/old", "/new", "count"], 2)?;
            let old = text_argument(&old.unwrap_or_default(), "replace() argument 1")?;
            let new = text_argument(&new.unwrap_or_default(), "replace() argument 2")?;
            let count = optional_int(count)?.unwrap_or(-1);
            Ok(Object::from(replace(text_of(object)?, &old, &new, count)))
        },
    },
    Method {
        name: "removeprefix",
        call: |object, arguments| {
            let [prefix] = arguments.exactly("removeprefix")?;
            let prefix = text_argument(&prefix, "removeprefix()")?;
            let text = text_of(object)?;
            Ok(Object::from(text.strip_prefix(&*prefix).unwrap_or(text)))
        },
    },
    Method {
        name: "removesuffix",
        call: |object, arguments| {
            let [suffix] = arguments.exactly("removesuffix")?;
            let suffix = text_argument(&suffix, "removesuffix()")?;
            let text = text_of(object)?;
            Ok(Object::from(text.strip_suffix(&*suffix).unwrap_or(text)))
        },
    },
    search!("find", |text, part| text.find(part)),
    search!("index", |text, part| text.find(part)),
    search!("rfind", |text, part| text.rfind(part)),
    search!("rindex", |text, part| text.rfind(part)),
    Method {
        name: "count",
        call: |object, arguments| {
            let [part, start, stop] = arguments.bind("count", ["/sub", "/start", "/end"], 1)?;
            let part = text_argument(&part.unwrap_or_default(), "count()")?;
            let (_, within) = window(text_of(object)?, start, stop)?;
            Ok(Object::size(
                within.map_or(0, |within| within.matches(&*part).count()),
            ))
        },
    },
    Method {
        name: "format",
        call: |object, arguments| {
            format_fields(text_of(object)?, &arguments, &format_object).map(Object::from)
        },
    },
    Method {
        name: "format_map",
        call: |object, arguments| {
            let [mapping] = arguments.exactly("format_map")?;
            let mut arguments = Arguments::default();
            if let Object::Dict(dict) = mapping {
                for (key, value) in dict.to_vec() {
                    let key = text_argument(&key, "format_map()")?;
                    arguments.keywords.push((key, value));
                }
            }
            format_fields(text_of(object)?, &arguments, &format_object).map(Object::from)
        },
    },
    Method {
        name: "encode",
        call: |object, arguments| {
            let [encoding, errors] = arguments.bind("encode", ["encoding", "errors"], 0)?;
            bytes::encode(text_of(object)?, encoding, errors)
        },
    },
    padding!("ljust", |_, _| 0),
    padding!("rjust", |blanks, _| blanks),
    padding!("center", |blanks, width| blanks / 2 + (blanks & width & 1)),
    Method {
        name: "zfill",
        call: |object, arguments| {
            let [width] = arguments.exactly("zfill")?;
            let text = text_of(object)?;
            let width = super::super::container::repeated_length(1, int_argument(&width)?)?;
            let zeros = "0".repeat(width.saturating_sub(text.chars().count()));
            Ok(Object::from(match text.strip_prefix(['+', '-']) {
                Some(rest) => format!("{}{zeros}{rest}", &text[..1]),
                None => format!("{zeros}{text}"),
            }))
        },
    },
    Method {
        name: "expandtabs",
        call: |object, arguments| {
            let [size] = arguments.bind("expandtabs", ["tabsize"], 0)?;
            let size = optional_int(size)?.unwrap_or(8);
            let size = usize::try_from(size).unwrap_or(0);
            Ok(Object::from(str_class::expand_tabs(text_of(object)?, size)))
        },
    },
    test!("isalpha", |text| str_class::all(text, char::is_alphabetic)),
    test!("isdigit", |text| str_class::all(text, str_class::is_digit)),
    test!("isdecimal", |text| str_class::all(text, |c| c
        .is_ascii_digit()
        || (!c.is_ascii() && str_class::is_decimal(c)))),
    test!("isnumeric", |text| str_class::all(text, char::is_numeric)),
    test!("isalnum", |text| str_class::all(
        text,
        char::is_alphanumeric
    )),
    test!("isspace", |text| str_class::all(text, is_python_space)),
    test!("isascii", str::is_ascii),
    test!("isprintable", |text| text
        .chars()
        .all(buildout_core::value::is_printable)),
    test!("islower", |text| str_class::is_cased(
        text,
        char::is_lowercase
    )),
    test!("isupper", |text| str_class::is_cased(
        text,
        char::is_uppercase
    )),
    test!("istitle", str_class::is_title),
    test!("isidentifier", |text| {
        let mut characters = text.chars();
        let first = characters.next();
        first.is_some_and(|first| first.is_alphabetic() || first == '_')
            && characters.all(|other| other.is_alphanumeric() || other == '_')
    }),
    Method {
        name: "__iter__",
        call: |object, _| IteratorObject::of(object),
    },
];

/// Finds a method.
pub(crate) fn find(name: &str) -> Option<Method> {
    METHODS.iter().find(|method| method.name == name).copied()
}

/// Returns `separator.join(items)`.
pub(crate) fn join(separator: &str, items: &Object) -> Raised<String> {
    let items = collect(items).map_err(|error| match error.class() {
        "TypeError" => Exception::type_error("can only join an iterable"),
        _ => error,
    })?;
    let mut text = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push_str(separator);
        }
        match item {
            Object::Str(item) | Object::Markup(item) => text.push_str(item),
            other => {
                return Err(Exception::type_error(format!(
                    "sequence item {index}: expected str instance, {} found",
                    other.type_name()
                )));
            }
        }
    }
    Ok(text)
}

/// Replaces the first `count` occurrences, or all if it is negative.
pub(crate) fn replace(text: &str, old: &str, new: &str, count: i128) -> String {
    match usize::try_from(count) {
        Ok(count) => text.replacen(old, new, count),
        Err(_) => text.replace(old, new),
    }
}

/// Returns the part of a text between two positions, and how many characters
/// are before it; no part if `start` is behind the end.
fn window(
    text: &str,
    start: Option<Object>,
    stop: Option<Object>,
) -> Raised<(usize, Option<&str>)> {
    if start.is_none() && stop.is_none() {
        return Ok((0, Some(text)));
    }
    let length = text.chars().count();
    let is_behind = matches!(&start, Some(Object::Int(at)) if *at > length as i128);
    let bounds = slice_bounds([start, stop, None], length)?;
    let start = usize::try_from(bounds.start).unwrap_or_default();
    let stop = usize::try_from(bounds.stop).unwrap_or_default();
    if is_behind || stop < start {
        return Ok((start, None));
    }
    let offset = |position: usize| {
        let found = text.char_indices().nth(position);
        found.map_or(text.len(), |(offset, _)| offset)
    };
    Ok((start, Some(&text[offset(start)..offset(stop)])))
}

fn affix(
    object: &Object,
    arguments: Arguments,
    name: &str,
    matches: fn(&str, &str) -> bool,
) -> Raised<Object> {
    let [affixes, start, stop] = arguments.bind(name, ["/prefix", "/start", "/end"], 1)?;
    let (_, within) = window(text_of(object)?, start, stop)?;
    let Some(within) = within else {
        return Ok(Object::Bool(false));
    };
    let is_match = match affixes.unwrap_or_default() {
        Object::Str(affix) | Object::Markup(affix) => matches(within, &affix),
        Object::Tuple(affixes) => {
            let mut is_match = false;
            for affix in affixes.iter() {
                is_match |= matches(within, &text_argument(affix, name)?);
            }
            is_match
        }
        Object::Undefined(undefined) => return Err(undefined.error()),
        other => {
            return Err(Exception::type_error(format!(
                "{name} first arg must be str or a tuple of str, not {}",
                other.type_name()
            )));
        }
    };
    Ok(Object::Bool(is_match))
}
