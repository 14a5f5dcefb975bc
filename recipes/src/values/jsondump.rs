//! `slapos.cookbook:jsondump`: the options of a part as a JSON file.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    OptionReader, PartRun, Recipe, RecipeError, UpdateKind,
};
use buildout_core::value::{Value, decode, is_encoded};

use crate::cookbook::generic::required as required_option;
use crate::documentation::{FunctionFactory, option, required};
use crate::python_value::modules::json::sorted_document;
use crate::values::stored_value::write_stored;

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:jsondump",
    summary: "Writes its options into a JSON file.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Runs,
    options: OPTIONS,
};

const OUTPUT: &str = "json-output";

const OPTIONS: &[OptionDocumentation] = &[
    required(OUTPUT, "The path of the file."),
    option(
        "*",
        "",
        "Any other option, whatever its name, is in the file; a typed value keeps its type.",
    ),
];

/// The mode of a new file, less the umask.
const MODE: u32 = 0o600;

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, &[], construct)
}

fn construct(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let typed_values = part.dialect().typed_values;
    Ok(Box::new(JsonDump { typed_values }))
}

struct JsonDump {
    /// Whether options may have other types than text.
    typed_values: bool,
}

impl Recipe for JsonDump {
    fn install(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let path = required_option(run, OUTPUT)?;
        let mut values = Vec::new();
        for (name, text) in run.options() {
            if !matches!(&**name, OUTPUT | "recipe") {
                values.push((Arc::clone(name), self.value(name, text)?));
            }
        }
        let document = sorted_document(values, true).map_err(|exception| {
            RecipeError::internal(exception.class(), exception.message())
                .with_hint("JSON has texts, numbers, lists and dictionaries with texts as keys")
        })?;
        let file = run.services().absolute(path);
        if file.symlink_metadata().is_err() {
            run.created(&file);
        }
        write_stored(run.services(), &file, &document, MODE)
            .map_err(|error| RecipeError::from(error).at_option(OUTPUT))?;
        Ok(Installed::path(path))
    }

    fn update(&mut self, run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        self.install(run)
    }

    fn outputs(&self, option: &OptionReader<'_>) -> Vec<String> {
        let path = option(OUTPUT).filter(|path| !path.is_empty());
        path.iter().map(ToString::to_string).collect()
    }
}

impl JsonDump {
    fn value(&self, name: &str, text: &Arc<str>) -> Result<Value, RecipeError> {
        if self.typed_values && is_encoded(text) {
            let decoded = decode(text);
            let decoded = decoded.map_err(|error| RecipeError::internal("ValueError", error));
            if let Some(value) = decoded.map_err(|error| error.at_option(name))? {
                return Ok(value);
            }
        }
        Ok(Value::string(Arc::clone(text)))
    }
}
