//! Which parts must wait for which.
//!
//! The parts of a run have an order, which zc.buildout follows one by one. Run
//! side by side, a part must only wait for earlier ones that it has to do with
//! (`docs/design/parallel.md` gives the rules and why they suffice):
//!
//! - those that it refers to, also through sections without a recipe
//!   ([`references`]);
//! - those whose outputs its options name, and those that name its outputs
//!   ([`paths`]);
//! - if its recipe runs commands: those whose commands name the same path in
//!   the buildout;
//! - all, if it may touch anything; and then all later ones wait for it.

mod components;
mod paths;
mod references;

use std::sync::Arc;

use super::failure::Failure;
use super::session::{Session, known_values};
use super::settings::BuildoutSettings;
use crate::event::PartOrder;
use crate::extends::PROFILE_BASE_LOCATION;
use crate::recipe::Footprint;

use paths::PathRules;
use references::references;

/// The option with which a part keeps its place against all others.
const SERIAL_OPTION: &str = "serial";

/// What a part has to do with others, but for its references.
#[derive(Clone, Debug)]
pub(crate) struct PartFootprint {
    /// What its installation may touch.
    pub(crate) footprint: Footprint,
    /// The paths that it makes.
    pub(crate) outputs: Vec<String>,
    /// The values of its options.
    pub(crate) values: Vec<Arc<str>>,
}

/// What must be done before what. The parts come first, in their order; the
/// other steps stand for what several parts wait for together, and take no
/// work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// For each step, those that it waits for.
    pub(crate) waits: Vec<Vec<usize>>,
    /// How many steps are parts.
    pub(crate) parts: usize,
}

impl Order {
    /// The order in which each part waits for the one before it.
    pub(crate) fn one_by_one(parts: usize) -> Self {
        let before = |part: usize| part.checked_sub(1).into_iter().collect();
        Order {
            waits: (0..parts).map(before).collect(),
            parts,
        }
    }

    /// Finds out what the `parts` of a session must wait for. All of them are
    /// constructed.
    ///
    /// # Errors
    ///
    /// The option `serial` of a part has an unusable value.
    pub(crate) fn of(
        session: &Session<'_>,
        settings: &BuildoutSettings,
        parts: &[Arc<str>],
    ) -> Result<Self, Failure> {
        let mut footprints = Vec::with_capacity(parts.len());
        for part in parts {
            let is_serial = session.boolean_option(part, SERIAL_OPTION)?;
            let outputs = session.outputs(part);
            let state = session.state.borrow();
            let values = known_values(&state, part)
                .into_iter()
                .filter(|(option, _)| **option != *PROFILE_BASE_LOCATION)
                .map(|(_, value)| value)
                .collect();
            let found = state.parts.get(part);
            let kind = found.map(|found| found.factory.descriptor().footprint);
            footprints.push(PartFootprint {
                footprint: match kind {
                    Some(kind) if !is_serial && kind != Footprint::Composite => kind,
                    _ => Footprint::Barrier,
                },
                outputs,
                values,
            });
        }
        let mut order = references(&session.state.borrow(), parts);
        PathRules::new(&settings.directory, &settings.directories).apply(footprints, &mut order);
        for waits in &mut order.waits {
            waits.sort_unstable();
            waits.dedup();
        }
        Ok(order)
    }

    /// Returns which of `parts` must be done before which.
    pub(crate) fn pairs(&self, parts: &[Arc<str>]) -> Vec<PartOrder> {
        let waits = self.part_waits().into_iter().enumerate();
        let pair = |before: usize, after: usize| PartOrder {
            before: Arc::clone(&parts[before]),
            after: Arc::clone(&parts[after]),
        };
        waits
            .flat_map(|(after, waits)| waits.into_iter().map(move |before| pair(before, after)))
            .collect()
    }

    /// Returns for each part the parts that it waits for, without the steps
    /// between.
    pub(crate) fn part_waits(&self) -> Vec<Vec<usize>> {
        let mut met = vec![usize::MAX; self.waits.len()];
        (0..self.parts)
            .map(|part| {
                let mut found = Vec::new();
                let mut left: Vec<usize> = self.waits[part].clone();
                while let Some(step) = left.pop() {
                    if std::mem::replace(&mut met[step], part) == part {
                        continue;
                    }
                    match step < self.parts {
                        true => found.push(step),
                        false => left.extend(&self.waits[step]),
                    }
                }
                found.sort_unstable();
                found
            })
            .collect()
    }
}
