//! One distribution, built from its source.

use std::sync::Arc;

use crate::distribution::Distribution;
use crate::requirement::Requirement;
use crate::settings::{EggSettings, WheelPolicy};

use super::Resolver;
use super::chooser::{Choice, Chooser};
use super::error::{Problem, ResolveError};
use super::member::{Member, Origin};
use super::supply::Order;

impl Resolver<'_> {
    /// Returns a distribution that satisfies a requirement, built from source
    /// unless one is there that is as new. What it requires is not looked at.
    /// Keeps `Installer.build`.
    ///
    /// # Errors
    /// See [`Problem`].
    pub fn build(&self, requirement: &str) -> Result<Arc<Distribution>, ResolveError> {
        let requirement = Requirement::parse(requirement).map_err(Problem::from)?;
        let settings = EggSettings {
            wheels: WheelPolicy::Never,
            ..EggSettings::clone(&self.settings)
        };
        let chooser = Chooser {
            settings: Arc::new(settings),
            index: Arc::clone(&self.index),
            inventory: Arc::clone(&self.inventory),
        };
        let requirement = chooser.constrain(&requirement)?;
        let candidate = match chooser.choose(&requirement, || ())? {
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
}
