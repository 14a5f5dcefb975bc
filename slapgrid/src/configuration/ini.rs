//! Files in the format of Python's `configparser.ConfigParser`.
//!
//! rust-ini splits sections, names and values. What Python adds is done here:
//! full-line comments anywhere, values that go on in indented lines, names in
//! lower case, sections and options given once only, `[DEFAULT]` below all
//! sections, and `%(name)s` in values.

use indexmap::IndexMap;
use ini::{Ini, ParseOption};

/// The section whose options all others have too.
const DEFAULTS: &str = "DEFAULT";

/// How deep values may name each other, as in Python.
const INTERPOLATION_DEPTH: usize = 10;

/// Marks the ends of a value, whose blanks rust-ini would remove.
const EDGE: char = '|';

/// A mistake in such a file. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IniError {
    /// A line before the first section.
    #[error("File contains no section headers: line {line}: {text:?}")]
    NoSection {
        /// The line.
        line: usize,
        /// What it holds.
        text: String,
    },
    /// A line that is neither section nor option nor continuation.
    #[error("Source contains parsing errors: line {line}: {text:?}")]
    Syntax {
        /// The line.
        line: usize,
        /// What it holds.
        text: String,
    },
    /// A section that is there already.
    #[error("line {line}: section {section:?} already exists")]
    DuplicateSection {
        /// The line.
        line: usize,
        /// The section.
        section: String,
    },
    /// An option that its section has already.
    #[error("line {line}: option {option:?} in section {section:?} already exists")]
    DuplicateOption {
        /// The line.
        line: usize,
        /// The section.
        section: String,
        /// The option.
        option: String,
    },
    /// A value refers to an option that is not there.
    #[error(
        "Bad value substitution: option {option:?} in section {section:?} contains an interpolation key {key:?} which is not a valid option name"
    )]
    MissingOption {
        /// The section.
        section: String,
        /// The option.
        option: String,
        /// What it refers to.
        key: String,
    },
    /// Values refer to each other, and never end.
    #[error(
        "Recursion limit exceeded in value substitution: option {option:?} in section {section:?}"
    )]
    TooDeep {
        /// The section.
        section: String,
        /// The option.
        option: String,
    },
    /// A lone `%`.
    #[error(
        "option {option:?} in section {section:?}: '%' must be followed by '%' or '(', found: {found:?}"
    )]
    LonePercent {
        /// The section.
        section: String,
        /// The option.
        option: String,
        /// The value from there on.
        found: String,
    },
}

impl IniError {
    /// Returns advice.
    pub fn hint(&self) -> &'static str {
        match self {
            IniError::NoSection { .. } => "begin the file with a section, such as `[slapos]`",
            IniError::Syntax { .. } => "options look like `name = value`",
            IniError::DuplicateSection { .. } => "give each section once",
            IniError::DuplicateOption { .. } => "give each option of a section once",
            IniError::MissingOption { .. } => {
                "name an option of the same section or of `[DEFAULT]`, or write `%%` for `%`"
            }
            IniError::TooDeep { .. } => "remove the circle of `%(name)s`",
            IniError::LonePercent { .. } => "write `%%` for `%`",
        }
    }
}

type Options = IndexMap<String, String>;

/// Sections with their options, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IniFile {
    sections: IndexMap<String, Options>,
    defaults: Options,
}

impl IniFile {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// The first mistake of its form; values are looked at when they are asked
    /// for.
    pub fn parse(text: &str) -> Result<Self, IniError> {
        let lines = logical_lines(text)?;
        let mut plain = String::new();
        for line in &lines {
            match line {
                Line::Section { name, .. } => plain.push_str(&format!("[{}]\n", escaped(name))),
                Line::Option { name, value, .. } => {
                    plain.push_str(&format!(
                        "{}={EDGE}{}{EDGE}\n",
                        escaped(name),
                        escaped(value)
                    ));
                }
            }
        }
        let options = ParseOption {
            enabled_quote: false,
            enabled_escape: true,
            ..ParseOption::default()
        };
        let parsed = Ini::load_from_str_opt(&plain, options).map_err(|error| IniError::Syntax {
            line: error.line,
            text: error.msg.to_string(),
        })?;
        let mut file = IniFile::default();
        for (section, properties) in &parsed {
            let Some(section) = section else { continue };
            let options: Options = properties
                .iter()
                .map(|(name, value)| {
                    let value = value.strip_prefix(EDGE).unwrap_or(value);
                    let value = value.strip_suffix(EDGE).unwrap_or(value);
                    (name.to_owned(), value.to_owned())
                })
                .collect();
            if section == DEFAULTS {
                file.defaults.extend(options);
            } else {
                file.sections.insert(section.to_owned(), options);
            }
        }
        Ok(file)
    }

