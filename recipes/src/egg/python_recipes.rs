//! Distributions for recipes in Python, found as those of egg parts are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::dialect::Dialect;
use buildout_core::recipe::{PartRun, PlannedDistributions, RecipeError};
use buildout_eggs::distribution::Distribution;
use buildout_eggs::settings::EggSettings;
use buildout_eggs::source::BuildSettings;
use buildout_eggs::version::Pins;

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
    /// Who wants them.
    pub purpose: SearchPurpose<'a>,
}

/// Who wants distributions.
#[derive(Clone, Copy, Debug)]
pub enum SearchPurpose<'a> {
    /// The program, to run recipes of them: they get what it brings in place of
    /// distributions of an index, which is kept where no other part sees it.
    Recipes,
    /// A recipe, for what it installs.
    Installation {
        /// Pins in place of those of the profile.
        versions: Option<&'a [(String, String)]>,
    },
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
        match search.purpose {
            SearchPurpose::Recipes => self.with_stand_ins(&shared, dialect, |dialect| {
                let mut settings = settings_of(&shared, search);
                settings.pins = own::pins(self.runs.own(), &shared.versions, dialect);
                let place = shared.own_directory.clone();
                for own in self.runs.own() {
                    own.make(&place, &settings.pins, dialect, &shared.target.python)?;
                }
                find(&shared, requirements, search, run, settings, Some(place))
            }),
            SearchPurpose::Installation { versions } => {
                let mut settings = settings_of(&shared, search);
                if let Some(versions) = versions {
                    let pins = versions.iter().map(|(name, pin)| (&**name, &**pin));
                    settings.pins = Pins::new(pins);
                }
                find(&shared, requirements, search, run, settings, None)
            }
        }
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
            let mut settings = settings_of(&shared, search);
            settings.pins = own::pins(self.runs.own(), &shared.versions, dialect);
            let place = &shared.own_directory;
            let own = self.runs.own().iter();
            let coming = own.map(|own| own.distribution(place, &settings.pins, dialect));
            let coming: Vec<_> = coming.collect::<Result<_, _>>()?;
            shared.plan_with(run, &settings, search.path, requirements, coming)
        })
    }
}

fn find(
    shared: &EggRun,
    requirements: &[String],
    search: &DistributionSearch<'_>,
    run: &PartRun<'_>,
    settings: EggSettings,
    own_place: Option<PathBuf>,
) -> Result<Vec<Arc<Distribution>>, RecipeError> {
    let destination = search.destination.unwrap_or(&shared.eggs_directory);
    let mut path: Vec<PathBuf> = own_place.into_iter().chain(search.path.to_vec()).collect();
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

fn settings_of(shared: &EggRun, search: &DistributionSearch<'_>) -> EggSettings {
    let find_links = search.find_links.join("\n");
    let mut settings = shared.settings.for_part(Some(&find_links), search.index);
    settings.newest = search.newest;
    settings.installs = search.destination.is_some();
    settings.offline |= search.destination.is_none();
    settings.allow_unknown_extras |= search.allow_unknown_extras;
    if !search.allow_hosts.is_empty() {
        settings.allow_hosts = search.allow_hosts.to_vec();
    }
    settings
}
