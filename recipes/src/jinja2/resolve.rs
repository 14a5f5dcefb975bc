//! Writes into a tree which variables its names mean, scope by scope.

use std::rc::Rc;

use super::ast::{
    Block, CallArguments, Expr, ExprKind, For, Macro, Mentions, Publication, SetBlock, Stmt,
    StmtKind, Template,
};
use super::check::Examined;
use super::error::SyntaxProblem;
use super::parser::{Parsed, sets_loop};
use super::symbols::{ScopeId, SymbolTable};

/// The most variables of a template.
const VARIABLE_LIMIT: u16 = u16::MAX - 1;

/// Resolves the names of a parsed template.
pub(super) fn resolve(name: &str, mut body: Vec<Stmt>, mentions: Mentions) -> Parsed<Template> {
    let mut resolver = Resolver {
        table: SymbolTable::default(),
        blocks: Vec::new(),
        has_extends: mentions.has(Mentions::EXTENDS),
    };
    let scope = resolver.table.root();
    let self_slot = mentions
        .has(Mentions::SELF)
        .then(|| resolver.table.declare_parameter(scope, &Rc::from("self")));
    resolver.table.analyse(scope, &body);
    let place = Place {
        scope,
        is_toplevel: true,
        is_published: true,
        is_guarded: resolver.has_extends,
        is_in_loop: false,
    };
    resolver.body(&mut body, place)?;
    let root_scope = resolver.table.scope(scope);
    let slots = resolver.table.slots(scope);
    let mut blocks = Vec::new();
    let mut pending = std::mem::take(&mut resolver.blocks);
    while !pending.is_empty() {
        for block in pending {
            blocks.push(resolver.block(block)?);
        }
        // Blocks within blocks.
        pending = std::mem::take(&mut resolver.blocks);
    }
    for (index, block) in blocks.iter().enumerate() {
        if blocks[..index].iter().any(|known| known.name == block.name) {
            let message = format!("block '{}' defined twice", block.name);
            return Err(SyntaxProblem::assertion(block.line, message));
        }
    }
    if slots >= VARIABLE_LIMIT {
        return Err(SyntaxProblem::unsupported(1, "more than 65000 variables"));
    }
    Ok(Template {
        name: Rc::from(name),
        body,
        scope: root_scope,
        slots,
        self_slot,
        blocks: blocks.into_iter().map(Rc::new).collect(),
        examined: Examined::default(),
    })
}

/// Where a statement is.
#[derive(Clone, Copy)]
struct Place {
    scope: ScopeId,
    /// Outside of all scopes but that of the template.
    is_toplevel: bool,
    /// Whether assignments become variables of the context.
    is_published: bool,
    /// Whether a parent template silences what is written.
    is_guarded: bool,
    is_in_loop: bool,
}

struct Resolver {
    table: SymbolTable,
    blocks: Vec<Block>,
    has_extends: bool,
}

impl Resolver {
    fn within(&self, place: Place, scope: ScopeId) -> Place {
        Place {
            scope,
            is_toplevel: false,
            is_published: false,
            ..place
        }
    }

    fn body(&mut self, body: &mut [Stmt], place: Place) -> Parsed<()> {
        for statement in body {
            let line = statement.line;
            self.statement(&mut statement.kind, line, place)?;
        }
        Ok(())
    }

