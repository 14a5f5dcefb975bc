//! Distributions for recipes in Python, found as those of egg parts are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::dialect::Dialect;
use buildout_core::recipe::{DistributionBasis, PartRun, PlannedDistributions, RecipeError};
use buildout_eggs::distribution::Distribution;
use buildout_eggs::settings::EggSettings;
use buildout_eggs::source::BuildSettings;

use super::own;
use super::run::{EggRun, EggRuns};

/// Where distributions for a recipe are looked for.
#[derive(Clone, Copy, Debug)]
pub struct DistributionSearch<'a> {
    /// Where what is missing is installed; `None` if nothing may be.
    pub destination: Option<&'a Path>,
    /// Other directories with distributions.
    pub path: &'a [PathBuf],
    /// The index; `None` for that of `[buildout]`.
    pub index: Option<&'a str>,
    /// Pages and directories with links.
    pub find_links: &'a [String],
    /// The hosts that may be asked, as patterns; any if there is none.
    pub allow_hosts: &'a [String],
    /// Whether newer versions are looked for.
    pub newest: bool,
    /// Whether a requirement may name extras that a distribution has not.
    pub allow_unknown_extras: bool,
}

/// Finds and installs distributions for recipes in Python.
pub struct PythonDistributions {
    runs: Arc<EggRuns>,
}

impl PythonDistributions {
    pub(super) fn new(runs: Arc<EggRuns>) -> Self {
        PythonDistributions { runs }
    }

    /// Finds distributions for requirements, with all that they need, and
    /// installs what is missing.
    ///
    /// # Errors
    ///
    /// A requirement cannot be satisfied.
    pub fn require(
        &self,
        requirements: &[String],
        search: &DistributionSearch<'_>,
        dialect: &Dialect,
        run: &PartRun<'_>,
    ) -> Result<Vec<Arc<Distribution>>, RecipeError> {
        let shared = self.runs.of(run, dialect)?;
        self.with_stand_ins(&shared, dialect, |dialect| {
            let settings = self.settings(&shared, search, dialect);
            self.find(&shared, requirements, search, dialect, run, settings)
        })
    }

    /// Returns the Python of the run as it calls itself.
    ///
    /// # Errors
    ///
    /// There is no such Python.
    pub fn python(&self, dialect: &Dialect, run: &PartRun<'_>) -> Result<PathBuf, RecipeError> {
        Ok(self.runs.of(run, dialect)?.python.clone())
    }

    /// Tells that an extension may have changed `[buildout]` or `[versions]`.
    pub fn profile_changed(&self, run: &PartRun<'_>) {
        self.runs.forget(&run.services().directory);
    }

    /// Tries the versions of the program's own that belong to the dialect, and then those
    /// that may stand in for them.
    fn with_stand_ins<T>(
        &self,
        shared: &EggRun,
        dialect: &Dialect,
        attempt: impl Fn(&Dialect) -> Result<T, RecipeError>,
    ) -> Result<T, RecipeError> {
        let own = self.runs.own();
        let mut first_error = None;
        for dialect in own::stand_ins(own, &shared.versions, dialect) {
            match attempt(&dialect) {
                // Another version of what the program brings may be wanted.
                Err(error) if own::is_about(own, &error) => {
                    first_error.get_or_insert(error);
                }
                found => return found,
            }
        }
        Err(first_error.unwrap_or_else(RecipeError::cancelled))
    }

    fn find(
        &self,
        shared: &EggRun,
        requirements: &[String],
        search: &DistributionSearch<'_>,
        dialect: &Dialect,
        run: &PartRun<'_>,
        settings: EggSettings,
    ) -> Result<Vec<Arc<Distribution>>, RecipeError> {
        let destination = search.destination.unwrap_or(&shared.eggs_directory);
        for own in self.runs.own() {
            let (pins, python) = (&settings.pins, &shared.target.python);
            let made = own.make(destination, pins, dialect, python);
            // What may not be written is there, or is missed below.
            if search.destination.is_some() && !settings.offline {
                made?;
            }
        }
        let mut path = search.path.to_vec();
        if !path.iter().any(|known| known == destination) {
            path.push(destination.to_owned());
        }
        let found = shared.working_set(
            run,
            &Arc::new(settings),
            &path,
            destination,
            requirements,
            &|_| Ok(BuildSettings::default()),
        )?;
        Ok(found.iter().cloned().collect())
    }

    /// Returns what [`require`](Self::require) would take if nothing were
    /// installed, the program's own distributions aside.
    ///
    /// # Errors
    ///
    /// A requirement cannot be satisfied.
    pub fn plan(
        &self,
        requirements: &[String],
        search: &DistributionSearch<'_>,
        dialect: &Dialect,
        run: &PartRun<'_>,
    ) -> Result<PlannedDistributions, RecipeError> {
        let shared = self.runs.found(run, dialect)?;
        self.with_stand_ins(&shared, dialect, |dialect| {
            let settings = self.settings(&shared, search, dialect);
            for own in self.runs.own() {
                let eggs = &shared.eggs_directory;
                let coming = own.distribution(eggs, &settings.pins, dialect)?;
                shared.coming.add(coming);
            }
            let basis = DistributionBasis::Nothing;
            shared.plan(run, &settings, search.path, requirements, basis)
        })
    }

    fn settings(
        &self,
        shared: &EggRun,
        search: &DistributionSearch<'_>,
        dialect: &Dialect,
    ) -> EggSettings {
        let find_links = search.find_links.join("\n");
        let mut settings = shared.settings.for_part(Some(&find_links), search.index);
        settings.newest = search.newest;
        settings.installs = search.destination.is_some();
        settings.offline |= search.destination.is_none();
        settings.allow_unknown_extras |= search.allow_unknown_extras;
        if !search.allow_hosts.is_empty() {
            settings.allow_hosts = search.allow_hosts.to_vec();
        }
        settings.pins = own::pins(self.runs.own(), &shared.versions, dialect);
        settings
    }
}
