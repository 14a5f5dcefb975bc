//! The link from the develop-eggs directory to a checkout.

use std::fs;
use std::path::{Path, PathBuf};

use buildout_core::extends::normalize_path;

use crate::source::{BuildError, failed};

/// Writes the link: what goes on the path, a newline, and from there the way
/// back to the project; no newline ends it.
///
/// `location` is what the build itself wants on the path. Without it, that is
/// `src` if the checkout has one, as with zc.buildout 6.
pub(super) fn make_link(
    develop_eggs: &Path,
    checkout: &Path,
    location: Option<&Path>,
    project: &str,
) -> Result<PathBuf, BuildError> {
    let location = match location {
        Some(location) => location.to_owned(),
        None if checkout.join("src").exists() => checkout.join("src"),
        None => checkout.to_owned(),
    };
    let depth = location
        .strip_prefix(checkout)
        .map_or(0, |below| below.components().count());
    let back = match depth {
        0 => ".".to_owned(),
        depth => vec![".."; depth].join("/"),
    };
    let link = develop_eggs.join(format!("{project}.egg-link"));
    fs::write(&link, format!("{}\n{back}", location.display())).map_err(failed("write", &link))?;
    Ok(link)
}

/// Returns the one directory that a `.pth` file names, if it does nothing else.
pub(super) fn plain_path(pth: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(pth).ok()?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let (line, None) = (lines.next()?, lines.next()) else {
        return None;
    };
    let path = PathBuf::from(normalize_path(line));
    (line.starts_with('/') && path.is_dir()).then_some(path)
}
