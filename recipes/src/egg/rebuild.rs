//! Built eggs whose setup eggs have changed since.
//!
//! An egg of `:custom` that satisfies its requirement is not built again, and its
//! name and metadata do not tell what it was built with. So the setup eggs are
//! noted beside it: where they are others, the egg is put aside and so built anew.

use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::fetch::encode_hex;
use buildout_core::state::OWN_DIRECTORY;
use buildout_core::state::atomic::replace_file;
use buildout_core::state::debris::STAGED_PREFIX;
use sha2::{Digest as _, Sha256};

use crate::system_error::{SystemError, failed};

/// The first line of a note: what it is, and the version of its format.
const HEADER: &str = "buildout custom egg 1";

/// What is noted about the egg that a part has built.
pub(super) struct BuildNote {
    path: PathBuf,
    /// The locations of the setup eggs, one on each line.
    setup_eggs: String,
}

impl BuildNote {
    /// Returns the note of a part in the buildout directory `buildout`, whose builds
    /// have these setup eggs now.
    pub(super) fn of(buildout: &Path, part: &str, setup_eggs: &[PathBuf]) -> Self {
        let digest = Sha256::digest(part.as_bytes());
        let name = encode_hex(&digest[..12]);
        let lines = setup_eggs
            .iter()
            .map(|path| format!("{}\n", path.display()));
        BuildNote {
            path: buildout.join(OWN_DIRECTORY).join("custom").join(name),
            setup_eggs: lines.collect(),
        }
    }

    /// Returns the egg that was built with others, if it is still there. Without a
    /// note, as in the directory of another program, an egg is what it should be.
    pub(super) fn outdated(&self) -> Option<PathBuf> {
        let text = fs::read_to_string(&self.path).ok()?;
        let (header, rest) = text.split_once('\n')?;
        let (egg, setup_eggs) = rest.split_once('\n')?;
        let egg = PathBuf::from(egg);
        (header == HEADER && setup_eggs != self.setup_eggs && egg.is_dir()).then_some(egg)
    }

    /// Notes what the egg was built with. A note that cannot be written costs a
    /// build where the setup eggs change.
    pub(super) fn write(&self, egg: &Path) {
        let text = format!("{HEADER}\n{}\n{}", egg.display(), self.setup_eggs);
        if fs::read_to_string(&self.path).is_ok_and(|current| current == text) {
            return;
        }
        if let Some(parent) = self.path.parent() {
            let _ = fs::create_dir_all(parent).map(|()| replace_file(&self.path, text.as_bytes()));
        }
    }
}

/// An egg that is out of sight while another one is built in its place. It comes
/// back when this is dropped, unless there is another one.
pub(super) struct EggAside {
    place: PathBuf,
    staged: tempfile::TempDir,
}

impl EggAside {
    /// Puts an egg aside. If the run is killed, the next one removes it, and builds.
    pub(super) fn put(egg: PathBuf) -> Result<Self, SystemError> {
        let directory = egg.parent().unwrap_or(Path::new("/"));
        let staged = tempfile::Builder::new()
            .prefix(STAGED_PREFIX)
            .tempdir_in(directory)
            .map_err(failed("create a directory in", directory))?;
        let aside = EggAside { place: egg, staged };
        fs::rename(&aside.place, aside.egg()).map_err(failed("put aside", &aside.place))?;
        Ok(aside)
    }

    /// Returns where the egg belongs.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    fn egg(&self) -> PathBuf {
        self.staged.path().join("egg")
    }
}

impl Drop for EggAside {
    fn drop(&mut self) {
        if !self.place.exists() {
            // What cannot come back is built by the next run.
            let _ = fs::rename(self.egg(), &self.place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_setup_eggs_make_an_egg_outdated() {
        let site = tempfile::tempdir().unwrap();
        let egg = site.path().join("a.egg");
        fs::create_dir(&egg).unwrap();
        let note = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            BuildNote::of(site.path(), "part", &paths)
        };
        assert_eq!(note(&["/x"]).outdated(), None, "nothing is known");
        note(&["/x"]).write(&egg);
        assert_eq!(note(&["/x"]).outdated(), None);
        assert_eq!(note(&["/y"]).outdated(), Some(egg.clone()));
        assert_eq!(note(&[]).outdated(), Some(egg.clone()));
        fs::remove_dir(&egg).unwrap();
        assert_eq!(note(&["/y"]).outdated(), None, "there is none any more");
    }

    #[test]
    fn an_egg_comes_back_unless_there_is_another_one() {
        let site = tempfile::tempdir().unwrap();
        let egg = site.path().join("a.egg");
        fs::create_dir(&egg).unwrap();
        fs::write(egg.join("old"), "").unwrap();
        let aside = EggAside::put(egg.clone()).unwrap();
        assert!(!egg.exists());
        drop(aside);
        assert!(egg.join("old").exists());
        let aside = EggAside::put(egg.clone()).unwrap();
        fs::create_dir(&egg).unwrap();
        drop(aside);
        assert!(!egg.join("old").exists());
        assert_eq!(fs::read_dir(site.path()).unwrap().count(), 1);
    }
}
