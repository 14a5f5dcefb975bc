//! `format` and `str.format`.

use super::float_format::{FloatStyle, format_magnitude};
use super::{Arguments, Exception, Object, Raised, ascii, repr, subscript, to_str};

/// The widest field; Python is bounded by memory only.
const MAXIMUM_WIDTH: usize = 1 << 20;

/// What stands after the colon of a field.
struct Specification {
    fill: char,
    align: Option<char>,
    sign: Option<char>,
    is_alternate: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

impl Specification {
    fn parse(text: &str) -> Raised<Self> {
        let characters: Vec<char> = text.chars().collect();
        let mut at = 0;
        let peek = |at: usize| characters.get(at).copied();
        let is_align = |character: Option<char>| matches!(character, Some('<' | '>' | '=' | '^'));
        let mut specification = Specification {
            fill: ' ',
            align: None,
            sign: None,
            is_alternate: false,
            width: 0,
            grouping: None,
            precision: None,
            kind: None,
        };
        if is_align(peek(1)) {
            specification.fill = peek(0).unwrap_or(' ');
            specification.align = peek(1);
            at = 2;
        } else if is_align(peek(0)) {
            specification.align = peek(0);
            at = 1;
        }
        if let Some(sign @ ('+' | '-' | ' ')) = peek(at) {
            specification.sign = Some(sign);
            at += 1;
        }
        if peek(at) == Some('#') {
            specification.is_alternate = true;
            at += 1;
        }
        if peek(at) == Some('0') && specification.align.is_none() {
            specification.fill = '0';
            specification.align = Some('=');
            at += 1;
        }
        let number = |at: &mut usize, what: &str| -> Raised<Option<usize>> {
            let start = *at;
            let mut number = 0_usize;
            while let Some(digit) = peek(*at).and_then(|character| character.to_digit(10)) {
                number = number * 10 + digit as usize;
                if number > MAXIMUM_WIDTH {
                    return Err(Exception::value_error(format!("{what} too big")));
                }
                *at += 1;
            }
            Ok((*at > start).then_some(number))
        };
        specification.width = number(&mut at, "width")?.unwrap_or(0);
        if let Some(grouping @ (',' | '_')) = peek(at) {
            specification.grouping = Some(grouping);
            at += 1;
        }
        if peek(at) == Some('.') {
            at += 1;
            let precision = number(&mut at, "precision")?;
            specification.precision = Some(
                precision
                    .ok_or_else(|| Exception::value_error("Format specifier missing precision"))?,
            );
        }
        specification.kind = peek(at);
        if characters.len() > at + 1 {
            return Err(Exception::value_error("Invalid format specifier"));
        }
        Ok(specification)
    }

    fn pad(&self, sign: &str, body: &str, default_align: char) -> String {
        let length = sign.chars().count() + body.chars().count();
        let blanks = self.width.saturating_sub(length);
        let fill = |count: usize| -> String { std::iter::repeat_n(self.fill, count).collect() };
        match self.align.unwrap_or(default_align) {
            '<' => format!("{sign}{body}{}", fill(blanks)),
            '^' => format!(
                "{}{sign}{body}{}",
                fill(blanks / 2),
                fill(blanks - blanks / 2)
            ),
            '=' => format!("{sign}{}{body}", fill(blanks)),
            _ => format!("{}{sign}{body}", fill(blanks)),
        }
    }

