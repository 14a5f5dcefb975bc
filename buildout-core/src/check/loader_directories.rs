//! The directories in which every program finds libraries.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// The configuration of the dynamic loader. What its cache holds was found in
/// the directories that are named here.
pub const LOADER_CONFIGURATION: &str = "/etc/ld.so.conf";

/// The directories that are looked into last.
const BUILT_IN: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// Returns the directories of a configuration and of all that it includes,
/// and the built-in ones. What cannot be read adds nothing, as for `ldconfig`.
pub(super) fn default_directories(configuration: &Path) -> Vec<PathBuf> {
    let mut directories = Vec::new();
    let mut seen = HashSet::new();
    // The next file is the last.
    let mut pending = vec![configuration.to_owned()];
    while let Some(file) = pending.pop() {
        let Ok(file) = fs::canonicalize(file) else {
            continue;
        };
        if !seen.insert(file.clone()) {
            continue;
        }
        let text = fs::read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if let Some(patterns) = line
                .strip_prefix("include ")
                .or(line.strip_prefix("include\t"))
            {
                let base = file.parent().unwrap_or(Path::new("/"));
                for pattern in patterns.split_whitespace() {
                    let mut files = matching_files(&base.join(pattern));
                    files.reverse();
                    pending.extend(files);
                }
            } else if !line.starts_with("hwcap") {
                let words = line.split([' ', '\t', ':', ',']);
                // A directory may have a type, which is not used any more.
                let paths = words.filter_map(|word| word.split('=').next());
                directories.extend(
                    paths
                        .filter(|path| path.starts_with('/'))
                        .map(PathBuf::from),
                );
            }
        }
    }
    directories.extend(BUILT_IN.map(PathBuf::from));
    directories
}

/// Returns the files whose name matches a pattern with `*` in it, sorted.
fn matching_files(pattern: &Path) -> Vec<PathBuf> {
    let (Some(directory), Some(name)) = (pattern.parent(), pattern.file_name()) else {
        return Vec::new();
    };
    let name = name.to_string_lossy();
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| matches(&entry.file_name().to_string_lossy(), &name))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

/// Tells whether a name has the pieces between the stars, in order.
fn matches(name: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for piece in pieces {
        if let Some(middle) = last.replace(piece) {
            match rest.split_once(middle) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
    }
    match last {
        Some(last) => rest.ends_with(last),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_patterns() {
        for (name, pattern, expected) in [
            ("a.conf", "*.conf", true),
            ("a.conf.old", "*.conf", false),
            ("a.conf", "a.conf", true),
            ("ab.conf", "a.conf", false),
            ("x-gnu.conf", "x*gnu*conf", true),
            ("gnu.conf", "x*gnu*conf", false),
            ("ab", "a*b", true),
            ("a", "a*a", false),
        ] {
            assert_eq!(matches(name, pattern), expected, "{name} {pattern}");
        }
    }

    #[test]
    fn a_configuration_includes_others() {
        let site = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, text: &str| {
            let path = site.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("it can be made");
            fs::write(path, text).expect("it can be written");
        };
        write(
            "ld.so.conf",
            "# all\ninclude conf.d/*.conf\n/first:/second,/third # here\nhwcap 1 nosegneg\n",
        );
        write("conf.d/b.conf", "/b=libc6\ninclude ../ld.so.conf\n");
        write("conf.d/a.conf", "/a\nrelative\n");
        write("conf.d/c.txt", "/c\n");
        let found = default_directories(&site.path().join("ld.so.conf"));
        let expected = ["/first", "/second", "/third", "/a", "/b"];
        let expected = expected.iter().chain(&BUILT_IN).map(PathBuf::from);
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
