//! What the recipes of slapos.cookbook have in common: upstream's `GenericBaseRecipe`.
//!
//! Its constructor copies the options without reading them, so that they count as unused unless
//! something else reads them, and a missing one is Python's `KeyError`. Updating a part is
//! installing it again.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use buildout_core::event::{Event, Level};
use buildout_core::extends::normalize_path;
use buildout_core::recipe::{
    Construction, Descriptor, Factory, Installed, OptionReader, PartRun, Recipe, RecipeError,
};
use buildout_core::value::str_repr;

use crate::output_file::write_if_different;
use crate::system_error::failed;

/// The mode of a file with a configuration.
pub(crate) const FILE_MODE: u32 = 0o600;

/// The mode of a shell script.
pub(crate) const EXECUTABLE_MODE: u32 = 0o700;

/// A recipe that does all its work when its part is installed or updated.
pub(crate) struct GenericFactory {
    /// What is known of it.
    pub(crate) descriptor: Descriptor,
    /// Installs the part, and updates it.
    pub(crate) install: Install,
    /// Returns the paths that it makes, as far as options name them.
    pub(crate) outputs: Outputs,
}

type Install = fn(&PartRun<'_>) -> Result<Installed, RecipeError>;
type Outputs = fn(&OptionReader<'_>) -> Vec<String>;

impl Factory for GenericFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, _part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        Ok(Box::new(Generic {
            install: self.install,
            outputs: self.outputs,
        }))
    }
}

struct Generic {
    install: Install,
    outputs: Outputs,
}

impl Recipe for Generic {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        (self.install)(run)
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        (self.install)(run)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        (self.outputs)(option)
    }
}

/// Returns the values of those of the options that are there.
pub(crate) fn paths_of(option: &OptionReader<'_>, names: &[&str]) -> Vec<String> {
    let values = names.iter().filter_map(|name| option(name));
    let paths = values.filter(|path| !path.is_empty());
    paths.map(|path| path.to_string()).collect()
}

/// The directory that one option names, with the name that another one has in it.
pub(crate) fn path_in(option: &OptionReader<'_>, directory: &str, name: &str) -> Vec<String> {
    match (option(directory), option(name)) {
        (Some(directory), Some(name)) if !name.is_empty() => vec![join(&directory, &name)],
        _ => Vec::new(),
    }
}

/// An option that is missing: Python's `KeyError`.
#[derive(Debug, thiserror::Error)]
#[error("{}", str_repr(option))]
struct UnknownOption {
    option: &'static str,
}

/// Returns an option that must exist, as it was when the part's turn came.
///
/// # Errors
///
/// It does not.
pub(crate) fn required<'r>(
    run: &'r PartRun<'_>,
    option: &'static str,
) -> Result<&'r str, RecipeError> {
    run.option(option)
        .ok_or_else(|| unknown(run.part(), option))
}

/// Makes the error of an option that is missing.
pub(crate) fn unknown(part: &str, option: &'static str) -> RecipeError {
    RecipeError::internal("KeyError", UnknownOption { option })
        .with_hint(format!("add `{option} = ...` to `[{part}]`"))
}

/// `isTrueValue`.
pub(crate) fn is_true(value: &str) -> bool {
    matches!(&*value.to_lowercase(), "y" | "yes" | "1" | "true")
}

/// `os.path.join`, for two paths.
pub(crate) fn join(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() {
        path.to_owned()
    } else if directory.ends_with('/') {
        format!("{directory}{path}")
    } else {
        format!("{directory}/{path}")
    }
}

/// `os.path.abspath`: relative paths are seen from the buildout directory.
pub(crate) fn absolute(run: &PartRun<'_>, path: &str) -> String {
    normalize_path(&run.services().absolute(path).to_string_lossy())
}

/// `createFile`: gives the file that `option` names a content and a mode, whatever the umask, and
/// returns its absolute path.
///
/// # Errors
///
/// It cannot be written; its directory must exist.
pub(crate) fn create_file(
    run: &PartRun<'_>,
    option: &'static str,
    path: &str,
    content: &str,
    mode: u32,
) -> Result<String, RecipeError> {
    let path = absolute(run, path);
    note_created(run, &path);
    write_if_different(Path::new(&path), content.as_bytes(), mode)
        .map_err(|error| unwritable(run, option, &path, error.into()))?;
    Ok(path)
}

