//! Filters of texts.

use std::rc::Rc;

use super::attributes::argument_error;
use crate::python_value::methods::{capitalize as capitalized, int_argument, lines, markup, str};
use crate::python_value::modules::urllib::quote_value;
use crate::python_value::wrap::Wrapper;
use crate::python_value::{Arguments, Exception, Object, Raised, percent, pretty, to_str};
use buildout_core::profile::python_text::is_python_space;

/// Returns a text as it is, and `str` of anything else.
fn soft_str(value: &Object) -> Raised<Object> {
    match value {
        Object::Str(_) | Object::Markup(_) => Ok(value.clone()),
        other => to_str(other).map(Object::from),
    }
}

/// Calls a method of `str`.
fn method(value: &Object, name: &str, arguments: Arguments) -> Raised<Object> {
    let text = soft_str(value)?;
    match crate::python_value::methods::find(&text, name) {
        Some(method) => (method.call)(&text, arguments),
        None => Ok(text),
    }
}

pub(super) fn string(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("soft_str")?;
    soft_str(&value)
}

pub(super) fn upper(value: Object, arguments: Arguments) -> Raised<Object> {
    method(&value, "upper", arguments)
}

pub(super) fn lower(value: Object, arguments: Arguments) -> Raised<Object> {
    method(&value, "lower", arguments)
}

pub(super) fn capitalize(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_capitalize")?;
    let text = soft_str(&value)?;
    let capitalized = Object::from(capitalized(text.as_str().unwrap_or_default()));
    Ok(crate::python_value::subscript::like(&text, capitalized))
}

pub(super) fn trim(value: Object, arguments: Arguments) -> Raised<Object> {
    let [characters] = arguments.bind("do_trim", ["chars"], 0)?;
    let characters = characters.into_iter().collect();
    method(&value, "strip", Arguments::positional(characters))
}

pub(super) fn center(value: Object, arguments: Arguments) -> Raised<Object> {
    let [width] = arguments.bind("do_center", ["width"], 0)?;
    let width = width.unwrap_or(Object::Int(80));
    method(&value, "center", Arguments::positional(vec![width]))
}

pub(super) fn title(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_title")?;
    let text = soft_str(&value)?;
    let mut out = String::new();
    let mut is_beginning = true;
    for character in text.as_str().unwrap_or_default().chars() {
        let separates = is_python_space(character) || "-({[<".contains(character);
        match is_beginning && !separates {
            true => out.extend(character.to_uppercase()),
            false => out.extend(character.to_lowercase()),
        }
        is_beginning = separates;
    }
    Ok(Object::from(out))
}

pub(super) fn replace(value: Object, arguments: Arguments) -> Raised<Object> {
    let [old, new, count] = arguments.bind("do_replace", ["old", "new", "count"], 2)?;
    let count = match count {
        None | Some(Object::None) => -1,
        Some(count) => int_argument(&count)?,
    };
    let (text, old) = (to_str(&value)?, to_str(&old.unwrap_or_default())?);
    let new = to_str(&new.unwrap_or_default())?;
    Ok(Object::from(str::replace(&text, &old, &new, count)))
}

pub(super) fn indent(value: Object, arguments: Arguments) -> Raised<Object> {
    let [width, first, blank] = arguments.bind("do_indent", ["width", "first", "blank"], 0)?;
    let indention = match width {
        None => " ".repeat(4),
        Some(width) => match width.as_str() {
            Some(text) => text.to_owned(),
            None => {
                let width = int_argument(&width)?;
                let width = crate::python_value::container::repeated_length(1, width)?;
                " ".repeat(width)
            }
        },
    };
    let is_set = |flag: Option<Object>| flag.map_or(Ok(false), |flag| flag.is_truthy());
    let (first, blank) = (is_set(first)?, is_set(blank)?);
    let Some(text) = value.as_str() else {
        return Err(match &value {
            Object::Undefined(undefined) => undefined.error(),
            // Jinja2 begins with `value += "\n"`, which a list takes.
            Object::List(list) => {
                list.push("\n".into());
                Exception::attribute_error("list", "splitlines")
            }
            other => Exception::type_error(format!(
                "unsupported operand type(s) for +=: '{}' and 'str'",
                other.type_name()
            )),
        });
    };
    let text = format!("{text}\n");
    let mut out = String::new();
    for (index, line) in lines(&text, false).into_iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let is_indented = match index {
            0 => first,
            _ => blank || !line.is_empty(),
        };
        if is_indented {
            out.push_str(&indention);
        }
        out.push_str(line);
    }
    Ok(match value {
        Object::Markup(_) => Object::Markup(Rc::from(out)),
        _ => Object::from(out),
    })
}

