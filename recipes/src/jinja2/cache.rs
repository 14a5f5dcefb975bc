//! Compiled templates that are kept for further renderings.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::ast::Template;
use super::environment::compile;
use super::error::SyntaxProblem;
use super::parser::Extensions;

/// The most text that the templates of a cache may have, in bytes. SlapOS has
/// 2 MB of templates in all.
const SIZE_LIMIT: usize = 16 << 20;

/// The templates that a thread has compiled. What decides on the result is the
/// key, so nothing in it is ever out of date.
#[derive(Default)]
pub(super) struct Cache {
    templates: RefCell<FxHashMap<Key, Rc<Template>>>,
    size: Cell<usize>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    name: Arc<str>,
    source: Arc<str>,
    extensions: Extensions,
}

impl Cache {
    /// Returns a compiled template.
    ///
    /// # Errors
    ///
    /// It is no template, or uses what is not supported.
    pub(super) fn compile(
        &self,
        name: &Arc<str>,
        source: &Arc<str>,
        extensions: Extensions,
    ) -> Result<Rc<Template>, SyntaxProblem> {
        let key = Key {
            name: Arc::clone(name),
            source: Arc::clone(source),
            extensions,
        };
        if let Some(template) = self.templates.borrow().get(&key) {
            return Ok(Rc::clone(template));
        }
        let template = Rc::new(compile(name, source, extensions)?);
        let mut templates = self.templates.borrow_mut();
        self.size.set(self.size.get() + source.len());
        if self.size.get() > SIZE_LIMIT {
            templates.clear();
            self.size.set(source.len());
        }
        templates.insert(key, Rc::clone(&template));
        Ok(template)
    }
}
