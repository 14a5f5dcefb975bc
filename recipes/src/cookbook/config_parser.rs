//! Files of Python's `configparser`, as a `ConfigParser` with its default settings reads and writes
//! them.

use std::borrow::Cow;

use buildout_core::profile::python_text::{is_python_space, rstrip, strip, universal_newlines};
use buildout_core::value::str_repr;
use indexmap::IndexMap;

/// The section whose options all others have as well.
const DEFAULT_SECTION: &str = "DEFAULT";

/// How deep values may refer to other values.
const INTERPOLATION_DEPTH: usize = 10;

type Options = IndexMap<String, String>;

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ConfigParser {
    defaults: Options,
    sections: IndexMap<String, Options>,
}

/// A text that cannot be read, or a value that does not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConfigError {
    /// There is something before the first section.
    #[error(
        "File contains no section headers.\nfile: {}, line: {line}\n{}",
        str_repr(file),
        str_repr(text)
    )]
    MissingSectionHeader {
        /// The file.
        file: String,
        /// The number of the line.
        line: usize,
        /// The line.
        text: String,
    },
    /// A line is neither a section nor an option.
    #[error(
        "Source contains parsing errors: {}\n\t[line {line:2}]: {}",
        str_repr(file),
        str_repr(text)
    )]
    Parsing {
        /// The file.
        file: String,
        /// The number of the line.
        line: usize,
        /// The line.
        text: String,
    },
    /// A section is there twice.
    #[error(
        "While reading from {} [line {line:2}]: section {} already exists",
        str_repr(file),
        str_repr(section)
    )]
    DuplicateSection {
        /// The file.
        file: String,
        /// The number of the line.
        line: usize,
        /// The section.
        section: String,
    },
    /// An option is there twice in a section.
    #[error(
        "While reading from {} [line {line:2}]: option {} in section {} already exists",
        str_repr(file),
        str_repr(option),
        str_repr(section)
    )]
    DuplicateOption {
        /// The file.
        file: String,
        /// The number of the line.
        line: usize,
        /// The section.
        section: String,
        /// The option.
        option: String,
    },
    /// A percent sign in a value means nothing.
    #[error("'%' must be followed by '%' or '(', found: {}", str_repr(rest))]
    PercentSign {
        /// What starts with it.
        rest: String,
    },
    /// A reference does not end.
    #[error("bad interpolation variable reference {}", str_repr(rest))]
    Reference {
        /// What starts with it.
        rest: String,
    },
    /// A value refers to what is not there.
    #[error(
        "Bad value substitution: option {} in section {} contains an interpolation key {} which is not a valid option name. Raw value: {}",
        str_repr(option),
        str_repr(section),
        str_repr(reference),
        str_repr(raw)
    )]
    MissingOption {
        /// The option.
        option: String,
        /// Its section.
        section: String,
        /// What it refers to.
        reference: String,
        /// Its value.
        raw: String,
    },
    /// Values refer to each other without end.
    #[error(
        "Recursion limit exceeded in value substitution: option {} in section {} contains an interpolation key which cannot be substituted in {INTERPOLATION_DEPTH} steps. Raw value: {}",
        str_repr(option),
        str_repr(section),
        str_repr(raw)
    )]
    Depth {
        /// The option.
        option: String,
        /// Its section.
        section: String,
        /// Its value.
        raw: String,
    },
    /// A value to be set has a percent sign that means nothing.
    #[error(
        "invalid interpolation syntax in {} at position {position}",
        str_repr(value)
    )]
    InvalidValue {
        /// The value.
        value: String,
        /// Where, as Python counts it: in the value without the signs that do mean something.
        position: usize,
    },
}

impl ConfigError {
    /// Returns Python's class of exception.
    pub(super) fn exception(&self) -> &'static str {
        match self {
            Self::MissingSectionHeader { .. } => "MissingSectionHeaderError",
            Self::Parsing { .. } => "ParsingError",
            Self::DuplicateSection { .. } => "DuplicateSectionError",
            Self::DuplicateOption { .. } => "DuplicateOptionError",
            Self::PercentSign { .. } | Self::Reference { .. } => "InterpolationSyntaxError",
            Self::MissingOption { .. } => "InterpolationMissingOptionError",
            Self::Depth { .. } => "InterpolationDepthError",
            Self::InvalidValue { .. } => "ValueError",
        }
    }

    /// Returns what to do about it.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::MissingSectionHeader { file, .. } => {
                format!("start `{file}` with a section, such as `[public]`")
            }
            Self::Parsing { file, line, .. } => {
                format!("write `NAME = VALUE` in line {line} of `{file}`")
            }
            Self::DuplicateSection { file, section, .. } => {
                format!("keep one of the sections `[{section}]` of `{file}`")
            }
            Self::DuplicateOption { file, option, .. } => {
                format!("keep one of the lines for `{option}` in `{file}`")
            }
            Self::PercentSign { .. } | Self::Reference { .. } | Self::InvalidValue { .. } => {
                "write `%%` for a percent sign".to_owned()
            }
            Self::MissingOption { reference, .. } => {
                format!("add `{reference} = ...`, or write `%%` for a percent sign")
            }
            Self::Depth { option, .. } => format!("`{option}` must not refer to itself"),
        }
    }
}

