//! Which variable a name means. Jinja2 decides that before it renders, scope
//! by scope; the rules are those of its `idtracking`.

use std::rc::Rc;

use indexmap::{IndexMap, IndexSet};
use rustc_hash::{FxBuildHasher, FxHashMap};

use super::ast::{Expr, ExprKind, Load, Scope, Slot, Stmt, StmtKind};

/// A variable: the function that has it, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Variable {
    function: usize,
    index: u16,
}

/// How a variable of a scope starts.
#[derive(Clone, Debug)]
enum Start {
    Parameter,
    Resolve,
    Alias(Variable),
    Undefined,
}

/// The names of one scope.
#[derive(Debug, Default)]
struct Symbols {
    level: usize,
    function: usize,
    parent: Option<usize>,
    /// The variables, and how they start.
    names: FxIndexMap<Rc<str>, (Variable, Start)>,
    /// Those that the scope sets.
    stores: FxIndexSet<Rc<str>>,
}

type FxIndexMap<K, V> = IndexMap<K, V, FxBuildHasher>;
type FxIndexSet<T> = IndexSet<T, FxBuildHasher>;

/// A function that templates are compiled to: variables of the same name at
/// the same level of scopes are one.
#[derive(Debug, Default)]
struct FunctionNames {
    depth: u16,
    variables: FxHashMap<(usize, Rc<str>), u16>,
}

/// What branches of a condition add to their scope.
#[derive(Default)]
struct BranchEnds {
    names: Vec<(Rc<str>, (Variable, Start))>,
    stores: FxIndexSet<Rc<str>>,
}

/// A scope, by its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct ScopeId(usize);

/// All scopes of a template.
#[derive(Default)]
pub(super) struct SymbolTable {
    scopes: Vec<Symbols>,
    functions: Vec<FunctionNames>,
}

impl SymbolTable {
    /// Makes the outermost scope of a function that knows no other.
    pub(super) fn root(&mut self) -> ScopeId {
        self.functions.push(FunctionNames::default());
        self.scopes.push(Symbols {
            function: self.functions.len() - 1,
            ..Symbols::default()
        });
        ScopeId(self.scopes.len() - 1)
    }

    /// Makes a scope within another.
    pub(super) fn inner(&mut self, outer: ScopeId) -> ScopeId {
        let symbols = Symbols {
            level: self.scopes[outer.0].level + 1,
            function: self.scopes[outer.0].function,
            parent: Some(outer.0),
            ..Symbols::default()
        };
        self.scopes.push(symbols);
        ScopeId(self.scopes.len() - 1)
    }

    /// Makes the scope of a function within another.
    pub(super) fn inner_function(&mut self, outer: ScopeId) -> ScopeId {
        let scope = self.inner(outer);
        let outer_function = self.scopes[outer.0].function;
        self.functions.push(FunctionNames {
            depth: self.functions[outer_function].depth + 1,
            variables: FxHashMap::default(),
        });
        self.scopes[scope.0].function = self.functions.len() - 1;
        scope
    }

    /// Returns the number of variables of the function of a scope.
    pub(super) fn slots(&self, scope: ScopeId) -> u16 {
        let function = &self.functions[self.scopes[scope.0].function];
        u16::try_from(function.variables.len()).unwrap_or(u16::MAX)
    }

    fn find(&self, mut scope: usize, name: &str) -> Option<Variable> {
        loop {
            let symbols = &self.scopes[scope];
            if let Some((variable, _)) = symbols.names.get(name) {
                return Some(*variable);
            }
            scope = symbols.parent?;
        }
    }

    fn find_outer(&self, scope: usize, name: &str) -> Option<Variable> {
        self.find(self.scopes[scope].parent?, name)
    }

    fn define(&mut self, scope: usize, name: &Rc<str>, start: Start) -> Variable {
        let symbols = &mut self.scopes[scope];
        let function = &mut self.functions[symbols.function];
        let next = u16::try_from(function.variables.len()).unwrap_or(u16::MAX);
        let key = (symbols.level, Rc::clone(name));
        let index = *function.variables.entry(key).or_insert(next);
        let variable = Variable {
            function: symbols.function,
            index,
        };
        symbols.names.insert(Rc::clone(name), (variable, start));
        variable
    }

    fn load(&mut self, scope: usize, name: &Rc<str>) {
        if self.find(scope, name).is_none() {
            self.define(scope, name, Start::Resolve);
        }
    }

