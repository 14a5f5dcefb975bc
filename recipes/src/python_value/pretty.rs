//! `pprint.pformat`.

use super::methods::lines;
use super::order::sort_by;
use super::{DEPTH_LIMIT, Exception, Object, Raised, less_than, repr};
use buildout_core::profile::python_text::is_python_space;

/// The width of the lines that it makes if it can.
const WIDTH: usize = 80;

/// Returns an object as a text, in several lines if it is long.
pub(crate) fn format(object: &Object) -> Raised<String> {
    let mut printer = Printer::default();
    printer.write(object, 0, 0, 0)?;
    Ok(printer.text)
}

#[derive(Default)]
struct Printer {
    text: String,
}

fn length(text: &str) -> usize {
    text.chars().count()
}

impl Printer {
    /// Writes an object from a column on, with so much behind it.
    fn write(
        &mut self,
        object: &Object,
        indent: usize,
        allowance: usize,
        level: usize,
    ) -> Raised<()> {
        let text = single_line(object, level)?;
        if length(&text) as i128 <= WIDTH as i128 - indent as i128 - allowance as i128 {
            self.text.push_str(&text);
            return Ok(());
        }
        let level = level + 1;
        match object {
            Object::Dict(dict) => {
                self.text.push('{');
                let entries = sorted(dict.to_vec(), |(key, _)| key)?;
                let last = entries.len().saturating_sub(1);
                for (index, (key, value)) in entries.iter().enumerate() {
                    let key = repr(key)?;
                    let column = indent + 1 + length(&key) + 2;
                    let allowance = if index == last { allowance + 1 } else { 1 };
                    self.text.push_str(&key);
                    self.text.push_str(": ");
                    self.write(value, column, allowance, level)?;
                    if index < last {
                        self.next_line(",", indent + 1);
                    }
                }
                self.text.push('}');
                Ok(())
            }
            Object::List(list) => self.items("[", &list.to_vec(), "]", indent, allowance, level),
            Object::Tuple(tuple) if tuple.kind().is_none() => {
                let close = if tuple.len() == 1 { ",)" } else { ")" };
                self.items("(", tuple, close, indent, allowance, level)
            }
            Object::Set(set) if !set.is_empty() => {
                let members = sorted(set.to_vec(), |member| member)?;
                self.items("{", &members, "}", indent, allowance, level)
            }
            Object::FrozenSet(set) if !set.is_empty() => {
                let members = sorted(set.to_vec(), |member| member)?;
                let indent = indent + "frozenset(".len();
                self.items("frozenset({", &members, "})", indent, allowance, level)
            }
            Object::Str(string) if !string.is_empty() => {
                self.string(string, indent, allowance, level)
            }
            Object::Bytes(bytes) if bytes.len() > 4 => self.bytes(bytes, indent, allowance, level),
            _ => {
                self.text.push_str(&text);
                Ok(())
            }
        }
    }

