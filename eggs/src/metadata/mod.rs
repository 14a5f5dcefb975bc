//! What a distribution says about itself: the files in `EGG-INFO`,
//! `X.egg-info` and `X.dist-info`.
//!
//! Texts stay texts here. A requirement is interpreted where it is needed:
//! much of what is published is not quite what the standards ask for, and one
//! bad line in an extra that nobody wants must not keep a distribution out.

mod entry_points;
mod headers;
mod record;
mod requires_txt;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use entry_points::{EntryPoint, EntryPoints};
pub use headers::Headers;
pub use record::{Record, RecordEntry};
pub use requires_txt::{parse_requires_txt, write_requires_txt};

/// Metadata that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// A file cannot be read.
    #[error("failed to read `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A field is missing without which nothing can be done.
    #[error("`{}` has no field `{field}`", path.display())]
    MissingField {
        /// The file, or what it is the metadata of.
        path: PathBuf,
        /// The field.
        field: &'static str,
    },
}

/// A requirement as the metadata declare it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequiresDist {
    /// The requirement. That of a `METADATA` file carries its marker, which may
    /// ask for an extra.
    pub requirement: String,
    /// The extra in whose group it stands in `requires.txt`.
    pub extra: Option<String>,
    /// The marker of that group.
    pub marker: Option<String>,
}

impl RequiresDist {
    /// A requirement that stands for itself.
    pub fn plain(requirement: impl Into<String>) -> Self {
        RequiresDist {
            requirement: requirement.into(),
            extra: None,
            marker: None,
        }
    }
}

/// What a distribution says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The name of the project, as it is spelt there.
    pub name: String,
    /// The version, as it is spelt there.
    pub version: String,
    /// What is required, in the order it stands there.
    pub requires: Vec<RequiresDist>,
    /// The extras, as they are spelt there.
    pub extras: Vec<String>,
    /// The versions of Python that are supported, if it says so.
    pub requires_python: Option<String>,
    /// The entry points.
    pub entry_points: EntryPoints,
    /// The packages that are shared with other distributions in the old way.
    pub namespace_packages: Vec<String>,
    /// The directory that the metadata were read from.
    pub directory: Option<PathBuf>,
}

impl Metadata {
    /// Makes metadata of the contents of a `METADATA` or `PKG-INFO` file, as
    /// an index gives it.
    ///
    /// # Errors
    ///
    /// It has no name or no version; `origin` says what it is the metadata of.
    pub fn of_headers(text: &str, origin: &Path) -> Result<Self, MetadataError> {
        let headers = Headers::parse(text);
        let required = |field: &'static str| {
            let value = headers.first(field).filter(|value| !value.is_empty());
            value.ok_or_else(|| MetadataError::MissingField {
                path: origin.to_owned(),
                field,
            })
        };
        Ok(Metadata {
            name: required("Name")?.to_owned(),
            version: required("Version")?.to_owned(),
            requires: headers
                .all("Requires-Dist")
                .map(RequiresDist::plain)
                .collect(),
            extras: headers
                .all("Provides-Extra")
                .map(ToOwned::to_owned)
                .collect(),
            requires_python: headers.first("Requires-Python").map(ToOwned::to_owned),
            ..Metadata::default()
        })
    }

    /// Reads a directory `X.dist-info`.
    ///
    /// # Errors
    ///
    /// `METADATA` cannot be read, or says neither name nor version.
    pub fn read_dist_info(directory: &Path) -> Result<Self, MetadataError> {
        let path = directory.join("METADATA");
        let mut metadata = Self::of_headers(&read(&path)?, &path)?;
        metadata.read_common(directory)?;
        Ok(metadata)
    }

    /// Reads a directory `EGG-INFO` or `X.egg-info`.
    ///
    /// # Errors
    ///
    /// `PKG-INFO` cannot be read, or says neither name nor version.
    pub fn read_egg_info(directory: &Path) -> Result<Self, MetadataError> {
        let path = directory.join("PKG-INFO");
        let mut metadata = Self::of_headers(&read(&path)?, &path)?;
        // Where there is a `requires.txt`, `pkg_resources` reads that alone.
        metadata.requires.clear();
        metadata.extras.clear();
        for name in ["requires.txt", "depends.txt"] {
            let text = read_if_there(&directory.join(name))?;
            let (requires, extras) = parse_requires_txt(&text);
            metadata.requires.extend(requires);
            metadata.extras.extend(extras);
        }
        metadata.read_common(directory)?;
        Ok(metadata)
    }

    fn read_common(&mut self, directory: &Path) -> Result<(), MetadataError> {
        let entry_points = read_if_there(&directory.join("entry_points.txt"))?;
        self.entry_points = EntryPoints::parse(&entry_points);
        let packages = read_if_there(&directory.join("namespace_packages.txt"))?;
        self.namespace_packages = packages.split_whitespace().map(ToOwned::to_owned).collect();
        self.directory = Some(directory.to_owned());
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, MetadataError> {
    let bytes = fs::read(path).map_err(|source| MetadataError::Read {
        path: path.to_owned(),
        source,
    })?;
    // Old metadata are in whatever encoding their author's machine had.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read_if_there(path: &Path) -> Result<String, MetadataError> {
    match read(path) {
        Err(MetadataError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(String::new())
        }
        result => result,
    }
}
