//! The index where no profile names one: that which pip would use.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use buildout_core::exec::cancel::CancellationToken;
use buildout_core::exec::command::Command;
use buildout_core::recipe::Environment;
use buildout_core::state::atomic::replace_file;
use buildout_eggs::default_index::index_of_pip;
use buildout_eggs::index::{DefaultIndex, DefaultIndexError};

/// Writes the index that is built into pip to a file: that of the Python, or
/// the one that Python carries to install it.
const PROGRAM: &str = r"
import sys
try:
    import pip
except ImportError:
    import ensurepip, glob, os
    place = os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl')
    sys.path[:0] = glob.glob(place)
from pip._internal.models.index import PyPI
with open(sys.argv[1], 'w') as stream:
    stream.write(PyPI.simple_url)
";

/// Returns what finds the index out when somebody needs it, and once, with an
/// environment and a directory for temporary files. What is built into pip is
/// remembered in the cache.
pub fn default_index(
    environment: &Environment,
    temporary: &Path,
    cancellation: &CancellationToken,
    python: &Path,
    cache: &Path,
) -> Arc<DefaultIndex> {
    let environment = environment.clone();
    let temporary = temporary.to_owned();
    let cancellation = cancellation.clone();
    let python = python.to_owned();
    let remembered = cache.join("default-index");
    let find = move || {
        let variable = |name: &str| Some(environment.get(OsStr::new(name))?.to_str()?.to_owned());
        let files: Vec<String> = configuration_files(&environment)
            .into_iter()
            .filter_map(|path| fs::read_to_string(path).ok())
            .collect();
        let files = files.iter().map(String::as_str);
        if let Some(index) = index_of_pip(variable, files) {
            return Ok(index);
        }
        if let Ok(index) = fs::read_to_string(&remembered) {
            return Ok(index);
        }
        let index = ask(&python, &environment, &temporary, &cancellation)?;
        if let Some(parent) = remembered.parent() {
            // The next run asks again if this fails.
            let _ =
                fs::create_dir_all(parent).map(|()| replace_file(&remembered, index.as_bytes()));
        }
        Ok(index)
    };
    let found = OnceLock::new();
    Arc::new(move || found.get_or_init(&find).clone())
}

/// Returns pip's configuration files, from the system's to the user's.
fn configuration_files(environment: &Environment) -> Vec<PathBuf> {
    let path = |name: &str| {
        let value = environment.get(OsStr::new(name))?;
        Some(PathBuf::from(value)).filter(|path| path.is_absolute())
    };
    let mut files = Vec::new();
    let shared = environment.get(OsStr::new("XDG_CONFIG_DIRS"));
    let shared = shared.filter(|value| !value.is_empty());
    let shared = shared
        .cloned()
        .unwrap_or_else(|| OsString::from("/etc/xdg"));
    files.extend(std::env::split_paths(&shared).map(|path| path.join("pip/pip.conf")));
    files.push(PathBuf::from("/etc/pip.conf"));
    let home = path("HOME");
    files.extend(home.as_ref().map(|home| home.join(".pip/pip.conf")));
    let own = path("XDG_CONFIG_HOME").or_else(|| Some(home?.join(".config")));
    files.extend(own.map(|own| own.join("pip/pip.conf")));
    files.extend(path("PIP_CONFIG_FILE"));
    files
}

fn ask(
    python: &Path,
    environment: &Environment,
    temporary: &Path,
    cancellation: &CancellationToken,
) -> Result<String, DefaultIndexError> {
    let error = |detail: String| DefaultIndexError { detail };
    let place = tempfile::tempdir_in(temporary).map_err(|source| error(source.to_string()))?;
    let answer = place.path().join("index");
    let arguments: [&OsStr; 4] = [
        OsStr::new("-I"),
        OsStr::new("-c"),
        OsStr::new(PROGRAM),
        answer.as_os_str(),
    ];
    let command = Command::new(python, arguments, place.path(), environment.clone());
    let finished = command
        .run(&mut |_: _, _: &[u8]| {}, cancellation)
        .map_err(|source| error(source.to_string()))?;
    if !finished.outcome.is_success() {
        let python = python.display();
        return Err(error(format!(
            "`{python}` has no pip; set `index` in `[buildout]`"
        )));
    }
    fs::read_to_string(&answer).map_err(|source| error(source.to_string()))
}
