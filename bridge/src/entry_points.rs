//! The entry points of a distribution.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::distributions::{Distribution, normalized};

/// An object of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EntryPoint {
    pub(crate) name: String,
    pub(crate) module: String,
    /// The attributes that lead from the module to the object.
    pub(crate) attributes: Vec<String>,
}

/// Reads the entry points of a group; none if the distribution has none.
pub(crate) fn entry_points(
    distribution: &Distribution,
    group: &str,
) -> io::Result<Vec<EntryPoint>> {
    let Some(directory) = metadata_directory(distribution)? else {
        return Ok(Vec::new());
    };
    match fs::read_to_string(directory.join("entry_points.txt")) {
        Ok(text) => Ok(parse(&text, group)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Finds what a distribution tells about itself: `EGG-INFO` in an egg,
/// `NAME-VERSION.dist-info` or `NAME.egg-info` elsewhere.
fn metadata_directory(distribution: &Distribution) -> io::Result<Option<PathBuf>> {
    let egg = distribution.location.join("EGG-INFO");
    if egg.is_dir() {
        return Ok(Some(egg));
    }
    match metadata_in(&distribution.location, distribution)? {
        Some(found) => Ok(Some(found)),
        None => metadata_beside_link(distribution),
    }
}

/// Finds the metadata of a checkout that are beside the link to it and not in it, as
/// an editable installation leaves them.
pub(crate) fn metadata_beside_link(distribution: &Distribution) -> io::Result<Option<PathBuf>> {
    match &distribution.links {
        Some(links) if metadata_in(&distribution.location, distribution)?.is_none() => {
            metadata_in(links, distribution)
        }
        _ => Ok(None),
    }
}

fn metadata_in(directory: &Path, distribution: &Distribution) -> io::Result<Option<PathBuf>> {
    let name = normalized(&distribution.name);
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if describes(&path, &name) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

fn describes(path: &Path, name: &str) -> bool {
    let Some(file) = path.file_name().and_then(|file| file.to_str()) else {
        return false;
    };
    let Some(stem) = [".dist-info", ".egg-info"]
        .into_iter()
        .find_map(|end| file.strip_suffix(end))
    else {
        return false;
    };
    // The name has no hyphen there.
    let found = stem.split_once('-').map_or(stem, |(found, _)| found);
    normalized(found) == name
}

fn parse(text: &str, group: &str) -> Vec<EntryPoint> {
    let mut in_group = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            in_group = header.trim_end_matches(']').trim() == group;
        } else if in_group
            && !line.starts_with(['#', ';'])
            && let Some((name, object)) = line.split_once('=')
        {
            // What follows are extras.
            let object = object.split('[').next().unwrap_or(object);
            let (module, attributes) = object.split_once(':').unwrap_or((object, ""));
            found.push(EntryPoint {
                name: name.trim().to_owned(),
                module: module.trim().to_owned(),
                attributes: attributes
                    .split('.')
                    .map(|attribute| attribute.trim().to_owned())
                    .filter(|attribute| !attribute.is_empty())
                    .collect(),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
[console_scripts]
default = other:main

[zc.buildout]
# The usual one.
default = a.b:Recipe
two.words=a.b : C.method [extra]
module = a
";

    fn shown(points: &[EntryPoint]) -> Vec<String> {
        let shown = |point: &EntryPoint| {
            format!(
                "{}={}:{}",
                point.name,
                point.module,
                point.attributes.join(".")
            )
        };
        points.iter().map(shown).collect()
    }

    #[test]
    fn a_group_is_read() {
        assert_eq!(
            shown(&parse(TEXT, "zc.buildout")),
            ["default=a.b:Recipe", "two.words=a.b:C.method", "module=a:"]
        );
        assert!(parse(TEXT, "zc.buildout.uninstall").is_empty());
    }

    #[test]
    fn metadata_is_found_by_name() {
        let place = tempfile::tempdir().unwrap();
        let distribution = |name: &str| Distribution {
            name: name.to_owned(),
            version: "1".to_owned(),
            location: place.path().to_owned(),
            links: None,
        };
        for directory in ["a_b-1.dist-info", "c.egg-info"] {
            let path = place.path().join(directory);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("entry_points.txt"), TEXT).unwrap();
        }
        for (name, count) in [("A.b", 3), ("c", 3), ("d", 0)] {
            let found = entry_points(&distribution(name), "zc.buildout").unwrap();
            assert_eq!(found.len(), count, "{name}");
        }
    }

    #[test]
    fn metadata_of_a_checkout_may_be_beside_its_link() {
        let place = tempfile::tempdir().unwrap();
        let (checkout, links) = (place.path().join("checkout"), place.path().join("links"));
        let metadata = links.join("a_b-1.dist-info");
        fs::create_dir(&checkout).unwrap();
        fs::create_dir_all(&metadata).unwrap();
        fs::write(metadata.join("entry_points.txt"), TEXT).unwrap();
        let distribution = Distribution {
            name: "a.b".to_owned(),
            version: "1".to_owned(),
            location: checkout.clone(),
            links: Some(links),
        };
        let found = metadata_beside_link(&distribution).unwrap();
        assert_eq!(found, Some(metadata));
        let points = entry_points(&distribution, "zc.buildout").unwrap();
        assert_eq!(points.len(), 3);
        fs::create_dir(checkout.join("a_b.egg-info")).unwrap();
        assert_eq!(metadata_beside_link(&distribution).unwrap(), None);
    }
}
