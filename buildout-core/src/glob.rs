//! File names with wildcards, as Python's `glob` module expands them.

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the paths that exist and fit a pattern, sorted. `*`, `?` and `[...]`
/// stand for parts of one name; a name that begins with a dot fits only a
/// pattern that does.
pub(crate) fn glob(pattern: &str) -> Vec<String> {
    let (root, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (PathBuf::from("/"), rest),
        None => (PathBuf::new(), pattern),
    };
    let mut found = vec![root];
    for component in rest.split('/').filter(|component| !component.is_empty()) {
        found = match has_wildcard(component) {
            false => found.into_iter().map(|path| path.join(component)).collect(),
            true => found
                .iter()
                .flat_map(|directory| entries(directory, component))
                .collect(),
        };
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    let texts = found
        .into_iter()
        .filter_map(|path| path.into_os_string().into_string().ok());
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

fn entries(directory: &Path, pattern: &str) -> Vec<PathBuf> {
    let listed = match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    };
    let Ok(entries) = fs::read_dir(listed) else {
        return Vec::new();
    };
    let pattern: Vec<char> = pattern.chars().collect();
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') || pattern.first() == Some(&'.'))
        .filter(|name| fits(&pattern, &name.chars().collect::<Vec<_>>()))
        .map(|name| directory.join(name))
        .collect()
}

/// Tells whether a name fits a pattern. After a mismatch the latest `*` takes
/// one character more, so that time grows with the product of the lengths.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut place) = (0, 0);
    let mut latest: Option<(usize, usize)> = None;
    while place < name.len() {
        if pattern.get(at) == Some(&'*') {
            latest = Some((at + 1, place));
            at += 1;
            continue;
        }
        if let Some(length) = fits_one(&pattern[at..], name[place]) {
            at += length;
            place += 1;
            continue;
        }
        let Some((after, taken)) = latest else {
            return false;
        };
        latest = Some((after, taken + 1));
        (at, place) = (after, taken + 1);
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// Compares one character with the beginning of a pattern, and returns the
/// length of what it fits.
fn fits_one(pattern: &[char], character: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => {
            let negated = pattern.get(1) == Some(&'!');
            let start = 1 + usize::from(negated);
            // A bracket at the very beginning of a set belongs to it.
            let end = pattern[start..]
                .iter()
                .skip(1)
                .position(|bracket| *bracket == ']')
                .map(|end| start + 1 + end);
            let Some(end) = end else {
                return (character == '[').then_some(1);
            };
            let set = &pattern[start..end];
            let mut contains = false;
            let mut at = 0;
            while at < set.len() {
                if set.get(at + 1) == Some(&'-') && at + 2 < set.len() {
                    contains |= (set[at]..=set[at + 2]).contains(&character);
                    at += 3;
                } else {
                    contains |= set[at] == character;
                    at += 1;
                }
            }
            (contains != negated).then_some(end + 1)
        }
        other => (*other == character).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::reference::ask_python;

    #[test]
    fn patterns_fit_as_pythons_do() {
        let pairs = [
            ("a*c", "abbc"),
            ("a*c", "abbd"),
            ("*", ""),
            ("**b*", "aab"),
            ("?", "x"),
            ("?", ""),
            ("[abc]x", "bx"),
            ("[!abc]x", "bx"),
            ("[a-c]", "b"),
            ("[a-", "[a-"),
            ("[]]", "]"),
            ("[!]]", "]"),
            ("[a-]", "-"),
            ("a[", "a["),
            ("*.py", "x.py"),
        ];
        let inputs: Vec<String> = pairs.iter().map(|(p, n)| format!("{p}\n{n}")).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let answers = ask_python(
            "import fnmatch\ndef answer(text):\n    pattern, name = text.split('\\n')\n    return str(fnmatch.fnmatchcase(name, pattern))",
            &inputs,
        );
        for ((pattern, name), answer) in pairs.iter().zip(answers) {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            let ours = fits(&chars(pattern), &chars(name));
            assert_eq!(ours, answer == "True", "{pattern} {name}");
        }
    }

    #[test]
    fn what_exists_is_found_sorted() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path().to_str().unwrap();
        for name in ["src/b/x", "src/a/x", "src/.h/x", "src/c/y"] {
            fs::create_dir_all(site.path().join(name)).unwrap();
        }
        let found = glob(&format!("{root}/src/*/x"));
        assert_eq!(
            found,
            [format!("{root}/src/a/x"), format!("{root}/src/b/x")]
        );
        assert_eq!(glob(&format!("{root}/src/a")), [format!("{root}/src/a")]);
        assert!(glob(&format!("{root}/none")).is_empty());
        assert_eq!(glob(&format!("{root}/src/.*")).len(), 1);
    }
}
