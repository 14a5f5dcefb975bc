//! What the node says about a partition: the file `.slapos-resource`.

use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::recipe::{Construction, RecipeError};
use buildout_core::value::Value;

use super::json::loads;
use crate::system_error::failed;

/// The name of the file.
const FILE: &str = ".slapos-resource";

/// Returns what the file says, with the keys of nested objects joined by `-`.
/// Nothing if there is no file.
pub(super) fn read(part: &Construction<'_>) -> Result<Vec<(String, Value)>, RecipeError> {
    let Some(path) = find(&part.services().directory) else {
        return Ok(Vec::new());
    };
    let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
    let mut options = Vec::new();
    flatten(&loads(&text)?, "", &mut options);
    Ok(options)
}

/// Looks in the directory and above it, but not in the root.
fn find(directory: &Path) -> Option<PathBuf> {
    directory
        .ancestors()
        .filter(|directory| directory.parent().is_some())
        .map(|directory| directory.join(FILE))
        .find(|path| path.exists())
}

fn flatten(value: &Value, prefix: &str, options: &mut Vec<(String, Value)>) {
    let Value::Dict(dict) = value else {
        return;
    };
    for (key, value) in dict {
        let name = format!("{prefix}{}", key.to_string().replace('_', "-"));
        if let Value::Dict(_) = value {
            flatten(value, &format!("{name}-"), options);
        } else {
            options.push((name, value.clone()));
        }
    }
}
