//! A distribution in the eyes of resolution: one that is there, or one that is
//! going to be.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::distribution::{Distribution, DistributionKind};
use crate::index::Candidate;
use crate::marker::MarkerEnvironment;
use crate::metadata::{Metadata, RequiresDist};
use crate::name::{ProjectName, canonical_name, safe_name};
use crate::requirement::Requirement;
use crate::version::Version;

use super::error::Problem;

/// A distribution that was chosen. Displayed, it is `NAME VERSION`, as
/// upstream's texts have it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) project: ProjectName,
    pub(super) version: Version,
    pub(super) origin: Origin,
}

#[derive(Clone, Debug)]
pub(super) enum Origin {
    There(Arc<Distribution>),
    /// A wheel that is not installed yet.
    Coming(Arc<Candidate>, Arc<Metadata>),
}

impl Member {
    /// Nothing if the version is none: upstream takes no notice of such a
    /// distribution either.
    pub(super) fn there(distribution: Arc<Distribution>) -> Option<Self> {
        Some(Member {
            project: ProjectName::new(distribution.name()),
            version: Version::parse(distribution.version().trim())?,
            origin: Origin::There(distribution),
        })
    }

    /// The version is that of the metadata if it is one, else the file's.
    pub(super) fn coming(candidate: Arc<Candidate>, metadata: Arc<Metadata>) -> Self {
        let version = Version::parse(metadata.version.trim());
        Member {
            project: ProjectName::new(metadata.name.trim()),
            version: version.unwrap_or_else(|| candidate.version.clone()),
            origin: Origin::Coming(candidate, metadata),
        }
    }

    pub(super) fn metadata(&self) -> &Metadata {
        match &self.origin {
            Origin::There(distribution) => distribution.metadata(),
            Origin::Coming(_, metadata) => metadata,
        }
    }

    /// Tells whether it is a checkout, or lies among others in a directory of
    /// the search path: `pkg_resources` gives both the same precedence.
    pub(super) fn is_develop(&self) -> bool {
        self.kind() != DistributionKind::Egg
    }

    fn kind(&self) -> DistributionKind {
        match &self.origin {
            Origin::There(distribution) => distribution.kind(),
            Origin::Coming(..) => DistributionKind::Egg,
        }
    }

    fn location(&self) -> &Path {
        match &self.origin {
            Origin::There(distribution) => distribution.location(),
            Origin::Coming(candidate, _) => Path::new(&candidate.file_name),
        }
    }

    /// Compares as `pkg_resources` sorts distributions.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.version
            .cmp(&other.version)
            .then_with(|| self.kind().cmp(&other.kind()))
            .then_with(|| self.project.canonical().cmp(other.project.canonical()))
            .then_with(|| self.location().cmp(other.location()))
    }

    pub(super) fn satisfies(&self, requirement: &Requirement) -> bool {
        self.project == requirement.name && requirement.specifiers.contain(&self.version)
    }

    /// Returns the name as upstream's texts have it.
    pub(super) fn shown_name(&self) -> String {
        safe_name(self.project.as_str())
    }

    fn has_egg_info(&self) -> bool {
        match &self.origin {
            Origin::There(distribution) => {
                distribution.link().is_some_and(|link| link.has_egg_info)
            }
            Origin::Coming(..) => false,
        }
    }

    /// Returns the extras that are asked for and not provided, sorted.
    pub(super) fn missing_extras(&self, requirement: &Requirement) -> Vec<String> {
        let provided: Vec<String> = self
            .metadata()
            .extras
            .iter()
            .map(|extra| canonical_name(extra))
            .collect();
        let mut missing: Vec<String> = requirement
            .extras
            .iter()
            .filter(|extra| !provided.contains(&canonical_name(extra)))
            .map(|extra| extra.to_lowercase())
            .collect();
        missing.sort();
        missing
    }

    /// Returns what it requires with some extras, in the order of
    /// `pkg_resources`: first what is always required, then the extras'.
    pub(super) fn requires(
        &self,
        extras: &[String],
        environment: &MarkerEnvironment,
        shows_markers: bool,
    ) -> Result<Vec<Requirement>, Problem> {
        let mut required = Vec::new();
        let mut common: FxHashSet<String> = FxHashSet::default();
        for declared in &self.metadata().requires {
            if let Some(requirement) = self.applying(declared, "", environment)?
                && common.insert(requirement.identity())
            {
                required.push(requirement);
            }
        }
        for extra in extras {
            for declared in &self.metadata().requires {
                if let Some(requirement) = self.applying(declared, extra, environment)?
                    && !common.contains(&requirement.identity())
                {
                    required.push(requirement);
                }
            }
        }
        // An `X.egg-info`, which upstream reads first, has none.
        if !shows_markers || self.has_egg_info() {
            for requirement in &mut required {
                requirement.marker = None;
            }
        }
        Ok(required)
    }

    /// Reads a declared requirement; nothing if it is not meant for `extra`,
    /// which is empty for what is always required.
    fn applying(
        &self,
        declared: &RequiresDist,
        extra: &str,
        environment: &MarkerEnvironment,
    ) -> Result<Option<Requirement>, Problem> {
        let same_extra = match &declared.extra {
            Some(group) => canonical_name(group) == canonical_name(extra),
            None => true,
        };
        if !same_extra {
            return Ok(None);
        }
        let invalid = |detail: String| Problem::InvalidDependency {
            distribution: self.to_string(),
            requirement: declared.requirement.clone(),
            detail,
        };
        if let Some(marker) = &declared.marker {
            let text = format!("x; {marker}");
            let holds = Requirement::parse(&text)
                .map_err(|error| invalid(error.to_string()))?
                .applies(environment, extra)
                .map_err(|error| invalid(error.to_string()))?;
            if !holds {
                return Ok(None);
            }
        }
        let requirement = match Requirement::parse(&declared.requirement) {
            Ok(requirement) => requirement,
            // A mistake in an extra that nobody asked for keeps nothing out.
            Err(_) if extra.is_empty() && declared.requirement.contains("extra") => {
                return Ok(None);
            }
            Err(error) => return Err(invalid(error.to_string())),
        };
        let applies = requirement
            .applies(environment, extra)
            .map_err(|error| invalid(error.to_string()))?;
        Ok(applies.then_some(requirement))
    }
}

impl std::fmt::Display for Member {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.shown_name(), self.version)
    }
}