/// What upstream does with `createPythonScript`: gives the program that `option` names a content
/// and the right to be executed, less the umask, and tells so. An unchanged one keeps its mode.
///
/// # Errors
///
/// It cannot be written; its directory must exist.
pub(crate) fn create_program(
    run: &PartRun<'_>,
    option: &'static str,
    path: &str,
    content: &str,
) -> Result<String, RecipeError> {
    let path = absolute(run, path);
    if fs::read(&path).is_ok_and(|current| current == content.as_bytes()) {
        return Ok(path);
    }
    note_created(run, &path);
    let mode = 0o777 & !run.services().umask;
    write_if_different(Path::new(&path), content.as_bytes(), mode)
        .map_err(|error| unwritable(run, option, &path, error.into()))?;
    let message = format!("Generated script {}.", str_repr(&path));
    run.services()
        .events
        .emit(Event::engine_log(Level::Info, message));
    Ok(path)
}

/// What upstream does with `open(path, 'w')`: an existing file keeps its mode, and a link its
/// place.
///
/// # Errors
///
/// It cannot be written; its directory must exist.
pub(crate) fn overwrite(
    run: &PartRun<'_>,
    option: &'static str,
    path: &str,
    content: &str,
) -> Result<(), RecipeError> {
    let shown = run.services().absolute(path);
    note_created(run, &shown);
    let path = fs::canonicalize(&shown).unwrap_or(shown);
    let mode = match fs::metadata(&path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(_) => 0o666 & !run.services().umask,
    };
    write_if_different(&path, content.as_bytes(), mode)
        .map_err(|error| unwritable(run, option, &path.to_string_lossy(), error.into()))
}

/// Has a failed installation remove a path that was not there before.
fn note_created(run: &PartRun<'_>, path: impl Into<PathBuf>) {
    let path = path.into();
    if fs::symlink_metadata(&path).is_err() {
        run.created(path);
    }
}

fn unwritable(
    run: &PartRun<'_>,
    option: &'static str,
    path: &str,
    error: RecipeError,
) -> RecipeError {
    let error = error.at_option(option);
    match Path::new(path).parent() {
        Some(parent) if !parent.exists() => error.with_hint(missing_directory(run, parent)),
        _ => error,
    }
}

fn missing_directory(run: &PartRun<'_>, directory: &Path) -> String {
    let directory = directory
        .strip_prefix(&run.services().directory)
        .unwrap_or(directory);
    format!(
        "make the directory `{}` first, with a part of recipe slapos.cookbook:mkdirectory",
        directory.display()
    )
}

/// A path that should be that of a directory.
#[derive(Debug, thiserror::Error)]
#[error("{} exists but is not a directory.", str_repr(name))]
struct NotADirectory {
    name: String,
}

/// `createDirectory`: makes a directory for its user alone, unless it is there, and returns its
/// path.
///
/// # Errors
///
/// It cannot be made; the directory that `option` names must exist.
pub(crate) fn create_directory(
    run: &PartRun<'_>,
    option: &'static str,
    parent: &str,
    name: &str,
) -> Result<String, RecipeError> {
    let path = join(parent, name);
    let place = run.services().absolute(&path);
    let mode = 0o700 & !run.services().umask;
    match fs::DirBuilder::new().mode(mode).create(&place) {
        Ok(()) => Ok(path),
        Err(_) if place.is_dir() => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let name = name.to_owned();
            let error = RecipeError::internal("OSError", NotADirectory { name });
            let hint = format!("remove or rename `{}`", place.display());
            Err(error.at_option(option).with_hint(hint))
        }
        Err(error) => {
            let error = RecipeError::from(failed("create directory", &place)(error));
            Err(unwritable(run, option, &place.to_string_lossy(), error))
        }
    }
}

/// The interpreter of the scripts that need Python: `[buildout] executable`, which is what
/// upstream's `sys.executable` is there.
///
/// # Errors
///
/// The option cannot be resolved.
pub(crate) fn interpreter(run: &PartRun<'_>) -> Result<String, RecipeError> {
    use buildout_core::recipe::Buildout as _;
    let executable = run.buildout().get("buildout", "executable")?;
    Ok(executable.unwrap_or_default().to_string())
}
