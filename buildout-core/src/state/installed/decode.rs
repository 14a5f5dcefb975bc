//! Reading: upstream's `configparser.parse`, narrowed to what an installed file contains, and
//! `_read_installed_part_options`.

use std::{collections::BTreeMap, path::Path};

use indexmap::IndexMap;

use super::{
    BUILDOUT_SECTION, DEVELOP_EGGS_OPTION, INSTALLED_OPTION, InstalledError, InstalledPart,
    InstalledState, PARTS_OPTION, SyntaxProblem,
    encode::MARKERS,
    exact,
    python_text::{dedent, is_space, numbered_lines, strip, strip_end, words},
};

/// How much of a line that is not understood is shown.
const SHOWN_CHARACTERS: usize = 120;

/// A section as read, with the line of its first header.
#[derive(Debug, Default)]
pub(super) struct RawSection {
    line: usize,
    pub(super) options: IndexMap<String, RawOption>,
}

/// An option as read, with the line where its winning value starts.
#[derive(Debug)]
pub(super) struct RawOption {
    line: usize,
    pub(super) value: String,
}

/// A line that is not understood.
#[derive(Debug)]
struct SyntaxError {
    line: usize,
    text: String,
    problem: SyntaxProblem,
}

type Sections = IndexMap<String, RawSection>;

impl InstalledState {
    /// Reads the text of an installed file; `path` is for error messages only.
    ///
    /// # Errors
    ///
    /// The `Syntax` and `Missing...` variants of [`InstalledError`].
    pub fn from_text(text: &str, path: &Path) -> Result<Self, InstalledError> {
        let mut sections = parse(text).map_err(|error| InstalledError::Syntax {
            path: path.to_owned(),
            line: error.line,
            text: error.text,
            problem: error.problem,
        })?;
        // The entries of our own section are escaped so that no marker can be in them.
        for section in sections.values_mut() {
            for option in section.options.values_mut() {
                if let Some(value) = replace_markers(&option.value) {
                    option.value = value;
                }
            }
        }
        if let Some(entries) = sections.shift_remove(exact::SECTION) {
            restore_exact_values(&mut sections, &entries);
        }
        let Some(buildout) = sections.swap_remove(BUILDOUT_SECTION) else {
            return Err(InstalledError::MissingBuildoutSection {
                path: path.to_owned(),
            });
        };
        let buildout_line = buildout.line;
        let mut buildout = buildout.options;
        let Some(listed) = buildout.swap_remove(PARTS_OPTION) else {
            return Err(InstalledError::MissingParts {
                path: path.to_owned(),
                line: buildout_line,
            });
        };
        let develop_eggs = buildout
            .swap_remove(DEVELOP_EGGS_OPTION)
            .map(|option| split_paths(&option.value))
            .unwrap_or_default();

        let mut parts = IndexMap::new();
        for name in words(&listed.value) {
            if parts.contains_key(name) {
                continue;
            }
            let Some(section) = sections.swap_remove(name) else {
                return Err(InstalledError::MissingPart {
                    path: path.to_owned(),
                    line: listed.line,
                    part: name.to_owned(),
                });
            };
            let mut options = section.options;
            let Some(installed) = options.swap_remove(INSTALLED_OPTION) else {
                return Err(InstalledError::MissingInstalledPaths {
                    path: path.to_owned(),
                    line: section.line,
                    part: name.to_owned(),
                });
            };
            let part = InstalledPart {
                options: plain(options),
                installed: split_paths(&installed.value),
            };
            parts.insert(name.to_owned(), part);
        }
        Ok(Self {
            develop_eggs,
            buildout_options: plain(buildout),
            parts,
        })
    }
}

/// Returns what a reader makes of the lines of one option, or nothing if it does not find exactly
/// this option in them.
pub(super) fn read_single_option(name: &str, lines: &str) -> Option<String> {
    let mut sections = parse(&format!("[x]\n{lines}")).ok()?;
    let mut options = sections.swap_remove("x")?.options;
    if !sections.is_empty() || options.len() != 1 {
        return None;
    }
    let value = options.swap_remove(name)?.value;
    Some(replace_markers(&value).unwrap_or(value))
}

/// Returns whether a character can be part of a section's name.
pub(super) fn is_section_character(character: char) -> bool {
    !is_space(character) && !matches!(character, '#' | '[' | ']' | ':' | ';' | '{' | '}')
}

