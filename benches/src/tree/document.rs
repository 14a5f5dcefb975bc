//! A profile in memory, as the generator edits it before it is written.

use std::fmt::Write as _;

/// One profile file.
#[derive(Debug)]
pub(super) struct Document {
    /// Path below the tree's root directory, with `/`.
    pub(super) path: String,
    /// Comment lines above the first section, without the `#`.
    pub(super) comments: Vec<String>,
    /// Sections in order; a name may occur twice.
    pub(super) sections: Vec<Section>,
}

/// One section header and its options.
#[derive(Debug)]
pub(super) struct Section {
    /// Name, without condition.
    pub(super) name: String,
    /// Expression behind the name, if any.
    pub(super) condition: Option<&'static str>,
    /// Comment lines below the header, without the `#`.
    pub(super) comments: Vec<String>,
    /// Options in order.
    pub(super) options: Vec<OptionLine>,
}

/// One option of a section.
#[derive(Debug)]
pub(super) struct OptionLine {
    /// Name, without operator; `<` names a macro.
    pub(super) key: String,
    /// Whether the option is written with `+=`.
    pub(super) appends: bool,
    /// The value.
    pub(super) value: Value,
}

/// How an option's value is laid out.
#[derive(Debug)]
pub(super) enum Value {
    /// On the line of the option's name.
    Inline(String),
    /// Indented lines below it.
    Block(Vec<String>),
}

impl Section {
    /// Returns an empty section.
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            condition: None,
            comments: Vec::new(),
            options: Vec::new(),
        }
    }

    /// Adds an option whose value stands behind the equals sign.
    pub(super) fn inline(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.push(key, false, Value::Inline(value.into()));
    }

    /// Adds an option whose value stands in indented lines.
    pub(super) fn block(&mut self, key: impl Into<String>, lines: Vec<String>) {
        self.push(key, false, Value::Block(lines));
    }

    /// Adds an option written with `+=`.
    pub(super) fn append(&mut self, key: impl Into<String>, value: Value) {
        self.push(key, true, value);
    }

    fn push(&mut self, key: impl Into<String>, appends: bool, value: Value) {
        self.options.push(OptionLine {
            key: key.into(),
            appends,
            value,
        });
    }
}

impl Document {
    /// Renders the file's text.
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for comment in &self.comments {
            let _ = writeln!(text, "# {comment}");
        }
        for (index, section) in self.sections.iter().enumerate() {
            if index > 0 || !text.is_empty() {
                text.push('\n');
            }
            section.render(&mut text);
        }
        text
    }
}

impl Section {
    // Writing to a `String` cannot fail, hence the ignored results.
    fn render(&self, text: &mut String) {
        let _ = match self.condition {
            Some(condition) => writeln!(text, "[{}:{condition}]", self.name),
            None => writeln!(text, "[{}]", self.name),
        };
        for comment in &self.comments {
            let _ = writeln!(text, "# {comment}");
        }
        for option in &self.options {
            let operator = match (option.appends, option.key.as_str()) {
                (_, "<") => "<=",
                (true, _) => " +=",
                (false, _) => " =",
            };
            let key = option.key.trim_end_matches('<');
            match &option.value {
                Value::Inline(value) => {
                    let _ = writeln!(text, "{key}{operator} {value}");
                }
                Value::Block(lines) => {
                    let _ = writeln!(text, "{key}{operator}");
                    for line in lines {
                        let _ = writeln!(text, "  {line}");
                    }
                }
            }
        }
    }
}
