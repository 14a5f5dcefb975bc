//! One distribution, built from its source.

use std::sync::Arc;

use crate::distribution::Distribution;
use crate::requirement::Requirement;
use crate::settings::{EggSettings, WheelPolicy};
use crate::version::patch_marker;

use super::chooser::{Choice, Chooser};
use super::error::{Problem, ResolveError};
use super::member::{Member, Origin};
use super::supply::Order;
use super::{Decision, Decisions, Resolver};

impl Resolver<'_> {
    /// Returns a distribution that satisfies a requirement, built from source
    /// unless one is there that is as new. What it requires is not looked at.
    /// Keeps `Installer.build`.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn build(&self, requirement: &str) -> Result<Arc<Distribution>, ResolveError> {
        let (requirement, choice) = self.choose_source(requirement)?;
        let candidate = match choice {
            Choice::Have(Member {
                origin: Origin::There(distribution),
                ..
            }) => return Ok(distribution),
            Choice::Get(candidate) if candidate.is_source() => candidate,
            _ => {
                let requirement = requirement.to_string();
                return Err(Problem::NoSource { requirement }.into());
            }
        };
        let archive = || self.index.archive(&candidate);
        let made = self.supply.install(&Order {
            requirement: &requirement,
            candidate: &candidate,
            archive: &archive,
        });
        let made = made.map_err(Problem::Supply)?;
        let actual = format!("{} {}", made.name(), made.version());
        let member = Member::there(Arc::clone(&made));
        match member.is_some_and(|member| member.satisfies(&requirement)) {
            true => Ok(made),
            false => Err(Problem::OtherDistribution {
                expected: candidate.file_name.clone(),
                actual,
                requirement: requirement.to_string(),
            }
            .into()),
        }
    }

    /// Returns what [`build`](Self::build) would take, and builds nothing.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn decide_build(&self, requirement: &str) -> Result<Decisions, ResolveError> {
        let mut decisions = Decisions::default();
        let (requirement, choice) = self.choose_source(requirement)?;
        match choice {
            Choice::Have(Member {
                origin: Origin::There(distribution),
                ..
            }) => decisions.taken.push(Decision::There(distribution)),
            Choice::Get(candidate) if candidate.is_source() => {
                let source = self.index.source_metadata(&candidate);
                let mut source = source.map_err(|source| Problem::Source {
                    file: candidate.location.to_string(),
                    source: Box::new(source),
                })?;
                // What is patched gets the version that is pinned.
                let pinned = requirement.specifiers.single_version();
                if let Some(pinned) = pinned.filter(|pinned| patch_marker(pinned).is_some()) {
                    Arc::make_mut(&mut source.metadata).version = pinned.to_owned();
                }
                decisions.taken.push(Decision::Source(candidate, source));
            }
            _ if self.index.is_locked() || self.settings.offline => {
                decisions.missing.push(requirement);
            }
            _ => {
                let requirement = requirement.to_string();
                return Err(Problem::NoSource { requirement }.into());
            }
        }
        Ok(decisions)
    }

    fn choose_source(&self, requirement: &str) -> Result<(Requirement, Choice), ResolveError> {
        let requirement = Requirement::parse(requirement).map_err(Problem::from)?;
        let settings = EggSettings {
            wheels: WheelPolicy::Never,
            ..EggSettings::clone(&self.settings)
        };
        let chooser = Chooser {
            settings: Arc::new(settings),
            index: Arc::clone(&self.index),
            inventory: Arc::clone(&self.inventory),
            fetches_ahead: false,
        };
        let requirement = chooser.constrain(&requirement)?;
        let choice = chooser.choose(&requirement, || ())?;
        Ok((requirement, choice))
    }
}
