//! The search path that a plugin begins with:
//! `sys.path[0:0] = [...]`, its first assignment.
//!
//! What slapos.cookbook writes is found as `runpromises.py` finds it: the first
//! assignment among the statements of the file, whatever comes before it.

use buildout_core::value::{Value, literal};

/// A plugin without a search path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSearchPath {
    /// There is no assignment, or what is before it cannot be read.
    #[error("it has no assignment")]
    NoAssignment,
    /// The first assignment is to something else.
    #[error("its first assignment is not to `sys.path[0:0]`")]
    Target,
    /// What is assigned is no list, tuple or set of texts.
    #[error("what it assigns to `sys.path[0:0]` is no sequence of texts")]
    Value,
}

/// Returns the search path of a plugin.
///
/// # Errors
///
/// It has none.
pub fn search_path(source: &str) -> Result<Vec<String>, NoSearchPath> {
    let mut statements = Statements::of(source);
    while let Some(statement) = statements.next() {
        let Some(equals) = statement.assignment else {
            continue;
        };
        let (target, value) = statement.text.split_at(equals);
        let bare: String = target.split_whitespace().collect();
        if bare != "sys.path[0:0]" {
            return Err(NoSearchPath::Target);
        }
        let value = literal::parse(value[1..].trim()).map_err(|_| NoSearchPath::Value)?;
        let items: Vec<Value> = match value {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => items,
            _ => return Err(NoSearchPath::Value),
        };
        let texts = items
            .iter()
            .map(|item| item.as_str().map(ToOwned::to_owned));
        return texts.collect::<Option<_>>().ok_or(NoSearchPath::Value);
    }
    Err(NoSearchPath::NoAssignment)
}

/// A simple statement that is not within another one.
struct Statement<'a> {
    text: &'a str,
    /// Where its first `=` is, if it is an assignment.
    assignment: Option<usize>,
}

/// The simple statements of a module that are not within others, one after the
/// other.
struct Statements<'a> {
    rest: &'a str,
    /// Whether `rest` begins a line.
    is_new_line: bool,
    /// Whether this line is within another statement.
    is_within: bool,
}

/// The words that begin statements with others within.
const COMPOUND: [&str; 14] = [
    "async", "class", "def", "elif", "else", "except", "finally", "for", "if", "match", "try",
    "while", "with", "case",
];

impl<'a> Statements<'a> {
    fn of(source: &'a str) -> Self {
        Statements {
            rest: source,
            is_new_line: true,
            is_within: false,
        }
    }

    fn next(&mut self) -> Option<Statement<'a>> {
        while !self.rest.is_empty() {
            let end = end_of_statement(self.rest)?;
            let text = &self.rest[..end.at];
            if self.is_new_line {
                let word = text
                    .split(|it: char| !it.is_alphanumeric() && it != '_')
                    .next();
                // A name may be one of these words as well.
                let is_compound =
                    end.assignment.is_none() && word.is_some_and(|word| COMPOUND.contains(&word));
                self.is_within = is_compound || text.starts_with([' ', '\t']);
            }
            self.is_new_line = !end.is_semicolon;
            self.rest = &self.rest[end.next..];
            if !self.is_within && !text.trim().is_empty() {
                return Some(Statement {
                    text,
                    assignment: end.assignment,
                });
            }
        }
        None
    }
}

/// Where a statement ends.
struct End {
    /// Behind its last character, comments excluded.
    at: usize,
    /// Where the next one begins.
    next: usize,
    is_semicolon: bool,
    assignment: Option<usize>,
}

