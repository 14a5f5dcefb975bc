//! Temporary files that a killed run left.
//!
//! Files are replaced by temporary ones beside them ([`super::atomic`] and the
//! recipes do so), which a run that is killed cannot remove. Whoever calls
//! these functions holds the lock of the buildout directory, so that nobody is
//! still writing there. What cannot be removed is left: it hurts nobody.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::OWN_DIRECTORY;

/// How the names of the pipes of job budgets begin; see
/// [`JobServer`](crate::exec::jobserver::JobServer).
pub const JOBS_PREFIX: &str = "buildout-jobs-";

/// How the names of files begin that recipes and downloads are writing.
pub const STAGED_PREFIX: &str = ".buildout-";

/// Removes what killed runs left in the directory that is ours alone.
pub fn clear_own(buildout: &Path) {
    clear(&buildout.join(OWN_DIRECTORY), |name| {
        name.starts_with(JOBS_PREFIX) || (name.starts_with('.') && name.ends_with(".tmp"))
    });
}

/// Removes the temporary files that were to replace `file`.
pub fn clear_replacements(file: &Path) {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name().and_then(OsStr::to_str))
    else {
        return;
    };
    let prefix = format!(".{name}.");
    clear(directory, |name| {
        name.starts_with(&prefix) && name.ends_with(".tmp")
    });
}

/// Removes the files that were to become outputs of parts in `directory`.
pub fn clear_staged(directory: &Path) {
    clear(directory, |name| name.starts_with(STAGED_PREFIX));
}

fn clear(directory: &Path, is_debris: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(&is_debris) {
            let path = entry.path();
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let _ = match is_directory {
                true => fs::remove_dir_all(path),
                false => fs::remove_file(path),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debris_goes() {
        let site = tempfile::tempdir().expect("a directory can be made");
        let root = site.path();
        fs::create_dir_all(root.join(".buildout/buildout-jobs-x")).expect("made");
        for path in [
            ".buildout/buildout-jobs-x/tokens",
            ".buildout/.journal.x1.tmp",
            ".buildout/journal",
            "..installed.cfg.abc.tmp",
            ".installed.cfg",
            ".other.abc.tmp",
            ".buildout-abc",
            "buildout-abc",
        ] {
            fs::write(root.join(path), "").expect("written");
        }
        clear_own(root);
        clear_replacements(&root.join(".installed.cfg"));
        clear_staged(root);
        let mut left: Vec<String> = walkdir::WalkDir::new(root)
            .into_iter()
            .filter_map(|entry| {
                Some(
                    entry
                        .ok()?
                        .path()
                        .strip_prefix(root)
                        .ok()?
                        .display()
                        .to_string(),
                )
            })
            .filter(|path| !path.is_empty())
            .collect();
        left.sort();
        let expected = [
            ".buildout",
            ".buildout/journal",
            ".installed.cfg",
            ".other.abc.tmp",
            "buildout-abc",
        ];
        assert_eq!(left, expected);
    }
}
