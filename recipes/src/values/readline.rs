//! `slapos.cookbook:readline`: the first line of a file, as an option.

use std::sync::Arc;

use buildout_core::recipe::{
    Construction, ConstructionKind, Descriptor, Factory, Footprint, Installed, OptionDocumentation,
    PartRun, Recipe, RecipeError, ResultDocumentation, UpdateKind,
};

use crate::documentation::{FunctionFactory, option, required, result};
use crate::live_options::required_option;
use crate::only_options::OnlyOptions;
use crate::values::stored_value::read_stored;

static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.cookbook:readline",
    summary: "Reads the first line of a file that exists before the run.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Nothing,
    options: OPTIONS,
};

const STORAGE_PATH: &str = "storage-path";

const OPTIONS: &[OptionDocumentation] = &[
    required(STORAGE_PATH, "The file."),
    option(
        "when-absent",
        "",
        "What to take for the line if there is no file; without the option, the part fails then.",
    ),
];

const RESULTS: &[ResultDocumentation] = &[result(
    "readline",
    "The line, with its newline if it has one.",
)];

/// Returns the factory.
pub(crate) fn factory() -> Arc<dyn Factory> {
    FunctionFactory::shared(&DESCRIPTOR, RESULTS, construct)
}

fn construct(part: &Construction<'_>) -> Result<Box<dyn Recipe>, RecipeError> {
    let path = required_option(part, STORAGE_PATH)?;
    let when_absent = part.option("when-absent")?;
    let text = read_stored(&part.services().absolute(&*path))
        .map_err(|error| RecipeError::from(error).at_option(STORAGE_PATH))?;
    let line = match &text {
        Some(text) => {
            let text = text.replace("\r\n", "\n").replace('\r', "\n");
            Some(
                text.split_inclusive('\n')
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
            )
        }
        None => when_absent.map(|line| line.to_string()),
    };
    match line {
        Some(line) => {
            part.set("readline", &line)?;
            Ok(Box::new(OnlyOptions))
        }
        None => Ok(Box::new(Unreadable)),
    }
}

/// The recipe without a line: the part fails when it is installed.
struct Unreadable;

impl Recipe for Unreadable {
    fn install(&mut self, _run: &PartRun<'_>) -> Result<Installed, RecipeError> {
        let error = RecipeError::internal("ValueError", "Unable to read the file content.");
        Err(error
            .at_option(STORAGE_PATH)
            .with_hint("make the file before the run, or set `when-absent`"))
    }
}
