//! What all recipes in Python of a run share.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use buildout_core::fetch::encode_hex;
use buildout_core::profile::python_text::split_words;
use buildout_core::recipe::{
    Buildout as _, Construction, Descriptor, Factory, PartRun, PlannedDistributions, Provider,
    PythonFunctions, RecipeError, RecipeReference,
};
use buildout_core::resolve::nearest;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

use crate::distributions::{Distribution, Distributions, Search, normalized, requirement_name};
use crate::entry_points::{EntryPoint, entry_points};
use crate::extensions::Extensions;
use crate::interpreter::{Interpreter, StartSettings};
use crate::recipe::{PythonFactory, functions};

/// The distributions that are modules of ours in the process.
const OWN_DISTRIBUTIONS: [&str; 2] = ["zc-buildout", "zc-recipe-egg"];

/// What every recipe imports.
const ZC_BUILDOUT: &str = "zc.buildout";

/// The level of records if `[buildout]` names another one than Python's.
const DEFAULT_LOG_LEVEL: i64 = 20;

/// The provider of recipes in Python: of every recipe that nobody asked before
/// it has. It lives as long as a run.
pub struct PythonRecipes {
    bridge: Arc<Bridge>,
    /// The recipes that it is for; all if there are no names.
    only: Vec<RecipeReference>,
}

impl PythonRecipes {
    /// Finds recipes among `distributions`.
    pub fn new(distributions: Arc<dyn Distributions>) -> Self {
        PythonRecipes {
            bridge: Arc::new(Bridge {
                distributions,
                known: Vec::new(),
                interpreters: Mutex::default(),
                executable: OnceLock::new(),
                resolved: Mutex::default(),
                next: AtomicU64::new(0),
                extensions: Extensions::default(),
            }),
            only: Vec::new(),
        }
    }

    /// Proposes one of these names where a recipe cannot be found.
    ///
    /// # Panics
    ///
    /// The provider is in use already.
    #[must_use]
    pub fn proposing(mut self, names: Vec<&'static str>) -> Self {
        let bridge = Arc::get_mut(&mut self.bridge);
        bridge.expect("nobody has a recipe of it yet").known = names;
        self
    }

    /// Returns a provider of the same run for the recipes that `names` lists,
    /// to be asked before others have their turn.
    pub fn only(&self, names: &str) -> Self {
        PythonRecipes {
            bridge: Arc::clone(&self.bridge),
            only: split_words(names)
                .filter_map(RecipeReference::parse)
                .collect(),
        }
    }
}

impl Provider for PythonRecipes {
    fn find(&self, recipe: &RecipeReference) -> Option<Arc<dyn Factory>> {
        let name = requirement_name(&recipe.distribution);
        let is_ours = OWN_DISTRIBUTIONS.contains(&&*normalized(name));
        let is_meant = self.only.is_empty() || self.only.contains(recipe);
        let is_found = !name.is_empty() && !is_ours && is_meant;
        is_found.then(|| {
            let factory = PythonFactory::new(Arc::clone(&self.bridge), recipe.clone());
            Arc::new(factory) as Arc<dyn Factory>
        })
    }

    fn descriptors(&self) -> Vec<Descriptor> {
        Vec::new()
    }

    fn python_functions(
        &self,
        part: &Construction<'_>,
    ) -> Option<Result<Arc<dyn PythonFunctions>, RecipeError>> {
        Some(functions(&self.bridge, part))
    }

    fn load_extensions(
        &self,
        names: &[Arc<str>],
        place: &Construction<'_>,
    ) -> Option<Result<(), RecipeError>> {
        Some(self.bridge.extensions.load(&self.bridge, names, place))
    }

    fn unload_extensions(&self, place: &Construction<'_>) -> Result<(), RecipeError> {
        self.bridge.extensions.unload(&self.bridge, place)
    }
}

/// What all recipes in Python of a run share.
pub(crate) struct Bridge {
    pub(crate) distributions: Arc<dyn Distributions>,
    known: Vec<&'static str>,
    /// The processes, by the Python that they run.
    interpreters: Mutex<HashMap<PathBuf, Arc<Interpreter>>>,
    executable: OnceLock<PathBuf>,
    /// The distributions of requirements that were looked for.
    resolved: Mutex<HashMap<String, Arc<Resolved>>>,
    next: AtomicU64,
    extensions: Extensions,
}

/// The distributions of a recipe or an extension.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The one that was asked for, and all that it needs.
    distributions: Vec<Distribution>,
}

impl Resolved {
    /// Returns the distribution that was asked for.
    fn own(&self, requirement: &str) -> Option<&Distribution> {
        let name = normalized(requirement_name(requirement));
        let mut all = self.distributions.iter();
        all.find(|distribution| normalized(&distribution.name) == name)
    }

    /// Returns an entry point of the distribution that was asked for, or the
    /// names of those that it has.
    pub(crate) fn entry_point(
        &self,
        requirement: &str,
        group: &str,
        name: &str,
    ) -> Result<Result<EntryPoint, Vec<String>>, RecipeError> {
        let all = self.entry_points(requirement, group)?;
        let names = all.iter().map(|point| point.name.clone()).collect();
        let mut all = all.into_iter();
        Ok(all.find(|point| point.name == name).ok_or(names))
    }

    /// Returns the entry points of a group.
    pub(crate) fn entry_points(
        &self,
        requirement: &str,
        group: &str,
    ) -> Result<Vec<EntryPoint>, RecipeError> {
        let Some(own) = self.own(requirement) else {
            return Ok(Vec::new());
        };
        entry_points(own, group).map_err(|error| RecipeError::internal("OSError", error))
    }

