//! The engine of our own.

use std::sync::Arc;

use super::engine::{Cause, ContextValue, Rendering, TemplateEngine, TemplateError};
use super::environment::{Environment, RenderError};
use super::error::ProblemKind;
use super::names::PREDEFINED;
use crate::python_value::builtins::{assert, builtin};
use crate::python_value::convert::{dumps, from_value};
use crate::python_value::function::function;
use crate::python_value::modules::Module;

/// The stack of the thread that renders, in bytes: enough for the deepest
/// nesting that the limits let pass, also without optimisation. Only what is
/// used is taken.
const STACK_SIZE: usize = 512 << 20;

/// Renders templates itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct NativeEngine;

impl TemplateEngine for NativeEngine {
    fn render(&self, rendering: &Rendering<'_>) -> Result<String, TemplateError> {
        let failed = |cause| TemplateError {
            cause,
            template: Arc::from(rendering.name),
            line: 1,
        };
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new()
                .stack_size(STACK_SIZE)
                .spawn_scoped(scope, || render(rendering))
                .map_err(|error| {
                    failed(Cause::Python {
                        exception: "RuntimeError",
                        message: format!("failed to start a thread: {error}"),
                    })
                })?;
            match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }
}

fn render(rendering: &Rendering<'_>) -> Result<String, TemplateError> {
    let unsupported = |what: String| TemplateError {
        cause: Cause::Unsupported(what),
        template: Arc::from(rendering.name),
        line: 1,
    };
    let mut names = Vec::new();
    let mut modules = Vec::new();
    for name in PREDEFINED {
        let object = match *name {
            "assert" => Some(function("assert", assert)),
            "six" => Module::named("six").map(Module::object),
            name => builtin(name),
        };
        names.extend(object.map(|object| ((*name).to_owned(), object)));
    }
    modules.extend(Module::named("six").map(|six| ("six", six)));
    if rendering.has_dumps {
        let dumps = function("dumps", |arguments| {
            let [object] = arguments.exactly("dumps")?;
            dumps(&object)
        });
        names.push(("dumps".to_owned(), dumps));
    }
    for (name, value) in rendering.context {
        let object = match value {
            ContextValue::Value(value) => from_value(value),
            ContextValue::Module(module) => {
                let module = Module::named(module)
                    .ok_or_else(|| unsupported(format!("the Python module `{module}`")))?;
                modules.push((name, module));
                module.object()
            }
        };
        names.push((name.clone(), object));
    }
    let loader = rendering.loader.clone();
    let environment = Environment::new(loader, rendering.extensions);
    environment
        .check(rendering.name, rendering.source, &modules)
        .and_then(|template| environment.render(&template, names))
        .map_err(explain)
}

fn explain(error: RenderError) -> TemplateError {
    match error {
        RenderError::Syntax { problem, template } => TemplateError {
            cause: match problem.kind {
                ProblemKind::Syntax => Cause::Syntax(problem.message),
                ProblemKind::Assertion => Cause::Assertion(problem.message),
                ProblemKind::Unsupported => Cause::Unsupported(problem.message),
            },
            template: Arc::from(template),
            line: problem.line as usize,
        },
        RenderError::Raised { exception, place } => TemplateError {
            cause: match exception.class() {
                "jinja2.exceptions.TemplateNotFound" => {
                    Cause::TemplateNotFound(exception.message().to_owned())
                }
                class => Cause::Python {
                    exception: class,
                    message: exception.message().to_owned(),
                },
            },
            template: Arc::from(&*place.template),
            line: place.line as usize,
        },
    }
}
