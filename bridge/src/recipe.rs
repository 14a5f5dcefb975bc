//! A recipe in Python, as the engine sees it.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, PartRun, Recipe,
    RecipeError, RecipeReference, Uninstaller, UpdateKind,
};
use buildout_core::resolve::OptionMap;
use serde_json::{Value, json};

use crate::bridge::Bridge;
use crate::desk::Desk;
use crate::entry_points::EntryPoint;
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

    fn entry_point(&self, part: &Construction<'_>) -> Result<(EntryPoint, Value), RecipeError> {
        let RecipeReference {
            distribution,
            entry,
        } = &self.reference;
        let resolved = self.bridge.require(distribution, part)?;
        let point = resolved
            .entry_point(distribution, RECIPES, entry)?
            .map_err(|names| no_entry_point(distribution, entry, &names))?;
        let body = resolved.body(&point);
        Ok((point, body))
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
        let (_, mut body) = self.entry_point(part)?;
        let interpreter = self.bridge.interpreter(part)?;
        let number = self.bridge.number();
        body["recipe"] = Value::from(number);
        body["part"] = Value::from(part.part());
        construct_in(&self.bridge, &interpreter, part, "construct", body)?;
        Ok(Box::new(PythonRecipe {
            bridge: Arc::clone(&self.bridge),
            interpreter,
            number,
        }))
    }

    fn uninstaller<'u>(
        &'u self,
        place: &'u Construction<'_>,
        options: &'u OptionMap,
    ) -> Option<Uninstaller<'u>> {
        let RecipeReference {
            distribution,
            entry,
        } = &self.reference;
        // What cannot be found any more cannot be asked.
        let resolved = self.bridge.require(distribution, place).ok()?;
        let point = resolved.entry_point(distribution, UNINSTALLERS, entry);
        let point = point.ok()?.ok()?;
        let mut body = resolved.body(&point);
        Some(Box::new(move || {
            let interpreter = self.bridge.interpreter(place)?;
            let options: serde_json::Map<String, Value> = options
                .iter()
                .map(|(name, value)| (name.to_string(), Value::from(&**value)))
                .collect();
            body["part"] = Value::from(place.part());
            body["options"] = Value::Object(options);
            construct_in(&self.bridge, &interpreter, place, "uninstall", body)?;
            Ok(())
        }))
    }

    fn identity(&self) -> Option<Arc<str>> {
        let requirement = &self.reference.distribution;
        let resolved = self.bridge.resolved(requirement)?;
        Some(resolved.identity(requirement))
    }
}

/// Has the process do something while the engine thread serves its calls.
pub(crate) fn construct_in(
    bridge: &Bridge,
    interpreter: &Interpreter,
    part: &Construction<'_>,
    action: &str,
    body: Value,
) -> Result<Value, RecipeError> {
    let (name, services) = (part.part(), part.services());
    part.on_other_thread(|remote| {
        let desk = Desk {
            part: name,
            buildout: &remote,
            services,
            run: None,
            distributions: &*bridge.distributions,
            executable: interpreter.executable(),
        };
        let mut serve = |name: &str, arguments: &[Value]| desk.carry_out(name, arguments);
        interpreter.request(name, action, body, services, &mut serve)
    })
}

struct PythonRecipe {
    bridge: Arc<Bridge>,
    interpreter: Arc<Interpreter>,
    /// The number of the recipe in its process.
    number: u64,
}

impl PythonRecipe {
    fn work(&self, run: &PartRun<'_>, action: &str) -> Result<Installed, RecipeError> {
        let desk = Desk {
            part: run.part(),
            buildout: run.buildout(),
            services: run.services(),
            run: Some(run),
            distributions: &*self.bridge.distributions,
            executable: self.interpreter.executable(),
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
}
