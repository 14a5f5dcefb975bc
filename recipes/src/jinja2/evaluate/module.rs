//! Templates within templates: `include`, `import` and `from`.

use std::any::Any;
use std::rc::Rc;

use super::super::ast::{FromImport, Import, Include, Scope, Template};
use super::super::context::{Context, Variables};
use super::super::environment::Environment;
use super::super::given::Names;
use super::expressions::undefined;
use super::{Frame, render_root};
use crate::python_value::{Native, Object, Raised};
use buildout_core::value::str_repr;

/// A template that was imported: its text, and the names that it has set.
pub(in crate::jinja2) struct TemplateModule {
    name: Rc<str>,
    text: Rc<str>,
    exported: Variables,
}

impl TemplateModule {
    /// Renders a template with the names it is given.
    pub(in crate::jinja2) fn render(
        environment: &Rc<Environment>,
        template: &Rc<Template>,
        names: Rc<Names>,
    ) -> Raised<Object> {
        let context = Context::new(environment, template, names);
        let mut text = String::new();
        render_root(template, &context, &mut text)?;
        let variables = context.variables.borrow();
        let exported = context.exported.borrow();
        let exported = exported
            .iter()
            .filter_map(|name| Some((Rc::clone(name), variables.get(name)?.clone())));
        Ok(Object::native(TemplateModule {
            name: Rc::clone(&template.name),
            text: Rc::from(text),
            exported: exported.collect(),
        }))
    }
}

impl Native for TemplateModule {
    fn type_name(&self) -> &str {
        "TemplateModule"
    }

    fn qualified_type_name(&self) -> String {
        "jinja2.environment.TemplateModule".to_owned()
    }

    fn repr(&self) -> Raised<String> {
        Ok(format!("<TemplateModule {}>", str_repr(&self.name)))
    }

    fn to_str(&self) -> Raised<String> {
        Ok(self.text.to_string())
    }

    fn attribute(self: Rc<Self>, name: &str) -> Raised<Option<Object>> {
        Ok(match name {
            "__name__" => Some(Object::Str(Rc::clone(&self.name))),
            name => self.exported.get(name).cloned(),
        })
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Frame<'_> {
    pub(super) fn include(&self, include: &Include, output: &mut String) -> Raised<()> {
        let name = self.expression(&include.template)?;
        let template = match self.template_of(&name) {
            Err(error)
                if include.ignores_missing
                    && error.class().starts_with("jinja2.exceptions.Template")
                    && error.class().ends_with("NotFound") =>
            {
                return Ok(());
            }
            template => template?,
        };
        self.environment.enter()?;
        let result = if include.with_context {
            let names = self.context.all_with(&include.scope, self.activation);
            let context = Context::new(self.environment, &template, names);
            render_root(&template, &context, output)
        } else {
            self.environment.default_module(&template).map(|module| {
                if let Some(module) = module.downcast::<TemplateModule>() {
                    output.push_str(&module.text);
                }
            })
        };
        self.environment.leave();
        result
    }

    fn module(&self, name: &Object, with_context: bool, scope: &Scope) -> Raised<Object> {
        let template = self.template_of(name)?;
        self.environment.enter()?;
        let module = match with_context {
            true => {
                let names = self.context.all_with(scope, self.activation);
                TemplateModule::render(self.environment, &template, names)
            }
            false => self.environment.default_module(&template),
        };
        self.environment.leave();
        module
    }

    pub(super) fn import(&self, import: &Import) -> Raised<()> {
        let name = self.expression(&import.template)?;
        let module = self.module(&name, import.with_context, &import.scope)?;
        self.activation.set(import.slot, Some(module.clone()));
        if import.is_published {
            self.context.publish_import(&import.name, module);
        }
        Ok(())
    }

    pub(super) fn import_names(&self, import: &FromImport, line: u32) -> Raised<()> {
        let name = self.expression(&import.template)?;
        let module = self.module(&name, import.with_context, &import.scope)?;
        for (name, alias, slot) in &import.names {
            let value = module.attribute(name)?.unwrap_or_else(|| {
                let module_name = match module.downcast::<TemplateModule>() {
                    Some(module) => str_repr(&module.name),
                    None => String::new(),
                };
                undefined(format!(
                    "the template {module_name} (imported on line {line} in {}) does not export \
                     the requested name {}",
                    str_repr(&self.template.name),
                    str_repr(name)
                ))
            });
            self.activation.set(*slot, Some(value.clone()));
            if import.is_published {
                self.context.publish_import(alias, value);
            }
        }
        Ok(())
    }
}