/// Returns whether a character can be part of an option's name.
fn is_option_character(character: char) -> bool {
    !is_space(character) && !matches!(character, '{' | '}' | '[' | ']' | '=' | ':')
}

/// Puts the exact values back where the format lost them; see the module documentation.
fn restore_exact_values(sections: &mut Sections, entries: &RawSection) {
    for entry in exact::read(entries) {
        let Some(section) = sections.get_mut(&entry.section) else {
            continue;
        };
        let lines = super::encode::option_text(&entry.option, &entry.value);
        let expected = read_single_option(&entry.option, &lines);
        let found = section.options.get_mut(&entry.option);
        match (expected, found) {
            (Some(expected), Some(found)) if found.value == expected => found.value = entry.value,
            (None, None) => {
                let option = RawOption {
                    line: section.line,
                    value: entry.value,
                };
                section.options.insert(entry.option, option);
            }
            _ => {}
        }
    }
}

fn plain(options: IndexMap<String, RawOption>) -> BTreeMap<String, String> {
    options
        .into_iter()
        .map(|(name, option)| (name, option.value))
        .collect()
}

fn split_paths(value: &str) -> Vec<String> {
    if value.is_empty() {
        return Vec::new();
    }
    value.split('\n').map(str::to_owned).collect()
}

/// Returns the value with markers replaced, or nothing if there are none.
///
/// Markers neither overlap nor arise from a replacement, so one pass is equal to upstream's five.
fn replace_markers(value: &str) -> Option<String> {
    let mut position = value.find("%(")?;
    let mut result = String::with_capacity(value.len());
    let mut copied = 0;
    loop {
        let rest = &value[position..];
        let step = match MARKERS.iter().find(|(text, _)| rest.starts_with(text)) {
            Some((text, character)) => {
                result.push_str(&value[copied..position]);
                result.push(*character);
                copied = position + text.len();
                text.len()
            }
            None => 2,
        };
        match value[position + step..].find("%(") {
            Some(next) => position += step + next,
            None => break,
        }
    }
    result.push_str(&value[copied..]);
    Some(result)
}

/// Parses the sections of an installed file.
fn parse(text: &str) -> Result<Sections, SyntaxError> {
    let mut sections = Sections::new();
    let mut section: Option<usize> = None;
    let mut option: Option<usize> = None;
    // Whether the current option's first line is empty: then indentation is part of the value.
    let mut block = false;
    for (number, line) in numbered_lines(text) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        let is_continuation = line.chars().next().is_none_or(is_space);
        if is_continuation && let (Some(section), Some(option)) = (section, option) {
            let continued = if block { strip_end(line) } else { strip(line) };
            if block || !continued.is_empty() {
                let value = &mut sections[section].options[option].value;
                value.push('\n');
                value.push_str(continued);
            }
            continue;
        }
        let error = |problem| SyntaxError {
            line: number,
            text: line.chars().take(SHOWN_CHARACTERS).collect(),
            problem,
        };
        match section_name(line).map_err(&error)? {
            Some(name) => {
                let entry = sections.entry(name.to_owned());
                section = Some(entry.index());
                entry.or_insert_with(|| RawSection {
                    line: number,
                    ..RawSection::default()
                });
                option = None;
            }
            None if strip(line).is_empty() => {}
            None => {
                let Some(section) = section else {
                    return Err(error(SyntaxProblem::NoSectionHeader));
                };
                let Some((name, value)) = option_start(line) else {
                    return Err(error(SyntaxProblem::NotAnOption));
                };
                let raw = RawOption {
                    line: number,
                    value: value.to_owned(),
                };
                let (index, _) = sections[section].options.insert_full(name.to_owned(), raw);
                option = Some(index);
                block = value.is_empty();
            }
        }
    }
    for section in sections.values_mut() {
        for option in section.options.values_mut() {
            if option.value.starts_with(is_space) {
                option.value = block_value(&option.value);
            }
        }
    }
    Ok(sections)
}

