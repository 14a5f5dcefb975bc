//! What the templates of one rendering share.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ast::Template;
use super::cache::Cache;
use super::check::Findings;
use super::context::{Activation, Context};
use super::engine::TemplateLoader;
use super::error::{ProblemKind, SyntaxProblem};
use super::evaluate::module::TemplateModule;
use super::evaluate::render_root;
use super::given::{Given, Names};
use super::parser::{Extensions, parse};
use super::resolve::resolve;
use crate::python_value::modules::Module;
use crate::python_value::{Exception, Object, Place, Raised};

/// Why a template is not rendered.
#[derive(Debug)]
pub(super) enum RenderError {
    /// It is no template, or uses what is not supported; nothing was rendered.
    Syntax {
        problem: SyntaxProblem,
        template: String,
    },
    /// It failed.
    Raised { exception: Exception, place: Place },
}

/// Renders a template and those that it uses.
pub(super) struct Environment {
    cache: Rc<Cache>,
    loader: Option<Arc<dyn TemplateLoader>>,
    extensions: Extensions,
    templates: RefCell<FxHashMap<String, Rc<Template>>>,
    /// The modules of templates imported without a context.
    modules: RefCell<FxHashMap<Rc<str>, Object>>,
    depth: Cell<usize>,
    /// What may refer to itself through macros.
    contexts: RefCell<Vec<Weak<Context>>>,
    activations: RefCell<Vec<Weak<Activation>>>,
}

/// How deep the evaluation of expressions, statements and macros may nest.
const DEPTH_LIMIT: usize = 6000;

impl Environment {
    /// Makes an environment; without a loader no other templates exist.
    pub(super) fn new(
        cache: &Rc<Cache>,
        loader: Option<Arc<dyn TemplateLoader>>,
        extensions: Extensions,
    ) -> Rc<Self> {
        Rc::new(Environment {
            cache: Rc::clone(cache),
            loader,
            extensions,
            templates: RefCell::default(),
            modules: RefCell::default(),
            depth: Cell::new(0),
            contexts: RefCell::default(),
            activations: RefCell::default(),
        })
    }

    /// Renders a checked template with the names it is given.
    pub(super) fn render(
        self: &Rc<Self>,
        template: &Rc<Template>,
        given: Given,
    ) -> Result<String, RenderError> {
        let context = Context::new(self, template, Names::given(Rc::new(given)));
        let mut output = String::new();
        let result = render_root(template, &context, &mut output);
        drop(context);
        self.release();
        match result {
            Ok(()) => Ok(output),
            Err(exception) => {
                let place = exception.place().cloned().unwrap_or_else(|| Place {
                    template: Rc::clone(&template.name),
                    line: 1,
                });
                Err(RenderError::Raised { exception, place })
            }
        }
    }

    /// Looks for what is not supported, in a template and in those that it
    /// names, before anything is rendered. `modules` are the Python modules
    /// among the names that the template is given.
    ///
    /// # Errors
    ///
    /// The first problem, also if it is an error in Jinja2 too.
    pub(super) fn check(
        self: &Rc<Self>,
        name: &Arc<str>,
        source: &Arc<str>,
        modules: &[(&str, &'static Module)],
    ) -> Result<Rc<Template>, RenderError> {
        let failed = |name: &str, problem| RenderError::Syntax {
            problem,
            template: name.to_owned(),
        };
        let compiled = |name: &Arc<str>, source: &Arc<str>| {
            self.cache
                .compile(name, source, self.extensions)
                .map_err(|problem| failed(name, problem))
        };
        let main = compiled(name, source)?;
        let mut pending = vec![Rc::clone(&main)];
        while let Some(template) = pending.pop() {
            let findings = template.findings(modules);
            let Findings { templates, problem } = &*findings;
            if let Some(problem) = problem {
                return Err(failed(&template.name, problem.clone()));
            }
            for wanted in templates {
                if self.templates.borrow().contains_key(wanted) {
                    continue;
                }
                // What cannot be loaded is an error when it is rendered.
                let loaded = self.loader.as_ref().map(|loader| loader.load(wanted));
                if let Some(Ok(Some(loaded))) = loaded {
                    let template = compiled(&loaded.name, &loaded.source)?;
                    pending.push(Rc::clone(&template));
                    self.templates.borrow_mut().insert(wanted.clone(), template);
                }
            }
        }
        Ok(main)
    }

    /// Breaks the circles of macros and the functions that they are in.
    fn release(&self) {
        self.modules.borrow_mut().clear();
        for activation in self.activations.take() {
            if let Some(activation) = activation.upgrade() {
                activation.clear();
            }
        }
        for context in self.contexts.take() {
            if let Some(context) = context.upgrade() {
                let old = context.variables.take();
                drop(old);
            }
        }
    }

    pub(super) fn remember_context(&self, context: &Rc<Context>) {
        self.contexts.borrow_mut().push(Rc::downgrade(context));
    }

    /// Notes a function that macros refer to.
    pub(super) fn remember_activation(&self, activation: &Rc<Activation>) {
        let mut activations = self.activations.borrow_mut();
        let activation = Rc::downgrade(activation);
        if !activations
            .last()
            .is_some_and(|last| last.ptr_eq(&activation))
        {
            activations.push(activation);
        }
    }

    /// Goes one level deeper; [`Self::leave`] returns.
    pub(super) fn enter(&self) -> Raised<()> {
        if self.depth.get() >= DEPTH_LIMIT {
            return Err(Exception::recursion());
        }
        self.depth.set(self.depth.get() + 1);
        Ok(())
    }

    pub(super) fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
    }

    /// Returns the template of a name.
    pub(super) fn template(&self, name: &str) -> Raised<Option<Rc<Template>>> {
        if let Some(template) = self.templates.borrow().get(name) {
            return Ok(Some(Rc::clone(template)));
        }
        let Some(loader) = &self.loader else {
            return Err(Exception::type_error(
                "no loader for this environment specified",
            ));
        };
        let loaded = loader
            .load(name)
            .map_err(|error| Exception::new(error.exception, error.message))?;
        let Some(loaded) = loaded else {
            return Ok(None);
        };
        let template = self
            .cache
            .compile(&loaded.name, &loaded.source, self.extensions)
            .map_err(|problem| {
                let class = match problem.kind {
                    ProblemKind::Syntax => "jinja2.exceptions.TemplateSyntaxError",
                    ProblemKind::Assertion => "jinja2.exceptions.TemplateAssertionError",
                    ProblemKind::Unsupported => "NotImplementedError",
                };
                let name = Rc::from(&*loaded.name);
                Exception::new(class, problem.message).at(&name, problem.line)
            })?;
        self.templates
            .borrow_mut()
            .insert(name.to_owned(), Rc::clone(&template));
        Ok(Some(template))
    }

    /// Returns the module of a template that is imported without a context.
    pub(super) fn default_module(self: &Rc<Self>, template: &Rc<Template>) -> Raised<Object> {
        let known = self.modules.borrow().get(&template.name).cloned();
        if let Some(module) = known {
            return Ok(module);
        }
        let module =
            TemplateModule::render(self, template, Names::given(Rc::new(Given::nothing())))?;
        self.modules
            .borrow_mut()
            .insert(Rc::clone(&template.name), module.clone());
        Ok(module)
    }
}

/// Parses a template and finds out what its names mean.
pub(super) fn compile(
    name: &str,
    source: &str,
    extensions: Extensions,
) -> Result<Template, SyntaxProblem> {
    let (body, mentions) = parse(source, extensions)?;
    resolve(name, body, mentions)
}
