//! Evaluates Python expressions.

use std::borrow::Cow;

use super::ConditionNames;
use super::arithmetic;
use super::environment::ConditionEnvironment;
use super::error::{ConditionError, ConditionProblem};
use super::functions;
use super::methods;
use super::namespace;
use super::subscript;
use super::syntax::{
    Clause, CompareOperator, Comprehension, Expression, ExpressionKind, Trailer, TrailerKind,
};
use crate::value::{Dict, Value, compare};

/// How many nodes one condition may visit, where a long text or list counts as
/// several.
const MAXIMUM_STEPS: u32 = 1_000_000;

/// What an expression evaluates to: a value, or one of the things of Python
/// that are no values of ours.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    Value(Value),
    /// A named tuple.
    Record {
        fields: &'static [&'static str],
        items: Vec<Value>,
    },
    /// A module or a namespace like one, by its dotted name.
    Module(&'static str),
    /// A function, by its dotted name.
    Function(&'static str),
    /// A method of a value.
    Method {
        receiver: Value,
        name: String,
    },
    /// `os.environ`.
    Environment,
    /// An open text file, with its content.
    File {
        content: String,
    },
    /// A method of `os.environ` or of a file.
    SpecialMethod {
        receiver: Box<Operand>,
        name: String,
    },
}

impl Operand {
    fn is_truthy(&self) -> bool {
        match self {
            Self::Value(value) => value.is_truthy(),
            Self::Record { items, .. } => !items.is_empty(),
            _ => true,
        }
    }

    /// Returns the operand as a value, for instance to compare it or to put it
    /// into a list.
    pub(super) fn into_value(self) -> Result<Value, ConditionProblem> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Record { items, .. } => Ok(Value::Tuple(items)),
            other => Err(ConditionProblem::unsupported(format!(
                "{} as a value",
                other.description()
            ))),
        }
    }

    pub(super) fn description(&self) -> Cow<'static, str> {
        match self {
            Self::Value(value) => value.type_name().into(),
            Self::Record { .. } => "tuple".into(),
            Self::Module(name) => format!("the module `{name}`").into(),
            Self::Function(name) => format!("the function `{name}`").into(),
            Self::Method { name, .. } | Self::SpecialMethod { name, .. } => {
                format!("the method `{name}`").into()
            }
            Self::Environment => "`os.environ`".into(),
            Self::File { .. } => "an open file".into(),
        }
    }
}

impl From<Value> for Operand {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

type Evaluated<T = Value> = Result<T, ConditionError>;

pub(super) struct Evaluator<'environment> {
    names: ConditionNames,
    environment: &'environment dyn ConditionEnvironment,
    /// The variables of comprehensions, innermost last.
    variables: Vec<(String, Value)>,
    steps: u32,
}

impl<'environment> Evaluator<'environment> {
    pub(super) fn new(
        names: ConditionNames,
        environment: &'environment dyn ConditionEnvironment,
    ) -> Self {
        Self {
            names,
            environment,
            variables: Vec::new(),
            steps: 0,
        }
    }

    /// Evaluates a whole header and tells the truth of item 0 of the result.
    pub(super) fn first_item_is_truthy(&mut self, header: &Expression) -> Evaluated<bool> {
        // The usual case is spared the detour, in which a bare module or
        // function would be no value.
        if let ExpressionKind::List(items) = &header.kind
            && let [first, rest @ ..] = items.as_slice()
        {
            let truth = self.operand(first)?.is_truthy();
            for item in rest {
                self.operand(item)?;
            }
            return Ok(truth);
        }
        let result = self.value(header)?;
        subscript::index(&result, &Value::Int(0))
            .map(|item| item.is_truthy())
            .map_err(|problem| problem.at(header.offset))
    }

    fn step(&mut self, offset: usize) -> Evaluated<()> {
        self.steps(1, offset)
    }

