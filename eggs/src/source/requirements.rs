//! What a project asks for to be built.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{BuildError, failed};

/// Asks a project what its build needs, as PEP 517 and 518 have it, and writes
/// the answer to a file.
///
/// Arguments: the file, the directory of the project, and the name of the hook
/// of the backend to ask, or nothing for what `pyproject.toml` says. It runs
/// with pip on its path, which carries a reader of TOML and a caller of
/// backends.
pub(super) const PROGRAM: &str = r#"
import json, os, sys

answer, source, hook = sys.argv[1:]
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
if hook:
    from pip._vendor.pyproject_hooks import BuildBackendHookCaller
    caller = BuildBackendHookCaller(
        source,
        system.get('build-backend', 'setuptools.build_meta:__legacy__'),
        system.get('backend-path'),
    )
    try:
        requires = getattr(caller, hook)()
    except Exception as error:
        # A backend without the hook needs nothing more.
        if type(error).__name__ != 'HookMissing':
            raise
        requires = []
else:
    requires = system.get('requires', [])
with open(answer, 'w') as stream:
    json.dump(list(requires), stream)
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

/// Reads the answer of [`PROGRAM`].
pub(super) fn read_answer(path: &Path) -> Result<Vec<String>, BuildError> {
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    let Ok(Value::Array(requires)) = serde_json::from_str(&text) else {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is no list");
        return Err(failed("understand", PathBuf::from(path))(source));
    };
    let texts = requires.iter().filter_map(Value::as_str);
    Ok(texts.map(ToOwned::to_owned).collect())
}
