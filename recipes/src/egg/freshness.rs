//! Develop eggs that need not be built again.
//!
//! zc.buildout builds each checkout in every run. Here a build notes what the
//! checkout looked like when it was done; while that is so, and what was made
//! is there, nothing is built.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use buildout_core::fetch::encode_hex;
use buildout_core::state::OWN_DIRECTORY;
use buildout_core::state::atomic::replace_file;
use buildout_eggs::develop::Developed;
use buildout_eggs::installed::read_entry;
use sha2::{Digest as _, Sha256};

/// The first line of a note: what it is, and the version of its format.
const HEADER: &str = "buildout develop egg 1";

/// A checkout with more files is always built.
const FILE_LIMIT: usize = 20_000;

/// Directories that builds and tests write.
const IGNORED_DIRECTORIES: [&str; 4] = ["build", "dist", "node_modules", "__pycache__"];

/// What is noted about one checkout.
pub(super) struct Note {
    path: PathBuf,
    checkout: PathBuf,
    /// What the build depends on besides the checkout.
    inputs: String,
}

impl Note {
    /// Returns the note of a checkout in the buildout directory `buildout`.
    pub(super) fn of(buildout: &Path, checkout: &Path, inputs: String) -> Self {
        let digest = Sha256::digest(checkout.as_os_str().as_bytes());
        let name = encode_hex(&digest[..12]);
        Note {
            path: buildout.join(OWN_DIRECTORY).join("develop").join(name),
            checkout: checkout.to_owned(),
            inputs,
        }
    }

    /// Returns what was made of the checkout, if it need not be made again.
    pub(super) fn read(&self) -> Option<Developed> {
        let text = fs::read_to_string(&self.path).ok()?;
        let mut lines = text.lines();
        let is_current =
            lines.next() == Some(HEADER) && lines.next() == Some(&*self.fingerprint()?);
        if !is_current {
            return None;
        }
        let link = PathBuf::from(lines.next()?);
        let files: Vec<PathBuf> = lines.map(PathBuf::from).collect();
        let are_there = files.iter().all(|file| file.exists());
        // Metadata in the checkout are not part of the fingerprint.
        let is_usable = are_there && read_entry(&link).ok()?.is_some();
        is_usable.then_some(Developed { link, files })
    }

    /// Notes what was made. A note that cannot be written costs a build.
    pub(super) fn write(&self, developed: &Developed) {
        let Some(fingerprint) = self.fingerprint() else {
            return;
        };
        let mut text = format!("{HEADER}\n{fingerprint}\n{}\n", developed.link.display());
        for file in &developed.files {
            text.push_str(&format!("{}\n", file.display()));
        }
        if let Some(parent) = self.path.parent() {
            let _ = fs::create_dir_all(parent).map(|()| replace_file(&self.path, text.as_bytes()));
        }
    }

    /// Returns a digest of the inputs and of the names, sizes and times of the
    /// checkout's files; nothing if there are too many or they cannot be read.
    fn fingerprint(&self) -> Option<String> {
        let mut hasher = Sha256::new();
        hasher.update(self.inputs.as_bytes());
        let mut left = vec![self.checkout.clone()];
        let mut count = 0;
        while let Some(directory) = left.pop() {
            let mut entries: Vec<fs::DirEntry> = fs::read_dir(&directory)
                .ok()?
                .collect::<io::Result<_>>()
                .ok()?;
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                let name = entry.file_name();
                let shown = name.to_string_lossy();
                let metadata = entry.metadata().ok()?;
                if metadata.is_dir() {
                    let is_ignored = shown.starts_with('.')
                        || shown.ends_with(".egg-info")
                        || IGNORED_DIRECTORIES.contains(&&*shown);
                    if !is_ignored {
                        left.push(entry.path());
                    }
                    continue;
                }
                count += 1;
                if count > FILE_LIMIT {
                    return None;
                }
                hasher.update(entry.path().as_os_str().as_bytes());
                for number in [
                    metadata.mtime(),
                    metadata.mtime_nsec(),
                    metadata.size().cast_signed(),
                ] {
                    hasher.update(number.to_le_bytes());
                }
            }
        }
        Some(encode_hex(&hasher.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_holds_until_the_checkout_changes() {
        let site = tempfile::tempdir().unwrap();
        let checkout = site.path().join("co");
        let link = site.path().join("co.egg-link");
        fs::create_dir_all(checkout.join("co.egg-info")).unwrap();
        fs::write(
            checkout.join("co.egg-info/PKG-INFO"),
            "Name: co\nVersion: 1\n",
        )
        .unwrap();
        fs::write(checkout.join("setup.py"), "").unwrap();
        fs::write(&link, format!("{}\n.", checkout.display())).unwrap();
        let developed = Developed {
            link: link.clone(),
            files: vec![link.clone()],
        };
        let note = |inputs: &str| Note::of(site.path(), &checkout, inputs.to_owned());
        assert_eq!(note("a").read(), None);
        note("a").write(&developed);
        assert_eq!(note("a").read(), Some(developed.clone()));
        assert_eq!(note("b").read(), None);
        fs::write(checkout.join("new.py"), "").unwrap();
        assert_eq!(note("a").read(), None);
        note("a").write(&developed);
        fs::remove_file(checkout.join("co.egg-info/PKG-INFO")).unwrap();
        assert_eq!(note("a").read(), None, "metadata are gone");
        fs::remove_file(&link).unwrap();
        assert_eq!(note("a").read(), None, "the link is gone");
    }
}
