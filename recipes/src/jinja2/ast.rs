//! The tree of a template.

use std::rc::Rc;

use super::check::Examined;
use super::filters::Filter;
use super::tests::Test;
use crate::python_value::Object;
use crate::python_value::arithmetic::Operator;

/// Where a variable is: how many functions up, and its number there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) up: u16,
    pub(super) index: u16,
}

/// How a variable starts when a scope is entered.
#[derive(Clone, Debug)]
pub(super) enum Load {
    /// It is set before, as the parameter of a macro or the target of a loop.
    Parameter,
    /// From the context.
    Resolve(Rc<str>),
    /// From an outer scope.
    Alias(Slot),
    Undefined,
}

/// The variables of a scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) loads: Vec<(u16, Load)>,
    /// What included templates see of this and the outer scopes.
    pub(super) stores: Vec<(Rc<str>, Slot)>,
}

/// An expression.
#[derive(Clone)]
pub(super) struct Expr {
    pub(super) line: u32,
    pub(super) kind: ExprKind,
}

#[derive(Clone)]
pub(super) enum ExprKind {
    /// Text outside of tags.
    Data(Rc<str>),
    Const(Object),
    Name(Rc<str>, Slot),
    /// `namespace.attribute` as a target.
    NamespaceAttribute(Rc<str>, Slot, Rc<str>),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    Attribute(Box<Expr>, Rc<str>),
    Item(Box<Expr>, Box<Expr>),
    Slice(Box<Expr>, Box<[Option<Expr>; 3]>),
    Call(Box<Expr>, Box<CallArguments>),
    /// A filter; without a value, of a block.
    Filter(Option<Box<Expr>>, Filter, Box<CallArguments>),
    Test(Box<Expr>, Test, Box<CallArguments>),
    Not(Box<Expr>),
    /// `-` if true, else `+`.
    Sign(bool, Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Concat(Vec<Expr>),
    Compare(Box<Expr>, Vec<(Comparator, Expr)>),
    /// Condition, value, and the other value.
    Condition(Box<Expr>, Box<Expr>, Option<Box<Expr>>),
}

/// An operator of comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparator {
    Equal,
    NotEqual,
    Order(crate::python_value::Comparison),
    In,
    NotIn,
}

#[derive(Clone, Default)]
pub(super) struct CallArguments {
    pub(super) positional: Vec<Expr>,
    pub(super) keywords: Vec<(Rc<str>, Expr)>,
    pub(super) star: Option<Expr>,
    pub(super) double_star: Option<Expr>,
}

/// The special names and statements that a body has, with those of the bodies
/// within it, but not of blocks. Names that it sets do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mentions(u16);

impl Mentions {
    pub(super) const LOOP: Mentions = Mentions(1);
    pub(super) const CALLER: Mentions = Mentions(1 << 1);
    pub(super) const KWARGS: Mentions = Mentions(1 << 2);
    pub(super) const VARARGS: Mentions = Mentions(1 << 3);
    pub(super) const SELF: Mentions = Mentions(1 << 4);
    pub(super) const SUPER: Mentions = Mentions(1 << 5);
    /// A block that sees the variables around it.
    pub(super) const SCOPED_BLOCK: Mentions = Mentions(1 << 6);
    /// An assignment to `loop`.
    pub(super) const SETS_LOOP: Mentions = Mentions(1 << 7);
    pub(super) const EXTENDS: Mentions = Mentions(1 << 8);

    pub(super) fn add(&mut self, other: Mentions) {
        self.0 |= other.0;
    }

    /// Adds a name that is used.
    pub(super) fn note(&mut self, name: &str) {
        self.add(match name {
            "loop" => Mentions::LOOP,
            "caller" => Mentions::CALLER,
            "kwargs" => Mentions::KWARGS,
            "varargs" => Mentions::VARARGS,
            "self" => Mentions::SELF,
            "super" => Mentions::SUPER,
            _ => return,
        });
    }

    pub(super) fn has(self, one: Mentions) -> bool {
        self.0 & one.0 != 0
    }
}

/// A statement.
#[derive(Clone)]
pub(super) struct Stmt {
    pub(super) line: u32,
    pub(super) kind: StmtKind,
}