/// What the lines that follow belong to.
enum Place {
    Nowhere,
    Defaults,
    Section(String),
}

impl ConfigParser {
    /// Reads the text of a file. Of several mistakes in lines only the first is told.
    pub(super) fn read(text: &str, file: &str) -> Result<Self, ConfigError> {
        let mut parser = ConfigParser::default();
        let mut values: Vec<(Place, String, Vec<String>)> = Vec::new();
        let mut place = Place::Nowhere;
        let mut in_option = false;
        let mut indentation = 0;
        let file = file.to_owned();
        let text = universal_newlines(text);
        for (number, raw) in text.split_inclusive('\n').enumerate() {
            let line = number + 1;
            let value = strip(raw);
            if value.is_empty() || value.starts_with(['#', ';']) {
                // A comment is nothing at all; an empty line may be part of a value.
                if value.is_empty()
                    && in_option
                    && let Some((_, _, lines)) = values.last_mut()
                {
                    lines.push(String::new());
                }
                continue;
            }
            let start = raw
                .chars()
                .take_while(|character| is_python_space(*character))
                .count();
            if in_option && start > indentation {
                if let Some((_, _, lines)) = values.last_mut() {
                    lines.push(value.to_owned());
                }
                continue;
            }
            indentation = start;
            if let Some(section) = section_header(value) {
                in_option = false;
                place = if section == DEFAULT_SECTION {
                    Place::Defaults
                } else if parser.sections.contains_key(section) {
                    let section = section.to_owned();
                    return Err(ConfigError::DuplicateSection {
                        file,
                        line,
                        section,
                    });
                } else {
                    parser.sections.insert(section.to_owned(), Options::new());
                    Place::Section(section.to_owned())
                };
                continue;
            }
            if matches!(place, Place::Nowhere) {
                let text = raw.to_owned();
                return Err(ConfigError::MissingSectionHeader { file, line, text });
            }
            let option = value
                .find(['=', ':'])
                .map(|end| (&value[..end], &value[end + 1..]));
            let Some((name, value)) = option.filter(|(name, _)| !strip(name).is_empty()) else {
                let text = raw.to_owned();
                return Err(ConfigError::Parsing { file, line, text });
            };
            let name = option_name(rstrip(name));
            let (own_place, section) = match &place {
                Place::Section(section) => (Place::Section(section.clone()), section.as_str()),
                _ => (Place::Defaults, DEFAULT_SECTION),
            };
            let options = parser.options_mut(&own_place);
            if options.insert(name.clone(), String::new()).is_some() {
                let (section, option) = (section.to_owned(), name);
                return Err(ConfigError::DuplicateOption {
                    file,
                    line,
                    section,
                    option,
                });
            }
            values.push((own_place, name, vec![strip(value).to_owned()]));
            in_option = true;
        }
        for (place, name, lines) in values {
            let value = rstrip(&lines.join("\n")).to_owned();
            parser.options_mut(&place).insert(name, value);
        }
        Ok(parser)
    }

    fn options_mut(&mut self, place: &Place) -> &mut Options {
        match place {
            Place::Section(section) => self.sections.entry(section.clone()).or_default(),
            Place::Defaults | Place::Nowhere => &mut self.defaults,
        }
    }

    /// Returns the names of the sections but `DEFAULT`.
    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    /// Tells whether a section has an option, by itself or by `DEFAULT`; `None` if there is no such
    /// section. The name is compared as it stands, and names read or set are in lower case.
    pub(super) fn has_option(&self, section: &str, option: &str) -> Option<bool> {
        let own = self.sections.get(section)?;
        Some(own.contains_key(option) || self.defaults.contains_key(option))
    }

    /// Returns the options of a section and of `DEFAULT`, references replaced.
    pub(super) fn items(&self, section: &str) -> Result<Options, ConfigError> {
        let mut raw = self.defaults.clone();
        raw.extend(
            self.sections
                .get(section)
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        let mut items = Options::new();
        for (option, value) in &raw {
            let mut text = String::new();
            interpolate(&raw, (section, option, value), value, 1, &mut text)?;
            items.insert(option.clone(), text);
        }
        Ok(items)
    }

    /// Removes a section, and adds it at the end without options.
    pub(super) fn reset_section(&mut self, section: &str) {
        self.sections.shift_remove(section);
        self.sections.insert(section.to_owned(), Options::new());
    }

    /// Sets an option of a section that is there.
    pub(super) fn set(
        &mut self,
        section: &str,
        option: &str,
        value: &str,
    ) -> Result<(), ConfigError> {
        check_value(value)?;
        if let Some(options) = self.sections.get_mut(section) {
            options.insert(option_name(option), value.to_owned());
        }
        Ok(())
    }

    /// Returns the text of the file.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let defaults = (!self.defaults.is_empty()).then_some((DEFAULT_SECTION, &self.defaults));
        let sections = self
            .sections
            .iter()
            .map(|(name, options)| (name.as_str(), options));
        for (name, options) in defaults.into_iter().chain(sections) {
            text.push_str(&format!("[{name}]\n"));
            for (option, value) in options {
                text.push_str(&format!("{option} = {}\n", value.replace('\n', "\n\t")));
            }
            text.push('\n');
        }
        text
    }
}

