//! A provider whose recipes are closures.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, PartRun, Provider,
    Recipe, RecipeError, RecipeReference, Registry, UpdateKind,
};
use buildout_core::resolve::OptionMap;

type Construct = dyn Fn(&Construction<'_>) -> Result<(), RecipeError> + Send + Sync;
type Act = dyn Fn(&PartRun<'_>) -> Result<Installed, RecipeError> + Send + Sync;
type Uninstall = dyn Fn(&str, &OptionMap) -> Result<(), RecipeError> + Send + Sync;

/// What the recipe called by one name does. By default it sets `out` to
/// `parts/PART.txt`, reads `text`, writes that file and returns its path.
#[derive(Clone)]
pub(crate) struct Script {
    version: u32,
    construct: Arc<Construct>,
    install: Arc<Act>,
    update: Option<Arc<Act>>,
    uninstall: Option<Arc<Uninstall>>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Script {
            version: 0,
            construct: Arc::new(set_out),
            install: Arc::new(write_out),
            update: None,
            uninstall: None,
        }
    }

    #[must_use]
    pub(crate) fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    #[must_use]
    pub(crate) fn construct(
        mut self,
        construct: impl Fn(&Construction<'_>) -> Result<(), RecipeError> + Send + Sync + 'static,
    ) -> Self {
        self.construct = Arc::new(construct);
        self
    }

    #[must_use]
    pub(crate) fn install(
        mut self,
        install: impl Fn(&PartRun<'_>) -> Result<Installed, RecipeError> + Send + Sync + 'static,
    ) -> Self {
        self.install = Arc::new(install);
        self
    }

    #[must_use]
    pub(crate) fn update(
        mut self,
        update: impl Fn(&PartRun<'_>) -> Result<Installed, RecipeError> + Send + Sync + 'static,
    ) -> Self {
        self.update = Some(Arc::new(update));
        self
    }

    #[must_use]
    pub(crate) fn uninstall(
        mut self,
        uninstall: impl Fn(&str, &OptionMap) -> Result<(), RecipeError> + Send + Sync + 'static,
    ) -> Self {
        self.uninstall = Some(Arc::new(uninstall));
        self
    }

    /// Returns a registry where this is the recipe `name`, beside `mini`.
    pub(crate) fn named(self, name: &'static str) -> Registry {
        registry([(name, self)])
    }
}

/// Sets `out`, as the default script does.
pub(crate) fn set_out(part: &Construction<'_>) -> Result<(), RecipeError> {
    let parts = part.buildout_option("parts-directory")?.unwrap();
    part.set("out", &format!("{parts}/{}.txt", part.part()))?;
    part.option("text")?;
    Ok(())
}

/// Writes the file `out`, as the default script does.
pub(crate) fn write_out(run: &PartRun<'_>) -> Result<Installed, RecipeError> {
    let out = run.option("out").unwrap();
    fs::write(out, run.option("text").unwrap_or("")).unwrap();
    Ok(Installed::path(out))
}

/// Returns a registry of scripts, with the default one as `mini`.
pub(crate) fn registry<const N: usize>(scripts: [(&'static str, Script); N]) -> Registry {
    let mut factories: HashMap<&'static str, Arc<ScriptedFactory>> = HashMap::new();
    for (name, script) in [("mini", Script::new())].into_iter().chain(scripts) {
        let descriptor = Descriptor {
            name,
            summary: "Does what a test says.",
            behaviour_version: script.version,
            construction: ConstructionKind::Pure,
            footprint: Footprint::Declared,
            update: match script.update {
                Some(_) => UpdateKind::Runs,
                None => UpdateKind::Nothing,
            },
            options: &[],
        };
        factories.insert(name, Arc::new(ScriptedFactory { descriptor, script }));
    }
    Registry::default().with(Arc::new(ScriptedProvider(factories)))
}

/// The default script alone.
pub(crate) fn mini() -> Registry {
    registry([])
}

struct ScriptedProvider(HashMap<&'static str, Arc<ScriptedFactory>>);

impl Provider for ScriptedProvider {
    fn find(&self, recipe: &RecipeReference) -> Option<Arc<dyn Factory>> {
        let found = self.0.get(recipe.distribution.as_str())?;
        Some(Arc::clone(found) as Arc<dyn Factory>)
    }

    fn descriptors(&self) -> Vec<Descriptor> {
        let factories = self.0.values();
        factories
            .map(|factory| factory.descriptor.clone())
            .collect()
    }
}

struct ScriptedFactory {
    descriptor: Descriptor,
    script: Script,
}

impl Factory for ScriptedFactory {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        (self.script.construct)(part)?;
        Ok(Box::new(ScriptedRecipe(self.script.clone())))
    }

    fn uninstall(&self, part: &str, options: &OptionMap) -> Option<Result<(), RecipeError>> {
        let uninstall = self.script.uninstall.as_ref()?;
        Some(uninstall(part, options))
    }
}

struct ScriptedRecipe(Script);

impl Recipe for ScriptedRecipe {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        (self.0.install)(run)
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        match &self.0.update {
            Some(update) => update(run),
            None => Ok(Installed::Unchanged),
        }
    }
}