/// Finds the end of the statement that a text begins with: a line's end
/// outside of brackets and texts, or a semicolon; none if the text makes no
/// sense.
fn end_of_statement(text: &str) -> Option<End> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    let (mut assignment, mut is_annotated) = (None, false);
    let mut code_end = None;
    while at < bytes.len() {
        match bytes[at] {
            b'\'' | b'"' => at = end_of_text(bytes, at)?,
            b'#' => {
                // The comment is no part of a statement that it ends.
                code_end = (depth == 0).then_some(at);
                while at < bytes.len() && bytes[at] != b'\n' {
                    at += 1;
                }
            }
            b'\\' if bytes.get(at + 1) == Some(&b'\n') => at += 2,
            b'\\' if bytes.get(at + 1..at + 3) == Some(b"\r\n") => at += 3,
            b'(' | b'[' | b'{' => {
                depth += 1;
                at += 1;
            }
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            b'\n' if depth == 0 => {
                return Some(End {
                    at: code_end.unwrap_or(at),
                    next: at + 1,
                    is_semicolon: false,
                    assignment,
                });
            }
            b';' if depth == 0 => {
                return Some(End {
                    at,
                    next: at + 1,
                    is_semicolon: true,
                    assignment,
                });
            }
            b':' if depth == 0 && assignment.is_none() => {
                is_annotated = true;
                at += 1;
            }
            b'=' if depth == 0 => {
                let is_comparison = bytes.get(at + 1) == Some(&b'=');
                // `+=`, `<=`, `:=` and the like.
                let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
                let is_other = b"=!<>+-*/%@&|^:~".contains(&before);
                if !is_comparison && !is_other && !is_annotated && assignment.is_none() {
                    assignment = Some(at);
                }
                at += 1 + usize::from(is_comparison);
            }
            _ => at += 1,
        }
    }
    (depth == 0).then_some(End {
        at: code_end.unwrap_or(bytes.len()),
        next: bytes.len(),
        is_semicolon: false,
        assignment,
    })
}

/// Returns where a text in quotes ends that begins at `at`.
fn end_of_text(bytes: &[u8], at: usize) -> Option<usize> {
    let quote = bytes[at];
    let is_long = bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote);
    let mut end = at + if is_long { 3 } else { 1 };
    loop {
        match *bytes.get(end)? {
            b'\\' => end += 2,
            b'\n' if !is_long => return None,
            byte if byte == quote => {
                if !is_long {
                    return Some(end + 1);
                }
                if bytes.get(end + 1) == Some(&quote) && bytes.get(end + 2) == Some(&quote) {
                    return Some(end + 3);
                }
                end += 1;
            }
            _ => end += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_literal_sequence_is_read_from_the_first_assignment() {
        for source in [
            "sys.path[0:0] = ['a', 'b']\n",
            "sys.path[ 0 : 0 ]=('a',\n  # one more\n  'b',)",
            "#!/usr/bin/python -S\n# sys.path = 3\n'''doc = \"1\"'''\nimport sys\nsys.path[0:0] = [\n  'a',\n  \"b\",\n]  # done\nx = 1\n",
            "import sys; sys.path[0:0] = ['a', \\\n 'b']; y = 2\n",
            "from x import (\n  y,\n  z)\nassert 1 == 1\nif True:\n  x = 1\ndef f(a=1):\n  return a\nx: int = 3\nsys.path[0:0] = ['a', 'b']\n",
            "if x: y = 1; z = 2\ndef f():\n  a = 1; b = 2\n\n@d(a=1)\nclass A(B, c=D): x = 1\nsys.path[0:0] = {'a', 'b'}",
            "try: import y; x = 1\nexcept E: z = 1\nx += 1\nprint('a=b', c=3)\nsys.path[0:0] = ['a', u'b']\n",
        ] {
            let path = search_path(source);
            assert_eq!(
                path.as_deref(),
                Ok(&["a".to_owned(), "b".to_owned()][..]),
                "{source}"
            );
        }
    }

    #[test]
    fn what_has_no_path_says_why() {
        for (source, error) in [
            ("", NoSearchPath::NoAssignment),
            ("import sys\n", NoSearchPath::NoAssignment),
            ("x = ['a']\nsys.path[0:0] = []\n", NoSearchPath::Target),
            ("sys.path[0:1] = []\n", NoSearchPath::Target),
            ("sys.path[0:0] = f()\n", NoSearchPath::Value),
            ("sys.path[0:0] = [1]\n", NoSearchPath::Value),
            ("sys.path[0:0] = 'ab'\n", NoSearchPath::Value),
            ("x = '''\n", NoSearchPath::NoAssignment),
            ("x = (\n", NoSearchPath::NoAssignment),
            (")\nx = 1", NoSearchPath::NoAssignment),
            ("x = 'a\\", NoSearchPath::NoAssignment),
        ] {
            assert_eq!(search_path(source), Err(error), "{source}");
        }
        assert_eq!(search_path("sys.path[0:0] = ()"), Ok(Vec::new()));
    }
}