pub(super) fn truncate(value: Object, arguments: Arguments) -> Raised<Object> {
    let [length, killwords, end, leeway] =
        arguments.bind("do_truncate", ["length", "killwords", "end", "leeway"], 0)?;
    let length = length.map_or(Ok(255), |length| int_argument(&length))?;
    let killwords = killwords.map_or(Ok(false), |flag| flag.is_truthy())?;
    let end = end.map_or(Ok("...".to_owned()), |end| to_str(&end))?;
    let leeway = match leeway {
        None | Some(Object::None) => 5,
        Some(leeway) => int_argument(&leeway)?,
    };
    let end_length = end.chars().count() as i128;
    let assert = |holds: bool, message: String| match holds {
        true => Ok(()),
        false => Err(Exception::new("AssertionError", message)),
    };
    assert(
        length >= end_length,
        format!("expected length >= {end_length}, got {length}"),
    )?;
    assert(leeway >= 0, format!("expected leeway >= 0, got {leeway}"))?;
    let Some(text) = value.as_str() else {
        return value.length().map(|_| value);
    };
    if text.chars().count() as i128 <= length + leeway {
        return Ok(value);
    }
    let kept = usize::try_from(length - end_length).unwrap_or(0);
    let kept: String = text.chars().take(kept).collect();
    let kept = match killwords {
        true => &*kept,
        false => kept.rsplit_once(' ').map_or(&*kept, |(before, _)| before),
    };
    Ok(Object::from(format!("{kept}{end}")))
}

pub(super) fn wordwrap(value: Object, arguments: Arguments) -> Raised<Object> {
    let [width, break_words, wrapstring, break_on_hyphens] = arguments.bind(
        "do_wordwrap",
        [
            "width",
            "break_long_words",
            "wrapstring",
            "break_on_hyphens",
        ],
        0,
    )?;
    let is_set = |flag: Option<Object>| flag.map_or(Ok(true), |flag| flag.is_truthy());
    let wrapper = Wrapper {
        width: width.map_or(Ok(79), |width| int_argument(&width))?,
        expands_tabs: false,
        replaces_whitespace: false,
        breaks_long_words: is_set(break_words)?,
        breaks_on_hyphens: is_set(break_on_hyphens)?,
        ..Wrapper::default()
    };
    let separator = match wrapstring {
        None | Some(Object::None) => "\n".to_owned(),
        Some(separator) => to_str(&separator)?,
    };
    let Some(text) = value.as_str() else {
        return Err(match &value {
            Object::Undefined(undefined) => undefined.error(),
            other => Exception::attribute_error(other.type_name(), "splitlines"),
        });
    };
    let mut wrapped = Vec::new();
    for line in lines(text, false) {
        wrapped.push(wrapper.wrap(line)?.join(&separator));
    }
    Ok(Object::from(wrapped.join(&separator)))
}

pub(super) fn pprint(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_pprint")?;
    pretty::format(&value).map(Object::from)
}

pub(super) fn wordcount(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_wordcount")?;
    let text = to_str(&value)?;
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let words = text.split(|character| !is_word(character));
    Ok(Object::size(words.filter(|word| !word.is_empty()).count()))
}

pub(super) fn format(value: Object, arguments: Arguments) -> Raised<Object> {
    if !arguments.positional.is_empty() && !arguments.keywords.is_empty() {
        return Err(argument_error(
            "can't handle positional and keyword arguments at the same time",
        ));
    }
    let text = soft_str(&value)?;
    match arguments.keywords.is_empty() {
        true => percent::format(&text, &Object::tuple(arguments.positional)),
        false => percent::format_keywords(&text, arguments.keywords),
    }
}

