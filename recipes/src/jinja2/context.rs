//! The variables that functions of a template have.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use super::ast::{Block, Load, Scope, Slot, Template};
use super::environment::Environment;
use super::given::Names;
use crate::python_value::Object;

/// Names with their values.
pub(super) type Variables = IndexMap<Rc<str>, Object, FxBuildHasher>;

/// A block, with the template that has it.
#[derive(Clone)]
pub(super) struct BlockEntry {
    pub(super) template: Rc<Template>,
    pub(super) block: Rc<Block>,
}

/// What a template knows when it is rendered.
pub(super) struct Context {
    pub(super) environment: Rc<Environment>,
    pub(super) template: Rc<Template>,
    /// The names it was given.
    pub(super) parent: Rc<Names>,
    /// The names it has set outside of all scopes.
    pub(super) variables: RefCell<Variables>,
    /// Those that others can import.
    pub(super) exported: RefCell<Vec<Rc<str>>>,
    /// The blocks of each name, that of the youngest template first.
    pub(super) blocks: RefCell<HashMap<Rc<str>, Vec<BlockEntry>>>,
}

impl Context {
    pub(super) fn new(
        environment: &Rc<Environment>,
        template: &Rc<Template>,
        parent: Rc<Names>,
    ) -> Rc<Self> {
        let context = Rc::new(Context {
            environment: Rc::clone(environment),
            template: Rc::clone(template),
            parent,
            variables: RefCell::default(),
            exported: RefCell::default(),
            blocks: RefCell::default(),
        });
        context.add_blocks(template);
        environment.remember_context(&context);
        context
    }

    /// Adds the blocks of a template behind those of its children.
    pub(super) fn add_blocks(&self, template: &Rc<Template>) {
        let mut blocks = self.blocks.borrow_mut();
        for block in &template.blocks {
            let entries = blocks.entry(Rc::clone(&block.name)).or_default();
            entries.push(BlockEntry {
                template: Rc::clone(template),
                block: Rc::clone(block),
            });
        }
    }

    pub(super) fn resolve(&self, name: &Rc<str>) -> Option<Object> {
        let known = self.variables.borrow().get(name).cloned();
        known.or_else(|| self.parent.get(name))
    }

    /// Sets a name that others can see, and import unless it starts with `_`.
    pub(super) fn publish(&self, name: &Rc<str>, value: Object) {
        let old = self.variables.borrow_mut().insert(Rc::clone(name), value);
        drop(old);
        let mut exported = self.exported.borrow_mut();
        if !name.starts_with('_') && !exported.contains(name) {
            exported.push(Rc::clone(name));
        }
    }

    /// Sets a name that others can see, but not import.
    pub(super) fn publish_import(&self, name: &Rc<str>, value: Object) {
        let old = self.variables.borrow_mut().insert(Rc::clone(name), value);
        drop(old);
        self.exported.borrow_mut().retain(|known| known != name);
    }

    /// Returns all names, with those of a scope in front.
    pub(super) fn all_with(&self, scope: &Scope, activation: &Activation) -> Rc<Names> {
        let mut own = self.variables.borrow().clone();
        for (name, slot) in &scope.stores {
            if let Some(value) = activation.get(*slot) {
                own.insert(Rc::clone(name), value);
            }
        }
        self.parent.with(own)
    }
}

/// The variables of a function that is being run. Macros keep those of the
/// function around them.
pub(super) struct Activation {
    slots: RefCell<Vec<Option<Object>>>,
    parent: Option<Rc<Activation>>,
    /// The template that the template of this function extends, once known.
    pub(super) extended: RefCell<Option<Rc<Template>>>,
}

impl Activation {
    pub(super) fn new(slots: u16, parent: Option<Rc<Activation>>) -> Rc<Self> {
        Rc::new(Activation {
            slots: RefCell::new(vec![None; slots.into()]),
            parent,
            extended: RefCell::default(),
        })
    }

    fn owner(&self, up: u16) -> &Activation {
        let mut activation = self;
        for _ in 0..up {
            if let Some(parent) = &activation.parent {
                activation = parent;
            }
        }
        activation
    }

    pub(super) fn get(&self, slot: Slot) -> Option<Object> {
        let slots = self.owner(slot.up).slots.borrow();
        slots.get(usize::from(slot.index)).cloned().flatten()
    }

    pub(super) fn set(&self, slot: Slot, value: Option<Object>) {
        let old = match self
            .owner(slot.up)
            .slots
            .borrow_mut()
            .get_mut(usize::from(slot.index))
        {
            Some(place) => std::mem::replace(place, value),
            None => None,
        };
        drop(old);
    }

    pub(super) fn set_own(&self, index: u16, value: Option<Object>) {
        self.set(Slot { up: 0, index }, value);
    }

    /// Starts the variables of a scope.
    pub(super) fn enter(&self, scope: &Scope, context: &Context) {
        for (index, load) in &scope.loads {
            let value = match load {
                Load::Parameter => continue,
                Load::Resolve(name) => context.resolve(name),
                Load::Alias(slot) => self.get(*slot),
                Load::Undefined => None,
            };
            self.set_own(*index, value);
        }
    }

    /// Ends the variables of a scope.
    pub(super) fn leave(&self, scope: &Scope) {
        for (index, _) in &scope.loads {
            self.set_own(*index, None);
        }
    }

    /// Drops all values: macros and their functions refer to each other.
    pub(super) fn clear(&self) {
        let old = std::mem::take(&mut *self.slots.borrow_mut());
        drop(old);
    }
}
