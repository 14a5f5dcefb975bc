//! What a project asks for to be built.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{BuildError, failed};

/// Asks a project what its build needs, as PEP 517 and 518 have it, and writes
/// two lists to a file: what `pyproject.toml` says and what the backend says
/// besides. The latter is `null` as long as the former is not there.
///
/// Arguments: the file, the directory of the project, the name of the hook of
/// the backend to ask, and a text that is not empty once the first list was
/// provided. It runs with pip on its path, which carries a reader
/// of TOML and a caller of backends.
pub(super) const PROGRAM: &str = r#"
import json, os, subprocess, sys
from importlib import metadata
from pip._vendor.packaging.requirements import Requirement
from pip._vendor.pyproject_hooks import BuildBackendHookCaller, quiet_subprocess_runner

def is_there(text):
    requirement = Requirement(text)
    if requirement.marker and not requirement.marker.evaluate():
        return True
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    # What an extra asks for would have to be looked at as well.
    return not requirement.extras and requirement.specifier.contains(version, prereleases=True)

answer, source, hook, provided = sys.argv[1:]
path = os.path.join(source, 'pyproject.toml')
system = None
if os.path.exists(path):
    try:
        import tomllib
    except ImportError:
        from pip._vendor import tomli as tomllib
    with open(path, 'rb') as stream:
        system = tomllib.load(stream).get('build-system')
if system is None:
    system = {'requires': ['setuptools>=40.8.0']}
requires = list(system.get('requires', []))
more = None
if provided or all(map(is_there, requires)):
    caller = BuildBackendHookCaller(
        source,
        system.get('build-backend', 'setuptools.build_meta:__legacy__'),
        system.get('backend-path'),
        quiet_subprocess_runner,
    )
    try:
        more = list(getattr(caller, hook)())
    except subprocess.CalledProcessError as error:
        sys.stderr.buffer.write(error.output)
        sys.exit(1)
    except Exception as error:
        # A backend without the hook needs nothing more.
        if type(error).__name__ != 'HookMissing':
            raise
        more = []
with open(answer, 'w') as stream:
    json.dump([requires, more], stream)
"#;

/// What is built, as backends distinguish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    /// A wheel to install.
    Wheel,
    /// A wheel that leads to the checkout (PEP 660).
    Editable,
}

impl Product {
    /// Returns the hook that tells what the build needs.
    pub(super) fn hook(self) -> &'static str {
        match self {
            Product::Wheel => "get_requires_for_build_wheel",
            Product::Editable => "get_requires_for_build_editable",
        }
    }
}

/// What a project answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// What `pyproject.toml` says.
    pub(super) requires: Vec<String>,
    /// What the backend says besides; none if it could not be asked yet.
    pub(super) more: Option<Vec<String>>,
}

/// Reads the answer of [`PROGRAM`].
pub(super) fn read_answer(path: &Path) -> Result<Answer, BuildError> {
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    let parsed = serde_json::from_str(&text).ok();
    let answer = parsed.and_then(|value: Value| {
        Some(Answer {
            requires: texts(value.get(0)?)?,
            more: texts(value.get(1)?),
        })
    });
    answer.ok_or_else(|| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is no answer");
        failed("understand", PathBuf::from(path))(source)
    })
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let texts = value.as_array()?.iter();
    Some(
        texts
            .filter_map(Value::as_str)
            .map(ToOwned::to_owned)
            .collect(),
    )
}

/// Tells whether a project may ask for more than setuptools: by a
/// `pyproject.toml`, or by the old `setup_requires`.
pub(super) fn asks_for_more(source: &Path) -> bool {
    let mentions = |name: &str| {
        let text = fs::read(source.join(name)).unwrap_or_default();
        String::from_utf8_lossy(&text).contains("setup_requires")
    };
    source.join("pyproject.toml").exists() || mentions("setup.py") || mentions("setup.cfg")
}
