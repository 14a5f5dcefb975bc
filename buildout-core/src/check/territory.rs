//! Which paths count as inside.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// The directories of the system. What an administrator installs by hand, in
/// `/usr/local` or `/opt`, is not of the system.
pub const SYSTEM_DIRECTORIES: [&str; 7] = [
    "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr",
];

/// The exception.
const LOCAL: &str = "/usr/local";

/// The directories that the files of a part may refer to.
#[derive(Clone, Debug)]
pub struct Territory {
    /// Real paths.
    roots: Vec<PathBuf>,
}

impl Territory {
    /// Makes a territory of these directories and those of the system.
    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> Self {
        let roots = roots.into_iter().filter(|root| root.is_absolute());
        Territory {
            roots: roots.map(|root| real_path(&root)).collect(),
        }
    }

    /// Tells whether an absolute path is inside, whether it exists or not.
    /// Links out of the buildout lead outside; what the system has is the
    /// system's, wherever it leads.
    pub(super) fn contains(&self, path: &Path) -> bool {
        if !path.is_absolute() {
            return false;
        }
        let path = without_dots(path);
        if is_of_system(&path) {
            return true;
        }
        let real = real_path(&path);
        is_of_system(&real) || self.roots.iter().any(|root| real.starts_with(root))
    }
}

fn is_of_system(path: &Path) -> bool {
    let mut directories = SYSTEM_DIRECTORIES.iter();
    directories.any(|directory| path.starts_with(directory)) && !path.starts_with(LOCAL)
}

/// Resolves `.` and `..` by their spelling.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Resolves the links in the part of an absolute path that exists.
fn real_path(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = fs::canonicalize(ancestor) {
            let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
            return without_dots(&real.join(rest));
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_where_they_lead() {
        let site = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| site.path().join(name);
        for name in ["real/parts", "outside"] {
            fs::create_dir_all(path(name)).expect("it can be made");
        }
        symlink("real", path("buildout")).expect("it can be made");
        symlink("../outside", path("real/away")).expect("it can be made");
        symlink("/usr/bin", path("real/bin")).expect("it can be made");
        let territory = Territory::new([path("buildout")]);
        for (inside, expected) in [
            ("buildout/parts", true),
            ("real/parts/none/lib", true),
            ("buildout", true),
            ("real/bin/env", true),
            ("real/away/lib", false),
            ("buildout/../outside", false),
            ("buildout/none/../../outside", false),
            ("realm", false),
            ("outside", false),
        ] {
            assert_eq!(territory.contains(&path(inside)), expected, "{inside}");
        }
        for (path, expected) in [
            ("/usr/lib/x86_64-linux-gnu", true),
            ("/lib64/ld-linux-x86-64.so.2", true),
            ("/bin/sh", true),
            ("/usr/local/bin/python3", false),
            ("/usr/lib/../local/lib", false),
            ("/opt/x", false),
            ("/library", false),
            ("lib", false),
            ("", false),
        ] {
            assert_eq!(territory.contains(Path::new(path)), expected, "{path}");
        }
    }
}