#[derive(Clone)]
pub(super) enum StmtKind {
    /// The flag tells that nothing is written once a parent template is known.
    Output(Vec<Expr>, bool),
    For(Rc<For>),
    If(Vec<(Expr, Vec<Stmt>)>, Vec<Stmt>),
    Macro(Rc<Macro>),
    CallBlock(Expr, Rc<Macro>),
    FilterBlock(Expr, Vec<Stmt>, Scope),
    With(Vec<(Expr, Expr)>, Vec<Stmt>, Scope),
    Set(Expr, Expr, Publication),
    SetBlock(Box<SetBlock>),
    Block(Rc<Block>, bool),
    Extends(Expr),
    Include(Box<Include>),
    Import(Box<Import>),
    FromImport(Box<FromImport>),
    Do(Expr),
    Break,
    Continue,
}

/// Which assignments others see: the names that become variables of the
/// template's context.
#[derive(Clone, Debug, Default)]
pub(super) struct Publication {
    pub(super) names: Vec<(Rc<str>, Slot)>,
}

#[derive(Clone)]
pub(super) struct For {
    pub(super) target: Expr,
    pub(super) iter: Expr,
    pub(super) body: Vec<Stmt>,
    pub(super) else_body: Vec<Stmt>,
    pub(super) test: Option<LoopTest>,
    pub(super) mentions: Mentions,
    pub(super) is_recursive: bool,
    pub(super) scope: Scope,
    pub(super) else_scope: Scope,
    /// Where the variable `loop` is, if it is used.
    pub(super) loop_slot: Option<Slot>,
    /// The number of variables of the function that a recursive loop is.
    pub(super) slots: u16,
}

/// The condition of a loop, which is a function of its own.
#[derive(Clone)]
pub(super) struct LoopTest {
    pub(super) target: Expr,
    pub(super) condition: Expr,
    pub(super) scope: Scope,
    pub(super) slots: u16,
}

/// A macro, or the body of a call block.
#[derive(Clone)]
pub(super) struct Macro {
    pub(super) name: Option<Rc<str>>,
    pub(super) line: u32,
    pub(super) slot: Slot,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Vec<Stmt>,
    pub(super) mentions: Mentions,
    pub(super) scope: Scope,
    pub(super) slots: u16,
    pub(super) caller: Option<u16>,
    pub(super) kwargs: Option<u16>,
    pub(super) varargs: Option<u16>,
    pub(super) is_published: bool,
}

#[derive(Clone)]
pub(super) struct Parameter {
    pub(super) name: Rc<str>,
    pub(super) index: u16,
    pub(super) default: Option<Expr>,
}

#[derive(Clone)]
pub(super) struct SetBlock {
    pub(super) target: Expr,
    pub(super) filter: Option<Expr>,
    pub(super) body: Vec<Stmt>,
    pub(super) scope: Scope,
    pub(super) publication: Publication,
}

#[derive(Clone)]
pub(super) struct Block {
    pub(super) name: Rc<str>,
    pub(super) line: u32,
    pub(super) is_scoped: bool,
    pub(super) is_required: bool,
    pub(super) body: Vec<Stmt>,
    pub(super) mentions: Mentions,
    pub(super) scope: Scope,
    pub(super) slots: u16,
    pub(super) self_slot: Option<u16>,
    pub(super) super_slot: Option<u16>,
    /// What a scoped block sees of the place where it is.
    pub(super) outer: Scope,
}

#[derive(Clone)]
pub(super) struct Include {
    pub(super) template: Expr,
    pub(super) ignores_missing: bool,
    pub(super) with_context: bool,
    pub(super) scope: Scope,
}

#[derive(Clone)]
pub(super) struct Import {
    pub(super) template: Expr,
    pub(super) name: Rc<str>,
    pub(super) slot: Slot,
    pub(super) with_context: bool,
    pub(super) scope: Scope,
    pub(super) is_published: bool,
}

#[derive(Clone)]
pub(super) struct FromImport {
    pub(super) template: Expr,
    /// The name there, the name here, and where that is.
    pub(super) names: Vec<(Rc<str>, Rc<str>, Slot)>,
    pub(super) with_context: bool,
    pub(super) scope: Scope,
    pub(super) is_published: bool,
}

/// A whole template.
pub(super) struct Template {
    pub(super) name: Rc<str>,
    pub(super) body: Vec<Stmt>,
    pub(super) scope: Scope,
    pub(super) slots: u16,
    pub(super) self_slot: Option<u16>,
    pub(super) blocks: Vec<Rc<Block>>,
    /// What was found in it when it was last examined.
    pub(super) examined: Examined,
}
