//! Names of recipes, and who implements them.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::construction::Construction;
use super::descriptor::{Descriptor, ResultDocumentation, is_named};
use super::develop::DevelopEggs;
use super::distributions::{DistributionBasis, PlannedDistributions};
use super::error::RecipeError;
use super::extension::Extension;
use super::part_run::{Installed, PartRun, RunServices};
use super::python_functions::PythonFunctions;
use super::uninstall::{UninstallRun, Uninstalled};
use crate::fetch::DownloadRequest;
use crate::lock::RevisionSource;
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

    /// Loads extensions that no provider has as its own, in order: upstream's
    /// group `zc.buildout.extension`. `None` means that the provider knows
    /// nothing of extensions.
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

    /// Tells what only the whole run shows, after all parts.
    ///
    /// # Errors
    ///
    /// It cannot be written where it should be.
    fn conclude(&self, _services: &RunServices) -> Result<(), RecipeError> {
        Ok(())
    }

    /// Returns who makes the develop eggs of a run, if this provider does.
    fn develop_eggs(&self) -> Option<Arc<dyn DevelopEggs>> {
        None
    }

    /// Returns the extension of this name, if this provider has it.
    fn extension(&self, _name: &str) -> Option<Arc<dyn Extension>> {
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

    /// Returns the documentation of the options that the recipe sets.
    fn results(&self) -> &'static [ResultDocumentation] {
        &[]
    }

    /// Returns the Python distributions that the recipe itself consists of, and
    /// what it needs, where they do not come with the program. It is asked for
    /// parts that are not constructed.
    ///
    /// # Errors
    ///
    /// They cannot be found.
    fn distributions(&self, _run: &PartRun<'_>) -> Result<PlannedDistributions, RecipeError> {
        Ok(PlannedDistributions::default())
    }

    /// Tells whether debug builds, and so all tests, insist on every option
    /// that the recipe reads being documented, and every one that it sets if
    /// any of these is.
    fn insists_on_documentation(&self) -> bool {
        false
    }

    /// Undoes what removing the installed paths does not: upstream's group
    /// `zc.buildout.uninstall`. `None` means that there is nothing of the kind.
    fn uninstall(&self, _part: &str, _options: &OptionMap) -> Option<Result<(), RecipeError>> {
        None
    }

    /// The same, for factories that need the whole run for it: returns what is
    /// to be called.
    fn uninstaller<'u>(
        &'u self,
        _place: &'u Construction<'_>,
        _options: &'u OptionMap,
    ) -> Option<Uninstaller<'u>> {
        None
    }

    /// Returns what identifies the implementation besides its name and the
    /// version of its behaviour, once a recipe was constructed: for what is
    /// found in distributions, these. It is part of signatures and has no
    /// blanks.
    fn identity(&self) -> Option<Arc<str>> {
        None
    }

    /// The same for recipes that need more than the options, or keep what was
    /// installed; they [`begin`](UninstallRun::begin) first.
    fn uninstall_part(&self, run: &UninstallRun<'_>) -> Option<Result<Uninstalled, RecipeError>> {
        let result = self.uninstall(run.part(), run.options())?;
        run.begin();
        Some(result.map(|()| Uninstalled::Remove))
    }
}

/// Tells whether a recipe may use an option: it documents the option, as one
/// that it reads or as one that it sets, or nobody insists on that.
pub(super) fn documents(factory: &dyn Factory, option: &str) -> bool {
    if !factory.insists_on_documentation() {
        return true;
    }
    let results = factory.results().iter();
    factory.descriptor().documents(option) || is_named(results.map(|result| result.name), option)
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

/// A revision that was looked up in a repository, since the profile names
/// none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRevision {
    /// The repository and what was looked up in it.
    pub source: RevisionSource,
    /// What was found; `None` if the lock had no entry, or nobody answered.
    pub revision: Option<String>,
    /// The option of the part that asks for it.
    pub option: &'static str,
}

/// What [`Recipe::fetch`] brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchedCopies {
    /// How many things came from the network.
    pub fetched: usize,
    /// How many were there.
    pub present: usize,
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

    /// Computes an option that the part does not have, when something refers to
    /// it. The value is not stored: it is asked for again and never recorded.
    /// `None` means that there is no such option.
    fn computed_option(&self, _option: &str) -> Option<Result<Arc<str>, RecipeError>> {
        None
    }

    /// Returns the revisions of repositories that the construction looked up.
    fn revisions(&self) -> Vec<PlannedRevision> {
        Vec::new()
    }

    /// Tells whether [`fetch`](Self::fetch) has something to do.
    fn wants_fetch(&self) -> bool {
        false
    }

    /// Brings what the installation needs of the network, apart from
    /// [`downloads`](Self::downloads), into the cache `cache`.
    ///
    /// # Errors
    ///
    /// Something cannot be had.
    fn fetch(&self, _services: &RunServices, _cache: &Path) -> Result<FetchedCopies, RecipeError> {
        Ok(FetchedCopies::default())
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

    /// Tells whether the installation takes Python distributions.
    fn takes_distributions(&self) -> bool {
        false
    }

    /// Returns the Python distributions that the installation is going to take.
    /// Nothing is installed for it.
    ///
    /// # Errors
    ///
    /// They cannot be decided on.
    fn distributions(
        &self,
        _run: &PartRun<'_>,
        _basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        Ok(PlannedDistributions::default())
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

    /// Has all providers conclude the run.
    pub(crate) fn conclude(&self, services: &RunServices) -> Result<(), RecipeError> {
        self.providers
            .iter()
            .try_for_each(|provider| provider.conclude(services))
    }

    /// Returns the first who makes develop eggs.
    pub fn develop_eggs(&self) -> Option<Arc<dyn DevelopEggs>> {
        self.providers
            .iter()
            .find_map(|provider| provider.develop_eggs())
    }

    /// Returns the first extension of this name.
    pub fn extension(&self, name: &str) -> Option<Arc<dyn Extension>> {
        self.providers
            .iter()
            .find_map(|provider| provider.extension(name))
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
