//! `text % values`.

use std::rc::Rc;

use super::float_format::{FloatStyle, format_magnitude};
use super::methods::markup;
use super::{Dict, Exception, Object, Raised, arithmetic, ascii, repr, subscript, to_str};
use buildout_core::value::str_repr;

/// The widest field; Python is bounded by memory only.
const MAXIMUM_WIDTH: usize = 1 << 20;

/// Returns `format % values`.
pub(crate) fn format(format: &Object, values: &Object) -> Raised<Object> {
    let Some(text) = format.as_str() else {
        return Err(Exception::type_error("a format is needed"));
    };
    let is_markup = matches!(format, Object::Markup(_));
    // Python also takes lists for mappings here, so that a list that is not
    // used is no error.
    let is_mapping = match values {
        Object::Dict(_) | Object::List(_) | Object::Bytes(_) | Object::Undefined(_) => true,
        Object::Native(native) => native.is_subscriptable(),
        _ => false,
    };
    let text = Formatting {
        values: match values {
            Object::Tuple(tuple) => tuple.to_vec(),
            value => vec![value.clone()],
        },
        mapping: is_mapping.then_some(Mapping::Object(values)),
        is_markup,
        ..Formatting::new(text)
    }
    .run()?;
    Ok(match is_markup {
        true => Object::Markup(Rc::from(text)),
        false => Object::from(text),
    })
}

/// Returns `format % mapping` for texts that are found by their names. Without
/// a name it is `mapping` that is formatted.
pub(crate) fn format_names(
    format: &str,
    mapping: Object,
    lookup: &mut dyn FnMut(&str) -> Option<String>,
) -> Raised<String> {
    Formatting {
        values: vec![mapping],
        mapping: Some(Mapping::Lookup(lookup)),
        ..Formatting::new(format)
    }
    .run()
}

/// Where values with names come from.
enum Mapping<'v> {
    Object(&'v Object),
    Lookup(&'v mut dyn FnMut(&str) -> Option<String>),
}

impl Mapping<'_> {
    fn get(&mut self, name: String) -> Raised<Object> {
        match self {
            Mapping::Object(object) => subscript::item(object, &Object::from(name)),
            Mapping::Lookup(lookup) => match lookup(&name) {
                Some(text) => Ok(Object::from(text)),
                None => Err(Exception::key_error(&str_repr(&name))),
            },
        }
    }
}

/// The flags of a conversion.
#[derive(Default)]
struct Flags {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
}

struct Formatting<'v> {
    characters: Vec<char>,
    position: usize,
    values: Vec<Object>,
    next: usize,
    mapping: Option<Mapping<'v>>,
    is_markup: bool,
    text: String,
}

