//! `zc.recipe.egg:eggs`: distributions, and what they require.

use std::path::PathBuf;
use std::sync::Arc;

use buildout_core::dialect::Dialect;
use buildout_core::profile::python_text::{split_lines, split_words, strip};
use buildout_core::recipe::{
    Construction, Descriptor, DistributionBasis, Factory, Installed, PartRun, PlannedDistributions,
    PlannedDownload, Recipe, RecipeError, ResultDocumentation,
};
use buildout_eggs::distribution::{Distribution, DistributionKind};
use buildout_eggs::resolve::WorkingSet;
use buildout_eggs::settings::EggSettings;

use super::options::{EGGS_DESCRIPTOR, EGGS_RESULTS};
use super::patches::EggPatches;
use super::run::{EggRun, EggRuns};
use crate::live_options::LiveOptions as _;

/// What all parts with `eggs` have in common.
pub(super) struct Eggs {
    runs: Arc<EggRuns>,
    dialect: Dialect,
    find_links: Option<String>,
    index: Option<String>,
    patches: EggPatches,
}

/// The distributions of a part.
pub(super) struct PartEggs {
    /// What the run knows.
    pub(super) shared: Arc<EggRun>,
    /// What the part asks for, as it is written.
    pub(super) requirements: Vec<String>,
    /// What that leads to, in the order of paths in scripts.
    pub(super) working_set: WorkingSet,
}

impl Eggs {
    /// Does what upstream's constructor does.
    pub(super) fn construct(
        part: &Construction<'_>,
        runs: &Arc<EggRuns>,
    ) -> Result<Self, RecipeError> {
        let (find_links, index) = places(part)?;
        for (option, old) in [("eggs-directory", "_e"), ("develop-eggs-directory", "_d")] {
            let directory = part.buildout_option(option)?.unwrap_or_default();
            part.set(option, &directory)?;
            part.set(old, &directory)?;
        }
        Ok(Eggs {
            runs: Arc::clone(runs),
            dialect: part.dialect().clone(),
            find_links,
            index,
            patches: EggPatches::read(part)?,
        })
    }

    /// Resolves what the part asks for and installs what is missing.
    pub(super) fn working_set(&self, run: &PartRun<'_>) -> Result<PartEggs, RecipeError> {
        let shared = self.runs.of(run, &self.dialect)?;
        let requirements = requirements(run)?;
        let [develop, eggs_directory] = directories(run)?;
        let settings = self.settings(&shared);
        let patches = self.patches.fetch(run)?;
        let found = shared.working_set(
            run,
            &settings,
            &[develop, eggs_directory.clone()],
            &eggs_directory,
            &requirements,
            &|order| patches.build_settings(order),
        )?;
        patches.check(&found)?;
        Ok(PartEggs {
            working_set: sorted(&found, &eggs_directory),
            shared,
            requirements,
        })
    }

    /// Returns what that is going to take.
    pub(super) fn plan(
        &self,
        run: &PartRun<'_>,
        basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        let shared = self.runs.found(run, &self.dialect)?;
        let settings = self.settings(&shared);
        shared.plan(
            run,
            &settings,
            &directories(run)?,
            &requirements(run)?,
            basis,
        )
    }

    /// Returns the patches that are going to be downloaded.
    pub(super) fn downloads(&self) -> Vec<PlannedDownload> {
        self.patches.downloads()
    }

    /// Returns the dialect in force.
    pub(super) fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    fn settings(&self, shared: &EggRun) -> Arc<EggSettings> {
        let (find_links, index) = (self.find_links.as_deref(), self.index.as_deref());
        Arc::new(shared.settings.for_part(find_links, index))
    }
}

/// Reads what a part asks for.
fn requirements(run: &PartRun<'_>) -> Result<Vec<String>, RecipeError> {
    let eggs = run.read("eggs")?;
    let eggs = eggs.as_deref().unwrap_or(run.part());
    let lines = split_lines(eggs).into_iter().map(strip);
    Ok(lines
        .filter(|line| !line.is_empty())
        .map(ToOwned::to_owned)
        .collect())
}

/// Reads where a part has develop eggs and eggs.
fn directories(run: &PartRun<'_>) -> Result<[PathBuf; 2], RecipeError> {
    let directory = |option: &str| {
        let path = run.read(option)?.unwrap_or_default();
        Ok::<_, RecipeError>(run.services().absolute(&*path))
    };
    Ok([
        directory("develop-eggs-directory")?,
        directory("eggs-directory")?,
    ])
}

/// Reads `find-links` and `index`, of the part or else of `[buildout]`, and
/// sets them as upstream does.
pub(super) fn places(
    part: &Construction<'_>,
) -> Result<(Option<String>, Option<String>), RecipeError> {
    let own_or_global = |option: &str| match part.option(option)? {
        Some(value) => Ok::<_, RecipeError>(Some(value)),
        None => part.buildout_option(option),
    };
    let links = own_or_global("find-links")?;
    let mut find_links = links.as_deref().map(ToOwned::to_owned);
    if let Some(links) = links.filter(|links| !links.is_empty()) {
        let words: Vec<&str> = split_words(&links).collect();
        let joined = words.join("\n");
        part.set("find-links", &joined)?;
        find_links = Some(joined);
    }
    let index = own_or_global("index")?;
    if let Some(index) = &index {
        part.set("index", index)?;
    }
    Ok((find_links, index.map(|index| index.to_string())))
}

/// Puts develop eggs first, then the eggs of the eggs directory, then others.
fn sorted(found: &WorkingSet, eggs_directory: &PathBuf) -> WorkingSet {
    let rank = |distribution: &Arc<Distribution>| match distribution.kind() {
        DistributionKind::Develop => 0,
        _ if distribution.location().starts_with(eggs_directory) => 1,
        _ => 2,
    };
    let mut distributions: Vec<Arc<Distribution>> = found.iter().cloned().collect();
    distributions.sort_by_key(rank);
    WorkingSet::new(distributions)
}

/// The factory of `:eggs`.
pub(super) struct EggsFactory {
    descriptor: Descriptor,
    runs: Arc<EggRuns>,
}

impl EggsFactory {
    pub(super) fn new(runs: Arc<EggRuns>) -> Self {
        EggsFactory {
            descriptor: EGGS_DESCRIPTOR.clone(),
            runs,
        }
    }
}

impl Factory for EggsFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn results(&self) -> &'static [ResultDocumentation] {
        EGGS_RESULTS
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        Ok(Box::new(EggsOnly(Eggs::construct(part, &self.runs)?)))
    }
}

struct EggsOnly(Eggs);

impl Recipe for EggsOnly {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.0.working_set(run)?;
        Ok(Installed::nothing())
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn downloads(&self) -> Vec<PlannedDownload> {
        self.0.downloads()
    }

    fn takes_distributions(&self) -> bool {
        true
    }

    fn distributions(
        &self,
        run: &PartRun<'_>,
        basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        self.0.plan(run, basis)
    }
}