    /// Writes a number of which the magnitude is known.
    fn number(&self, is_negative: bool, prefix: &str, digits: &str) -> String {
        let sign = match (is_negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        };
        let digits = match self.grouping {
            Some(separator) => {
                let size = if matches!(self.kind, Some('b' | 'o' | 'x' | 'X')) {
                    4
                } else {
                    3
                };
                let room = match self.align == Some('=') && self.fill == '0' {
                    true => self.width.saturating_sub(sign.len() + prefix.len()),
                    false => 0,
                };
                group(digits, separator, size, room)
            }
            None => digits.to_owned(),
        };
        self.pad(&format!("{sign}{prefix}"), &digits, '>')
    }
}

/// Separates the digits before the point, with zeros in front up to a width.
fn group(digits: &str, separator: char, size: usize, width: usize) -> String {
    let end = digits
        .find(|character: char| !character.is_ascii_hexdigit() || character == 'e')
        .unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    let mut whole = whole.to_owned();
    loop {
        let separators = (whole.len().max(1) - 1) / size;
        if whole.len() + separators + rest.len() >= width {
            break;
        }
        whole.insert(0, '0');
    }
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(size) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    format!("{grouped}{rest}")
}

/// Returns `format(object, specification)`.
pub(crate) fn format_object(object: &Object, specification: &str) -> Raised<String> {
    if specification.is_empty() {
        return to_str(object);
    }
    let refuse = |kind: char| {
        Exception::value_error(format!(
            "Unknown format code '{kind}' for object of type '{}'",
            object.type_name()
        ))
    };
    match object {
        Object::Str(text) | Object::Markup(text) => {
            let specification = Specification::parse(specification)?;
            match specification.kind {
                None | Some('s') => {}
                Some(kind) => return Err(refuse(kind)),
            }
            let text: String = match specification.precision {
                Some(precision) => text.chars().take(precision).collect(),
                None => text.to_string(),
            };
            Ok(specification.pad("", &text, '<'))
        }
        Object::Bool(_) | Object::Int(_) => {
            let specification = Specification::parse(specification)?;
            let number = object.as_int().unwrap_or_default();
            format_integer(number, &specification)
                .ok_or_else(|| refuse(specification.kind.unwrap_or_default()))
        }
        Object::Float(float) => {
            let specification = Specification::parse(specification)?;
            format_float(*float, &specification)
                .ok_or_else(|| refuse(specification.kind.unwrap_or_default()))
        }
        other => Err(Exception::type_error(format!(
            "unsupported format string passed to {}.__format__",
            other.type_name()
        ))),
    }
}

fn format_integer(number: i128, specification: &Specification) -> Option<String> {
    let magnitude = number.unsigned_abs();
    let with = |prefix: &'static str| {
        if specification.is_alternate {
            prefix
        } else {
            ""
        }
    };
    let (prefix, digits) = match specification.kind {
        None | Some('d' | 'n') => ("", magnitude.to_string()),
        Some('b') => (with("0b"), format!("{magnitude:b}")),
        Some('o') => (with("0o"), format!("{magnitude:o}")),
        Some('x') => (with("0x"), format!("{magnitude:x}")),
        Some('X') => (with("0X"), format!("{magnitude:X}")),
        Some('c') => {
            let character = char::from_u32(u32::try_from(number).ok()?)?;
            return Some(specification.pad("", &character.to_string(), '<'));
        }
        Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => {
            #[expect(clippy::cast_precision_loss, reason = "Python rounds as well")]
            return format_float(number as f64, specification);
        }
        Some(_) => return None,
    };
    Some(specification.number(number < 0, prefix, &digits))
}

fn format_float(float: f64, specification: &Specification) -> Option<String> {
    let precision = specification.precision;
    let is_alternate = specification.is_alternate;
    let digits = match specification.kind {
        None => match precision {
            None => buildout_core::value::float_repr(float.abs()),
            Some(precision) => {
                let text = format_magnitude(float, FloatStyle::General, precision, is_alternate);
                match text.contains(['.', 'e', 'n']) {
                    true => text,
                    false => text + ".0",
                }
            }
        },
        Some('n' | 'g' | 'G') => format_magnitude(
            float,
            FloatStyle::General,
            precision.unwrap_or(6),
            is_alternate,
        ),
        Some('e' | 'E') => format_magnitude(
            float,
            FloatStyle::Exponent,
            precision.unwrap_or(6),
            is_alternate,
        ),
        Some('f' | 'F') => format_magnitude(
            float,
            FloatStyle::Fixed,
            precision.unwrap_or(6),
            is_alternate,
        ),
        Some('%') => {
            let precision = precision.unwrap_or(6);
            format_magnitude(float * 100.0, FloatStyle::Fixed, precision, is_alternate) + "%"
        }
        Some(_) => return None,
    };
    let digits = match specification.kind {
        Some('E' | 'F' | 'G') => digits.to_ascii_uppercase(),
        _ => digits,
    };
    let is_negative = float.is_sign_negative() && !float.is_nan();
    Some(specification.number(is_negative, "", &digits))
}

