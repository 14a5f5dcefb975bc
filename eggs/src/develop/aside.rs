//! A checkout's `setup.cfg` with the options of a build for its time.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::{BuildError, BuildSettings, edit_setup_cfg, failed};

/// The name that the original has meanwhile; upstream's.
const ASIDE: &str = "setup.cfg-develop-aside";

/// Puts the original back when it is dropped.
#[derive(Debug)]
pub(super) struct SetupCfgAside {
    path: PathBuf,
    /// Where the original is; none if there was no file.
    original: Option<PathBuf>,
}

impl SetupCfgAside {
    /// Writes a `setup.cfg` with the options of `build_ext`, and keeps the
    /// original; nothing is done without options. What a killed run left aside
    /// is put back first.
    pub(super) fn put(
        checkout: &Path,
        settings: &BuildSettings,
    ) -> Result<Option<Self>, BuildError> {
        let path = checkout.join("setup.cfg");
        let aside = checkout.join(ASIDE);
        if aside.exists() {
            fs::rename(&aside, &path).map_err(failed("put back", &path))?;
        }
        if settings.build_ext.is_empty() {
            return Ok(None);
        }
        let original = match path.exists() {
            true => {
                fs::rename(&path, &aside).map_err(failed("rename", &path))?;
                Some(aside)
            }
            false => None,
        };
        let guard = SetupCfgAside { path, original };
        let text = match &guard.original {
            Some(original) => fs::read_to_string(original).map_err(failed("read", original))?,
            None => String::new(),
        };
        let text = edit_setup_cfg(&text, "build_ext", &settings.build_ext);
        fs::write(&guard.path, text).map_err(failed("write", &guard.path))?;
        Ok(Some(guard))
    }
}

impl Drop for SetupCfgAside {
    fn drop(&mut self) {
        // What cannot be put back now is put back by the next run.
        let _ = match &self.original {
            Some(original) => fs::rename(original, &self.path),
            None => fs::remove_file(&self.path),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_comes_back() {
        let checkout = tempfile::tempdir().unwrap();
        let path = checkout.path().join("setup.cfg");
        let settings = BuildSettings {
            build_ext: vec![("rpath".to_owned(), "/r".to_owned())],
            ..BuildSettings::default()
        };
        drop(SetupCfgAside::put(checkout.path(), &settings).unwrap());
        assert!(!path.exists());
        fs::write(&path, "[x]\na=1\n").unwrap();
        let guard = SetupCfgAside::put(checkout.path(), &settings).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "[x]\na=1\n\n[build_ext]\nrpath = /r\n");
        // As if the run were killed.
        std::mem::forget(guard);
        drop(SetupCfgAside::put(checkout.path(), &BuildSettings::default()).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "[x]\na=1\n");
        assert_eq!(fs::read_dir(checkout.path()).unwrap().count(), 1);
    }
}
