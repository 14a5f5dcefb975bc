//! `zc.recipe.egg:custom`: one egg, built from its source with options.

use std::sync::Arc;

use buildout_core::dialect::Dialect;
use buildout_core::event::Level;
use buildout_core::profile::python_text::strip;
use buildout_core::recipe::{
    Construction, Descriptor, DistributionBasis, Factory, Installed, OptionReader, PartRun,
    PlannedDistributions, PlannedDownload, Recipe, RecipeError,
};
use buildout_core::value::str_repr;
use buildout_eggs::settings::EggSettings;

use super::build_ext::read_build_ext;
use super::eggs::places;
use super::options::CUSTOM_DESCRIPTOR;
use super::patches::EggPatches;
use super::rebuild::{BuildNote, EggAside};
use super::run::{EggRun, EggRuns};
use super::setup_eggs::{build_settings, plan_setup_eggs};
use crate::environment::Variables;

/// The factory.
pub(super) struct CustomFactory {
    descriptor: Descriptor,
    runs: Arc<EggRuns>,
}

impl CustomFactory {
    pub(super) fn new(runs: Arc<EggRuns>) -> Self {
        CustomFactory {
            descriptor: CUSTOM_DESCRIPTOR.clone(),
            runs,
        }
    }
}

impl Factory for CustomFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let develop = part.buildout_option("develop-eggs-directory")?;
        part.set("_d", &develop.unwrap_or_default())?;
        let build_ext = read_build_ext(part)?;
        let (find_links, index) = places(part)?;
        let variables = Variables::read(part)?;
        part.set("_environment-data", &environment_data(part, &variables)?)?;
        let eggs = part.buildout_option("eggs-directory")?.unwrap_or_default();
        part.set("_e", &eggs)?;
        let (requirement, has_old_name) = match part.option("egg")? {
            Some(egg) => (egg, false),
            None => match part.option("eggs")? {
                Some(eggs) => (eggs, true),
                None => (Arc::from(part.part()), false),
            },
        };
        let requirement = strip(&requirement).to_owned();
        let name = |c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let egg = requirement.split(name).next().unwrap_or_default();
        Ok(Box::new(Custom {
            runs: Arc::clone(&self.runs),
            dialect: part.dialect().clone(),
            patches: EggPatches::read_custom(part, egg)?,
            requirement,
            has_old_name,
            build_ext,
            variables,
            find_links,
            index,
        }))
    }
}

/// Returns the `repr` of the variables as they are written, which upstream
/// records so that a change of them reinstalls the part.
pub(super) fn environment_data(
    part: &Construction<'_>,
    variables: &Variables,
) -> Result<String, RecipeError> {
    let mut pairs: Vec<(String, String)> = match variables {
        Variables::Inherited => Vec::new(),
        Variables::Inline(variables) => variables.clone().into_iter().collect(),
        Variables::Section(section) => {
            let mut pairs = Vec::new();
            for name in part.buildout().option_names(section)? {
                if let Some(value) = part.buildout().get(section, &name)? {
                    pairs.push((name.to_string(), value.to_string()));
                }
            }
            pairs
        }
    };
    pairs.sort();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("({}, {})", str_repr(name), str_repr(value)))
        .collect();
    Ok(format!("[{}]", pairs.join(", ")))
}

struct Custom {
    runs: Arc<EggRuns>,
    dialect: Dialect,
    requirement: String,
    /// Whether it is the option `eggs` that has it.
    has_old_name: bool,
    build_ext: Vec<(String, String)>,
    variables: Variables,
    find_links: Option<String>,
    index: Option<String>,
    patches: EggPatches,
}

impl Custom {
    fn settings(&self, shared: &EggRun) -> EggSettings {
        let (find_links, index) = (self.find_links.as_deref(), self.index.as_deref());
        shared.settings.for_part(find_links, index)
    }
}

impl Recipe for Custom {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        if self.has_old_name {
            // Upstream's logger is not that of the part.
            run.services().log(
                &Arc::from("zc.recipe.egg.custom"),
                Level::Warning,
                "The eggs option is deprecated. Use egg instead".to_owned(),
            );
        }
        let shared = self.runs.of(run, &self.dialect)?;
        let settings = Arc::new(self.settings(&shared));
        let patches = self.patches.fetch(run)?;
        let build = build_settings(run, &shared, &self.build_ext, &self.variables)?;
        let note = BuildNote::of(&run.services().directory, run.part(), &build.path);
        let aside = match note.outdated() {
            Some(egg) => {
                let egg = EggAside::put(egg)?;
                run.log(Level::Info, "The setup eggs are others: it is built anew.");
                Some(egg)
            }
            None => None,
        };
        let found = shared.build(run, &settings, &self.requirement, &|order| {
            let mut build = build.clone();
            build.patches = patches.patches_for(order)?;
            Ok(build)
        })?;
        let location = match &found {
            Some(found) => found.location(),
            // Nothing can be built offline, so what is there stays.
            None => match aside {
                Some(aside) => return Ok(Installed::path(aside.place().to_string_lossy())),
                None => return Ok(Installed::nothing()),
            },
        };
        // What was found among the eggs is not the part's to remove.
        if !location.starts_with(&shared.develop_eggs_directory) {
            return Ok(Installed::nothing());
        }
        note.write(location);
        Ok(Installed::path(location.to_string_lossy()))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn downloads(&self) -> Vec<PlannedDownload> {
        self.patches.downloads()
    }

    fn takes_distributions(&self) -> bool {
        true
    }

    fn distributions(
        &self,
        run: &PartRun<'_>,
        basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        let shared = self.runs.found(run, &self.dialect)?;
        let mut planned = plan_setup_eggs(run, &shared, basis)?;
        let settings = self.settings(&shared);
        let mut build = shared.plan_build(run, &settings, &self.requirement, basis)?;
        if basis == DistributionBasis::Installed {
            // What cannot be had offline is left out, as zc.buildout does.
            build.missing.clear();
        }
        planned.extend(build);
        Ok(planned)
    }

    /// Parts that look for eggs there come later.
    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        option("_d").iter().map(ToString::to_string).collect()
    }
}
