//! Where in a source archive the project is.

use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::fetch::archive::{SkipReason, StripTopLevel, UnpackOptions, unpack};

use super::{BuildError, failed};

/// The files that make a directory one that can be built.
const SETUP_FILES: [&str; 2] = ["setup.py", "pyproject.toml"];

/// Unpacks an archive, or copies a directory, to `place` and returns the
/// directory in it that can be built.
pub(crate) fn unpack_source(archive: &Path, place: &Path) -> Result<PathBuf, BuildError> {
    let name = archive.file_name().unwrap_or_default().to_string_lossy();
    let options = UnpackOptions {
        strip_top_level: StripTopLevel::Never,
        ..UnpackOptions::default()
    };
    let summary = unpack(archive, place, &options).map_err(|source| BuildError::Unpack {
        archive: name.clone().into_owned(),
        source,
    })?;
    let is_outside = |reason| {
        matches!(
            reason,
            SkipReason::AbsoluteName | SkipReason::ParentComponent | SkipReason::LinkTargetOutside
        )
    };
    if let Some(skipped) = summary
        .skipped
        .iter()
        .find(|entry| is_outside(entry.reason))
    {
        return Err(BuildError::Hostile {
            archive: name.into_owned(),
            entry: skipped.name.clone(),
        });
    }
    let has_setup =
        |directory: &Path, names: &[&str]| names.iter().any(|file| directory.join(file).is_file());
    if has_setup(place, &SETUP_FILES) {
        return Ok(place.to_owned());
    }
    let mut directories = Vec::new();
    for entry in fs::read_dir(place).map_err(failed("read", place))? {
        let path = entry.map_err(failed("read", place))?.path();
        if path.is_dir() && !path.is_symlink() {
            directories.push(path);
        }
    }
    // Upstream looks for `setup.py` alone; what has none is looked at later.
    for names in [&SETUP_FILES[..1], &SETUP_FILES[..]] {
        let found: Vec<&PathBuf> = directories
            .iter()
            .filter(|directory| has_setup(directory, names))
            .collect();
        match found[..] {
            [] => {}
            [directory] => return Ok(directory.clone()),
            _ => {
                let archive = name.into_owned();
                return Err(BuildError::SeveralSetups { archive });
            }
        }
    }
    Err(BuildError::NoSetup {
        archive: name.into_owned(),
    })
}