    fn statement(&mut self, statement: &mut StmtKind, line: u32, place: Place) -> Parsed<()> {
        let scope = place.scope;
        match statement {
            StmtKind::Output(nodes, is_guarded) => {
                *is_guarded = place.is_guarded;
                for node in nodes {
                    self.expression(node, scope);
                }
            }
            StmtKind::For(loop_) => {
                if let Some(loop_) = Rc::get_mut(loop_) {
                    self.for_loop(loop_, line, place)?;
                }
            }
            StmtKind::If(branches, otherwise) => {
                for (condition, body) in branches {
                    self.expression(condition, scope);
                    self.body(body, place)?;
                }
                self.body(otherwise, place)?;
            }
            StmtKind::Macro(definition) => {
                if let Some(definition) = Rc::get_mut(definition) {
                    self.macro_definition(definition, place)?;
                    if let Some(name) = definition.name.clone() {
                        definition.slot = self.table.slot(scope, &name);
                    }
                    definition.is_published = place.is_toplevel;
                }
            }
            StmtKind::CallBlock(call, caller) => {
                if let Some(caller) = Rc::get_mut(caller) {
                    self.macro_definition(caller, place)?;
                }
                self.expression(call, scope);
            }
            StmtKind::FilterBlock(filter, body, filter_scope) => {
                let inner = self.table.inner(scope);
                self.table.analyse(inner, body);
                self.table.analyse_expression(inner, filter);
                self.body(body, self.silent(place, inner))?;
                self.expression(filter, inner);
                *filter_scope = self.table.scope(inner);
            }
            StmtKind::With(variables, body, with_scope) => {
                let inner = self.table.inner(scope);
                for (target, _) in &*variables {
                    self.table.declare_targets(inner, target);
                }
                self.table.analyse(inner, body);
                for (target, value) in variables {
                    self.expression(value, scope);
                    self.expression(target, inner);
                }
                self.body(body, self.within(place, inner))?;
                *with_scope = self.table.scope(inner);
            }
            StmtKind::Set(target, value, publication) => {
                self.expression(value, scope);
                self.expression(target, scope);
                self.publish(target, place, publication);
            }
            StmtKind::SetBlock(set) => self.set_block(set, place)?,
            StmtKind::Block(block, is_guarded) => {
                *is_guarded = place.is_toplevel && self.has_extends;
                let mut definition = (**block).clone();
                definition.outer = self.table.visible_stores(scope);
                self.blocks.push(definition.clone());
                // The statement needs only the name and the scope.
                definition.body.clear();
                *block = Rc::new(definition);
            }
            StmtKind::Extends(template) => {
                if !place.is_toplevel {
                    return Err(SyntaxProblem::assertion(
                        line,
                        "cannot use extend from a non top-level scope",
                    ));
                }
                self.expression(template, scope);
            }
            StmtKind::Include(include) => {
                self.expression(&mut include.template, scope);
                include.scope = self.table.visible_stores(scope);
            }
            StmtKind::Import(import) => {
                self.expression(&mut import.template, scope);
                import.slot = self.table.slot(scope, &import.name);
                import.scope = self.table.visible_stores(scope);
                import.is_published = place.is_toplevel;
            }
            StmtKind::FromImport(import) => {
                self.expression(&mut import.template, scope);
                for (_, alias, slot) in &mut import.names {
                    *slot = self.table.slot(scope, alias);
                }
                import.scope = self.table.visible_stores(scope);
                import.is_published = place.is_toplevel;
            }
            StmtKind::Do(expression) => self.expression(expression, scope),
            StmtKind::Break | StmtKind::Continue => {
                if !place.is_in_loop {
                    let message = match statement {
                        StmtKind::Break => "'break' outside loop",
                        _ => "'continue' not properly in loop",
                    };
                    return Err(SyntaxProblem::error(line, message));
                }
            }
        }
        Ok(())
    }

    /// A place where what is written is kept for later.
    fn silent(&self, place: Place, scope: ScopeId) -> Place {
        Place {
            is_guarded: false,
            ..self.within(place, scope)
        }
    }

