//! Checkouts made develop eggs.
//!
//! The develop-eggs directory gets a link that names the checkout. Metadata
//! are made in the checkout by its own build, as zc.buildout of each dialect
//! has it done ([`DevelopStyle`]).

mod aside;
mod link;
mod setup_script;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::dialect::DevelopStyle;
use buildout_core::state::debris::STAGED_PREFIX;

use self::aside::SetupCfgAside;
use self::link::{make_link, plain_path};
use crate::metadata::Metadata;
use crate::name::{ProjectName, canonical_name};
use crate::source::{BuildError, BuildSettings, Builder, Product, Workplace, failed};
use crate::wheel::EggName;

/// From this release on setuptools has no `setup.py develop` of its own.
const FIRST_WITHOUT_DEVELOP: u32 = 80;

/// What was made in the develop-eggs directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Developed {
    /// The link to the checkout.
    pub link: PathBuf,
    /// All that was made, the link included, sorted.
    pub files: Vec<PathBuf>,
}

impl Builder<'_> {
    /// Makes a develop egg of a checkout in the directory `develop_eggs`.
    /// `setup` is the directory of the checkout, or a file in it.
    ///
    /// A checkout without a `setup.py`, or a setuptools that no longer knows
    /// `setup.py develop`, is treated as zc.buildout 6 does in either style.
    ///
    /// # Errors
    ///
    /// See [`BuildError`].
    pub fn develop(
        &self,
        setup: &Path,
        develop_eggs: &Path,
        style: DevelopStyle,
        settings: &BuildSettings,
    ) -> Result<Developed, BuildError> {
        let directory = match setup.is_dir() {
            true => setup,
            false => setup.parent().unwrap_or(Path::new("/")),
        };
        let script = match setup.is_dir() {
            true => setup.join("setup.py"),
            false => setup.to_owned(),
        };
        let directory = fs::canonicalize(directory).map_err(failed("enter", directory))?;
        let what = directory.to_string_lossy().into_owned();
        let _aside = SetupCfgAside::put(&directory, settings)?;
        let place = Workplace::new(self.temporary_directory)?;
        let made = tempfile::Builder::new()
            .prefix(STAGED_PREFIX)
            .tempdir_in(develop_eggs)
            .map_err(failed("create a directory in", develop_eggs))?;
        let mut path = self.path(&place, &directory, &what, settings, Product::Editable)?;
        let is_script = script.extension().is_some_and(|suffix| suffix == "py");
        if style == DevelopStyle::SetupScript
            && is_script
            && script.is_file()
            && setuptools_release(&path) < FIRST_WITHOUT_DEVELOP
        {
            path.insert(0, directory.clone());
            // It warns of itself.
            let arguments: [OsString; 8] = [
                "-W".into(),
                "ignore".into(),
                "-c".into(),
                setup_script::PROGRAM.into(),
                script.into(),
                "-q".into(),
                "develop".into(),
                "-mN".into(),
            ];
            let mut arguments = arguments.to_vec();
            arguments.extend(["-d".into(), made.path().into()]);
            self.run_python(arguments, &place, &path, settings, &what)?;
        } else {
            let arguments = [
                "-m",
                "pip",
                "install",
                "--no-deps",
                "--no-index",
                "--no-build-isolation",
                "--no-cache-dir",
                "-q",
                "-t",
            ];
            let mut arguments: Vec<OsString> = arguments.map(OsString::from).to_vec();
            arguments.extend([made.path().into(), "-e".into(), directory.clone().into()]);
            self.run_python(arguments, &place, &path, settings, &what)?;
            self.leave_egg_info(&place, &directory, &what, settings, &path)?;
        }
        take(made.path(), develop_eggs, &directory, &what)
    }
}

/// Returns the major version of the setuptools on a path; 0 if there is none.
fn setuptools_release(path: &[PathBuf]) -> u32 {
    let names = path.iter().filter_map(|path| path.file_name()?.to_str());
    let mut eggs = names.filter_map(EggName::parse);
    let egg = eggs.find(|egg| canonical_name(egg.project) == "setuptools");
    let major = egg.and_then(|egg| egg.version.split('.').next()?.parse().ok());
    major.unwrap_or(0)
}

/// Moves what a build left to the develop-eggs directory, and makes the link if
/// the build made none.
fn take(
    made: &Path,
    develop_eggs: &Path,
    checkout: &Path,
    what: &str,
) -> Result<Developed, BuildError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(made).map_err(failed("read", made))? {
        let entry = entry.map_err(failed("read", made))?;
        names.extend(entry.file_name().into_string());
    }
    names.sort();
    let mut files = Vec::new();
    let mut move_here = |name: &str| {
        let place = develop_eggs.join(name);
        clear(&place)?;
        fs::rename(made.join(name), &place).map_err(failed("make", &place))?;
        files.push(place.clone());
        Ok::<_, BuildError>(place)
    };
    if let Some(name) = names.iter().find(|name| name.ends_with(".egg-link")) {
        let link = move_here(name)?;
        let notes = setup_script::note_scripts(made, &names, &link)?;
        files.extend(notes);
        files.sort();
        return Ok(Developed { link, files });
    }
    let is_metadata = |name: &String| {
        [".dist-info", ".egg-info", ".pth"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
            || (name.starts_with("__editable__") && name.ends_with(".py"))
    };
    let mut project = None;
    let mut location = None;
    for name in names.iter().filter(|name| is_metadata(name)) {
        if name.ends_with(".pth") {
            location = location.or_else(|| plain_path(&made.join(name)));
        }
        let place = move_here(name)?;
        if name.ends_with(".dist-info") {
            let metadata = Metadata::read_dist_info(&place);
            project = Some(metadata.map_err(|error| BuildError::Metadata {
                what: what.to_owned(),
                source: error,
            })?);
        }
    }
    let Some(project) = project else {
        return Err(BuildError::NoMetadata {
            what: what.to_owned(),
        });
    };
    let name = ProjectName::new(project.name);
    let link = make_link(develop_eggs, checkout, location.as_deref(), name.as_str())?;
    files.push(link.clone());
    files.sort();
    Ok(Developed { link, files })
}

/// Removes a file or directory, if there is one.
fn clear(path: &Path) -> Result<(), BuildError> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(metadata) if metadata.is_dir() => {
            fs::remove_dir_all(path).map_err(failed("remove", path))
        }
        Ok(_) => fs::remove_file(path).map_err(failed("remove", path)),
    }
}
