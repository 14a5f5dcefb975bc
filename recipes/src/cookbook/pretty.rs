//! Python's `pprint.pformat` of values, with its default width of 80 columns.
//!
//! Sets and bytes that are wider stay in one line.

use std::cmp::Ordering;

use buildout_core::profile::python_text::{is_python_space, split_lines};
use buildout_core::value::{Value, compare, str_repr};

const WIDTH: usize = 80;

/// Formats a value; what is nested gets `indent` more columns.
pub(super) fn pformat(value: &Value, indent: usize) -> String {
    let mut printer = Printer {
        indent,
        text: String::new(),
    };
    printer.format(value, 0, 0, 0);
    printer.text
}

struct Printer {
    indent: usize,
    text: String,
}

impl Printer {
    /// Writes a value at column `column`, which `allowance` columns follow.
    fn format(&mut self, value: &Value, column: usize, allowance: usize, level: usize) {
        let flat = flat(value);
        let room = WIDTH.saturating_sub(column + allowance);
        if width(&flat) <= room {
            self.text.push_str(&flat);
            return;
        }
        let level = level + 1;
        match value {
            Value::Str(text) => self.format_text(text, column, allowance, level),
            Value::List(items) => {
                self.text.push('[');
                self.format_items(items, column, allowance + 1, level);
                self.text.push(']');
            }
            Value::Tuple(items) => {
                let end = if items.len() == 1 { ",)" } else { ")" };
                self.text.push('(');
                self.format_items(items, column, allowance + end.len(), level);
                self.text.push_str(end);
            }
            Value::Dict(dict) => {
                self.text.push('{');
                self.pad();
                let column = column + self.indent;
                let items = sorted(dict.iter());
                for (number, (key, value)) in items.iter().enumerate() {
                    let key = self::flat(key);
                    let is_last = number + 1 == items.len();
                    self.text.push_str(&key);
                    self.text.push_str(": ");
                    let allowance = if is_last { allowance + 1 } else { 1 };
                    self.format(value, column + width(&key) + 2, allowance, level);
                    if !is_last {
                        self.end_item(column);
                    }
                }
                self.text.push('}');
            }
            _ => self.text.push_str(&flat),
        }
    }

    fn format_items(&mut self, items: &[Value], column: usize, allowance: usize, level: usize) {
        self.pad();
        let column = column + self.indent;
        for (number, item) in items.iter().enumerate() {
            let is_last = number + 1 == items.len();
            self.format(item, column, if is_last { allowance } else { 1 }, level);
            if !is_last {
                self.end_item(column);
            }
        }
    }

    /// Fills up after an opening bracket.
    fn pad(&mut self) {
        let spaces = self.indent.saturating_sub(1);
        self.text.extend(std::iter::repeat_n(' ', spaces));
    }

    fn end_item(&mut self, column: usize) {
        self.text.push_str(",\n");
        self.text.extend(std::iter::repeat_n(' ', column));
    }

