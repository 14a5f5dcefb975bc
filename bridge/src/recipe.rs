//! A recipe in Python, as the engine sees it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, DistributionBasis, Environment, Factory, Footprint,
    Installed, PartRun, PlannedDistributions, PythonFunction, PythonFunctions, Recipe, RecipeError,
    RecipeReference, RemoteBuildout, Uninstaller, UpdateKind,
};
use buildout_core::resolve::OptionMap;
use serde_json::{Value, json};

use crate::bridge::Bridge;
use crate::changes::EnvironmentChanges;
use crate::desk::Desk;
use crate::interpreter::Interpreter;

/// The group of entry points that recipes are in.
const RECIPES: &str = "zc.buildout";

/// The group of what undoes them.
const UNINSTALLERS: &str = "zc.buildout.uninstall";

/// What is known of any recipe in Python.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "DISTRIBUTION:ENTRY",
    summary: "Runs the recipe of a Python distribution.",
    behaviour_version: 0,
    construction: ConstructionKind::ActsOnTheWorld,
    footprint: Footprint::Barrier,
    update: UpdateKind::Runs,
    options: &[],
};

/// Makes the recipes of an entry point.
pub(crate) struct PythonFactory {
    bridge: Arc<Bridge>,
    reference: RecipeReference,
}

impl PythonFactory {
    pub(crate) fn new(bridge: Arc<Bridge>, reference: RecipeReference) -> Self {
        PythonFactory { bridge, reference }
    }

    /// Returns the body of a request that uses the entry point.
    fn body(&self, run: &PartRun<'_>) -> Result<Value, RecipeError> {
        let RecipeReference {
            distribution,
            entry,
        } = &self.reference;
        let resolved = self.bridge.require(distribution, run);
        let resolved = resolved.map_err(|error| error.at_option("recipe"))?;
        let point = resolved
            .entry_point(distribution, RECIPES, entry)?
            .map_err(|names| no_entry_point(distribution, entry, &names))?;
        Ok(resolved.body(&point))
    }

    /// The same for what undoes the recipe; `None` if there is no such thing,
    /// or if what cannot be found any more cannot be asked.
    fn uninstaller_body(&self, run: &PartRun<'_>) -> Option<Value> {
        let RecipeReference {
            distribution,
            entry,
        } = &self.reference;
        let resolved = self.bridge.require(distribution, run).ok()?;
        let point = resolved.entry_point(distribution, UNINSTALLERS, entry);
        Some(resolved.body(&point.ok()?.ok()?))
    }
}

/// Upstream's text, and what there is instead.
fn no_entry_point(distribution: &str, entry: &str, names: &[String]) -> RecipeError {
    let text = format!("Entry point ('{RECIPES}', '{entry}') not found");
    let error = RecipeError::internal("ImportError", text).at_option("recipe");
    match names {
        [] => error.with_hint(format!("`{distribution}` has no recipes")),
        names => error.with_hint(format!(
            "the recipes of `{distribution}` are {}",
            names.join(", ")
        )),
    }
}

impl Factory for PythonFactory {
    fn descriptor(&self) -> &Descriptor {
        &DESCRIPTOR
    }

    fn construct(&self, part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
        let bridge = &self.bridge;
        let number = bridge.number();
        let interpreter = bridge.serve(part, |server| {
            let mut body = self.body(server.run)?;
            body["recipe"] = Value::from(number);
            let (interpreter, _) = server.request("construct", body)?;
            Ok(interpreter)
        })?;
        Ok(Box::new(PythonRecipe {
            bridge: Arc::clone(bridge),
            interpreter,
            number,
            requirement: self.reference.distribution.clone(),
        }))
    }

    fn uninstaller<'u>(
        &'u self,
        place: &'u Construction<'_>,
        options: &'u OptionMap,
    ) -> Option<Uninstaller<'u>> {
        let body = self
            .bridge
            .serve(place, |server| Ok(self.uninstaller_body(server.run)));
        let mut body = body.ok()??;
        let options: serde_json::Map<String, Value> = options
            .iter()
            .map(|(name, value)| (name.to_string(), Value::from(&**value)))
            .collect();
        body["options"] = Value::Object(options);
        Some(Box::new(move || {
            self.bridge.serve(place, |server| {
                server.request("uninstall", body)?;
                Ok(())
            })
        }))
    }

    fn distributions(&self, run: &PartRun<'_>) -> Result<PlannedDistributions, RecipeError> {
        let planned = self.bridge.plan(&self.reference.distribution, run);
        planned.map_err(|error| error.at_option("recipe"))
    }

    fn identity(&self) -> Option<Arc<str>> {
        let requirement = &self.reference.distribution;
        let resolved = self.bridge.resolved(requirement)?;
        Some(resolved.identity(requirement))
    }
}