impl Formatting<'_> {
    fn new(format: &str) -> Self {
        Formatting {
            characters: format.chars().collect(),
            position: 0,
            values: Vec::new(),
            next: 0,
            mapping: None,
            is_markup: false,
            text: String::with_capacity(format.len()),
        }
    }

    fn run(mut self) -> Raised<String> {
        while let Some(&character) = self.characters.get(self.position) {
            self.position += 1;
            match character {
                '%' => self.conversion()?,
                other => self.text.push(other),
            }
        }
        if self.next < self.values.len() && self.mapping.is_none() {
            return Err(Exception::type_error(
                "not all arguments converted during string formatting",
            ));
        }
        Ok(self.text)
    }

    fn character(&mut self) -> Raised<char> {
        let character = self.characters.get(self.position).copied();
        self.position += 1;
        character.ok_or_else(|| Exception::value_error("incomplete format"))
    }

    /// Returns the next value of the tuple.
    fn value(&mut self) -> Raised<Object> {
        let value = self.values.get(self.next).cloned();
        self.next += 1;
        value.ok_or_else(|| Exception::type_error("not enough arguments for format string"))
    }

    fn conversion(&mut self) -> Raised<()> {
        let mut character = self.character()?;
        if character == '%' {
            self.text.push('%');
            return Ok(());
        }
        let mut named = None;
        if character == '(' {
            if self.mapping.is_none() {
                return Err(Exception::type_error("format requires a mapping"));
            }
            let name = self.name()?;
            if let Some(mapping) = &mut self.mapping {
                named = Some(mapping.get(name)?);
            }
            character = self.character()?;
        }
        let mut flags = Flags::default();
        loop {
            match character {
                '-' => flags.left = true,
                '+' => flags.plus = true,
                ' ' => flags.space = true,
                '#' => flags.alternate = true,
                '0' => flags.zero = true,
                _ => break,
            }
            character = self.character()?;
        }
        let mut width = 0;
        if character == '*' {
            let given = self.star()?;
            flags.left |= given < 0;
            width = limited(given.unsigned_abs(), "width")?;
            character = self.character()?;
        } else {
            (width, character) = self.number(width, character, "width")?;
        }
        let mut precision = None;
        if character == '.' {
            character = self.character()?;
            if character == '*' {
                let given = self.star()?;
                precision = Some(limited(given.max(0).unsigned_abs(), "precision")?);
                character = self.character()?;
            } else {
                let number;
                (number, character) = self.number(0, character, "precision")?;
                precision = Some(number);
            }
        }
        if matches!(character, 'h' | 'l' | 'L') {
            character = self.character()?;
        }
        let value = match named {
            Some(value) => value,
            None => self.value()?,
        };
        self.convert(character, &value, &flags, width, precision)
    }

    /// Reads the name after `(`, which may have balanced parentheses.
    fn name(&mut self) -> Raised<String> {
        let mut name = String::new();
        let mut depth = 1;
        loop {
            let Some(&character) = self.characters.get(self.position) else {
                return Err(Exception::value_error("incomplete format key"));
            };
            self.position += 1;
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(name);
            }
            name.push(character);
        }
    }

    fn star(&mut self) -> Raised<i128> {
        let value = self.value()?;
        value
            .as_int()
            .ok_or_else(|| Exception::type_error("* wants int"))
    }

    fn number(
        &mut self,
        mut number: usize,
        mut character: char,
        what: &str,
    ) -> Raised<(usize, char)> {
        while let Some(digit) = character.to_digit(10) {
            number = limited(number as u128 * 10 + u128::from(digit), what)?;
            character = self.character()?;
        }
        Ok((number, character))
    }

    fn convert(
        &mut self,
        conversion: char,
        value: &Object,
        flags: &Flags,
        width: usize,
        precision: Option<usize>,
    ) -> Raised<()> {
        let (sign, digits) = match conversion {
            's' | 'r' | 'a' => {
                let text = match conversion {
                    's' if self.is_markup => markup::escape(value)?,
                    's' => to_str(value)?,
                    'r' if self.is_markup => markup::escape_text(&repr(value)?),
                    'r' => repr(value)?,
                    _ => ascii(value)?,
                };
                let text = match precision {
                    Some(precision) => text.chars().take(precision).collect(),
                    None => text,
                };
                self.pad(&text, width, flags.left);
                return Ok(());
            }
            'c' => {
                let character = match (value.as_int(), value.as_str()) {
                    (Some(code), _) => u32::try_from(code)
                        .ok()
                        .and_then(char::from_u32)
                        .ok_or_else(|| {
                            Exception::new("OverflowError", "%c arg not in range(0x110000)")
                        })?,
                    (None, Some(text)) if text.chars().count() == 1 => {
                        text.chars().next().unwrap_or_default()
                    }
                    _ => return Err(Exception::type_error("%c requires int or char")),
                };
                self.pad(&character.to_string(), width, flags.left);
                return Ok(());
            }
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' => integer(conversion, value, precision)?,
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => float(conversion, value, flags, precision)?,
            other => {
                return Err(Exception::value_error(format!(
                    "unsupported format character '{}' (0x{:x}) at index {}",
                    if (' '..='~').contains(&other) {
                        other
                    } else {
                        '?'
                    },
                    u32::from(other),
                    self.position - 1
                )));
            }
        };
        let sign = match sign {
            "" if flags.plus => "+",
            "" if flags.space => " ",
            sign => sign,
        };
        let (prefix, digits) = match (flags.alternate, conversion) {
            (true, 'o') => ("0o", digits),
            (true, 'x') => ("0x", digits),
            (true, 'X') => ("0X", digits),
            _ => ("", digits),
        };
        let length = sign.len() + prefix.len() + digits.len();
        let is_finite = !digits.starts_with(['i', 'n', 'I', 'N']);
        let zeros = match flags.zero && !flags.left && is_finite {
            true => "0".repeat(width.saturating_sub(length)),
            false => String::new(),
        };
        self.pad(&format!("{sign}{prefix}{zeros}{digits}"), width, flags.left);
        Ok(())
    }

    fn pad(&mut self, text: &str, width: usize, is_left: bool) {
        let blanks = width.saturating_sub(text.chars().count());
        if !is_left {
            self.text.extend(std::iter::repeat_n(' ', blanks));
        }
        self.text.push_str(text);
        if is_left {
            self.text.extend(std::iter::repeat_n(' ', blanks));
        }
    }
}

