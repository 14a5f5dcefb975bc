//! The shell script that replaces itself by a command.

use std::collections::BTreeMap;

use buildout_core::exec::shell_quote::quote;

/// A line that is at least this long gets no further word.
const LINE_LENGTH: usize = 40;

/// A script being put together, as upstream's `createWrapper` does it.
#[derive(Debug, Default)]
pub(crate) struct Script {
    ignored_signal: Option<String>,
    /// What is done before the variables are set.
    commands: String,
    /// A variable that is set twice has the last value.
    variables: BTreeMap<String, String>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Makes the command ignore a signal.
    pub(crate) fn ignore_signal(&mut self, signal: &str) {
        self.ignored_signal = Some(signal.to_owned());
    }

    /// Has the script run other commands first: whole lines.
    pub(crate) fn run_before(&mut self, commands: &str) {
        self.commands.push_str(commands);
    }

    /// Sets a variable of the command's environment.
    pub(crate) fn set_variable(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// Returns the text of the script for a command.
    pub(crate) fn executing(&self, arguments: &[impl AsRef<str>]) -> String {
        let mut text = "#!/bin/sh -e\n".to_owned();
        if let Some(signal) = &self.ignored_signal {
            text.push_str(&format!("trap '' {signal}\n"));
        }
        text.push_str(&self.commands);
        for (name, value) in &self.variables {
            text.push_str(&format!("export {name}={}\n", quote(value)));
        }
        let mut line = "exec".to_owned();
        let quoted = arguments.iter().map(|argument| quote(argument.as_ref()));
        for word in quoted.chain([r#""$@""#.into()]) {
            if line.chars().count() < LINE_LENGTH {
                line.push(' ');
            } else {
                text.push_str(&line);
                text.push_str(" \\\n");
                line = "\t".to_owned();
            }
            line.push_str(&word);
        }
        text.push_str(&line);
        text.push('\n');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_those_of_upstream() {
        // Written by slapos.cookbook 1.0.514.
        let mut script = Script::new();
        script.set_variable("ZED", "it's");
        script.set_variable("ABC", "1 2");
        let words = [
            "/bin/echo",
            "hello world",
            "$HOME",
            "a;b",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "bbbbbbbbbbbbbbbbbbbb",
            "é",
        ];
        let expected = concat!(
            "#!/bin/sh -e\n",
            "export ABC='1 2'\n",
            "export ZED='it'\"'\"'s'\n",
            "exec /bin/echo 'hello world' '$HOME' 'a;b' \\\n",
            "\taaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbb \\\n",
            "\t'é' \"$@\"\n",
        );
        assert_eq!(script.executing(&words), expected);
    }

    #[test]
    fn a_signal_is_ignored_before_anything_else() {
        let mut script = Script::new();
        script.ignore_signal("HUP");
        script.set_variable("A", "");
        assert_eq!(
            script.executing(&["/bin/true"]),
            "#!/bin/sh -e\ntrap '' HUP\nexport A=''\nexec /bin/true \"$@\"\n"
        );
    }
}