    fn steps(&mut self, count: u32, offset: usize) -> Evaluated<()> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > MAXIMUM_STEPS {
            return Err(ConditionProblem::TooExpensive { resource: "time" }.at(offset));
        }
        Ok(())
    }

    fn value(&mut self, expression: &Expression) -> Evaluated {
        self.operand(expression)?
            .into_value()
            .map_err(|problem| problem.at(expression.offset))
    }

    fn values(&mut self, expressions: &[Expression]) -> Evaluated<Vec<Value>> {
        expressions.iter().map(|item| self.value(item)).collect()
    }

    fn operand(&mut self, expression: &Expression) -> Evaluated<Operand> {
        let operand = self.uncharged_operand(expression)?;
        // What makes or copies a long value takes as long.
        let length = match &operand {
            Operand::Value(Value::Str(text)) => text.len(),
            Operand::Value(Value::List(items) | Value::Tuple(items) | Value::Set(items)) => {
                items.len()
            }
            Operand::File { content } => content.len(),
            _ => 0,
        };
        let count = u32::try_from(length / 16).unwrap_or(u32::MAX);
        self.steps(count.saturating_add(1), expression.offset)?;
        Ok(operand)
    }

    fn uncharged_operand(&mut self, expression: &Expression) -> Evaluated<Operand> {
        let offset = expression.offset;
        Ok(Operand::Value(match &expression.kind {
            ExpressionKind::Constant(value) => value.clone(),
            ExpressionKind::Name(name) => return self.name(name, offset),
            ExpressionKind::Tuple(items) => Value::Tuple(self.values(items)?),
            ExpressionKind::List(items) => Value::List(self.values(items)?),
            ExpressionKind::Set(items) => make_set(self.values(items)?, offset)?,
            ExpressionKind::Dict(entries) => self.dict(entries)?,
            ExpressionKind::Comprehension(comprehension) => {
                self.comprehension(comprehension, offset)?
            }
            ExpressionKind::Conditional(conditional) => {
                return if self.operand(&conditional.condition)?.is_truthy() {
                    self.operand(&conditional.then)
                } else {
                    self.operand(&conditional.otherwise)
                };
            }
            ExpressionKind::Or(operands) => return self.until(operands, true),
            ExpressionKind::And(operands) => return self.until(operands, false),
            ExpressionKind::Not(operand) => Value::Bool(!self.operand(operand)?.is_truthy()),
            ExpressionKind::Compare(first, rest) => Value::Bool(self.compare(first, rest)?),
            ExpressionKind::Arithmetic(first, rest) => {
                let mut result = self.value(first)?;
                for (operator, operand) in rest {
                    let right = self.value(operand)?;
                    result = arithmetic::binary(*operator, &result, &right)
                        .map_err(|problem| problem.at(offset))?;
                }
                result
            }
            ExpressionKind::Unary(operator, operand) => {
                let operand = self.value(operand)?;
                arithmetic::unary(*operator, &operand).map_err(|problem| problem.at(offset))?
            }
            ExpressionKind::Postfix(base, trailers) => {
                let mut result = self.operand(base)?;
                for trailer in trailers {
                    self.step(trailer.offset)?;
                    result = self.trailer(result, trailer)?;
                }
                return Ok(result);
            }
        }))
    }

    /// Returns the first operand whose truth is `wanted`, else the last one.
    fn until(&mut self, operands: &[Expression], wanted: bool) -> Evaluated<Operand> {
        let mut result = Operand::Value(Value::None);
        for operand in operands {
            result = self.operand(operand)?;
            if result.is_truthy() == wanted {
                break;
            }
        }
        Ok(result)
    }

    fn name(&self, name: &str, offset: usize) -> Evaluated<Operand> {
        if let Some((_, value)) = self.variables.iter().rev().find(|(known, _)| known == name) {
            return Ok(value.clone().into());
        }
        namespace::name(name, self.names, self.environment).map_err(|problem| problem.at(offset))
    }

    fn dict(&mut self, entries: &[(Expression, Expression)]) -> Evaluated {
        let mut dict = Dict::new();
        for (key_expression, value) in entries {
            let key = self.value(key_expression)?;
            let value = self.value(value)?;
            dict.insert(key, value).map_err(|error| {
                ConditionProblem::type_error(error.to_string()).at(key_expression.offset)
            })?;
        }
        Ok(Value::Dict(dict))
    }

    fn compare(
        &mut self,
        first: &Expression,
        rest: &[(CompareOperator, Expression)],
    ) -> Evaluated<bool> {
        let mut left = self.operand(first)?;
        let mut offset = first.offset;
        for (operator, right) in rest {
            let right_operand = self.operand(right)?;
            let holds = compare_operands(*operator, left, &right_operand, self.environment)
                .map_err(|problem| problem.at(offset))?;
            if !holds {
                return Ok(false);
            }
            left = right_operand;
            offset = right.offset;
        }
        Ok(true)
    }

    fn comprehension(&mut self, comprehension: &Comprehension, offset: usize) -> Evaluated {
        let mut items = Vec::new();
        let outer = self.variables.len();
        let result = self.clauses(&comprehension.clauses, &comprehension.element, &mut items);
        self.variables.truncate(outer);
        result?;
        if comprehension.makes_set {
            make_set(items, offset)
        } else {
            Ok(Value::List(items))
        }
    }

    /// Evaluates the element for each round of the clauses; recurses once a
    /// clause, of which the parser limits the number.
    fn clauses(
        &mut self,
        clauses: &[Clause],
        element: &Expression,
        items: &mut Vec<Value>,
    ) -> Evaluated<()> {
        let Some((clause, inner)) = clauses.split_first() else {
            let value = self.value(element)?;
            items.push(value);
            return Ok(());
        };
        let offset = clause.iterable.offset;
        let iterable = self.value(&clause.iterable)?;
        let members = subscript::members(&iterable).map_err(|problem| problem.at(offset))?;
        let outer = self.variables.len();
        for member in members {
            self.step(offset)?;
            self.variables.truncate(outer);
            if clause.unpacks {
                let parts = subscript::members(&member).map_err(|problem| problem.at(offset))?;
                if parts.len() != clause.targets.len() {
                    let message = format!(
                        "{} values to unpack (expected {})",
                        if parts.len() > clause.targets.len() {
                            "too many"
                        } else {
                            "not enough"
                        },
                        clause.targets.len()
                    );
                    return Err(ConditionProblem::exception("ValueError", message).at(offset));
                }
                self.variables
                    .extend(clause.targets.iter().cloned().zip(parts));
            } else if let [target] = clause.targets.as_slice() {
                self.variables.push((target.clone(), member));
            }
            let mut holds = true;
            for condition in &clause.conditions {
                holds = self.operand(condition)?.is_truthy();
                if !holds {
                    break;
                }
            }
            if holds {
                self.clauses(inner, element, items)?;
            }
        }
        self.variables.truncate(outer);
        Ok(())
    }

    fn trailer(&mut self, base: Operand, trailer: &Trailer) -> Evaluated<Operand> {
        let at = |problem: ConditionProblem| problem.at(trailer.offset);
        match &trailer.kind {
            TrailerKind::Attribute(name) => {
                namespace::attribute(base, name, self.environment).map_err(at)
            }
            TrailerKind::Index(index) => {
                let index = self.value(index)?;
                match base {
                    Operand::Environment => namespace::environment_item(&index, self.environment)
                        .and_then(|value| {
                            value.ok_or_else(|| {
                                ConditionProblem::exception("KeyError", index.repr())
                            })
                        }),
                    base => base
                        .into_value()
                        .and_then(|base| subscript::index(&base, &index)),
                }
                .map(Operand::Value)
                .map_err(at)
            }
            TrailerKind::Slice(bounds) => {
                let base = base.into_value().map_err(at)?;
                let mut values = [Value::None, Value::None, Value::None];
                for (value, bound) in values.iter_mut().zip(bounds.iter()) {
                    if let Some(bound) = bound {
                        *value = self.value(bound)?;
                    }
                }
                subscript::slice(&base, &values)
                    .map(Operand::Value)
                    .map_err(at)
            }
            TrailerKind::Call(arguments) => {
                let arguments = self.values(arguments)?;
                match base {
                    Operand::Function(name) => functions::call(name, arguments, self.environment),
                    Operand::Method { receiver, name } => {
                        methods::call(&receiver, &name, &arguments).map(Operand::Value)
                    }
                    Operand::SpecialMethod { receiver, name } => {
                        namespace::call_special(&receiver, &name, &arguments, self.environment)
                            .map(Operand::Value)
                    }
                    Operand::Value(value) => Err(ConditionProblem::type_error(format!(
                        "'{}' object is not callable",
                        value.type_name()
                    ))),
                    other => Err(ConditionProblem::type_error(format!(
                        "{} is not callable",
                        other.description()
                    ))),
                }
                .map_err(at)
            }
        }
    }
}

