//! A distribution that is there: an egg, a develop egg, or what an interpreter
//! has in its site-packages.

use std::path::{Path, PathBuf};

use crate::metadata::{EntryPoints, Metadata, RequiresDist};

/// In what form a distribution is there. Between distributions of one version
/// the greater kind wins, as with the precedences of `pkg_resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DistributionKind {
    /// A checkout that a link in the develop-eggs directory names.
    Develop,
    /// Unpacked among others in a directory such as site-packages.
    Flat,
    /// A directory of its own, as in the eggs directory.
    Egg,
}

/// A distribution that can be put on a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    kind: DistributionKind,
    location: PathBuf,
    metadata: Metadata,
    /// What a link names besides the location.
    develop: Option<DevelopLink>,
}

/// What a develop egg's link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevelopLink {
    /// The link in the develop-eggs directory.
    pub link: PathBuf,
    /// The directory of the project's `setup.py`.
    pub setup: PathBuf,
    /// The scripts that `setup.py develop` noted in the develop-eggs directory
    /// or the project, by path.
    pub scripts: Vec<PathBuf>,
    /// Whether the location has an `X.egg-info` of the project.
    pub has_egg_info: bool,
}

impl Distribution {
    /// Makes a distribution from its metadata; `location` is what goes on
    /// `sys.path`.
    pub fn new(kind: DistributionKind, location: impl Into<PathBuf>, metadata: Metadata) -> Self {
        Distribution {
            kind,
            location: location.into(),
            metadata,
            develop: None,
        }
    }

    /// Makes a develop egg.
    pub fn develop(location: impl Into<PathBuf>, link: DevelopLink, metadata: Metadata) -> Self {
        Distribution {
            kind: DistributionKind::Develop,
            location: location.into(),
            metadata,
            develop: Some(link),
        }
    }

    /// Returns the name of the project as its metadata spell it.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Returns the version as the metadata spell it.
    pub fn version(&self) -> &str {
        &self.metadata.version
    }

    /// Returns the form in which it is there.
    pub fn kind(&self) -> DistributionKind {
        self.kind
    }

    /// Returns what goes on `sys.path`.
    pub fn location(&self) -> &Path {
        &self.location
    }

    /// Returns the metadata.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns what the metadata declare to be required, in their order.
    pub fn requires(&self) -> &[RequiresDist] {
        &self.metadata.requires
    }

    /// Returns the extras that are provided, as the metadata spell them.
    pub fn extras(&self) -> &[String] {
        &self.metadata.extras
    }

    /// Returns the entry points.
    pub fn entry_points(&self) -> &EntryPoints {
        &self.metadata.entry_points
    }

    /// Returns what the link of a develop egg says.
    pub fn link(&self) -> Option<&DevelopLink> {
        self.develop.as_ref()
    }
}