/// Returns the name in a section header, or nothing if the line is no header.
fn section_name(line: &str) -> Result<Option<&str>, SyntaxProblem> {
    let Some(inner) = line.strip_prefix('[') else {
        return Ok(None);
    };
    let inner = inner.trim_start_matches(is_space);
    let after = inner.trim_start_matches(is_section_character);
    let name = &inner[..inner.len() - after.len()];
    if name.is_empty() {
        return Ok(None);
    }
    let after = after.trim_start_matches(is_space);
    if after.starts_with(':') {
        return Err(SyntaxProblem::ConditionalSection);
    }
    let Some(tail) = after.strip_prefix(']') else {
        return Ok(None);
    };
    let tail = tail.trim_start_matches(is_space);
    Ok((tail.is_empty() || tail.starts_with(['#', ';'])).then_some(name))
}

/// Returns the name and the first line's value of an option, or nothing if the line starts none.
fn option_start(line: &str) -> Option<(&str, &str)> {
    let (head, value) = line.split_once('=')?;
    let name = strip_end(head);
    // An operator may follow the name at a distance, but has to touch the equals sign.
    let base = match head.strip_suffix(['+', '-']) {
        Some(base) if !strip_end(base).is_empty() => strip_end(base),
        _ => name,
    };
    let valid = !base.is_empty() && base.chars().all(is_option_character);
    valid.then_some((name, strip(value)))
}

/// Returns the value of an option whose first line was empty: without the shared indentation and
/// without empty lines in front.
fn block_value(value: &str) -> String {
    let dedented = dedent(strip_end(value));
    let text = dedented.trim_start_matches(is_space);
    let blank = &dedented[..dedented.len() - text.len()];
    match blank.rfind('\n') {
        Some(end) => dedented[end + 1..].to_owned(),
        None => dedented,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<InstalledState, InstalledError> {
        InstalledState::from_text(text, Path::new("/w/.installed.cfg"))
    }

    #[test]
    fn appended_blocks_win_and_stale_sections_are_ignored() {
        let state = read(
            "[buildout]\ninstalled_develop_eggs = /old\nparts = a b\n\
             \n[a]\n__buildout_installed__ = x\n\ty\nrecipe = m\n\
             \n[b]\n__buildout_installed__ = \nrecipe = m\n\
             \n[buildout]\ninstalled_develop_eggs = \n\n[buildout]\nparts = b\n",
        )
        .expect("upstream writes such files");
        assert_eq!(state.parts.keys().collect::<Vec<_>>(), ["b"]);
        assert!(state.develop_eggs.is_empty());
        assert!(state.parts["b"].installed.is_empty());
        assert_eq!(state.parts["b"].options["recipe"], "m");
    }

    #[test]
    fn damaged_files_name_the_line() {
        let message = |text| read(text).expect_err("the file is damaged").to_string();
        for (text, expected) in [
            (
                "garbage\n",
                "line 1: text before the first section header: `garbage`",
            ),
            (
                "[buildout]\nparts =\n\n[a]\nrec",
                "line 5: neither a section header nor an option: `rec`",
            ),
            (
                "[buildout]\n[a: True]\n",
                "line 2: section header with a condition: `[a: True]`",
            ),
            ("", "has no section `[buildout]`"),
            ("\n# x\n[a]\n", "has no section `[buildout]`"),
            ("\n[buildout]\n", "at line 2 has no option `parts`"),
            (
                "[buildout]\nparts = a\n",
                "line 2: there is no section for the listed part `a`",
            ),
            (
                "[buildout]\nparts = a\n[a]\nrecipe = x\n",
                "section `[a]` at line 3 has no option `__buildout_installed__`",
            ),
        ] {
            let message = message(text);
            assert!(message.contains("`/w/.installed.cfg`"), "{message}");
            assert!(message.ends_with(expected), "{message}");
        }
    }

    #[test]
    fn values_are_read_as_upstream_reads_them() {
        for (lines, expected) in [
            ("o = a\n\tb\n\n  c  \n", "a\nb\nc"),
            ("o = \n\n  a\n    b\n", "a\n  b"),
            (
                "o =x # y\n# comment\n; comment\n\t# kept\n",
                "x # y\n# kept",
            ),
            ("o = a\r\n\tb\r\n", "a\nb"),
            ("o = 100%(x)s%(__buildout_space__)s\n", "100%(x)s "),
            ("o = %(%(__buildout_space_n__)s%\n", "%(\n%"),
        ] {
            let text = format!("[buildout]\nparts = a\n[a]\n__buildout_installed__ =\n{lines}");
            let state = read(&text).expect("the lines are well formed");
            assert_eq!(state.parts["a"].options["o"], expected, "{lines:?}");
        }
    }
}
