//! The recipes of a run: those that are built in, and for every other name the
//! one that a Python distribution has.

use std::path::PathBuf;
use std::sync::Arc;

use buildout_bridge::{
    Distribution, Distributions, Purpose, PythonRecipes, Search, ZC_BUILDOUT, ZC_RECIPE_EGG,
};
use buildout_core::configuration::Configuration;
use buildout_core::dialect::Dialect;
use buildout_core::recipe::{PartRun, PlannedDistributions, Provider as _, RecipeError, Registry};
use buildout_recipes::{
    DistributionSearch, NativeRecipes, OwnDistribution, PythonDistributions, SearchPurpose,
    recipe_egg_version,
};

/// The option of `[buildout]` that names built-in recipes which are to be
/// those of PyPI instead.
pub(crate) const BRIDGED: &str = "bridge-recipes";

/// Returns the recipes for a configuration.
pub(crate) fn registry(configuration: &Configuration) -> Registry {
    let bridged = configuration.option("buildout", BRIDGED);
    let bridged = bridged.map_or("", |option| &*option.value);
    registry_for(configuration.dialect.clone(), bridged)
}

/// Returns the recipes for a dialect; of those that are built in, `bridged`
/// are the ones of PyPI instead.
pub(crate) fn registry_for(dialect: Dialect, bridged: &str) -> Registry {
    let native = NativeRecipes::with_distributions(own_distributions());
    let descriptors = native.descriptors();
    let names = descriptors.iter().map(|found| found.name).collect();
    let distributions = Arc::new(EggDistributions {
        distributions: native.distributions(),
        dialect,
    });
    let python = PythonRecipes::new(distributions).proposing(names);
    let mut registry = Registry::default();
    if !bridged.trim().is_empty() {
        registry = registry.with(Arc::new(python.only(bridged)));
    }
    registry.with(Arc::new(native)).with(Arc::new(python))
}

/// What recipes in Python import in place of zc.buildout.
fn own_distributions() -> Vec<OwnDistribution> {
    vec![
        OwnDistribution {
            name: "zc.buildout",
            version: |dialect| dialect.emulated_version,
            requires: &["setuptools"],
            files: ZC_BUILDOUT,
        },
        OwnDistribution {
            name: "zc.recipe.egg",
            version: recipe_egg_version,
            requires: &["zc.buildout"],
            files: ZC_RECIPE_EGG,
        },
    ]
}

/// Finds the distributions of recipes as egg parts find theirs.
struct EggDistributions {
    distributions: Arc<PythonDistributions>,
    dialect: Dialect,
}

impl Distributions for EggDistributions {
    fn require(
        &self,
        requirements: &[String],
        search: &Search,
        run: &PartRun<'_>,
    ) -> Result<Vec<Distribution>, RecipeError> {
        let how = where_to_look(search);
        let found = self
            .distributions
            .require(requirements, &how, &self.dialect, run)?;
        Ok(found
            .iter()
            .map(|found| Distribution {
                name: found.name().to_owned(),
                version: found.version().to_owned(),
                location: PathBuf::from(found.location()),
                links: found
                    .link()
                    .and_then(|link| Some(link.link.parent()?.to_owned())),
            })
            .collect())
    }

    fn python(&self, run: &PartRun<'_>) -> Result<Option<PathBuf>, RecipeError> {
        self.distributions.python(&self.dialect, run).map(Some)
    }

    fn profile_changed(&self, run: &PartRun<'_>) {
        self.distributions.profile_changed(run);
    }

    fn plan(
        &self,
        requirements: &[String],
        search: &Search,
        run: &PartRun<'_>,
    ) -> Result<PlannedDistributions, RecipeError> {
        let how = where_to_look(search);
        self.distributions
            .plan(requirements, &how, &self.dialect, run)
    }
}

fn where_to_look(search: &Search) -> DistributionSearch<'_> {
    DistributionSearch {
        destination: search.destination.as_deref(),
        path: &search.path,
        index: search.index.as_deref(),
        find_links: &search.find_links,
        allow_hosts: &search.allow_hosts,
        newest: search.newest,
        allow_unknown_extras: search.allow_unknown_extras,
        purpose: match &search.purpose {
            Purpose::Recipes => SearchPurpose::Recipes,
            Purpose::Installation { versions } => SearchPurpose::Installation {
                versions: versions.as_deref(),
            },
        },
    }
}
