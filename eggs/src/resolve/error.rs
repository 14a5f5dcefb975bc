//! Why there is no working set.

use std::sync::Arc;

use buildout_core::profile::condition::ConditionError;
use buildout_core::value::str_repr;

use crate::index::WheelMetadataError;
use crate::requirement::InvalidRequirement;
use crate::version::InvalidPin;

use super::supply::SupplyError;

/// A failed resolution, with what upstream was doing.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct ResolveError {
    /// What went wrong.
    #[source]
    pub problem: Problem,
    /// The requirement for which a distribution was being got, if one was.
    pub getting: Option<String>,
}

impl ResolveError {
    /// Returns the line of upstream's `While:` that this adds.
    pub fn doing(&self) -> Option<String> {
        let requirement = self.getting.as_ref()?;
        Some(format!(
            "Getting distribution for {}.",
            str_repr(requirement)
        ))
    }

    /// Returns advice.
    pub fn hint(&self) -> Option<String> {
        self.problem.hint()
    }
}

impl<P: Into<Problem>> From<P> for ResolveError {
    fn from(problem: P) -> Self {
        ResolveError {
            problem: problem.into(),
            getting: None,
        }
    }
}

/// What went wrong. The texts begin with upstream's, where it has one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A text is no requirement.
    #[error(transparent)]
    Requirement(#[from] InvalidRequirement),
    /// A value of `[versions]` is none.
    #[error(transparent)]
    Pin(#[from] InvalidPin),
    /// A marker cannot be evaluated.
    #[error(
        "the marker of {} cannot be evaluated: {source}",
        str_repr(requirement)
    )]
    Marker {
        /// The requirement.
        requirement: String,
        /// Why not.
        #[source]
        source: ConditionError,
    },
    /// A requirement and a pin contradict each other.
    #[error(
        "The requirement ({}) is not allowed by your [versions] constraint ({version})",
        str_repr(requirement)
    )]
    NotAllowed {
        /// The requirement.
        requirement: String,
        /// The project, in canonical form.
        project: String,
        /// The pinned version.
        version: String,
    },
    /// Two requirements contradict each other.
    #[error("{}", conflict_text(existing, requirement, requirers))]
    Conflict {
        /// What was chosen first.
        existing: String,
        /// What it does not satisfy.
        requirement: String,
        /// The distributions that require this.
        requirers: Vec<String>,
    },
    /// Nothing is there, and nothing can be had.
    #[error("Couldn't find a distribution for {}.", str_repr(requirement))]
    Missing {
        /// The requirement, with its pin.
        requirement: String,
        /// What could not be asked, and why.
        unreachable: Vec<String>,
        /// Why files that would do are not used.
        refused: Vec<String>,
    },
    /// Nothing is there, and there is no source.
    #[error("Couldn't find a source distribution for {}.", str_repr(requirement))]
    NoSource {
        /// The requirement, with its pin.
        requirement: String,
    },
    /// Nothing is there, and nothing is installed in offline mode.
    #[error(
        "We don't have a distribution for {requirement}\n\
         and can't install one in offline (no-install) mode.\n"
    )]
    Offline {
        /// The requirement, with its pin.
        requirement: String,
    },
    /// Nothing is there, and nothing that is locked will do.
    #[error("There is no locked distribution for {}.", str_repr(requirement))]
    NotLocked {
        /// The requirement, with its pin.
        requirement: String,
        /// What is locked of the project.
        locked: Vec<String>,
    },
    /// Nobody gives the digest of a file, and the profile insists on digests.
    #[error(
        "Refusing to take {file} for {} without a checksum.",
        str_repr(requirement)
    )]
    Unhashed {
        /// The file.
        file: String,
        /// The requirement.
        requirement: String,
    },
    /// What a source archive requires cannot be found out.
    #[error("{file} cannot be looked into: {source}")]
    Source {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: Box<crate::index::SourceMetadataError>,
    },
    /// A version would have to be picked, and that is forbidden.
    #[error(
        "Picked: {name} = {version}\n\n\
         The `{name}` egg does not have a version pin and `allow-picked-versions = false`.\n\n\
         To resolve this, add\n\n    {name} = {version}\n\n\
         to the [versions] section,\n\nOR set `allow-picked-versions = true`."
    )]
    Picked {
        /// The project.
        name: String,
        /// The version.
        version: String,
    },
    /// A distribution has no such extra.
    #[error(
        "Couldn't find the required extra. This means the requirement is incorrect. \
         If the requirement is itself from software you requested, then there might be a bug in \
         requested software. You can ignore this by using 'allow-unknown-extras=true', however \
         that may simply cause needed software to be omitted."
    )]
    UnknownExtra {
        /// The distribution.
        distribution: String,
        /// The extras that it does not provide.
        extras: Vec<String>,
    },
    /// A distribution declares a requirement that is none.
    #[error(
        "{distribution} requires {}, which cannot be understood: {detail}",
        str_repr(requirement)
    )]
    InvalidDependency {
        /// The distribution.
        distribution: String,
        /// The requirement as it is written there.
        requirement: String,
        /// What is wrong.
        detail: String,
    },
    /// A file became another distribution than its name says.
    #[error(
        "Installing {expected} caused installation of {actual}, which does not satisfy {}",
        str_repr(requirement)
    )]
    OtherDistribution {
        /// What the file's name says.
        expected: String,
        /// What came of it.
        actual: String,
        /// The requirement.
        requirement: String,
    },
    /// The metadata of a file cannot be had.
    #[error("the metadata of {file} cannot be had: {source}")]
    Metadata {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: Arc<WheelMetadataError>,
    },
    /// A file has a checksum that cannot be verified here.
    #[error("{file} cannot be verified: {source}")]
    Unverifiable {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: buildout_core::fetch::InvalidDigest,
    },
    /// What keeps distributions failed.
    #[error("{0}")]
    Supply(SupplyError),
    /// Installed files did not settle the matter.
    #[error("the choice of distributions changes with each one that is installed: {last}")]
    Unsettled {
        /// The one that was installed last.
        last: String,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Problem {
    /// Says that a distribution was being got for a requirement.
    pub(super) fn getting(self, requirement: &impl ToString) -> ResolveError {
        ResolveError {
            problem: self,
            getting: Some(requirement.to_string()),
        }
    }

    /// Returns advice.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Problem::Requirement(error) => format!(
                "Write `{}` as `NAME`, `NAME[EXTRA]` or `NAME>=1.0`.",
                error.text
            ),
            Problem::Pin(InvalidPin { project, .. }) => {
                format!(
                    "Set `{project}` in `[versions]` to a version, or to conditions such as `>=1.0,<2`."
                )
            }
            Problem::NotAllowed {
                project, version, ..
            } => format!(
                "Change the pin of `{project}` in `[versions]`, which is {version}, or the requirement."
            ),
            Problem::Conflict { requirement, .. } => {
                let name: String = requirement
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
                    .collect();
                format!("Pin `{name}` in `[versions]` to a version that all of them accept.")
            }
            Problem::Missing {
                unreachable,
                refused,
                ..
            } => match (unreachable.first(), refused.first()) {
                (Some(unreachable), _) => format!("Not all could be asked: {unreachable}."),
                (None, Some(refused)) => format!("A file is there but not used: {refused}."),
                (None, None) => {
                    "Check the name, the version, `index`, `find-links` and `allow-hosts`."
                        .to_owned()
                }
            },
            Problem::NoSource { .. } => {
                "Check the name, the version, `index`, `find-links` and `allow-hosts`; wheels are not used here."
                    .to_owned()
            }
            Problem::Offline { .. } => {
                "Run once without `-o`, or set `download-cache` and run `buildout -O fetch`."
                    .to_owned()
            }
            Problem::NotLocked { locked, .. } => match locked.is_empty() {
                true => "Record it with `buildout lock`.".to_owned(),
                false => format!(
                    "What is locked is {}; if another is meant, record it with `buildout lock`.",
                    locked.join(" and ")
                ),
            },
            Problem::Unhashed { .. } => {
                "Record it with `buildout lock` and run with `--locked`, or name its URL with \
                 `#sha256=DIGITS` in `find-links`."
                    .to_owned()
            }
            Problem::UnknownExtra {
                distribution,
                extras,
            } => format!(
                "Remove `{}` from what requires {distribution}.",
                extras.join(", ")
            ),
            Problem::OtherDistribution { .. } => {
                "Remove the file from the index or pin another version.".to_owned()
            }
            Problem::Marker { .. }
            | Problem::Picked { .. }
            | Problem::InvalidDependency { .. }
            | Problem::Metadata { .. }
            | Problem::Unverifiable { .. }
            | Problem::Source { .. }
            | Problem::Supply(_)
            | Problem::Unsettled { .. }
            | Problem::Cancelled => return None,
        })
    }
}

fn conflict_text(existing: &str, requirement: &str, requirers: &[String]) -> String {
    let mut text = format!("There is a version conflict.\nWe already have: {existing}");
    for requirer in requirers {
        text.push_str(&format!(
            "\nbut {requirer} requires {}.",
            str_repr(requirement)
        ));
    }
    text
}