    /// Writes a text as several literals, a line each, broken after line ends and white space.
    fn format_text(&mut self, text: &str, column: usize, allowance: usize, level: usize) {
        // Alone it needs parentheses.
        let is_alone = level == 1;
        let (column, allowance) = match is_alone {
            true => (column + 1, allowance + 1),
            false => (column, allowance),
        };
        let room = WIDTH.saturating_sub(column);
        let mut chunks: Vec<String> = Vec::new();
        let lines = lines_with_ends(text);
        for (number, line) in lines.iter().enumerate() {
            let is_last_line = number + 1 == lines.len();
            let room_at = |is_last: bool| match is_last_line && is_last {
                true => room.saturating_sub(allowance),
                false => room,
            };
            let whole = str_repr(line);
            if width(&whole) <= room_at(true) {
                chunks.push(whole);
                continue;
            }
            let words = words_with_space(line);
            let mut current = String::new();
            for (number, word) in words.iter().enumerate() {
                let candidate = format!("{current}{word}");
                let is_last = number + 1 == words.len();
                if width(&str_repr(&candidate)) > room_at(is_last) {
                    if !current.is_empty() {
                        chunks.push(str_repr(&current));
                    }
                    current = (*word).to_owned();
                } else {
                    current = candidate;
                }
            }
            if !current.is_empty() {
                chunks.push(str_repr(&current));
            }
        }
        if let [chunk] = &chunks[..] {
            self.text.push_str(chunk);
            return;
        }
        let separator = format!("\n{}", " ".repeat(column));
        let literals = chunks.join(&separator);
        match is_alone {
            true => self.text.push_str(&format!("({literals})")),
            false => self.text.push_str(&literals),
        }
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// The representation in one line, dicts sorted.
fn flat(value: &Value) -> String {
    let joined = |items: &[Value]| items.iter().map(flat).collect::<Vec<_>>().join(", ");
    match value {
        Value::List(items) => format!("[{}]", joined(items)),
        Value::Tuple(items) if items.len() == 1 => format!("({},)", joined(items)),
        Value::Tuple(items) => format!("({})", joined(items)),
        Value::Dict(dict) => {
            let items = sorted(dict.iter());
            let items = items
                .iter()
                .map(|(key, value)| format!("{}: {}", flat(key), flat(value)));
            format!("{{{}}}", items.collect::<Vec<_>>().join(", "))
        }
        value => value.repr(),
    }
}

/// Sorts the items of a dict by their keys; keys that cannot be compared go by their types.
fn sorted<'v>(items: impl Iterator<Item = (&'v Value, &'v Value)>) -> Vec<(&'v Value, &'v Value)> {
    let mut items: Vec<_> = items.collect();
    items.sort_by(|(left, _), (right, _)| match compare(left, right) {
        Ok(order) => order.unwrap_or(Ordering::Equal),
        Err(_) => left.type_name().cmp(right.type_name()),
    });
    items
}

/// The lines of a text with their ends: `splitlines(True)`.
fn lines_with_ends(text: &str) -> Vec<&str> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in split_lines(text) {
        let rest = &text[start + line.len()..];
        let end = match rest.strip_prefix("\r\n") {
            Some(_) => 2,
            None => rest.chars().next().map_or(0, char::len_utf8),
        };
        let next = start + line.len() + end;
        lines.push(&text[start..next]);
        start = next;
    }
    lines
}

/// The words of a line, each with the white space after it.
fn words_with_space(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut after_space = false;
    for (place, character) in line.char_indices() {
        let is_space = is_python_space(character);
        if after_space && !is_space {
            words.push(&line[start..place]);
            start = place;
        }
        after_space = is_space;
    }
    words.push(&line[start..]);
    words
}

#[cfg(test)]
mod tests {
    use buildout_core::value::literal;

    use super::pformat;

    #[test]
    fn wide_values_are_broken_as_python_does_it() {
        let (word, pairs) = ("q".repeat(70), "a b ".repeat(25));
        for (text, expected) in [
            (
                "{'b': 1, 'a': (2,)}".to_owned(),
                "{'a': (2,), 'b': 1}".to_owned(),
            ),
            (
                format!("{{'b': {{'z': 1, 'a': '{word}'}}}}"),
                format!("{{ 'b': {{ 'a': '{word}',\n         'z': 1}}}}"),
            ),
            (format!("('{word}{word}',)"), format!("( '{word}{word}',)")),
            (
                format!("{{'k': '{pairs}', 'a': [1, '{word}{word}', (1,)]}}"),
                format!(
                    "{{ 'a': [ 1,\n         '{word}{word}',\n         (1,)],\n  'k': '{}'\n       \
                     '{}'}}",
                    &pairs[..70],
                    &pairs[70..]
                ),
            ),
            (
                format!("'one\\ntwo {word}wwwww'"),
                format!("('one\\n'\n 'two '\n '{word}wwwww')"),
            ),
            ("()".to_owned(), "()".to_owned()),
        ] {
            let value = literal::parse(&text).expect("a literal");
            assert_eq!(pformat(&value, 2), expected, "{text}");
        }
    }
}