    fn for_loop(&mut self, loop_: &mut For, line: u32, place: Place) -> Parsed<()> {
        let outer = place.scope;
        self.expression(&mut loop_.iter, outer);
        let inner = match loop_.is_recursive {
            true => self.table.inner_function(outer),
            false => self.table.inner(outer),
        };
        let name: Rc<str> = Rc::from("loop");
        if loop_.is_recursive
            || loop_.mentions.has(Mentions::LOOP)
            || loop_.mentions.has(Mentions::SCOPED_BLOCK)
        {
            self.table.declare_parameter(inner, &name);
            loop_.loop_slot = Some(self.table.slot(inner, &name));
        }
        if sets_loop(&loop_.target) || loop_.mentions.has(Mentions::SETS_LOOP) {
            return Err(SyntaxProblem::assertion(
                line,
                "Can't assign to special loop variable in for-loop target",
            ));
        }
        self.table.declare_targets(inner, &loop_.target);
        self.table.analyse(inner, &loop_.body);
        let else_scope = self.table.inner(match loop_.is_recursive {
            true => inner,
            false => outer,
        });
        self.table.analyse(else_scope, &loop_.else_body);
        self.expression(&mut loop_.target, inner);
        let within = Place {
            is_in_loop: true,
            is_guarded: place.is_guarded && !loop_.is_recursive,
            ..self.within(place, inner)
        };
        self.body(&mut loop_.body, within)?;
        let within_else = Place {
            is_guarded: within.is_guarded,
            ..self.within(place, else_scope)
        };
        self.body(&mut loop_.else_body, within_else)?;
        loop_.scope = self.table.scope(inner);
        loop_.else_scope = self.table.scope(else_scope);
        loop_.slots = self.table.slots(inner);
        if let Some(test) = &mut loop_.test {
            // It is called from within a recursive loop, but belongs to what
            // is around.
            let scope = self.table.inner_function(match loop_.is_recursive {
                true => inner,
                false => outer,
            });
            self.table.declare_targets(scope, &test.target);
            self.table.analyse_expression(scope, &test.condition);
            self.expression(&mut test.target, scope);
            self.expression(&mut test.condition, scope);
            test.scope = self.table.scope(scope);
            test.slots = self.table.slots(scope);
        }
        Ok(())
    }

    fn macro_definition(&mut self, definition: &mut Macro, place: Place) -> Parsed<()> {
        let scope = self.table.inner_function(place.scope);
        for parameter in &mut definition.parameters {
            parameter.index = self.table.declare_parameter(scope, &parameter.name);
        }
        for parameter in &definition.parameters {
            if let Some(default) = &parameter.default {
                self.table.analyse_expression(scope, default);
            }
        }
        let has = |name: &str| {
            definition
                .parameters
                .iter()
                .any(|parameter| *parameter.name == *name)
        };
        let mut special = |name: &str, mention| {
            (definition.mentions.has(mention) && !has(name))
                .then(|| self.table.declare_parameter(scope, &Rc::from(name)))
        };
        let caller = special("caller", Mentions::CALLER);
        let kwargs = special("kwargs", Mentions::KWARGS);
        let varargs = special("varargs", Mentions::VARARGS);
        (definition.caller, definition.kwargs, definition.varargs) = (caller, kwargs, varargs);
        let caller_parameter = definition
            .parameters
            .iter()
            .find(|known| *known.name == *"caller");
        if caller_parameter.is_some_and(|parameter| parameter.default.is_none())
            && definition.mentions.has(Mentions::CALLER)
        {
            return Err(SyntaxProblem::assertion(
                definition.line,
                "When defining macros or call blocks the special \"caller\" argument must be \
                 omitted or be given a default.",
            ));
        }
        self.table.analyse(scope, &definition.body);
        for parameter in &mut definition.parameters {
            if let Some(default) = &mut parameter.default {
                self.expression(default, scope);
            }
        }
        let within = Place {
            is_in_loop: false,
            ..self.silent(place, scope)
        };
        self.body(&mut definition.body, within)?;
        definition.scope = self.table.scope(scope);
        definition.slots = self.table.slots(scope);
        Ok(())
    }

