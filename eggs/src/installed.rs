//! Which distributions are there: the eggs directory and the develop-eggs
//! directory.
//!
//! A directory is listed once; metadata are read of what is asked for. So a
//! run that needs ten eggs of a directory with a thousand reads ten.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::distribution::{DevelopLink, Distribution, DistributionKind};
use crate::metadata::{Metadata, MetadataError};
use crate::name::canonical_name;
use crate::wheel::{EggName, EggTarget};

/// How the names of links in the develop-eggs directory end.
const LINK_SUFFIX: &str = ".egg-link";

/// A directory that cannot be looked into.
#[derive(Debug, thiserror::Error)]
#[error("failed to read `{}`: {source}", path.display())]
pub struct ListingError {
    /// The directory.
    pub path: PathBuf,
    /// The cause.
    #[source]
    pub source: io::Error,
}

/// A directory of eggs, as it was when it was listed.
#[derive(Debug)]
pub struct EggDirectory {
    path: PathBuf,
    target: EggTarget,
    /// The names of the entries of each project, by its canonical name.
    entries: FxHashMap<String, Vec<String>>,
    /// What was read of them.
    known: FxHashMap<String, Option<Arc<Distribution>>>,
}

impl EggDirectory {
    /// Lists the eggs for `target` in a directory, and the links to checkouts.
    /// A directory that does not exist is empty.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn list(path: &Path, target: &EggTarget) -> Result<Self, ListingError> {
        let error = |source| ListingError {
            path: path.to_owned(),
            source,
        };
        let mut directory = EggDirectory {
            path: path.to_owned(),
            target: target.clone(),
            entries: FxHashMap::default(),
            known: FxHashMap::default(),
        };
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(directory),
            Err(source) => return Err(error(source)),
        };
        for entry in entries {
            let entry = entry.map_err(error)?;
            if let Ok(name) = entry.file_name().into_string() {
                directory.note(name);
            }
        }
        Ok(directory)
    }

    /// Returns the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes an entry that has come since.
    pub fn note(&mut self, name: String) {
        let project = match name.strip_suffix(LINK_SUFFIX) {
            Some(project) => project,
            None => match EggName::parse(&name) {
                Some(egg) if egg.suits(&self.target) => egg.project,
                _ => return,
            },
        };
        let names = self.entries.entry(canonical_name(project)).or_default();
        if !names.contains(&name) {
            names.push(name.clone());
        }
        self.known.remove(&name);
    }

    /// Takes the entries of a newer listing of the same directory. Links are
    /// read again, since what they lead to may have changed.
    pub fn replace_entries(&mut self, newer: Self) {
        self.entries = newer.entries;
        let entries = &self.entries;
        self.known.retain(|name, _| {
            !name.ends_with(LINK_SUFFIX) && entries.values().any(|names| names.contains(name))
        });
    }

    /// Returns the distributions of a project. What has no usable metadata is
    /// passed over, as upstream does.
    pub fn of_project(&mut self, canonical: &str) -> Vec<Arc<Distribution>> {
        let Some(names) = self.entries.get(canonical) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for name in names {
            let known = match self.known.get(name) {
                Some(known) => known.clone(),
                None => {
                    let read = read_entry(&self.path.join(name)).ok().flatten();
                    let read = read.map(Arc::new);
                    self.known.insert(name.clone(), read.clone());
                    read
                }
            };
            found.extend(known);
        }
        found
    }

    /// Returns the locations that links name, in no order.
    pub fn linked_locations(&mut self) -> Vec<PathBuf> {
        let links = self.entries.values().flatten();
        let links: Vec<String> = links
            .filter(|name| name.ends_with(LINK_SUFFIX))
            .cloned()
            .collect();
        let location = |name: String| Some(read_link(&self.path.join(name)).ok()??.0);
        links.into_iter().filter_map(location).collect()
    }
}

/// Reads an egg or a link; nothing if it is not what its name says.
///
/// # Errors
///
/// Metadata that are there cannot be read.
pub fn read_entry(path: &Path) -> Result<Option<Distribution>, MetadataError> {
    let is_link = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().ends_with(LINK_SUFFIX));
    if is_link {
        return read_develop_egg(path);
    }
    let egg_info = path.join("EGG-INFO");
    let metadata = match find_metadata(path, |name| name.ends_with(".dist-info")) {
        Some(dist_info) => Metadata::read_dist_info(&dist_info)?,
        None if egg_info.is_dir() => Metadata::read_egg_info(&egg_info)?,
        None => return Ok(None),
    };
    let kind = DistributionKind::Egg;
    Ok(Some(Distribution::new(kind, path, metadata)))
}

