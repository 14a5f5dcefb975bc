//! Writing: upstream's `_save_installed_options`, `_save_options` and `_save_option`.

use std::collections::BTreeMap;

use super::{
    BUILDOUT_SECTION, DEVELOP_EGGS_OPTION, INSTALLED_OPTION, InstalledError, InstalledState,
    PARTS_OPTION, decode, exact,
};

/// The markers for white space at the edge of a line, in upstream's order.
pub(super) const MARKERS: [(&str, char); 5] = [
    ("%(__buildout_space__)s", ' '),
    ("%(__buildout_space_n__)s", '\n'),
    ("%(__buildout_space_r__)s", '\r'),
    ("%(__buildout_space_f__)s", '\x0c'),
    ("%(__buildout_space_v__)s", '\x0b'),
];

impl InstalledState {
    /// Returns one section as zc.buildout's `_save_options` prints it, which also shows sections
    /// to people.
    pub fn section_text(section: &str, options: BTreeMap<String, String>) -> String {
        let mut text = format!("[{section}]\n");
        for (name, value) in &options {
            text.push_str(&option_text(name, value));
        }
        text
    }

    /// Returns the text of the installed file.
    ///
    /// Equal to upstream's but for the two cases of the [module documentation](super).
    ///
    /// # Errors
    ///
    /// [`InstalledError::UnusablePartName`] if a part's name cannot be a section header, or is
    /// that of a section with another meaning.
    pub fn to_text(&self) -> Result<String, InstalledError> {
        let mut writer = Writer::default();
        let mut buildout: BTreeMap<&str, &str> = self
            .buildout_options
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let develop_eggs = self.develop_eggs.join("\n");
        let parts = self
            .parts
            .keys()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ");
        buildout.insert(DEVELOP_EGGS_OPTION, &develop_eggs);
        buildout.insert(PARTS_OPTION, &parts);
        writer.section(BUILDOUT_SECTION, &buildout);

        for (name, part) in &self.parts {
            let reserved = name == BUILDOUT_SECTION || name == exact::SECTION;
            if reserved || !name.chars().all(decode::is_section_character) || name.is_empty() {
                return Err(InstalledError::UnusablePartName { part: name.clone() });
            }
            let mut options: BTreeMap<&str, &str> = part
                .options
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let installed = part.installed.join("\n");
            options.insert(INSTALLED_OPTION, &installed);
            writer.text.push('\n');
            writer.section(name, &options);
        }
        Ok(writer.finish())
    }
}

/// The growing text, and the entries for what it could not hold.
#[derive(Default)]
struct Writer {
    text: String,
    exact: exact::Entries,
}

impl Writer {
    /// Writes a section with its options sorted by code point.
    fn section(&mut self, section: &str, options: &BTreeMap<&str, &str>) {
        self.text.push('[');
        self.text.push_str(section);
        self.text.push_str("]\n");
        for (&name, &value) in options {
            let line = option_text(name, value);
            if is_plain(name, value) {
                self.text.push_str(&line);
                continue;
            }
            let read = decode::read_single_option(name, &line);
            if read.as_deref() != Some(value) {
                self.exact.push(section, name, value);
            }
            // An option whose name upstream could not read back stays out of its sight: the line
            // would be a syntax error, a comment, or another option.
            if read.is_some() {
                self.text.push_str(&line);
            }
        }
    }

    fn finish(mut self) -> String {
        self.exact.write_to(&mut self.text);
        self.text
    }
}

/// Tells whether an option is so ordinary that it reads back as it was written, without trying:
/// the record is written once for every installed part, and nearly all options are.
fn is_plain(name: &str, value: &str) -> bool {
    let ordinary = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let name_is = name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && !name.ends_with('-')
        && name.bytes().all(ordinary);
    let value_is = value.bytes().all(|byte| (b' '..0x7f).contains(&byte))
        && !value.starts_with(' ')
        && !value.ends_with(' ')
        && !value.is_empty()
        && !value.contains("%(");
    name_is && value_is
}

/// Returns the line or lines of one option, as upstream's `_save_option` prints them.
pub(super) fn option_text(name: &str, value: &str) -> String {
    let mut text = String::with_capacity(name.len() + value.len() + 4);
    text.push_str(name);
    text.push_str(" = ");
    quote_edges(value, &mut text);
    text.push('\n');
    text
}

