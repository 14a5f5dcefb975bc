//! The line that names a script's interpreter.

/// How the interpreter is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shebang<'a> {
    python: &'a str,
    /// The longest path that the system is trusted with.
    limit: usize,
}

impl<'a> Shebang<'a> {
    /// Names `python`, through the shell if its path is longer than `limit`
    /// bytes.
    pub fn new(python: &'a str, limit: usize) -> Self {
        Shebang { python, limit }
    }

    /// Returns the line, or the two lines, without the last newline.
    ///
    /// The system cuts a long first line off, and ends a path at the first
    /// blank. The shell does neither; what it is told is a text to Python.
    pub(super) fn text(&self) -> String {
        let python = self.python;
        if python.len() <= self.limit && !python.contains([' ', '\t']) {
            return format!("#!{python}");
        }
        format!("#!/bin/sh\n\"exec\" \"{python}\" \"$0\" \"$@\"")
    }
}