fn read_develop_egg(link: &Path) -> Result<Option<Distribution>, MetadataError> {
    let Some((location, setup)) = read_link(link)? else {
        return Ok(None);
    };
    let name = link.file_name().unwrap_or_default().to_string_lossy();
    let project = canonical_name(name.strip_suffix(LINK_SUFFIX).unwrap_or(&name));
    let is_of_project = |name: &str| {
        let stem = name
            .strip_suffix(".egg-info")
            .or_else(|| name.strip_suffix(".dist-info"));
        stem.is_some_and(|stem| {
            let (stem, _) = stem.split_once('-').unwrap_or((stem, ""));
            canonical_name(stem) == project
        })
    };
    let beside = link.parent().unwrap_or(Path::new("."));
    // What is beside the link was made with it; a checkout may hold older ones.
    let found = find_metadata(beside, is_of_project)
        .or_else(|| find_metadata(&location, is_of_project))
        .or_else(|| find_metadata(&setup, is_of_project));
    let Some(directory) = found else {
        return Ok(None);
    };
    let is_dist_info = directory
        .extension()
        .is_some_and(|suffix| suffix == "dist-info");
    let metadata = match is_dist_info {
        true => Metadata::read_dist_info(&directory)?,
        false => Metadata::read_egg_info(&directory)?,
    };
    let scripts = noted_scripts(link);
    let is_egg_info = |name: &str| name.ends_with(".egg-info") && is_of_project(name);
    let has_egg_info = find_metadata(&location, is_egg_info).is_some();
    let link = DevelopLink {
        link: link.to_owned(),
        setup,
        scripts,
        has_egg_info,
    };
    Ok(Some(Distribution::develop(location, link, metadata)))
}

/// Reads the two lines of a link: what goes on the path, and, seen from there,
/// where `setup.py` is.
fn read_link(link: &Path) -> Result<Option<(PathBuf, PathBuf)>, MetadataError> {
    let text = fs::read_to_string(link).map_err(|source| MetadataError::Read {
        path: link.to_owned(),
        source,
    })?;
    let mut lines = text.lines().map(str::trim);
    let Some(location) = lines.next().filter(|line| !line.is_empty()) else {
        return Ok(None);
    };
    let location = link.parent().unwrap_or(Path::new(".")).join(location);
    let setup = location.join(lines.next().unwrap_or("."));
    let setup = buildout_core::extends::normalize_path(&setup.to_string_lossy());
    Ok(Some((location, PathBuf::from(setup))))
}

/// Returns the paths in the file beside the link that lists the scripts of the
/// checkout.
fn noted_scripts(link: &Path) -> Vec<PathBuf> {
    let notes = scripts_note(link);
    let text = fs::read_to_string(notes).unwrap_or_default();
    text.lines().map(PathBuf::from).collect()
}

/// Returns the path of the file that lists the scripts of a develop egg. It is
/// hidden: what is in the develop-eggs directory is upstream's to look at.
pub fn scripts_note(link: &Path) -> PathBuf {
    let name = link.file_name().unwrap_or_default().to_string_lossy();
    link.with_file_name(format!(".{name}.scripts"))
}

fn find_metadata(directory: &Path, is_wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let entries = fs::read_dir(directory).ok()?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_str().is_some_and(&is_wanted))
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    // `X.dist-info` before `X.egg-info`, whichever order the system lists.
    found.sort();
    found.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> EggTarget {
        EggTarget {
            python: "3.11".to_owned(),
            platform: "linux-x86_64".to_owned(),
        }
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn eggs_of_other_pythons_are_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let info = "Name: My.Pkg\nVersion: 1.0\n";
        for egg in [
            "my_pkg-1.0-py3.11.egg",
            "My.Pkg-1.1-py3.11-linux-x86_64.egg",
            "my_pkg-1.2-py3.12.egg",
            "my_pkg-1.3-py3.11-linux-aarch64.egg",
            "other-1.0-py3.11.egg",
        ] {
            write(&directory.path().join(egg).join("EGG-INFO/PKG-INFO"), info);
        }
        let mut eggs = EggDirectory::list(directory.path(), &target()).unwrap();
        let mut names: Vec<String> = eggs
            .of_project("my-pkg")
            .iter()
            .map(|egg| {
                egg.location()
                    .file_name()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        assert_eq!(
            names,
            [
                "My.Pkg-1.1-py3.11-linux-x86_64.egg",
                "my_pkg-1.0-py3.11.egg"
            ]
        );
        assert!(eggs.of_project("nothing").is_empty());
    }

    #[test]
    fn a_link_leads_to_its_checkout() {
        let directory = tempfile::tempdir().unwrap();
        let checkout = directory.path().join("co");
        let info = "Name: co\nVersion: 2\n";
        write(&checkout.join("src/co.egg-info/PKG-INFO"), info);
        write(&checkout.join("src/co.egg-info/requires.txt"), "a\n");
        let link = directory.path().join("develop/co.egg-link");
        let location = checkout.join("src");
        write(&link, &format!("{}\n../", location.display()));
        let mut develop = EggDirectory::list(link.parent().unwrap(), &target()).unwrap();
        let found = develop.of_project("co");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].kind(), DistributionKind::Develop);
        assert_eq!(found[0].location(), location);
        assert_eq!(found[0].link().unwrap().setup, checkout);
        assert_eq!(found[0].requires()[0].requirement, "a");
        assert_eq!(develop.linked_locations(), [location]);
    }
}
