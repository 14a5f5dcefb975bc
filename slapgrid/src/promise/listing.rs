//! Which promises a partition has.

use std::fs;
use std::path::{Path, PathBuf};

use crate::files::{FileError, names_in};

/// Where plugins are, below a partition.
const PLUGINS: &str = "etc/plugin";

/// Where executables are, below a partition.
const EXECUTABLES: &str = "etc/promise";

/// What a promise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromiseKind {
    /// A plugin in Python, which the release's own slapos.core runs.
    Plugin,
    /// A program that succeeds or fails.
    Executable,
}

/// A promise of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The name of its file.
    pub name: String,
    /// The path of its file.
    pub path: PathBuf,
    /// What it is.
    pub kind: PromiseKind,
}

impl Promise {
    /// Returns the name without its last extension, as `os.path.splitext` has
    /// it: what its files are called by.
    pub fn title(&self) -> &str {
        match self.name.rsplit_once('.') {
            Some((stem, _)) if stem.contains(|character| character != '.') => stem,
            _ => &self.name,
        }
    }
}

/// The promises of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promises {
    /// Plugins, then executables, each by name. Upstream has them as the
    /// directory has.
    pub list: Vec<Promise>,
    /// What is among the executables and is none.
    pub bad: Vec<PathBuf>,
}

/// Lists the promises in the directory of a partition.
///
/// # Errors
///
/// A directory cannot be read.
pub fn promises_of(partition: &Path) -> Result<Promises, FileError> {
    let mut promises = Promises::default();
    let directory = partition.join(PLUGINS);
    for name in names_in(&directory)? {
        if name.ends_with(".py") && !name.starts_with("__init__") {
            promises.list.push(Promise {
                path: directory.join(&name),
                name,
                kind: PromiseKind::Plugin,
            });
        }
    }
    let directory = partition.join(EXECUTABLES);
    for name in names_in(&directory)? {
        let path = directory.join(&name);
        if is_executable(&path) {
            promises.list.push(Promise {
                path,
                name,
                kind: PromiseKind::Executable,
            });
        } else {
            promises.bad.push(path);
        }
    }
    Ok(promises)
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
        && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn plugins_come_before_executables() {
        let partition = tempfile::tempdir().unwrap();
        assert_eq!(promises_of(partition.path()).unwrap(), Promises::default());
        for (name, mode) in [
            ("etc/plugin/b.py", 0o644),
            ("etc/plugin/a.b.py", 0o644),
            ("etc/plugin/__init__.py", 0o644),
            ("etc/plugin/old.pyc", 0o644),
            ("etc/promise/check.sh", 0o755),
            ("etc/promise/note", 0o644),
            ("etc/promise/directory/x", 0o755),
        ] {
            let path = partition.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let promises = promises_of(partition.path()).unwrap();
        let titles: Vec<&str> = promises.list.iter().map(Promise::title).collect();
        assert_eq!(titles, ["a.b", "b", "check"]);
        let bad = ["directory", "note"].map(|name| partition.path().join("etc/promise").join(name));
        assert_eq!(promises.bad, bad);
    }

    #[test]
    fn titles_are_python_s() {
        for (name, title) in [("a", "a"), (".a", ".a"), ("..a.b", "..a"), ("a.", "a")] {
            let promise = Promise {
                name: name.to_owned(),
                path: PathBuf::new(),
                kind: PromiseKind::Executable,
            };
            assert_eq!(promise.title(), title);
        }
    }
}
