//! `zc.recipe.egg:develop`, and the checkouts of `[buildout] develop`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::dialect::Dialect;
use buildout_core::extends::join;
use buildout_core::recipe::{
    Construction, Descriptor, DevelopEggs, DistributionBasis, Factory, Installed, OptionReader,
    PartRun, PlannedDistributions, Recipe, RecipeError,
};
use buildout_eggs::develop::Developed;
use buildout_eggs::installed::read_entry;
use buildout_eggs::source::{BuildSettings, build_requires};

use super::build_ext::read_build_ext;
use super::freshness::Note;
use super::options::DEVELOP_DESCRIPTOR;
use super::run::{EggRun, EggRuns, build_error};
use super::setup_eggs::{build_settings, plan_setup_eggs};
use crate::environment::Variables;
use crate::system_error::failed;

/// The factory of `:develop`.
pub(super) struct DevelopFactory {
    descriptor: Descriptor,
    runs: Arc<EggRuns>,
}

impl DevelopFactory {
    pub(super) fn new(runs: Arc<EggRuns>) -> Self {
        DevelopFactory {
            descriptor: DEVELOP_DESCRIPTOR.clone(),
            runs,
        }
    }
}

impl Factory for DevelopFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let develop = part.buildout_option("develop-eggs-directory")?;
        part.set("_d", &develop.unwrap_or_default())?;
        let build_ext = read_build_ext(part)?;
        let directory = part.buildout_option("directory")?.unwrap_or_default();
        let setup = join(&directory, &part.required("setup")?, false);
        part.set("setup", &setup)?;
        Ok(Box::new(Develop {
            runs: Arc::clone(&self.runs),
            dialect: part.dialect().clone(),
            setup: PathBuf::from(setup),
            build_ext,
            variables: Variables::read(part)?,
        }))
    }
}

struct Develop {
    runs: Arc<EggRuns>,
    dialect: Dialect,
    setup: PathBuf,
    build_ext: Vec<(String, String)>,
    variables: Variables,
}

impl Recipe for Develop {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let shared = self.runs.of(run, &self.dialect)?;
        let settings = build_settings(run, &shared, &self.build_ext, &self.variables)?;
        let developed = develop(&shared, run, &self.dialect, &self.setup, &settings)
            .map_err(|error| error.at_option("setup"))?;
        // Upstream remembers the link alone.
        let Developed { link, mut files } = developed;
        files.retain(|file| *file != link);
        let paths = std::iter::once(link).chain(files);
        let texts = paths.map(|path| path.to_string_lossy().into_owned());
        Ok(Installed::Paths(texts.collect()))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
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
        if basis == DistributionBasis::Installed {
            return Ok(planned);
        }
        // Its setup eggs are not there yet.
        let settings = BuildSettings {
            build_ext: self.build_ext.clone(),
            ..BuildSettings::default()
        };
        match plan(&shared, run, &self.dialect, &self.setup, &settings) {
            Ok(build) => planned.extend(build),
            Err(error) => planned.unknown.push(format!(
                "Only the installation of {} shows what it requires: {error}",
                run.part()
            )),
        }
        Ok(planned)
    }

    /// Parts that look for eggs there come later.
    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        option("_d").iter().map(ToString::to_string).collect()
    }
}

fn develop(
    shared: &EggRun,
    run: &PartRun<'_>,
    dialect: &Dialect,
    setup: &Path,
    settings: &BuildSettings,
) -> Result<Developed, RecipeError> {
    let directory = &shared.develop_eggs_directory;
    std::fs::create_dir_all(directory).map_err(failed("create", directory))?;
    let style = dialect.develop_style;
    let checkout = match setup.is_dir() {
        true => setup,
        false => setup.parent().unwrap_or(setup),
    };
    let inputs = shared.inputs_of(settings);
    let note = Note::of(&run.services().directory, checkout, inputs);
    if let Some(developed) = note.read() {
        shared.directories.note(&developed.link);
        return Ok(developed);
    }
    let developed = shared.with_builder(run, |builder| {
        builder.develop(setup, directory, style, settings)
    });
    let developed = developed.map_err(build_error)?;
    shared.directories.note(&developed.link);
    note.write(&developed);
    Ok(developed)
}

/// Returns what the build of a checkout takes. Unless its develop egg is there,
/// one is made aside, for what it says of itself.
fn plan(
    shared: &EggRun,
    run: &PartRun<'_>,
    dialect: &Dialect,
    setup: &Path,
    settings: &BuildSettings,
) -> Result<PlannedDistributions, RecipeError> {
    let checkout = match setup.is_dir() {
        true => setup,
        false => setup.parent().unwrap_or(setup),
    };
    let needs = build_requires(checkout);
    let planned = shared.plan_tools(run, &needs, DistributionBasis::Nothing)?;
    let inputs = shared.inputs_of(settings);
    let note = Note::of(&run.services().directory, checkout, inputs);
    if note.read().is_some() {
        return Ok(planned);
    }
    let temporary = &run.services().temporary_directory;
    let aside = tempfile::Builder::new()
        .prefix("buildout-develop-")
        .tempdir_in(temporary)
        .map_err(failed("create a directory in", temporary))?;
    let developed = shared.with_builder(run, |builder| {
        builder.develop(setup, aside.path(), dialect.develop_style, settings)
    });
    let developed = developed.map_err(build_error)?;
    let found = read_entry(&developed.link);
    let found = found.map_err(|error| RecipeError::internal("OSError", error))?;
    if let Some(found) = found {
        shared.coming.add(found);
    }
    Ok(planned)
}

/// Makes the develop eggs of `[buildout]`.
pub(super) struct Checkouts {
    runs: Arc<EggRuns>,
}

impl Checkouts {
    pub(super) fn new(runs: Arc<EggRuns>) -> Self {
        Checkouts { runs }
    }
}

impl DevelopEggs for Checkouts {
    fn develop(
        &self,
        setup: &Path,
        dialect: &Dialect,
        run: &PartRun<'_>,
    ) -> Result<Vec<PathBuf>, RecipeError> {
        let shared = self.runs.of(run, dialect)?;
        let settings = BuildSettings::default();
        Ok(develop(&shared, run, dialect, setup, &settings)?.files)
    }

    fn plan(
        &self,
        setup: &Path,
        dialect: &Dialect,
        run: &PartRun<'_>,
    ) -> Result<PlannedDistributions, RecipeError> {
        let shared = self.runs.found(run, dialect)?;
        plan(&shared, run, dialect, setup, &BuildSettings::default())
    }
}
