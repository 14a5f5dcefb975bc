//! Names of recipes, and who implements them.

use std::fmt;
use std::sync::Arc;

use super::construction::Construction;
use super::descriptor::Descriptor;
use super::develop::DevelopEggs;
use super::error::RecipeError;
use super::part_run::{Installed, PartRun};
use super::python_functions::PythonFunctions;
use crate::fetch::DownloadRequest;
use crate::profile::python_text::strip;
use crate::resolve::OptionMap;

/// The value of a `recipe` option: a distribution and an entry point of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecipeReference {
    /// The distribution; upstream also allows a requirement here.
    pub distribution: String,
    /// The entry point, `default` if not given.
    pub entry: String,
}

impl RecipeReference {
    /// Takes `dist` or `dist:entry` apart; `None` with two colons.
    pub fn parse(text: &str) -> Option<Self> {
        let (distribution, entry) = match text.split_once(':') {
            None => (text, "default"),
            Some((_, entry)) if entry.contains(':') => return None,
            Some((distribution, entry)) => (distribution, entry),
        };
        Some(RecipeReference {
            distribution: strip(distribution).to_owned(),
            entry: strip(entry).to_owned(),
        })
    }
}

impl fmt::Display for RecipeReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.distribution, self.entry)
    }
}

/// Something that implements recipes.
pub trait Provider: Send + Sync {
    /// Returns the implementation of `recipe`, if this provider has one.
    fn find(&self, recipe: &RecipeReference) -> Option<Arc<dyn Factory>>;

    /// Lists the descriptors of the recipes that are known beforehand.
    fn descriptors(&self) -> Vec<Descriptor>;

    /// Returns what calls functions in Python for a part, if this provider can.
    fn python_functions(
        &self,
        _part: &Construction<'_>,
    ) -> Option<Result<Arc<dyn PythonFunctions>, RecipeError>> {
        None
    }

    /// Loads the extensions of a run, in order: upstream's group
    /// `zc.buildout.extension`. `None` means that the provider has nothing to
    /// do with extensions.
    fn load_extensions(
        &self,
        _names: &[Arc<str>],
        _place: &Construction<'_>,
    ) -> Option<Result<(), RecipeError>> {
        None
    }

    /// Tells the extensions that were loaded that the run ends well: upstream's
    /// group `zc.buildout.unloadextension`.
    ///
    /// # Errors
    ///
    /// One of them fails.
    fn unload_extensions(&self, _place: &Construction<'_>) -> Result<(), RecipeError> {
        Ok(())
    }

    /// Returns who makes the develop eggs of a run, if this provider does.
    fn develop_eggs(&self) -> Option<Arc<dyn DevelopEggs>> {
        None
    }
}

/// Undoes what removing the installed paths does not.
pub type Uninstaller<'u> = Box<dyn FnOnce() -> Result<(), RecipeError> + 'u>;

/// Makes the recipes of parts.
pub trait Factory: Send + Sync {
    /// Returns what is known without constructing anything.
    fn descriptor(&self) -> &Descriptor;

    /// Constructs the recipe of a part: `__init__` of upstream's recipes.
    ///
    /// # Errors
    ///
    /// The options are wrong, or reaching another section fails.
    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError>;

    /// Undoes what removing the installed paths does not: upstream's group
    /// `zc.buildout.uninstall`. `None` means that there is nothing of the kind.
    fn uninstall(&self, _part: &str, _options: &OptionMap) -> Option<Result<(), RecipeError>> {
        None
    }

    /// The same, for factories that need the run for it: returns what is to be
    /// called.
    fn uninstaller<'u>(
        &'u self,
        place: &'u Construction<'_>,
        options: &'u OptionMap,
    ) -> Option<Uninstaller<'u>> {
        let result = self.uninstall(place.part(), options)?;
        Some(Box::new(move || result))
    }

    /// Returns what identifies the implementation besides its name and the
    /// version of its behaviour, once a recipe was constructed: for what is
    /// found in distributions, these. It is part of signatures and has no
    /// blanks.
    fn identity(&self) -> Option<Arc<str>> {
        None
    }
}

/// Reads an option of a part.
pub type OptionReader<'o> = dyn Fn(&str) -> Option<Arc<str>> + 'o;

/// Something that an installation is going to download.
#[derive(Clone, Debug)]
pub struct PlannedDownload {
    /// What, and the digests it must have.
    pub request: DownloadRequest,
    /// The option of the part that asks for it.
    pub option: &'static str,
}

/// The recipe of one part.
pub trait Recipe: Send {
    /// Installs the part and returns the paths to remember.
    ///
    /// # Errors
    ///
    /// The installation fails; paths noted with
    /// [`PartRun::created`](super::PartRun) are removed then.
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError>;

    /// Brings the installed part up to date.
    ///
    /// # Errors
    ///
    /// As for [`install`](Recipe::install).
    fn update(&mut self, _run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        Ok(Installed::Unchanged)
    }

    /// Returns what the installation is going to download, so that it can be
    /// fetched ahead. What only shows during the installation is missing.
    fn downloads(&self) -> Vec<PlannedDownload> {
        Vec::new()
    }

    /// Returns what its construction had to download.
    fn constructed_with(&self) -> Vec<PlannedDownload> {
        Vec::new()
    }

    /// Returns what an update is going to download.
    fn update_downloads(&self) -> Vec<PlannedDownload> {
        Vec::new()
    }

    /// Tells whether the installation is going to find its work done, as that
    /// of a shared part that is complete, so that it downloads nothing.
    fn is_done(&self) -> bool {
        false
    }

    /// Returns the paths that the installation makes, as options show them:
    /// relative ones are seen from the buildout directory. A part whose
    /// options name one of them, or a path below it, is installed later.
    ///
    /// `option` reads an option of the part that the construction may have
    /// left unread; it gives nothing if the value cannot be resolved.
    fn outputs(&self, _option: &OptionReader<'_>) -> Vec<String> {
        Vec::new()
    }
}

/// The providers of a run, asked in order.
#[derive(Clone, Default)]
pub struct Registry {
    providers: Vec<Arc<dyn Provider>>,
}

impl Registry {
    /// Adds a provider, to be asked after those that are there.
    #[must_use]
    pub fn with(mut self, provider: Arc<dyn Provider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Returns the first implementation of `recipe`.
    pub fn find(&self, recipe: &RecipeReference) -> Option<Arc<dyn Factory>> {
        self.providers
            .iter()
            .find_map(|provider| provider.find(recipe))
    }

    /// Returns the providers, in the order in which they are asked.
    pub fn providers(&self) -> &[Arc<dyn Provider>] {
        &self.providers
    }

    /// Returns the first who makes develop eggs.
    pub fn develop_eggs(&self) -> Option<Arc<dyn DevelopEggs>> {
        self.providers
            .iter()
            .find_map(|provider| provider.develop_eggs())
    }

    /// Lists the recipes that are known beforehand, by name.
    pub fn descriptors(&self) -> Vec<Descriptor> {
        let mut all: Vec<Descriptor> = self
            .providers
            .iter()
            .flat_map(|provider| provider.descriptors())
            .collect();
        all.sort_by_key(|descriptor| descriptor.name);
        all
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.descriptors().iter().map(|d| d.name).collect();
        f.debug_tuple("Registry").field(&names).finish()
    }
}