    /// Returns the names of the sections, without `DEFAULT`.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    /// Tells whether there is such a section.
    pub fn has_section(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    /// Returns the value of an option with all that it refers to; none if
    /// there is no such section or option.
    ///
    /// # Errors
    ///
    /// It refers to what is not there, or to itself.
    pub fn get(&self, section: &str, option: &str) -> Result<Option<String>, IniError> {
        let Some(options) = self.sections.get(section) else {
            return Ok(None);
        };
        let Some(raw) = options.get(option).or_else(|| self.defaults.get(option)) else {
            return Ok(None);
        };
        let mut value = String::new();
        let mistake = Mistake { section, option };
        self.interpolate(options, raw, &mistake, &mut value)?;
        Ok(Some(value))
    }

    /// Returns the value of an option as it is written, as Python's
    /// `RawConfigParser` does.
    pub fn raw(&self, section: &str, option: &str) -> Option<&str> {
        let options = self.sections.get(section)?;
        let raw = options.get(option).or_else(|| self.defaults.get(option));
        raw.map(String::as_str)
    }

    /// Returns all options of a section, those of `[DEFAULT]` included.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    pub fn items(&self, section: &str) -> Result<IndexMap<String, String>, IniError> {
        let Some(options) = self.sections.get(section) else {
            return Ok(IndexMap::new());
        };
        let mut items = IndexMap::new();
        for option in self.defaults.keys().chain(options.keys()) {
            if let Some(value) = self.get(section, option)? {
                items.insert(option.clone(), value);
            }
        }
        Ok(items)
    }

    /// Appends `raw` with its references resolved. What is left to do is on a
    /// stack of texts, each with the depth of its reference.
    fn interpolate(
        &self,
        options: &Options,
        raw: &str,
        mistake: &Mistake<'_>,
        value: &mut String,
    ) -> Result<(), IniError> {
        let mut waiting = vec![(raw, 1)];
        while let Some((text, depth)) = waiting.pop() {
            if depth > INTERPOLATION_DEPTH {
                return Err(mistake.too_deep());
            }
            let Some((before, after)) = text.split_once('%') else {
                value.push_str(text);
                continue;
            };
            value.push_str(before);
            if let Some(rest) = after.strip_prefix('%') {
                value.push('%');
                waiting.push((rest, depth));
                continue;
            }
            let reference = after
                .strip_prefix('(')
                .and_then(|body| body.split_once(")s"));
            let Some((key, rest)) = reference else {
                return Err(mistake.lone_percent(after));
            };
            let key = key.to_lowercase();
            let referred = options.get(&key).or_else(|| self.defaults.get(&key));
            let referred = referred.ok_or_else(|| mistake.missing(&key))?;
            waiting.push((rest, depth));
            waiting.push((referred, depth + 1));
        }
        Ok(())
    }
}

struct Mistake<'a> {
    section: &'a str,
    option: &'a str,
}

impl Mistake<'_> {
    fn missing(&self, key: &str) -> IniError {
        IniError::MissingOption {
            section: self.section.to_owned(),
            option: self.option.to_owned(),
            key: key.to_owned(),
        }
    }

    fn too_deep(&self) -> IniError {
        IniError::TooDeep {
            section: self.section.to_owned(),
            option: self.option.to_owned(),
        }
    }

    fn lone_percent(&self, after: &str) -> IniError {
        IniError::LonePercent {
            section: self.section.to_owned(),
            option: self.option.to_owned(),
            found: format!("%{after}"),
        }
    }
}

enum Line {
    Section { name: String },
    Option { name: String, value: String },
}

