//! What `pyproject.toml` asks for to be built.

use std::fs;
use std::path::Path;

/// Returns `requires` of `[build-system]`; nothing if there is none.
///
/// It is read as far as plans need it; a build asks Python.
pub fn build_requires(source: &Path) -> Vec<String> {
    let text = fs::read(source.join("pyproject.toml")).unwrap_or_default();
    requires_of(&String::from_utf8_lossy(&text))
}

fn requires_of(text: &str) -> Vec<String> {
    let mut lines = text.lines().map(str::trim);
    if !lines.any(|line| without_comment(line) == "[build-system]") {
        return Vec::new();
    }
    let mut list = String::new();
    let mut is_inside = false;
    for line in lines {
        if is_inside {
            list.push_str(line);
            list.push('\n');
            continue;
        }
        if line.starts_with('[') {
            break;
        }
        let value = line
            .strip_prefix("requires")
            .and_then(|rest| rest.trim_start().strip_prefix('='));
        if let Some(value) = value {
            is_inside = true;
            list.push_str(value);
            list.push('\n');
        }
    }
    strings_of(&list)
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

/// Reads the strings of a list up to its end.
fn strings_of(list: &str) -> Vec<String> {
    let mut strings = Vec::new();
    let mut rest = list.trim_start();
    let Some(inner) = rest.strip_prefix('[') else {
        return strings;
    };
    rest = inner;
    while let Some(first) = rest.trim_start().chars().next() {
        rest = &rest.trim_start()[first.len_utf8()..];
        match first {
            ']' => break,
            '#' => rest = rest.split_once('\n').map_or("", |(_, rest)| rest),
            '"' | '\'' => {
                let Some((string, after)) = rest.split_once(first) else {
                    break;
                };
                strings.push(string.replace("\\\"", "\""));
                rest = after;
            }
            _ => {}
        }
    }
    strings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_found_wherever_it_stands() {
        for (text, expected) in [
            ("", vec![]),
            ("[project]\nrequires = ['a']\n", vec![]),
            ("[build-system]\nrequires = []\n", vec![]),
            (
                "[project]\nname = 'x'\n[build-system] # how\nbuild-backend = 'b'\n\
                 requires = [\"a>=1\", 'b[c]', # ]\n  \"d; python_version < '3'\",\n]\nx = ['e']\n",
                vec!["a>=1", "b[c]", "d; python_version < '3'"],
            ),
            ("[build-system]\n[other]\nrequires = ['a']\n", vec![]),
        ] {
            assert_eq!(requires_of(text), expected, "{text}");
        }
    }
}