fn limited(number: u128, what: &str) -> Raised<usize> {
    usize::try_from(number)
        .ok()
        .filter(|number| *number <= MAXIMUM_WIDTH)
        .ok_or_else(|| Exception::value_error(format!("{what} too big")))
}

fn integer(
    conversion: char,
    value: &Object,
    precision: Option<usize>,
) -> Raised<(&'static str, String)> {
    let is_decimal = matches!(conversion, 'd' | 'i' | 'u');
    let number = match value {
        Object::Float(float) if is_decimal => arithmetic::truncate(*float)?.as_int(),
        Object::Undefined(undefined) => return Err(undefined.error()),
        value => value.as_int(),
    };
    let Some(number) = number else {
        let wanted = if is_decimal {
            "a real number"
        } else {
            "an integer"
        };
        return Err(Exception::type_error(format!(
            "%{conversion} format: {wanted} is required, not {}",
            value.type_name()
        )));
    };
    let magnitude = number.unsigned_abs();
    let digits = match conversion {
        'o' => format!("{magnitude:o}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        _ => magnitude.to_string(),
    };
    let zeros = precision.unwrap_or(0).saturating_sub(digits.len());
    let digits = "0".repeat(zeros) + &digits;
    Ok((if number < 0 { "-" } else { "" }, digits))
}

fn float(
    conversion: char,
    value: &Object,
    flags: &Flags,
    precision: Option<usize>,
) -> Raised<(&'static str, String)> {
    if let Object::Undefined(undefined) = value {
        return Err(undefined.error());
    }
    let Some(number) = value.as_float() else {
        return Err(Exception::type_error(format!(
            "must be real number, not {}",
            value.type_name()
        )));
    };
    let style = match conversion.to_ascii_lowercase() {
        'e' => FloatStyle::Exponent,
        'f' => FloatStyle::Fixed,
        _ => FloatStyle::General,
    };
    let text = format_magnitude(number, style, precision.unwrap_or(6), flags.alternate);
    let text = match conversion.is_ascii_uppercase() {
        true => text.to_ascii_uppercase(),
        false => text,
    };
    let is_negative = number.is_sign_negative() && !number.is_nan();
    Ok((if is_negative { "-" } else { "" }, text))
}

/// Returns `format % values` for keyword arguments.
pub(crate) fn format_keywords(
    format_text: &Object,
    keywords: Vec<(Rc<str>, Object)>,
) -> Raised<Object> {
    let dict = Dict::new();
    for (name, value) in keywords {
        dict.insert_str(name, value);
    }
    format(format_text, &Object::Dict(Rc::new(dict)))
}