    /// Returns the body of a request that uses an entry point.
    pub(crate) fn body(&self, point: &EntryPoint) -> Value {
        let mut paths: Vec<&str> = Vec::new();
        for distribution in &self.distributions {
            if let Some(path) = distribution.location.to_str()
                && !paths.contains(&path)
            {
                paths.push(path);
            }
        }
        let mut body = Map::new();
        body.insert("paths".to_owned(), json!(paths));
        body.insert("module".to_owned(), json!(point.module));
        body.insert("attributes".to_owned(), json!(point.attributes));
        Value::Object(body)
    }

    /// Returns what identifies the code of a recipe: its own distribution, and
    /// a digest of all names and versions.
    pub(crate) fn identity(&self, requirement: &str) -> Arc<str> {
        let mut all: Vec<String> = self
            .distributions
            .iter()
            .map(|found| format!("{}-{}", normalized(&found.name), found.version))
            .collect();
        all.sort();
        all.dedup();
        let digest = encode_hex(&Md5::digest(all.join(" ").as_bytes()));
        let own = self.own(requirement);
        let own = own.map_or_else(String::new, |own| {
            format!("{}-{}-", normalized(&own.name), own.version)
        });
        Arc::from(format!("{own}{digest}"))
    }
}

impl Bridge {
    /// Returns a number that nobody else has.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns what was found for a requirement before.
    pub(crate) fn resolved(&self, requirement: &str) -> Option<Arc<Resolved>> {
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        resolved.get(requirement).cloned()
    }

    /// Finds, and if need be installs, what a recipe or an extension needs.
    pub(crate) fn require(
        &self,
        requirement: &str,
        run: &PartRun<'_>,
    ) -> Result<Arc<Resolved>, RecipeError> {
        if let Some(known) = self.resolved(requirement) {
            return Ok(known);
        }
        let mut search = Search::of_run(run)?;
        search.active = self.active();
        // Not all that import it say so.
        let requirements = [requirement.to_owned(), ZC_BUILDOUT.to_owned()];
        let found = self.distributions.require(&requirements, &search, run);
        let distributions = found.map_err(|error| self.explain(requirement, error))?;
        let resolved = Arc::new(Resolved { distributions });
        let mut all = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(requirement.to_owned(), Arc::clone(&resolved));
        Ok(resolved)
    }

    /// Returns what a recipe or an extension would take if nothing were
    /// installed.
    pub(crate) fn plan(
        &self,
        requirement: &str,
        run: &PartRun<'_>,
    ) -> Result<PlannedDistributions, RecipeError> {
        let requirements = [requirement.to_owned(), ZC_BUILDOUT.to_owned()];
        let planned = self
            .distributions
            .plan(&requirements, &Search::of_run(run)?, run);
        planned.map_err(|error| self.explain(requirement, error))
    }

    /// Returns the entries of `sys.path` that the processes have.
    fn active(&self) -> Vec<PathBuf> {
        let all = self.resolved.lock().unwrap_or_else(PoisonError::into_inner);
        let mut paths: Vec<PathBuf> = all
            .values()
            .flat_map(|resolved| &resolved.distributions)
            .map(|distribution| distribution.location.clone())
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }

    fn explain(&self, requirement: &str, error: RecipeError) -> RecipeError {
        match nearest(requirement, self.known.iter().copied()) {
            Some(near) => error.with_better_hint(format!("there is a recipe `{near}`")),
            None => error,
        }
    }

    /// Returns the process of a Python, and starts it if need be.
    pub(crate) fn interpreter(
        &self,
        executable: &Path,
        typed_values: bool,
        run: &PartRun<'_>,
    ) -> Result<Arc<Interpreter>, RecipeError> {
        let mut interpreters = self
            .interpreters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = interpreters.get(executable) {
            return Ok(Arc::clone(known));
        }
        let settings = StartSettings {
            typed_values,
            log_level: log_level(run)?,
        };
        let python = self.distributions.python(run)?;
        let python = python.as_deref().unwrap_or(executable);
        let started = Interpreter::start(python, run.services(), settings)?;
        let started = Arc::new(started);
        interpreters.insert(executable.to_owned(), Arc::clone(&started));
        Ok(started)
    }

    /// Returns the Python that runs recipes.
    pub(crate) fn executable(&self, part: &Construction<'_>) -> Result<PathBuf, RecipeError> {
        if let Some(known) = self.executable.get() {
            return Ok(known.clone());
        }
        let executable = part.peek("buildout", "executable")?.unwrap_or_default();
        let executable = part.services().absolute(&*executable);
        Ok(self.executable.get_or_init(|| executable).clone())
    }
}

/// Returns the lowest level of records that are shown.
fn log_level(run: &PartRun<'_>) -> Result<i64, RecipeError> {
    let option = |name: &str| run.buildout().get("buildout", name);
    let level = match option("log-level")?.as_deref() {
        Some("DEBUG") => 10,
        Some("INFO") | None => DEFAULT_LOG_LEVEL,
        Some("WARNING" | "WARN") => 30,
        Some("ERROR") => 40,
        Some("CRITICAL" | "FATAL") => 50,
        Some(number) => number.parse().unwrap_or(DEFAULT_LOG_LEVEL),
    };
    let verbosity = option("verbosity")?.and_then(|text| text.trim().parse::<i64>().ok());
    Ok((level - verbosity.unwrap_or(0)).max(0))
}