    fn store(&mut self, scope: usize, name: &Rc<str>) {
        self.scopes[scope].stores.insert(Rc::clone(name));
        if self.scopes[scope].names.contains_key(name) {
            return;
        }
        let start = match self.find_outer(scope, name) {
            Some(outer) => Start::Alias(outer),
            None => Start::Undefined,
        };
        self.define(scope, name, start);
    }

    /// Declares a name that is set when the scope is entered.
    pub(super) fn declare_parameter(&mut self, scope: ScopeId, name: &Rc<str>) -> u16 {
        self.scopes[scope.0].stores.insert(Rc::clone(name));
        self.define(scope.0, name, Start::Parameter).index
    }

    /// Declares the targets of a loop.
    pub(super) fn declare_targets(&mut self, scope: ScopeId, target: &Expr) {
        match &target.kind {
            ExprKind::Name(name, _) => {
                self.declare_parameter(scope, name);
            }
            ExprKind::Tuple(items) => {
                for item in items {
                    self.declare_targets(scope, item);
                }
            }
            ExprKind::NamespaceAttribute(name, ..) => self.load(scope.0, name),
            _ => {}
        }
    }

    /// Returns where a name is, seen from a scope. It must have been analysed.
    pub(super) fn slot(&mut self, scope: ScopeId, name: &Rc<str>) -> Slot {
        self.load(scope.0, name);
        let variable = self.find(scope.0, name).unwrap_or(Variable {
            function: self.scopes[scope.0].function,
            index: 0,
        });
        self.relative(scope, variable)
    }

    fn relative(&self, scope: ScopeId, variable: Variable) -> Slot {
        let here = self.functions[self.scopes[scope.0].function].depth;
        Slot {
            up: here - self.functions[variable.function].depth,
            index: variable.index,
        }
    }

    /// Returns how the variables of a scope start.
    pub(super) fn scope(&self, scope: ScopeId) -> Scope {
        let names = self.scopes[scope.0].names.iter();
        let loads = names.map(|(name, (variable, start))| {
            let load = match start {
                Start::Parameter => Load::Parameter,
                Start::Resolve => Load::Resolve(Rc::clone(name)),
                Start::Alias(outer) => Load::Alias(self.relative(scope, *outer)),
                Start::Undefined => Load::Undefined,
            };
            (variable.index, load)
        });
        Scope {
            loads: loads.collect(),
            stores: Vec::new(),
        }
    }

    /// Returns the variables that templates included from a scope see.
    pub(super) fn visible_stores(&self, scope: ScopeId) -> Scope {
        let mut seen: Vec<(Rc<str>, Slot)> = Vec::new();
        let mut next = Some(scope.0);
        while let Some(at) = next {
            for name in &self.scopes[at].stores {
                if seen.iter().all(|(known, _)| known != name)
                    && let Some(variable) = self.find(scope.0, name)
                {
                    seen.push((Rc::clone(name), self.relative(scope, variable)));
                }
            }
            next = self.scopes[at].parent;
        }
        Scope {
            loads: Vec::new(),
            stores: seen,
        }
    }

    /// Notes the names that statements use and set in their own scope.
    pub(super) fn analyse(&mut self, scope: ScopeId, statements: &[Stmt]) {
        for statement in statements {
            self.statement(scope.0, &statement.kind);
        }
    }

    fn statement(&mut self, scope: usize, statement: &StmtKind) {
        match statement {
            StmtKind::Output(nodes, _) => {
                for node in nodes {
                    self.expression(scope, node);
                }
            }
            StmtKind::For(loop_) => self.expression(scope, &loop_.iter),
            StmtKind::If(branches, otherwise) => self.branches(scope, branches, otherwise),
            StmtKind::Macro(definition) => {
                if let Some(name) = &definition.name {
                    self.store(scope, name);
                }
            }
            StmtKind::CallBlock(call, _) => self.expression(scope, call),
            StmtKind::FilterBlock(filter, ..) => self.expression(scope, filter),
            StmtKind::With(variables, ..) => {
                for (_, value) in variables {
                    self.expression(scope, value);
                }
            }
            StmtKind::Set(target, value, _) => {
                self.expression(scope, value);
                self.target(scope, target);
            }
            StmtKind::SetBlock(set) => self.target(scope, &set.target),
            StmtKind::Extends(template) | StmtKind::Do(template) => {
                self.expression(scope, template);
            }
            StmtKind::Include(include) => self.expression(scope, &include.template),
            StmtKind::Import(import) => {
                self.expression(scope, &import.template);
                self.store(scope, &import.name);
            }
            StmtKind::FromImport(import) => {
                self.expression(scope, &import.template);
                for (_, alias, _) in &import.names {
                    self.store(scope, alias);
                }
            }
            StmtKind::Block(..) | StmtKind::Break | StmtKind::Continue => {}
        }
    }