/// Appends a value with markers for the white space that a reader would strip.
///
/// Upstream's regular expression `_spacey_nl` takes whole runs of white space that contain a
/// newline or touch an end of the value; of each such run only the first newline stays one.
fn quote_edges(value: &str, text: &mut String) {
    let mut rest = value;
    while !rest.is_empty() {
        let word_end = rest.find(is_edge_space).unwrap_or(rest.len());
        let (word, after) = rest.split_at(word_end);
        text.push_str(word);
        let run_end = after
            .find(|character| !is_edge_space(character))
            .unwrap_or(after.len());
        let (run, after) = after.split_at(run_end);
        let at_start = rest.len() == value.len() && word.is_empty();
        let at_end = after.is_empty();
        match run.split_once('\n') {
            // A value cannot begin or end with a line of its own, so there the newline itself
            // becomes a marker.
            Some((before, tail)) => {
                push_marked(before, text);
                if (at_start && before.is_empty()) || (at_end && tail.is_empty()) {
                    text.push_str(marker('\n').unwrap_or_default());
                } else {
                    text.push_str("\n\t");
                }
                push_marked(tail, text);
            }
            None if at_start || at_end => push_marked(run, text),
            // Only the carriage return needs help here; see the module documentation.
            None => {
                for character in run.chars() {
                    match (character, marker(character)) {
                        ('\r', Some(marker)) => text.push_str(marker),
                        _ => text.push(character),
                    }
                }
            }
        }
        rest = after;
    }
}

/// Appends white space with every character replaced by its marker, but for the TAB, which has
/// none.
fn push_marked(run: &str, text: &mut String) {
    for character in run.chars() {
        match marker(character) {
            Some(marker) => text.push_str(marker),
            None => text.push(character),
        }
    }
}

fn marker(character: char) -> Option<&'static str> {
    MARKERS
        .iter()
        .find(|(_, marked)| *marked == character)
        .map(|(marker, _)| *marker)
}

fn is_edge_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\x0b' | '\x0c' | '\n')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::installed::InstalledPart;

    #[test]
    fn a_file_of_the_specification() {
        let mut state = InstalledState::default();
        for (name, installed) in [
            ("a", vec!["/w/parts/a.txt", "/w/parts/a2.txt"]),
            ("b", vec![]),
        ] {
            let mut part = InstalledPart::default();
            for (option, value) in [
                ("recipe", "mini"),
                ("out", "/w/parts/a.txt"),
                ("__buildout_signature__", "mini-790c"),
            ] {
                part.options.insert(option.into(), value.into());
            }
            part.installed = installed.into_iter().map(str::to_owned).collect();
            state.parts.insert(name.into(), part);
        }
        let text = state.to_text().expect("all names are usable");
        assert_eq!(
            text,
            "[buildout]\ninstalled_develop_eggs = \nparts = a b\n\
             \n[a]\n__buildout_installed__ = /w/parts/a.txt\n\t/w/parts/a2.txt\n\
             __buildout_signature__ = mini-790c\nout = /w/parts/a.txt\nrecipe = mini\n\
             \n[b]\n__buildout_installed__ = \n\
             __buildout_signature__ = mini-790c\nout = /w/parts/a.txt\nrecipe = mini\n"
        );
    }

    #[test]
    fn edges_of_the_specification() {
        for (value, expected) in [
            ("", ""),
            ("  x", "%(__buildout_space__)s%(__buildout_space__)sx"),
            ("\na", "%(__buildout_space_n__)sa"),
            ("a\n\nb", "a\n\t%(__buildout_space_n__)sb"),
            (
                "a\n  b",
                "a\n\t%(__buildout_space__)s%(__buildout_space__)sb",
            ),
            ("a\n", "a%(__buildout_space_n__)s"),
            ("\n", "%(__buildout_space_n__)s"),
            ("a  b", "a  b"),
            ("\tx", "\tx"),
            ("a\rb", "a%(__buildout_space_r__)sb"),
            (" \n", "%(__buildout_space__)s%(__buildout_space_n__)s"),
        ] {
            assert_eq!(option_text("o", value), format!("o = {expected}\n"));
        }
    }

    #[test]
    fn a_part_name_that_is_no_header_is_refused() {
        for name in ["", "a b", "a:b", "x#", "buildout", exact::SECTION] {
            let mut state = InstalledState::default();
            state.parts.insert(name.into(), InstalledPart::default());
            assert!(
                matches!(state.to_text(), Err(InstalledError::UnusablePartName { part }) if part == name)
            );
        }
    }
}
