//! The entries that a script puts in front of `sys.path`.

use std::path::Path;

use buildout_core::extends::normalize_path;
use buildout_core::value::str_repr;

use super::ScriptError;

/// The entries as Python text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PathList {
    /// What computes `base` and `join` if paths are relative.
    pub(super) setup: String,
    /// The entries, a line each.
    pub(super) entries: String,
}

/// Computes the directory of the script.
const SETUP: &str = "
import os

join = os.path.join
base = os.path.dirname(os.path.abspath(os.path.realpath(__file__)))
";

impl PathList {
    /// Makes the list for the script at `destination`.
    pub(super) fn new(
        paths: &[String],
        destination: &str,
        relative_to: Option<&str>,
    ) -> Result<Self, ScriptError> {
        let Some(directory) = relative_to else {
            return Ok(PathList {
                setup: String::new(),
                entries: lines(paths.iter().map(|path| str_repr(path))),
            });
        };
        let outside = || ScriptError::OutsideBuildout {
            script: destination.to_owned(),
            directory: directory.to_owned(),
        };
        let normal = normalize_path(destination);
        let below = Path::new(&normal)
            .strip_prefix(directory)
            .map_err(|_| outside())?;
        let depth = below
            .components()
            .count()
            .checked_sub(1)
            .ok_or_else(outside)?;
        let setup = SETUP.to_owned() + &"base = os.path.dirname(base)\n".repeat(depth);
        let entry = |path: &String| match Path::new(path).strip_prefix(directory) {
            Ok(rest) if rest.as_os_str().is_empty() => "base".to_owned(),
            Ok(rest) => format!("join(base, {})", str_repr(&rest.to_string_lossy())),
            Err(_) => str_repr(path),
        };
        Ok(PathList {
            setup,
            entries: lines(paths.iter().map(entry)),
        })
    }
}

fn lines(entries: impl Iterator<Item = String>) -> String {
    entries.map(|entry| format!("  {entry},\n")).collect()
}