/// Returns `text.format(*arguments)`. Values and literal text pass through
/// `write_value`, by which `Markup` escapes.
pub(crate) fn format_fields(
    text: &str,
    arguments: &Arguments,
    convert: &dyn Fn(&Object, &str) -> Raised<String>,
) -> Raised<String> {
    let mut fields = Fields {
        arguments,
        convert,
        automatic: 0,
    };
    fields.run(text, 2)
}

struct Fields<'a> {
    arguments: &'a Arguments,
    convert: &'a dyn Fn(&Object, &str) -> Raised<String>,
    automatic: usize,
}

impl Fields<'_> {
    fn run(&mut self, text: &str, depth: usize) -> Raised<String> {
        if depth == 0 {
            return Err(Exception::value_error("Max string recursion exceeded"));
        }
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            out.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if after.starts_with(brace) {
                out.push_str(brace);
                rest = &after[1..];
                continue;
            }
            if brace == "}" {
                return Err(Exception::value_error(
                    "Single '}' encountered in format string",
                ));
            }
            let end = field_end(after)?;
            out.push_str(&self.field(&after[..end], depth)?);
            rest = &after[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    fn field(&mut self, field: &str, depth: usize) -> Raised<String> {
        let mut end = field.len();
        let mut brackets = 0;
        for (index, character) in field.char_indices() {
            match character {
                '[' => brackets += 1,
                ']' => brackets -= 1,
                '!' | ':' if brackets <= 0 => {
                    end = index;
                    break;
                }
                _ => {}
            }
        }
        let (name, rest) = field.split_at(end);
        let (conversion, specification) = match rest.strip_prefix('!') {
            Some(rest) => {
                let mut characters = rest.chars();
                let conversion = characters.next();
                let after = characters.as_str();
                (conversion, after.strip_prefix(':').unwrap_or(""))
            }
            None => (None, rest.strip_prefix(':').unwrap_or("")),
        };
        let value = self.value(name)?;
        let specification = match specification.contains('{') {
            true => self.run(specification, depth - 1)?,
            false => specification.to_owned(),
        };
        let value = match conversion {
            None => value,
            Some('s') => Object::from(to_str(&value)?),
            Some('r') => Object::from(repr(&value)?),
            Some('a') => Object::from(ascii(&value)?),
            Some(other) => {
                return Err(Exception::value_error(format!(
                    "Unknown conversion specifier '{other}'"
                )));
            }
        };
        (self.convert)(&value, &specification)
    }

    fn value(&mut self, name: &str) -> Raised<Object> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut rest) = name.split_at(end);
        let index = match first {
            "" => {
                self.automatic += 1;
                Some(self.automatic - 1)
            }
            first => first.parse::<usize>().ok(),
        };
        let mut value = match index {
            Some(index) => self
                .arguments
                .positional
                .get(index)
                .cloned()
                .ok_or_else(|| {
                    Exception::index_error(format!(
                        "Replacement index {index} out of range for positional args tuple"
                    ))
                })?,
            None => {
                let mut keywords = self.arguments.keywords.iter();
                let found = keywords.find(|(known, _)| **known == *first);
                let (_, value) =
                    found.ok_or_else(|| Exception::key_error(&format!("'{first}'")))?;
                value.clone()
            }
        };
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let attribute = value.attribute(&after[..end])?;
                value = attribute
                    .ok_or_else(|| Exception::attribute_error(value.type_name(), &after[..end]))?;
                rest = &after[end..];
                continue;
            }
            let Some((key, after)) = rest[1..].split_once(']') else {
                return Err(Exception::value_error("Missing ']' in format string"));
            };
            let key = match key.parse::<i128>() {
                Ok(index) => Object::Int(index),
                Err(_) => Object::from(key),
            };
            value = subscript::item(&value, &key)?;
            rest = after;
        }
        Ok(value)
    }
}

/// Finds the brace that ends a field.
fn field_end(text: &str) -> Raised<usize> {
    let mut depth = 1;
    for (index, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Ok(index);
        }
    }
    Err(Exception::value_error(match text.is_empty() {
        true => "Single '{' encountered in format string",
        false => "expected '}' before end of string",
    }))
}
