//! Distributions that are there, for recipes that install none.

use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::dialect::Dialect;
use buildout_core::recipe::{PartRun, RecipeError};
use buildout_eggs::settings::EggSettings;
use buildout_eggs::source::BuildSettings;

use super::run::EggRuns;

/// Finds distributions in the eggs directories of a buildout.
#[derive(Clone)]
pub(crate) struct InstalledEggs {
    runs: Arc<EggRuns>,
}

impl InstalledEggs {
    pub(super) fn new(runs: &Arc<EggRuns>) -> Self {
        InstalledEggs {
            runs: Arc::clone(runs),
        }
    }

    /// Returns where the distributions are that satisfy requirements, with all that they require:
    /// `zc.buildout.easy_install.working_set`, which looks nowhere else.
    ///
    /// # Errors
    ///
    /// One is missing, or two do not go together.
    pub(crate) fn locations(
        &self,
        run: &PartRun<'_>,
        dialect: &Dialect,
        [develop_eggs, eggs]: [PathBuf; 2],
        requirements: &[String],
    ) -> Result<Vec<PathBuf>, RecipeError> {
        let shared = self.runs.of(run, dialect)?;
        let settings = Arc::new(EggSettings {
            offline: true,
            installs: false,
            newest: false,
            ..EggSettings::clone(&shared.settings)
        });
        let found = shared.working_set(
            run,
            &settings,
            &[develop_eggs, eggs.clone()],
            &eggs,
            requirements,
            &|_| Ok(BuildSettings::default()),
        )?;
        let locations = found.iter().map(|egg| egg.location().to_owned());
        Ok(locations.collect())
    }
}
