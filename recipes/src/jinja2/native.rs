//! The engine of our own.

use std::rc::Rc;
use std::sync::Arc;

use super::cache::Cache;
use super::engine::{Cause, ContextValue, Rendering, TemplateEngine, TemplateError};
use super::environment::{Environment, RenderError};
use super::error::ProblemKind;
use super::given::Given;
use super::threads::Threads;
use crate::python_value::modules::Module;

/// Renders templates itself. Copies share their threads, and these what they
/// have compiled: a template that comes again is only rendered.
#[derive(Clone, Default)]
pub struct NativeEngine {
    threads: Arc<Threads>,
}

impl TemplateEngine for NativeEngine {
    fn render(&self, rendering: &Rendering) -> Result<String, TemplateError> {
        let rendered = self.threads.render(render, rendering);
        rendered.unwrap_or_else(|error| {
            Err(TemplateError {
                cause: Cause::Python {
                    exception: "RuntimeError",
                    message: format!("failed to start a thread: {error}"),
                },
                template: Arc::clone(&rendering.name),
                line: 1,
            })
        })
    }
}

fn render(cache: &Rc<Cache>, rendering: &Rendering) -> Result<String, TemplateError> {
    let mut modules = Vec::new();
    modules.extend(Module::named("six").map(|six| ("six", six)));
    for (name, value) in &*rendering.context {
        if let ContextValue::Module(module) = value {
            let module = Module::named(module).ok_or_else(|| TemplateError {
                cause: Cause::Unsupported(format!("the Python module `{module}`")),
                template: Arc::clone(&rendering.name),
                line: 1,
            })?;
            modules.push((name.as_str(), module));
        }
    }
    let given = Given::recipe(&rendering.context, rendering.has_dumps);
    let environment = Environment::new(cache, rendering.loader.clone(), rendering.extensions);
    environment
        .check(&rendering.name, &rendering.source, &modules)
        .and_then(|template| environment.render(&template, given))
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use buildout_core::value::{Value, literal};

    use super::super::engine::{LoadError, LoadedTemplate, TemplateLoader};
    use super::super::parser::Extensions;
    use super::*;

    /// A template that another one includes, which may change.
    struct Included(Mutex<&'static str>);

    impl TemplateLoader for Included {
        fn load(&self, name: &str) -> Result<Option<LoadedTemplate>, LoadError> {
            let source: &str = &self.0.lock().expect("no test panics");
            Ok(Some(LoadedTemplate {
                name: name.into(),
                source: source.into(),
            }))
        }
    }

    fn rendering(source: &str, context: Vec<(String, ContextValue)>) -> Rendering {
        Rendering {
            name: "template".into(),
            source: source.into(),
            context: context.into(),
            loader: None,
            extensions: Extensions {
                expression_statement: true,
                loop_controls: false,
            },
            has_dumps: false,
        }
    }

    fn value(name: &str, text: &str) -> (String, ContextValue) {
        let value: Value = literal::parse(text).expect(text);
        (name.to_owned(), ContextValue::Value(value))
    }

    #[test]
    fn nothing_that_changes_outlives_a_rendering() {
        let engine = NativeEngine::default();
        let source = "{% do l.append(1) %}{% set own = [] %}{% do own.append(l) %}{{ own }}";
        let rendering = rendering(source, vec![value("l", "[0]")]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        assert_eq!(engine.render(&rendering).as_deref(), Ok("[[0, 1]]"));
                    }
                });
            }
        });
    }

    #[test]
    fn what_is_kept_depends_on_all_that_decides() {
        let engine = NativeEngine::default();
        let source = "{% if n %}{{ m.nosuch }}{% endif %}{% do 1 %}";
        let as_value = vec![value("n", "1"), value("m", "{'nosuch': 2}")];
        assert_eq!(
            engine.render(&rendering(source, as_value)).as_deref(),
            Ok("2")
        );
        let as_module = vec![
            value("n", "0"),
            ("m".to_owned(), ContextValue::Module("json".to_owned())),
        ];
        let as_module = rendering(source, as_module);
        let error = engine.render(&as_module).expect_err("no such member");
        assert!(matches!(error.cause, Cause::Unsupported(_)), "{error}");
        let without = Rendering {
            extensions: Extensions::default(),
            ..as_module
        };
        let error = engine.render(&without).expect_err("no such tag");
        assert!(matches!(error.cause, Cause::Syntax(_)), "{error}");
    }

    #[test]
    fn an_included_template_is_read_in_each_rendering() {
        let engine = NativeEngine::default();
        let included = Arc::new(Included(Mutex::new("first")));
        let rendering = Rendering {
            loader: Some(Arc::clone(&included) as Arc<dyn TemplateLoader>),
            ..rendering("{% include 'x' %}", Vec::new())
        };
        assert_eq!(engine.render(&rendering).as_deref(), Ok("first"));
        *included.0.lock().expect("no test panics") = "second";
        assert_eq!(engine.render(&rendering).as_deref(), Ok("second"));
    }

    /// Each inclusion adds names in front of those around it.
    #[test]
    fn templates_that_include_themselves_end() {
        let engine = NativeEngine::default();
        let source = "{% set a = (a | default(0)) + 1 %}{{ a }}{% if a < 40 %}{% include 'x' \
                      %}{% else %}{{ n }}{% endif %}";
        let included = Arc::new(Included(Mutex::new(source)));
        let rendering = Rendering {
            loader: Some(included),
            ..rendering(source, vec![value("n", "'end'")])
        };
        let expected: String = (1..=40).map(|a| a.to_string()).collect();
        assert_eq!(engine.render(&rendering), Ok(format!("{expected}end")));
    }
}