fn make_set(members: Vec<Value>, offset: usize) -> Evaluated {
    Value::set(members).map_err(|error| ConditionProblem::type_error(error.to_string()).at(offset))
}

fn compare_operands(
    operator: CompareOperator,
    left: Operand,
    right: &Operand,
    environment: &dyn ConditionEnvironment,
) -> Result<bool, ConditionProblem> {
    let left = left.into_value()?;
    if let (Operand::Environment, CompareOperator::In | CompareOperator::NotIn) = (right, operator)
    {
        let is_set = namespace::environment_item(&left, environment)?.is_some();
        return Ok(is_set == (operator == CompareOperator::In));
    }
    let right = right.clone().into_value()?;
    let order = |symbol: &str| {
        compare(&left, &right).map_err(|error| {
            ConditionProblem::type_error(format!(
                "'{symbol}' not supported between instances of '{}' and '{}'",
                error.left, error.right
            ))
        })
    };
    Ok(match operator {
        CompareOperator::Equal => left == right,
        CompareOperator::NotEqual => left != right,
        CompareOperator::Less => order("<")?.is_some_and(std::cmp::Ordering::is_lt),
        CompareOperator::LessEqual => order("<=")?.is_some_and(std::cmp::Ordering::is_le),
        CompareOperator::Greater => order(">")?.is_some_and(std::cmp::Ordering::is_gt),
        CompareOperator::GreaterEqual => order(">=")?.is_some_and(std::cmp::Ordering::is_ge),
        CompareOperator::In => subscript::contains(&right, &left)?,
        CompareOperator::NotIn => !subscript::contains(&right, &left)?,
        CompareOperator::Is => is_identical(&left, &right)?,
        CompareOperator::IsNot => !is_identical(&left, &right)?,
    })
}

/// Python's `is`, where it does not depend on how objects are shared.
fn is_identical(left: &Value, right: &Value) -> Result<bool, ConditionProblem> {
    match (left, right) {
        (Value::None, Value::None) => Ok(true),
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::None | Value::Bool(_), _) | (_, Value::None | Value::Bool(_)) => Ok(false),
        _ => Err(ConditionProblem::unsupported(
            "`is` between anything but None, True and False",
        )),
    }
}
