//! Rendering with Python's own Jinja2, in a child process: for the templates
//! that the engine of our own refuses before it has rendered anything.

use std::path::Path;

use buildout_core::exec::command::{Command, CommandError};
use buildout_core::recipe::{RecipeError, RecipeErrorKind, RunServices};
use buildout_core::value::{Dict, Value, literal};

use super::loader::Loader;
use crate::jinja2::{ContextValue, Rendering};
use crate::system_error::failed;

/// The program: reads a Python literal from one file, and writes one to
/// another.
const PROGRAM: &str = include_str!("render.py");

/// How the program says that it cannot render: Jinja2 or a module is missing.
const UNAVAILABLE: &str = "unavailable";

/// What became of a template that was given to Python.
pub(super) enum PythonRendering {
    /// The text.
    Text(String),
    /// An exception: its class, its text, and a line of the template.
    Raised {
        class: String,
        message: String,
        line: Option<i128>,
    },
    /// There is no Python with Jinja2, or it lacks a module.
    Unavailable(String),
}

/// What goes wrong between us and Python.
#[derive(Debug, thiserror::Error)]
enum PythonProblem {
    #[error("failed to render a template with Python: {0}")]
    Command(#[source] CommandError),
    #[error("Python ended without rendering a template: {0}")]
    Ended(String),
}

/// Renders a template with the first `python3` of the search path.
pub(super) fn render(
    services: &RunServices,
    rendering: &Rendering,
    loader: &Loader,
) -> Result<PythonRendering, RecipeError> {
    let directory = tempfile::Builder::new()
        .prefix("buildout-template-")
        .tempdir_in(&services.temporary_directory)
        .map_err(failed(
            "create a directory in",
            &services.temporary_directory,
        ))?;
    let (request, response) = (
        directory.path().join("request"),
        directory.path().join("response"),
    );
    std::fs::write(&request, describe(rendering, loader).repr())
        .map_err(failed("write", &request))?;
    let arguments = [
        Path::new("-c").as_os_str(),
        PROGRAM.as_ref(),
        request.as_os_str(),
        response.as_os_str(),
    ];
    let command = Command::new(
        "python3",
        arguments,
        &services.directory,
        services.environment(),
    );
    let mut last_line = String::new();
    let mut sink = |_, line: &[u8]| last_line = String::from_utf8_lossy(line).into_owned();
    let finished = match command.run(&mut sink, &services.cancellation) {
        Ok(finished) => finished,
        Err(CommandError::Start { .. }) => {
            return Ok(PythonRendering::Unavailable(
                "there is no `python3`".to_owned(),
            ));
        }
        Err(error @ CommandError::Cancelled { .. }) => {
            return Err(RecipeError::new(RecipeErrorKind::Cancelled, error));
        }
        Err(error) => return Err(RecipeError::user(PythonProblem::Command(error))),
    };
    let ended = || RecipeError::user(PythonProblem::Ended(last_line.clone()));
    if !finished.outcome.is_success() {
        return Err(ended());
    }
    let answer = std::fs::read_to_string(&response).map_err(failed("read", &response))?;
    read_answer(&answer).ok_or_else(ended)
}

/// Returns all that decides on the result, as a Python dict.
fn describe(rendering: &Rendering, loader: &Loader) -> Value {
    let mut values = Dict::new();
    let mut modules = Dict::new();
    for (name, value) in &*rendering.context {
        match value {
            ContextValue::Value(value) => {
                values.insert_str(name.as_str(), value.clone());
            }
            ContextValue::Module(module) => {
                modules.insert_str(name.as_str(), module.as_str());
            }
        }
    }
    let mut extensions = Vec::new();
    if rendering.extensions.expression_statement {
        extensions.push("jinja2.ext.do".into());
    }
    if rendering.extensions.loop_controls {
        extensions.push("jinja2.ext.loopcontrols".into());
    }
    let mut request = Dict::new();
    request.insert_str("name", &*rendering.name);
    request.insert_str("source", &*rendering.source);
    request.insert_str("values", values);
    request.insert_str("modules", modules);
    request.insert_str("extensions", Value::List(extensions));
    request.insert_str("has_dumps", rendering.has_dumps);
    request.insert_str("delimiter", loader.delimiter());
    request.insert_str("imports", Value::List(loader.describe()));
    Value::Dict(request)
}

fn read_answer(answer: &str) -> Option<PythonRendering> {
    let Ok(Value::Tuple(items)) = literal::parse(answer) else {
        return None;
    };
    Some(match &items[..] {
        [Value::Str(text)] => PythonRendering::Text(text.to_string()),
        [Value::Str(class), Value::Str(message), line] => match &**class {
            UNAVAILABLE => PythonRendering::Unavailable(message.to_string()),
            class => PythonRendering::Raised {
                class: class.to_owned(),
                message: message.to_string(),
                line: line.as_int(),
            },
        },
        _ => return None,
    })
}
