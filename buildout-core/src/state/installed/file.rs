//! The installed file as a file: where it is, and loading and saving it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{InstalledError, InstalledState};
use crate::state::atomic;

/// The place of the installed file of a buildout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledFile {
    path: Option<PathBuf>,
}

impl InstalledFile {
    /// Makes the place from `buildout:directory` and the value of `buildout:installed`, which is
    /// relative to it. An empty value means that there is no file: nothing is ever loaded or
    /// saved, so that every run installs everything.
    pub fn new(directory: &Path, installed: &str) -> Self {
        Self {
            path: (!installed.is_empty()).then(|| directory.join(installed)),
        }
    }

    /// Returns the path, unless `installed` was empty.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Reads the file, or returns nothing if it does not exist.
    ///
    /// # Errors
    ///
    /// All variants of [`InstalledError`] which concern reading.
    pub fn load(&self) -> Result<Option<InstalledState>, InstalledError> {
        let Some(path) = &self.path else {
            return Ok(None);
        };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(InstalledError::Read {
                    path: path.clone(),
                    source,
                });
            }
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| InstalledError::NotUtf8 {
            path: path.clone(),
            line: 1 + bytes[..error.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count(),
        })?;
        InstalledState::from_text(text, path).map(Some)
    }

    /// Replaces the file by the given state, atomically and durably.
    ///
    /// An empty state is written as well: upstream removes the file only at the end of a run, for
    /// which there is [`Self::remove`].
    ///
    /// # Errors
    ///
    /// [`InstalledError::UnusablePartName`] and [`InstalledError::Save`].
    pub fn save(&self, state: &InstalledState) -> Result<(), InstalledError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let text = state.to_text()?;
        atomic::replace_file(path, text.as_bytes()).map_err(InstalledError::Save)
    }

    /// Removes the file; a missing one is fine.
    ///
    /// # Errors
    ///
    /// [`InstalledError::Remove`].
    pub fn remove(&self) -> Result<(), InstalledError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(InstalledError::Remove {
                    path: path.clone(),
                    source,
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_state_is_loaded() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = InstalledFile::new(directory.path(), ".installed.cfg");
        assert_eq!(file.load().expect("absent"), None);
        let mut state = InstalledState::default();
        state.develop_eggs.push("/w/develop-eggs/x.egg-link".into());
        file.save(&state).expect("saved");
        assert_eq!(file.load().expect("present"), Some(state));
        file.remove().expect("removed");
        file.remove().expect("removing twice is fine");
        assert_eq!(file.load().expect("absent"), None);
    }

    #[test]
    fn an_empty_name_means_no_file() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = InstalledFile::new(directory.path(), "");
        file.save(&InstalledState::default())
            .expect("nothing to do");
        file.remove().expect("nothing to do");
        assert_eq!(file.load().expect("nothing to do"), None);
        let entries = fs::read_dir(directory.path()).expect("readable").count();
        assert_eq!(entries, 0);
    }

    #[test]
    fn bytes_which_are_no_text_are_located() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = InstalledFile::new(directory.path(), "i.cfg");
        fs::write(
            directory.path().join("i.cfg"),
            b"[buildout]\nparts = \xff\n",
        )
        .expect("written");
        let error = file.load().expect_err("not UTF-8");
        assert!(matches!(error, InstalledError::NotUtf8 { line: 2, .. }));
        fs::remove_file(directory.path().join("i.cfg")).expect("removed");
        fs::create_dir(directory.path().join("i.cfg")).expect("made");
        assert!(matches!(file.load(), Err(InstalledError::Read { .. })));
    }
}
