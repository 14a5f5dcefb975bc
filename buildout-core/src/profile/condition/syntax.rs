//! The tree of a Python expression.

use crate::value::Value;

/// An expression and the byte offset where it starts.
///
/// Chains of operators and of trailers are flat, so the depth of the tree is
/// that of the brackets, bounded by
/// [`MAXIMUM_CONDITION_DEPTH`](super::MAXIMUM_CONDITION_DEPTH).
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub(super) offset: usize,
    pub(super) kind: ExpressionKind,
}

#[derive(Debug, Clone)]
pub(super) enum ExpressionKind {
    Constant(Value),
    Name(String),
    Tuple(Vec<Expression>),
    List(Vec<Expression>),
    Set(Vec<Expression>),
    Dict(Vec<(Expression, Expression)>),
    Comprehension(Box<Comprehension>),
    Conditional(Box<Conditional>),
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Box<Expression>, Vec<(CompareOperator, Expression)>),
    Arithmetic(Box<Expression>, Vec<(ArithmeticOperator, Expression)>),
    Unary(UnaryOperator, Box<Expression>),
    Postfix(Box<Expression>, Vec<Trailer>),
}

#[derive(Debug, Clone)]
pub(super) struct Conditional {
    pub(super) condition: Expression,
    pub(super) then: Expression,
    pub(super) otherwise: Expression,
}

/// A list or set comprehension, or a generator, which is a list to us.
#[derive(Debug, Clone)]
pub(super) struct Comprehension {
    pub(super) makes_set: bool,
    pub(super) element: Expression,
    pub(super) clauses: Vec<Clause>,
}

/// `for TARGETS in ITERABLE if CONDITIONS`.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    /// One name, or the names that each item is unpacked to.
    pub(super) targets: Vec<String>,
    pub(super) unpacks: bool,
    pub(super) iterable: Expression,
    pub(super) conditions: Vec<Expression>,
}

#[derive(Debug, Clone)]
pub(super) struct Trailer {
    pub(super) offset: usize,
    pub(super) kind: TrailerKind,
}

#[derive(Debug, Clone)]
pub(super) enum TrailerKind {
    Attribute(String),
    Call(Vec<Expression>),
    Index(Box<Expression>),
    Slice(Box<[Option<Expression>; 3]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CompareOperator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArithmeticOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnaryOperator {
    Plus,
    Minus,
    Invert,
}