    fn set_block(&mut self, set: &mut SetBlock, place: Place) -> Parsed<()> {
        let inner = self.table.inner(place.scope);
        self.table.analyse(inner, &set.body);
        if let Some(filter) = &set.filter {
            self.table.analyse_expression(inner, filter);
        }
        self.body(&mut set.body, self.silent(place, inner))?;
        if let Some(filter) = &mut set.filter {
            self.expression(filter, inner);
        }
        self.expression(&mut set.target, place.scope);
        self.publish(&set.target, place, &mut set.publication);
        set.scope = self.table.scope(inner);
        Ok(())
    }

    fn block(&mut self, mut block: Block) -> Parsed<Block> {
        let scope = self.table.root();
        let mut declare = |name: &str, mention| {
            let is_used = block.mentions.has(mention);
            is_used.then(|| self.table.declare_parameter(scope, &Rc::from(name)))
        };
        let self_slot = declare("self", Mentions::SELF);
        let super_slot = declare("super", Mentions::SUPER);
        (block.self_slot, block.super_slot) = (self_slot, super_slot);
        self.table.analyse(scope, &block.body);
        let place = Place {
            scope,
            is_toplevel: false,
            is_published: false,
            is_guarded: false,
            is_in_loop: false,
        };
        self.body(&mut block.body, place)?;
        block.scope = self.table.scope(scope);
        block.slots = self.table.slots(scope);
        Ok(block)
    }

    fn publish(&mut self, target: &Expr, place: Place, publication: &mut Publication) {
        if !place.is_published {
            return;
        }
        match &target.kind {
            ExprKind::Name(name, slot) => publication.names.push((Rc::clone(name), *slot)),
            ExprKind::Tuple(items) => {
                for item in items {
                    self.publish(item, place, publication);
                }
            }
            _ => {}
        }
    }

    fn expression(&mut self, expression: &mut Expr, scope: ScopeId) {
        match &mut expression.kind {
            ExprKind::Data(_) | ExprKind::Const(_) => {}
            ExprKind::Name(name, slot) | ExprKind::NamespaceAttribute(name, slot, _) => {
                *slot = self.table.slot(scope, name);
            }
            ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Concat(items) => {
                for item in items {
                    self.expression(item, scope);
                }
            }
            ExprKind::Dict(entries) => {
                for (key, value) in entries {
                    self.expression(key, scope);
                    self.expression(value, scope);
                }
            }
            ExprKind::Attribute(object, _) | ExprKind::Not(object) | ExprKind::Sign(_, object) => {
                self.expression(object, scope);
            }
            ExprKind::Item(left, right)
            | ExprKind::Binary(_, left, right)
            | ExprKind::And(left, right)
            | ExprKind::Or(left, right) => {
                self.expression(left, scope);
                self.expression(right, scope);
            }
            ExprKind::Slice(object, bounds) => {
                self.expression(object, scope);
                for bound in bounds.iter_mut().flatten() {
                    self.expression(bound, scope);
                }
            }
            ExprKind::Call(value, arguments) | ExprKind::Test(value, _, arguments) => {
                self.expression(value, scope);
                self.arguments(arguments, scope);
            }
            ExprKind::Filter(value, _, arguments) => {
                if let Some(value) = value {
                    self.expression(value, scope);
                }
                self.arguments(arguments, scope);
            }
            ExprKind::Compare(first, others) => {
                self.expression(first, scope);
                for (_, other) in others {
                    self.expression(other, scope);
                }
            }
            ExprKind::Condition(condition, value, otherwise) => {
                self.expression(condition, scope);
                self.expression(value, scope);
                if let Some(otherwise) = otherwise {
                    self.expression(otherwise, scope);
                }
            }
        }
    }

    fn arguments(&mut self, arguments: &mut CallArguments, scope: ScopeId) {
        let keywords = arguments.keywords.iter_mut().map(|(_, value)| value);
        let all = arguments.positional.iter_mut().chain(keywords);
        for argument in all
            .chain(&mut arguments.star)
            .chain(&mut arguments.double_star)
        {
            self.expression(argument, scope);
        }
    }
}
