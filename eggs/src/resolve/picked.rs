//! The versions that no pin chose, and the report about them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The picked versions of a run; shared by all resolutions in it.
#[derive(Debug, Default)]
pub struct PickedVersions {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    versions: BTreeMap<String, String>,
    /// By the text of a requirement, the distributions that have it.
    required_by: BTreeMap<String, BTreeSet<String>>,
}

impl PickedVersions {
    /// Starts with none.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn add(&self, name: String, version: String) {
        self.with(|state| state.versions.insert(name, version));
    }

    pub(super) fn add_requirer(&self, requirement: String, requirer: String) {
        self.with(|state| {
            let requirers = state.required_by.entry(requirement).or_default();
            requirers.insert(requirer)
        });
    }

    /// Returns the versions that were picked, by project.
    pub fn versions(&self) -> BTreeMap<String, String> {
        self.with(|state| state.versions.clone())
    }

    /// Returns the section `[versions]` that would pin them, without its
    /// header and the end of its last line; nothing if none was picked.
    ///
    /// First come those that a part asks for, then those that a distribution
    /// requires, as `_format_picked_versions` has it. As there, only a
    /// requirement that is a bare name counts.
    fn lines(&self) -> Option<String> {
        self.with(|state| {
            if state.versions.is_empty() {
                return None;
            }
            let (mut plain, mut required) = (String::new(), String::new());
            for (name, version) in &state.versions {
                let target = match state.required_by.get(name) {
                    Some(requirers) => {
                        required.push_str("\n\n# Required by:");
                        for requirer in requirers {
                            // Writing to a text cannot fail.
                            let _ = write!(required, "\n# {requirer}");
                        }
                        &mut required
                    }
                    None => &mut plain,
                };
                let _ = write!(target, "\n{name} = {version}");
            }
            Some(plain + &required)
        })
    }

    /// Returns what `show-picked-versions` prints; nothing if none was picked.
    pub fn report(&self) -> Option<String> {
        let lines = self.lines()?;
        Some(format!(
            "Versions had to be automatically picked.\n\
             The following part definition lists the versions picked:\n\
             [versions]{lines}\n"
        ))
    }

    /// Appends the section to a file, as `update-versions-file` asks for, and
    /// returns what is printed then; nothing if none was picked, or the file
    /// ends with the same versions already.
    ///
    /// `now` is the time in the form `2026-11-22 01:22:00.420698`.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn append_to(&self, path: &Path, now: &str) -> io::Result<Option<String>> {
        let Some(lines) = self.lines() else {
            return Ok(None);
        };
        let addition = match std::fs::read_to_string(path) {
            // Upstream adds the same block in each run.
            Ok(content) if content.ends_with(&format!("{lines}\n")) => return Ok(None),
            Ok(_) => format!("\n# Added by buildout at {now}{lines}\n"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                format!("[versions]{lines}\n")
            }
            Err(error) => return Err(error),
        };
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)?;
        io::Write::write_all(&mut file, addition.as_bytes())?;
        Ok(Some(format!(
            "Picked versions have been written to {}",
            path.display()
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_upstream_s() {
        let picked = PickedVersions::new();
        assert_eq!(picked.report(), None);
        picked.add("bigdemo".to_owned(), "0.1".to_owned());
        picked.add("demo".to_owned(), "0.3".to_owned());
        picked.add_requirer("demo".to_owned(), "bigdemo==0.1".to_owned());
        picked.add_requirer("demo>=1".to_owned(), "other==1".to_owned());
        assert_eq!(
            picked.report().as_deref(),
            Some(
                "Versions had to be automatically picked.\n\
                 The following part definition lists the versions picked:\n\
                 [versions]\nbigdemo = 0.1\n\n# Required by:\n# bigdemo==0.1\ndemo = 0.3\n"
            )
        );
    }

    #[test]
    fn the_file_grows_only_with_new_versions() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("versions.cfg");
        let picked = PickedVersions::new();
        picked.add("a".to_owned(), "1".to_owned());
        let shown = picked.append_to(&path, "now").unwrap().unwrap();
        assert_eq!(
            shown,
            format!("Picked versions have been written to {}", path.display())
        );
        assert_eq!(picked.append_to(&path, "now").unwrap(), None);
        picked.add("b".to_owned(), "2".to_owned());
        picked.append_to(&path, "now").unwrap().unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "[versions]\na = 1\n\n# Added by buildout at now\na = 1\nb = 2\n"
        );
    }
}