/// What a construction has a process do.
pub(crate) struct Server<'a> {
    bridge: &'a Bridge,
    executable: &'a Path,
    typed_values: bool,
    buildout: &'a RemoteBuildout,
    pub(crate) run: &'a PartRun<'a>,
}

impl Bridge {
    /// Lets `work` have requests carried out for a part that is constructed;
    /// meanwhile the engine thread serves.
    pub(crate) fn serve<T: Send>(
        &self,
        part: &Construction<'_>,
        work: impl FnOnce(&Server<'_>) -> Result<T, RecipeError> + Send,
    ) -> Result<T, RecipeError> {
        let executable = self.executable(part)?;
        let typed_values = part.dialect().typed_values;
        part.on_other_thread_as_run(|buildout, run| {
            work(&Server {
                bridge: self,
                executable: &executable,
                typed_values,
                buildout: &buildout,
                run,
            })
        })
    }
}

impl Server<'_> {
    /// Has the process do something for the part.
    pub(crate) fn request(
        &self,
        action: &str,
        mut body: Value,
    ) -> Result<(Arc<Interpreter>, Value), RecipeError> {
        let interpreter = self
            .bridge
            .interpreter(self.executable, self.typed_values, self.run)?;
        let desk = Desk {
            buildout: self.buildout,
            run: self.run,
            installs: false,
            distributions: &*self.bridge.distributions,
        };
        let mut serve = |name: &str, arguments: &[Value]| desk.carry_out(name, arguments);
        let (part, services) = (self.run.part(), self.run.services());
        body["part"] = Value::from(part);
        let value = interpreter.request(part, action, body, services, &mut serve)?;
        Ok((interpreter, value))
    }
}

struct PythonRecipe {
    bridge: Arc<Bridge>,
    interpreter: Arc<Interpreter>,
    /// The number of the recipe in its process.
    number: u64,
    /// The distribution that has the recipe.
    requirement: String,
}

impl PythonRecipe {
    fn work(&self, run: &PartRun<'_>, action: &str) -> Result<Installed, RecipeError> {
        let desk = Desk {
            buildout: run.buildout(),
            run,
            installs: true,
            distributions: &*self.bridge.distributions,
        };
        let mut serve = |name: &str, arguments: &[Value]| desk.carry_out(name, arguments);
        let body = json!({"recipe": self.number, "part": run.part()});
        let services = run.services();
        let installed = self
            .interpreter
            .request(run.part(), action, body, services, &mut serve)?;
        Ok(match installed {
            Value::Array(paths) => Installed::Paths(
                paths
                    .iter()
                    .filter_map(|path| path.as_str().map(ToOwned::to_owned))
                    .collect(),
            ),
            _ => Installed::Unchanged,
        })
    }
}

impl Recipe for PythonRecipe {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.work(run, "install")
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.work(run, "update")
    }

    fn takes_distributions(&self) -> bool {
        true
    }

    /// Those of the recipe; what it takes by itself shows when it does.
    fn distributions(
        &self,
        run: &PartRun<'_>,
        basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        match basis {
            DistributionBasis::Nothing => self.bridge.plan(&self.requirement, run),
            // It was constructed, so all is there.
            DistributionBasis::Installed => Ok(PlannedDistributions::default()),
        }
    }
}

/// Calls functions for the built-in recipe of a part.
struct Functions {
    bridge: Arc<Bridge>,
    executable: PathBuf,
    typed_values: bool,
}

/// Returns what calls functions for a part.
pub(crate) fn functions(
    bridge: &Arc<Bridge>,
    part: &Construction<'_>,
) -> Result<Arc<dyn PythonFunctions>, RecipeError> {
    Ok(Arc::new(Functions {
        bridge: Arc::clone(bridge),
        executable: bridge.executable(part)?,
        typed_values: part.dialect().typed_values,
    }))
}

impl PythonFunctions for Functions {
    fn call(
        &self,
        function: &PythonFunction<'_>,
        run: &PartRun<'_>,
    ) -> Result<Environment, RecipeError> {
        let interpreter = self
            .bridge
            .interpreter(&self.executable, self.typed_values, run)?;
        let none = Environment::new();
        let given = EnvironmentChanges::between(&none, function.variables).unwrap_or_default();
        let body = json!({
            "part": run.part(),
            "file": function.file.to_string_lossy(),
            "function": function.name,
            "directory": function.directory.to_string_lossy(),
            "variables": given.to_value(),
        });
        let desk = Desk {
            buildout: run.buildout(),
            run,
            installs: true,
            distributions: &*self.bridge.distributions,
        };
        let mut serve = |name: &str, arguments: &[Value]| desk.carry_out(name, arguments);
        let left = interpreter.request(run.part(), "hook", body, run.services(), &mut serve)?;
        let left = EnvironmentChanges::from_value(&left)
            .ok_or_else(|| RecipeError::internal("TypeError", "the hook left no environment"))?;
        let mut variables = none;
        left.apply(&mut variables);
        Ok(variables)
    }
}
