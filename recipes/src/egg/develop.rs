//! `zc.recipe.egg:develop`, and the checkouts of `[buildout] develop`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::dialect::Dialect;
use buildout_core::extends::join;
use buildout_core::recipe::{
    Construction, Descriptor, DevelopEggs, Factory, Installed, OptionReader, PartRun, Recipe,
    RecipeError,
};
use buildout_eggs::develop::Developed;
use buildout_eggs::source::BuildSettings;

use super::build_ext::read_build_ext;
use super::options::DEVELOP_DESCRIPTOR;
use super::run::{EggRun, EggRuns, build_error};
use super::setup_eggs::build_settings;
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
    let developed = shared.with_builder(run, |builder| {
        builder.develop(setup, directory, style, settings)
    });
    let developed = developed.map_err(build_error)?;
    shared.directories.note(&developed.link);
    Ok(developed)
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
}