/// Joins the lines of each value, and finds what is given twice.
fn logical_lines(text: &str) -> Result<Vec<Line>, IniError> {
    let mut lines: Vec<Line> = Vec::new();
    let mut sections: IndexMap<String, Vec<String>> = IndexMap::new();
    let mut current: Option<String> = None;
    // The indentation of the option that may go on.
    let mut open: Option<usize> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let content = line.trim();
        if content.starts_with(['#', ';']) {
            continue;
        }
        let last = match (lines.last_mut(), open) {
            (Some(Line::Option { value, .. }), Some(indentation)) => Some((value, indentation)),
            _ => None,
        };
        if content.is_empty() {
            if let Some((value, _)) = last {
                value.push('\n');
            }
            continue;
        }
        let indentation = line.len() - line.trim_start().len();
        if let Some((value, of_option)) = last
            && indentation > of_option
        {
            value.push('\n');
            value.push_str(content);
            continue;
        }
        if let Some(name) = content.strip_prefix('[').and_then(|rest| {
            let end = rest.rfind(']')?;
            (end > 0).then(|| &rest[..end])
        }) {
            let is_new = name == DEFAULTS || !sections.contains_key(name);
            if !is_new {
                return Err(IniError::DuplicateSection {
                    line: number,
                    section: name.to_owned(),
                });
            }
            sections.entry(name.to_owned()).or_default();
            current = Some(name.to_owned());
            let name = name.to_owned();
            lines.push(Line::Section { name });
            open = None;
            continue;
        }
        let section = current.as_ref();
        let Some((section, known)) = section.and_then(|name| Some((name, sections.get_mut(name)?)))
        else {
            return Err(IniError::NoSection {
                line: number,
                text: content.to_owned(),
            });
        };
        let split = content.split_once(['=', ':']);
        let Some((name, value)) = split.filter(|(name, _)| !name.trim().is_empty()) else {
            return Err(IniError::Syntax {
                line: number,
                text: content.to_owned(),
            });
        };
        let name = name.trim().to_lowercase();
        if known.contains(&name) {
            return Err(IniError::DuplicateOption {
                line: number,
                section: section.clone(),
                option: name,
            });
        }
        known.push(name.clone());
        let value = value.trim().to_owned();
        lines.push(Line::Option { name, value });
        open = Some(indentation);
    }
    for line in &mut lines {
        if let Line::Option { value, .. } = line {
            value.truncate(value.trim_end().len());
        }
    }
    Ok(lines)
}

/// Writes a text so that rust-ini reads it back from one line.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str, option: &str) -> Result<Option<String>, IniError> {
        IniFile::parse(text).and_then(|file| file.get("s", option))
    }

    #[test]
    fn values_are_those_of_python() {
        let text = "# comment\n[DEFAULT]\nroot = /r\n[s]\nA : x = y ; kept\nlist =\n  one\n  # left out\n\n  two\\n\nref = %(root)s/%(a)s%%\n; end\n\n[t]\n";
        let value = |option| get(text, option).unwrap().unwrap();
        assert_eq!(value("a"), "x = y ; kept");
        assert_eq!(value("list"), "\none\n\ntwo\\n");
        assert_eq!(value("ref"), "/r/x = y ; kept%");
        assert_eq!(value("root"), "/r");
        assert_eq!(get(text, "none"), Ok(None));
        let file = IniFile::parse(text).unwrap();
        assert_eq!(file.sections().collect::<Vec<_>>(), ["s", "t"]);
        assert_eq!(file.items("t").unwrap().len(), 1);
    }

    #[test]
    fn names_of_sections_may_hold_brackets_and_urls() {
        let text = "[multimaster/https://[::1]:80/]\ncert = |x|\n";
        let file = IniFile::parse(text).unwrap();
        let section = "multimaster/https://[::1]:80/";
        assert_eq!(file.get(section, "cert"), Ok(Some("|x|".to_owned())));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("a = 1\n", "no section headers: line 1"),
            ("[s]\nword\n", "parsing errors: line 2"),
            ("[s]\n[s]\n", "line 2: section \"s\" already exists"),
            ("[s]\na=1\nA=2\n", "line 3: option \"a\" in section \"s\""),
            ("[s]\na = %(b)s\n", "interpolation key \"b\""),
            ("[s]\na = %(a)s\n", "Recursion limit"),
            ("[s]\na = 100%\n", "must be followed"),
        ] {
            let error = get(text, "a").unwrap_err();
            assert!(error.to_string().contains(message), "{text:?}: {error}");
            assert!(!error.hint().is_empty());
        }
    }
}