    fn next_line(&mut self, end: &str, indent: usize) {
        self.text.push_str(end);
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    fn items(
        &mut self,
        open: &str,
        items: &[Object],
        close: &str,
        indent: usize,
        allowance: usize,
        level: usize,
    ) -> Raised<()> {
        self.text.push_str(open);
        let last = items.len().saturating_sub(1);
        for (index, item) in items.iter().enumerate() {
            let allowance = match index == last {
                true => allowance + close.len(),
                false => 1,
            };
            self.write(item, indent + 1, allowance, level)?;
            if index < last {
                self.next_line(",", indent + 1);
            }
        }
        self.text.push_str(close);
        Ok(())
    }

    /// Writes a text as several, one below the other.
    fn string(
        &mut self,
        string: &str,
        mut indent: usize,
        mut allowance: usize,
        level: usize,
    ) -> Raised<()> {
        // On the outermost level there are parentheses around it.
        indent += usize::from(level == 1);
        allowance += usize::from(level == 1);
        let width = WIDTH as i128 - indent as i128;
        let fits = |text: &str, width: i128| -> Raised<bool> {
            Ok(length(&quoted(text)?) as i128 <= width)
        };
        let mut chunks = Vec::new();
        let all = lines(string, true);
        let last = all.len().saturating_sub(1);
        for (index, line) in all.iter().enumerate() {
            let is_last = index == last;
            let after = if is_last { allowance as i128 } else { 0 };
            if fits(line, width - after)? {
                chunks.push(quoted(line)?);
                continue;
            }
            let words = words(line);
            let last_word = words.len().saturating_sub(1);
            let mut current = String::new();
            for (index, word) in words.iter().enumerate() {
                let after = if index == last_word { after } else { 0 };
                let candidate = format!("{current}{word}");
                if fits(&candidate, width - after)? {
                    current = candidate;
                    continue;
                }
                if !current.is_empty() {
                    chunks.push(quoted(&current)?);
                }
                (*word).clone_into(&mut current);
            }
            if !current.is_empty() {
                chunks.push(quoted(&current)?);
            }
        }
        self.chunks(&chunks, indent, level == 1 && chunks.len() > 1);
        Ok(())
    }

    fn bytes(
        &mut self,
        bytes: &[u8],
        mut indent: usize,
        mut allowance: usize,
        level: usize,
    ) -> Raised<()> {
        indent += usize::from(level == 1);
        allowance += usize::from(level == 1);
        let mut width = WIDTH as i128 - indent as i128;
        let last = bytes.len() / 4 * 4;
        let quoted = |bytes: &[u8]| repr(&Object::bytes(bytes));
        let mut chunks = Vec::new();
        let mut start = 0;
        for at in (0..bytes.len()).step_by(4) {
            let end = (at + 4).min(bytes.len());
            if at == last {
                width -= allowance as i128;
            }
            if length(&quoted(&bytes[start..end])?) as i128 > width {
                if start < at {
                    chunks.push(quoted(&bytes[start..at])?);
                }
                start = at;
            }
        }
        chunks.push(quoted(&bytes[start..])?);
        self.chunks(&chunks, indent, level == 1);
        Ok(())
    }

    fn chunks(&mut self, chunks: &[String], indent: usize, in_parentheses: bool) {
        if in_parentheses {
            self.text.push('(');
        }
        for (index, chunk) in chunks.iter().enumerate() {
            if index > 0 {
                self.next_line("", indent);
            }
            self.text.push_str(chunk);
        }
        if in_parentheses {
            self.text.push(')');
        }
    }
}

fn quoted(text: &str) -> Raised<String> {
    repr(&Object::from(text))
}

/// Splits a line into words with the white space behind them.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let space = rest.find(is_python_space).unwrap_or(rest.len());
        let after = &rest[space..];
        let length = rest.len() - after.trim_start_matches(is_python_space).len();
        let (word, next) = rest.split_at(length);
        words.push(word);
        rest = next;
    }
    words
}

/// Sorts by keys of any types: those that have no order, by the names of their
/// types.
fn sorted<T>(items: Vec<T>, key: impl Fn(&T) -> &Object) -> Raised<Vec<T>> {
    sort_by(items, &mut |left, right| {
        let (left, right) = (key(left), key(right));
        less_than(left, right).or_else(|error| match error.class() {
            "TypeError" => Ok(left.type_name() < right.type_name()),
            _ => Err(error),
        })
    })
}

/// Returns an object in one line, with the keys of dicts in order.
fn single_line(object: &Object, level: usize) -> Raised<String> {
    if level > DEPTH_LIMIT {
        return Err(Exception::recursion());
    }
    let joined = |items: &[Object]| -> Raised<String> {
        let items = items.iter().map(|item| single_line(item, level + 1));
        Ok(items.collect::<Raised<Vec<_>>>()?.join(", "))
    };
    match object {
        Object::Dict(dict) => {
            let mut entries = Vec::new();
            for (key, value) in sorted(dict.to_vec(), |(key, _)| key)? {
                let (key, value) = (
                    single_line(&key, level + 1)?,
                    single_line(&value, level + 1)?,
                );
                entries.push(format!("{key}: {value}"));
            }
            Ok(format!("{{{}}}", entries.join(", ")))
        }
        Object::List(list) => Ok(format!("[{}]", joined(&list.to_vec())?)),
        Object::Tuple(tuple) if tuple.kind().is_none() => {
            let comma = if tuple.len() == 1 { "," } else { "" };
            Ok(format!("({}{comma})", joined(tuple)?))
        }
        other => repr(other),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn what_contains_itself_is_no_endless_text() {
        let list = Rc::new(super::super::List::new(Vec::new()));
        list.push(Object::List(Rc::clone(&list)));
        assert!(format(&Object::List(Rc::clone(&list))).is_err());
        list.change(Vec::clear);
    }
}