pub(super) fn escape(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("escape")?;
    Ok(Object::Markup(Rc::from(markup::escape(&value)?)))
}

pub(super) fn forceescape(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_forceescape")?;
    let text = markup::escape_text(&to_str(&value)?);
    Ok(Object::Markup(Rc::from(text)))
}

pub(super) fn safe(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_mark_safe")?;
    Ok(Object::Markup(Rc::from(to_str(&value)?)))
}

pub(super) fn urlencode(value: Object, arguments: Arguments) -> Raised<Object> {
    let [] = arguments.exactly("do_urlencode")?;
    let entries: Vec<(Object, Object)> = match &value {
        Object::Dict(dict) => dict.to_vec(),
        Object::List(_) | Object::Tuple(_) | Object::Set(_) | Object::Native(_) => {
            let mut entries = Vec::new();
            for pair in crate::python_value::collect(&value)? {
                let pair = crate::python_value::collect(&pair)?;
                let [key, value]: [Object; 2] = pair.try_into().map_err(|_| {
                    Exception::value_error("too many values to unpack (expected 2)")
                })?;
                entries.push((key, value));
            }
            entries
        }
        value => return quote_value(value, "/", false).map(Object::from),
    };
    let mut text = String::new();
    for (index, (key, value)) in entries.iter().enumerate() {
        if index > 0 {
            text.push('&');
        }
        text.push_str(&quote_value(key, "", true)?);
        text.push('=');
        text.push_str(&quote_value(value, "", true)?);
    }
    Ok(Object::from(text))
}

pub(super) fn filesizeformat(value: Object, arguments: Arguments) -> Raised<Object> {
    let [is_binary] = arguments.bind("do_filesizeformat", ["binary"], 0)?;
    let is_binary = is_binary.map_or(Ok(false), |flag| flag.is_truthy())?;
    let float = crate::python_value::builtins::builtin("float");
    let bytes = match float {
        Some(float) => float.call1(value)?.as_float().unwrap_or_default(),
        None => 0.0,
    };
    let (base, infix) = if is_binary {
        (1024.0, "i")
    } else {
        (1000.0, "")
    };
    if bytes == 1.0 {
        return Ok(Object::from("1 Byte"));
    }
    if bytes < base {
        return Ok(Object::from(format!("{} Bytes", bytes.trunc())));
    }
    let letters = if is_binary { "KMGTPEZY" } else { "kMGTPEZY" };
    let mut unit = base;
    let mut letter = 'k';
    for next in letters.chars() {
        letter = next;
        unit *= base;
        if bytes < unit {
            break;
        }
    }
    Ok(Object::from(format!(
        "{:.1} {letter}{infix}B",
        base * bytes / unit
    )))
}

pub(super) fn xmlattr(value: Object, arguments: Arguments) -> Raised<Object> {
    let [autospace] = arguments.bind("do_xmlattr", ["autospace"], 0)?;
    let autospace = autospace.map_or(Ok(true), |flag| flag.is_truthy())?;
    let entries = match &value {
        Object::Dict(dict) => dict.to_vec(),
        Object::Undefined(undefined) => return Err(undefined.error()),
        other => return Err(Exception::attribute_error(other.type_name(), "items")),
    };
    let mut attributes = Vec::new();
    for (key, value) in entries {
        if matches!(value, Object::None | Object::Undefined(_)) {
            continue;
        }
        let Some(name) = key.as_str() else {
            return Err(Exception::type_error(
                "expected string or bytes-like object",
            ));
        };
        if name.contains(|c: char| c.is_ascii_whitespace() || "/>=\x0b".contains(c)) {
            return Err(Exception::value_error(format!(
                "Invalid character in attribute name: {}",
                buildout_core::value::str_repr(name)
            )));
        }
        attributes.push(format!(
            "{}=\"{}\"",
            markup::escape(&key)?,
            markup::escape(&value)?
        ));
    }
    let text = attributes.join(" ");
    Ok(Object::from(match autospace && !text.is_empty() {
        true => format!(" {text}"),
        false => text,
    }))
}