    /// The first condition belongs to the statement; each further branch with
    /// its condition is like an `if` within the first.
    fn branches(&mut self, scope: usize, branches: &[(Expr, Vec<Stmt>)], otherwise: &[Stmt]) {
        let [(first, body), elifs @ ..] = branches else {
            return;
        };
        self.expression(scope, first);
        let symbols = &self.scopes[scope];
        let (names, stores) = (symbols.names.len(), symbols.stores.len());
        let mut new = BranchEnds::default();
        self.analyse(ScopeId(scope), body);
        self.take_branch(scope, names, stores, &mut new);
        for branch in elifs {
            self.branches(scope, std::slice::from_ref(branch), &[]);
        }
        self.take_branch(scope, names, stores, &mut new);
        self.analyse(ScopeId(scope), otherwise);
        self.take_branch(scope, names, stores, &mut new);
        self.scopes[scope].names.extend(new.names);
        for name in new.stores {
            let start = match self.find_outer(scope, &name) {
                Some(outer) => Start::Alias(outer),
                None => Start::Resolve,
            };
            let symbols = &mut self.scopes[scope];
            if let Some((_, known)) = symbols.names.get_mut(&name) {
                *known = start;
            }
            symbols.stores.insert(name);
        }
    }

    /// Moves what a branch has added to a scope to what others have added.
    fn take_branch(&mut self, scope: usize, names: usize, stores: usize, new: &mut BranchEnds) {
        let symbols = &mut self.scopes[scope];
        new.names.extend(symbols.names.drain(names..));
        new.stores.extend(symbols.stores.drain(stores..));
    }

    fn target(&mut self, scope: usize, target: &Expr) {
        match &target.kind {
            ExprKind::Name(name, _) => self.store(scope, name),
            ExprKind::NamespaceAttribute(name, ..) => self.load(scope, name),
            ExprKind::Tuple(items) => {
                for item in items {
                    self.target(scope, item);
                }
            }
            _ => {}
        }
    }

    /// Notes the names of an expression.
    pub(super) fn analyse_expression(&mut self, scope: ScopeId, expression: &Expr) {
        self.expression(scope.0, expression);
    }

    fn expression(&mut self, scope: usize, expression: &Expr) {
        match &expression.kind {
            ExprKind::Name(name, _) => self.load(scope, name),
            _ => for_each_child(expression, &mut |child| self.expression(scope, child)),
        }
    }
}

/// Visits the expressions directly within another.
pub(super) fn for_each_child(expression: &Expr, visit: &mut impl FnMut(&Expr)) {
    match &expression.kind {
        ExprKind::Data(_)
        | ExprKind::Const(_)
        | ExprKind::Name(..)
        | ExprKind::NamespaceAttribute(..) => {}
        ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Concat(items) => {
            items.iter().for_each(visit);
        }
        ExprKind::Dict(entries) => {
            for (key, value) in entries {
                visit(key);
                visit(value);
            }
        }
        ExprKind::Attribute(object, _) | ExprKind::Not(object) | ExprKind::Sign(_, object) => {
            visit(object);
        }
        ExprKind::Item(left, right)
        | ExprKind::Binary(_, left, right)
        | ExprKind::And(left, right)
        | ExprKind::Or(left, right) => {
            visit(left);
            visit(right);
        }
        ExprKind::Slice(object, bounds) => {
            visit(object);
            bounds.iter().flatten().for_each(visit);
        }
        ExprKind::Call(value, arguments) | ExprKind::Test(value, _, arguments) => {
            visit(value);
            for_each_argument(arguments, visit);
        }
        ExprKind::Filter(value, _, arguments) => {
            if let Some(value) = value {
                visit(value);
            }
            for_each_argument(arguments, visit);
        }
        ExprKind::Compare(first, others) => {
            visit(first);
            for (_, other) in others {
                visit(other);
            }
        }
        ExprKind::Condition(condition, value, otherwise) => {
            visit(condition);
            visit(value);
            if let Some(otherwise) = otherwise {
                visit(otherwise);
            }
        }
    }
}

fn for_each_argument(arguments: &super::ast::CallArguments, visit: &mut impl FnMut(&Expr)) {
    let keywords = arguments.keywords.iter().map(|(_, value)| value);
    arguments
        .positional
        .iter()
        .chain(keywords)
        .chain(&arguments.star)
        .chain(&arguments.double_star)
        .for_each(visit);
}