/// `optionxform`.
fn option_name(name: &str) -> String {
    name.to_lowercase()
}

/// The name in a line `[NAME]`, to the last bracket; whatever follows does not count.
fn section_header(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('[')?;
    let end = rest.rfind(']')?;
    Some(&rest[..end]).filter(|name| !name.is_empty())
}

/// `BasicInterpolation.before_set`.
fn check_value(value: &str) -> Result<(), ConfigError> {
    let without = value.replace("%%", "");
    let mut left = String::new();
    let mut rest = &without[..];
    while let Some(start) = rest.find("%(") {
        let end = rest[start..].find(')').map(|end| start + end);
        // There is a name, and its end is `)s`.
        let is_reference = |end: &usize| *end > start + 2 && rest[*end + 1..].starts_with('s');
        match end.filter(is_reference) {
            Some(end) => {
                left.push_str(&rest[..start]);
                rest = &rest[end + 2..];
            }
            None => {
                left.push_str(&rest[..start + 2]);
                rest = &rest[start + 2..];
            }
        }
    }
    left.push_str(rest);
    match left.split_once('%') {
        None => Ok(()),
        Some((before, _)) => Err(ConfigError::InvalidValue {
            value: value.to_owned(),
            position: before.chars().count(),
        }),
    }
}

/// `BasicInterpolation._interpolate_some`: appends `rest` of the value of an option with its
/// references replaced. `of` is the section, the option and the value that was asked for.
fn interpolate(
    options: &Options,
    of: (&str, &str, &str),
    mut rest: &str,
    depth: usize,
    text: &mut String,
) -> Result<(), ConfigError> {
    let (section, option, raw) = of;
    if depth > INTERPOLATION_DEPTH {
        return Err(ConfigError::Depth {
            option: option.to_owned(),
            section: section.to_owned(),
            raw: raw.to_owned(),
        });
    }
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            text.push('%');
            rest = after;
            continue;
        }
        let shown = || format!("%{after}");
        let Some(reference) = after.strip_prefix('(') else {
            return Err(ConfigError::PercentSign { rest: shown() });
        };
        let end = reference.find(')').filter(|end| *end > 0);
        let found = end.map(|end| (&reference[..end], &reference[end + 1..]));
        let Some((name, after)) =
            found.and_then(|(name, after)| Some((name, after.strip_prefix('s')?)))
        else {
            return Err(ConfigError::Reference { rest: shown() });
        };
        let name = option_name(name);
        let value: Cow<'_, str> = match options.get(&name) {
            Some(value) => value.into(),
            None => {
                return Err(ConfigError::MissingOption {
                    option: option.to_owned(),
                    section: section.to_owned(),
                    reference: name,
                    raw: raw.to_owned(),
                });
            }
        };
        match value.contains('%') {
            true => interpolate(options, of, &value, depth + 1, text)?,
            false => text.push_str(&value),
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ConfigParser;

    #[test]
    fn what_is_written_is_read_again() {
        let text = "[DEFAULT]\nhost = h\n\n[a]\nurl = %(HOST)s:%(Port)s%%\nport = 1\n\n\t2\n\n";
        let mut file = ConfigParser::read(text, "file").expect("it can be read");
        assert_eq!(file.text(), text.replace("\n\n\t2", "\n\t\n\t2"));
        let items = file.items("a").expect("its references lead somewhere");
        assert_eq!(items["url"], "h:1\n\n2%");
        assert_eq!(file.has_option("a", "host"), Some(true));
        assert_eq!(file.has_option("b", "host"), None);
        file.reset_section("b");
        file.set("b", "Name", "%%(x").expect("the sign is doubled");
        assert!(file.text().ends_with("[b]\nname = %%(x\n\n"));
        for (value, message) in [
            ("5%", "invalid interpolation syntax in '5%' at position 1"),
            (
                "%(a)s%(",
                "invalid interpolation syntax in '%(a)s%(' at position 0",
            ),
            (
                "%(a)",
                "invalid interpolation syntax in '%(a)' at position 0",
            ),
            ("%%%", "invalid interpolation syntax in '%%%' at position 0"),
        ] {
            let error = file.set("b", "x", value).expect_err("a lonely sign");
            assert_eq!(error.to_string(), message);
        }
    }
}
