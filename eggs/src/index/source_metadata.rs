//! What a source archive says about itself, without being built.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::archive_error::ArchiveError;
use super::candidate::Candidate;
use crate::metadata::{Headers, Metadata, RequiresDist};
use crate::source::{BuildError, build_requires, unpack_source};

/// What a source archive says about itself.
#[derive(Clone, Debug)]
pub struct SourceMetadata {
    /// Name, version and requirements.
    pub metadata: Arc<Metadata>,
    /// Whether the requirements are those that the build will find; otherwise
    /// there may be others.
    pub is_complete: bool,
    /// What `pyproject.toml` asks for to be built.
    pub build_requires: Vec<String>,
}

/// A source archive that cannot be looked into.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceMetadataError {
    /// It cannot be had.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It cannot be unpacked.
    #[error(transparent)]
    Source(#[from] BuildError),
    /// There is no place to unpack it.
    #[error("failed to make a directory in `{}`", path.display())]
    Directory {
        /// The directory of temporary files.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Looks into an archive; `temporary` is where it is unpacked.
pub(super) fn read_source(
    archive: &Path,
    candidate: &Candidate,
    temporary: &Path,
) -> Result<SourceMetadata, SourceMetadataError> {
    let place = tempfile::Builder::new()
        .prefix("buildout-source-")
        .tempdir_in(temporary)
        .map_err(|source| SourceMetadataError::Directory {
            path: temporary.to_owned(),
            source,
        })?;
    let root = unpack_source(archive, &place.path().join("source"))?;
    let (metadata, is_complete) = match stated(&root) {
        Some(metadata) => (Some(metadata), true),
        None => {
            let noted = noted(&root);
            let is_noted = noted.is_some();
            (noted, is_noted)
        }
    };
    let metadata = metadata.unwrap_or_else(|| Metadata {
        name: candidate.project.to_string(),
        version: candidate.version.to_string(),
        ..Metadata::default()
    });
    Ok(SourceMetadata {
        metadata: Arc::new(metadata),
        is_complete,
        build_requires: build_requires(&root),
    })
}

/// Reads `PKG-INFO` if it promises to be what a build finds: from version 2.2 of
/// the format on, unless it calls the requirements dynamic (PEP 643).
fn stated(root: &Path) -> Option<Metadata> {
    let path = root.join("PKG-INFO");
    let text = fs::read(&path).ok()?;
    let text = String::from_utf8_lossy(&text);
    let headers = Headers::parse(&text);
    let version = headers.first("Metadata-Version")?;
    let (major, minor) = version.split_once('.')?;
    let version: (u32, u32) = (major.trim().parse().ok()?, minor.trim().parse().ok()?);
    let is_dynamic = headers
        .all("Dynamic")
        .any(|field| field.trim().eq_ignore_ascii_case("requires-dist"));
    if version < (2, 2) || is_dynamic {
        return None;
    }
    Metadata::of_headers(&text, &path).ok()
}

/// Reads what setuptools noted when it made the archive.
fn noted(root: &Path) -> Option<Metadata> {
    let directories = [root.to_owned()].into_iter().chain(entries(root));
    let mut noted = directories.flat_map(|directory| entries(&directory));
    let directory = noted.find(|path| {
        let is_noted = path.extension().is_some_and(|suffix| suffix == "egg-info");
        is_noted && path.join("PKG-INFO").is_file()
    })?;
    let mut metadata = Metadata::read_egg_info(&directory).ok()?;
    for requirement in &mut metadata.requires {
        *requirement = RequiresDist::plain(as_one(requirement));
    }
    metadata.directory = None;
    Some(metadata)
}

/// Writes a requirement of a group of `requires.txt` as one of `METADATA`.
fn as_one(declared: &RequiresDist) -> String {
    let RequiresDist {
        requirement,
        extra,
        marker,
    } = declared;
    let (bare, own) = match requirement.split_once(';') {
        Some((bare, marker)) => (bare.trim(), Some(marker.trim())),
        None => (requirement.trim(), None),
    };
    let group = marker.as_deref().map(str::trim);
    let extra = extra.as_ref().filter(|extra| !extra.is_empty());
    let extra = extra.map(|extra| format!("extra == \"{extra}\""));
    let conditions = [own, group].into_iter().flatten();
    let conditions = conditions
        .filter(|condition| !condition.is_empty())
        .map(|condition| format!("({condition})"));
    let all: Vec<String> = conditions.chain(extra).collect();
    match all.is_empty() {
        true => bare.to_owned(),
        false => format!("{bare}; {}", all.join(" and ")),
    }
}

/// Lists a directory, sorted; nothing if it cannot be read.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !path.is_symlink())
        .collect();
    paths.sort();
    paths
}

impl super::Index {
    /// Returns what a source archive says about itself: the lock, if the
    /// archive is locked, or else the archive.
    ///
    /// # Errors
    /// It cannot be had or unpacked.
    pub fn source_metadata(
        &self,
        candidate: &Candidate,
    ) -> Result<SourceMetadata, SourceMetadataError> {
        let locked = self.locked.as_ref();
        if let Some(known) = locked.and_then(|locked| locked.source(candidate)) {
            return Ok(known);
        }
        let archive = self.archive(candidate)?;
        let temporary = &self.access.downloader.options().temporary_directory;
        read_source(archive.path(), candidate, temporary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_become_markers() {
        let declared =
            |extra: Option<&str>, marker: Option<&str>, requirement: &str| RequiresDist {
                requirement: requirement.to_owned(),
                extra: extra.map(ToOwned::to_owned),
                marker: marker.map(ToOwned::to_owned),
            };
        for (declared, expected) in [
            (declared(None, None, "a>=1"), "a>=1"),
            (declared(Some("x"), None, "a"), "a; extra == \"x\""),
            (
                declared(Some("x"), Some("python_version < '3'"), "a[b]"),
                "a[b]; (python_version < '3') and extra == \"x\"",
            ),
            (
                declared(None, None, "a; os_name == 'nt'"),
                "a; (os_name == 'nt')",
            ),
        ] {
            assert_eq!(as_one(&declared), expected);
        }
    }

    #[test]
    fn requirements_are_stated_or_noted_or_unknown() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert!(stated(root.path()).is_none() && noted(root.path()).is_none());
        write(
            "PKG-INFO",
            "Metadata-Version: 2.1\nName: a\nVersion: 1\nRequires-Dist: old\n",
        );
        assert!(stated(root.path()).is_none(), "2.1 promises nothing");
        write("src/a.egg-info/PKG-INFO", "Name: a\nVersion: 1\n");
        write("src/a.egg-info/requires.txt", "b\n\n[x]\nc\n");
        let found = noted(root.path()).unwrap();
        let requires: Vec<&str> = found.requires.iter().map(|r| &*r.requirement).collect();
        assert_eq!(requires, ["b", "c; extra == \"x\""]);
        assert_eq!(found.extras, ["x"]);
        let headers = "Metadata-Version: 2.4\nName: a\nVersion: 1\nRequires-Dist: new\n";
        write("PKG-INFO", headers);
        assert_eq!(stated(root.path()).unwrap().requires[0].requirement, "new");
        write("PKG-INFO", &format!("{headers}Dynamic: Requires-Dist\n"));
        assert!(stated(root.path()).is_none(), "they are dynamic");
    }
}
