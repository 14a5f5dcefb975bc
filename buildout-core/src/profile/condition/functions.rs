//! The functions that conditions call: builtins and those of modules.

use std::cmp::Ordering;

use super::arithmetic::{self, check_length};
use super::environment::{Access, ConditionEnvironment, PathKind};
use super::error::ConditionProblem;
use super::evaluator::Operand;
use super::subscript::members;
use super::syntax::{ArithmeticOperator, UnaryOperator};
use crate::value::{Value, compare};

const BUILTINS: [&str; 22] = [
    "abs",
    "all",
    "any",
    "bool",
    "bytes",
    "chr",
    "float",
    "frozenset",
    "int",
    "len",
    "list",
    "max",
    "min",
    "open",
    "ord",
    "range",
    "repr",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
];

/// The other builtins that are of any use in an expression: naming one is not
/// an undefined name.
const OTHER_BUILTINS: [&str; 37] = [
    "ascii",
    "bin",
    "bytearray",
    "callable",
    "compile",
    "complex",
    "dict",
    "dir",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "filter",
    "format",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "hex",
    "id",
    "input",
    "isinstance",
    "issubclass",
    "iter",
    "locals",
    "map",
    "next",
    "object",
    "oct",
    "pow",
    "print",
    "reversed",
    "round",
    "slice",
    "type",
    "vars",
    "zip",
];

const MODULE_FUNCTIONS: [&str; 22] = [
    "os.access",
    "os.getenv",
    "os.path.basename",
    "os.path.dirname",
    "os.path.exists",
    "os.path.isabs",
    "os.path.isdir",
    "os.path.isfile",
    "os.path.join",
    "os.uname",
    "platform.architecture",
    "platform.freedesktop_os_release",
    "platform.libc_ver",
    "platform.machine",
    "platform.node",
    "platform.python_implementation",
    "platform.python_version",
    "platform.python_version_tuple",
    "platform.release",
    "platform.system",
    "platform.uname",
    "platform.version",
];

/// Returns the name of a builtin function that can be called.
pub(super) fn builtin(name: &str) -> Option<&'static str> {
    BUILTINS.into_iter().find(|known| *known == name)
}

pub(super) fn is_other_builtin(name: &str) -> bool {
    OTHER_BUILTINS.contains(&name) || name == "__import__"
}

/// Returns the dotted name of a function of a module.
pub(super) fn of_module(module: &str, name: &str) -> Option<&'static str> {
    MODULE_FUNCTIONS.into_iter().find(|known| {
        known
            .strip_prefix(module)
            .and_then(|rest| rest.strip_prefix('.'))
            == Some(name)
    })
}

type Called<T = Value> = Result<T, ConditionProblem>;

/// Calls a function by its dotted name.
pub(super) fn call(
    name: &'static str,
    arguments: Vec<Value>,
    environment: &dyn ConditionEnvironment,
) -> Called<Operand> {
    if name.starts_with("platform.") || name == "os.uname" {
        return match arguments.as_slice() {
            [] => platform_fact(name, environment),
            _ => Err(ConditionProblem::unsupported(format!(
                "`{name}` with arguments"
            ))),
        };
    }
    if name.starts_with("os.") {
        return path_function(name, &arguments, environment).map(Operand::Value);
    }
    if name == "open" {
        return open(&arguments, environment);
    }
    call_builtin(name, arguments).map(Operand::Value)
}

fn text<'value>(name: &str, value: &'value Value) -> Called<&'value str> {
    value.as_str().ok_or_else(|| {
        ConditionProblem::type_error(format!(
            "{name}: expected str, bytes or os.PathLike object, not {}",
            value.type_name()
        ))
    })
}

fn wrong_arguments(name: &str, count: usize) -> ConditionProblem {
    ConditionProblem::unsupported(format!("`{name}` with {count} arguments of these types"))
}

fn open(arguments: &[Value], environment: &dyn ConditionEnvironment) -> Called<Operand> {
    let path = match arguments {
        [path] => path,
        [path, mode] if matches!(mode.as_str(), Some("r" | "rt")) => path,
        _ => return Err(ConditionProblem::unsupported("this use of `open`")),
    };
    read_file(text("open", path)?, environment).map(|content| Operand::File { content })
}

fn read_file(path: &str, environment: &dyn ConditionEnvironment) -> Called<String> {
    environment
        .read_file(path)
        .map_err(|source| ConditionProblem::ReadFile {
            path: path.to_owned(),
            source,
        })
}

fn path_function(
    name: &'static str,
    arguments: &[Value],
    environment: &dyn ConditionEnvironment,
) -> Called {
    let kind = |path: &Value| Ok(environment.path_kind(text(name, path)?));
    Ok(match (name, arguments) {
        ("os.path.exists", [path]) => Value::Bool(kind(path)?.is_some()),
        ("os.path.isdir", [path]) => Value::Bool(kind(path)? == Some(PathKind::Directory)),
        ("os.path.isfile", [path]) => Value::Bool(kind(path)? == Some(PathKind::File)),
        ("os.path.isabs", [path]) => Value::Bool(text(name, path)?.starts_with('/')),
        ("os.path.basename", [path]) => {
            let path = text(name, path)?;
            path.rsplit_once('/').map_or(path, |(_, last)| last).into()
        }
        ("os.path.dirname", [path]) => {
            let head = match text(name, path)?.rsplit_once('/') {
                Some((head, _)) => head,
                None => return Ok("".into()),
            };
            let trimmed = head.trim_end_matches('/');
            // A head of slashes only is the root, and stays as it is.
            match trimmed {
                "" => "/".repeat(head.len() + 1).into(),
                trimmed => trimmed.into(),
            }
        }
        ("os.path.join", [first, rest @ ..]) => {
            let mut joined = text(name, first)?.to_owned();
            for part in rest {
                let part = text(name, part)?;
                if part.starts_with('/') {
                    joined.clear();
                } else if !joined.is_empty() && !joined.ends_with('/') {
                    joined.push('/');
                }
                joined.push_str(part);
            }
            check_length(Some(joined.len()))?;
            joined.into()
        }
        ("os.getenv", [key]) => environment
            .environment_variable(text(name, key)?)
            .map_or(Value::None, Value::from),
        ("os.getenv", [key, default]) => environment
            .environment_variable(text(name, key)?)
            .map_or_else(|| default.clone(), Value::from),
        ("os.access", [path, mode]) => {
            let path = text(name, path)?;
            let mode = mode
                .as_int()
                .ok_or_else(|| wrong_arguments(name, arguments.len()))?;
            let access = Access {
                read: mode & 4 != 0,
                write: mode & 2 != 0,
                execute: mode & 1 != 0,
            };
            Value::Bool(environment.can_access(path, access))
        }
        _ => return Err(wrong_arguments(name, arguments.len())),
    })
}

fn platform_fact(name: &'static str, environment: &dyn ConditionEnvironment) -> Called<Operand> {
    let python = || environment.python().map_err(ConditionProblem::Python);
    let uname = || environment.uname();
    Ok(Operand::Value(match name {
        "platform.machine" => uname().machine.as_str().into(),
        "platform.system" => uname().system.as_str().into(),
        "platform.release" => uname().release.as_str().into(),
        "platform.version" => uname().version.as_str().into(),
        "platform.node" => uname().node.as_str().into(),
        "platform.python_version" => python()?.version_text.as_str().into(),
        "platform.python_version_tuple" => Value::Tuple(
            python()?
                .version_text
                .splitn(3, '.')
                .map(Value::from)
                .collect(),
        ),
        "platform.python_implementation" => python()?.implementation.as_str().into(),
        "platform.architecture" => {
            let linkage = if uname().system == "Linux" { "ELF" } else { "" };
            let bits = format!("{}bit", python()?.pointer_bits);
            Value::Tuple(vec![bits.into(), linkage.into()])
        }
        "platform.libc_ver" => {
            let (library, version) = environment
                .libc_version()
                .ok_or_else(|| ConditionProblem::unsupported("`platform.libc_ver()` here"))?;
            Value::Tuple(vec![library.into(), version.into()])
        }
        "platform.freedesktop_os_release" => os_release(environment)?,
        "platform.uname" | "os.uname" => {
            let uname = uname();
            let mut items: Vec<Value> = [
                &uname.system,
                &uname.node,
                &uname.release,
                &uname.version,
                &uname.machine,
            ]
            .into_iter()
            .map(|text| text.as_str().into())
            .collect();
            let fields: &[&str] = if name == "os.uname" {
                &["sysname", "nodename", "release", "version", "machine"]
            } else {
                // Python leaves the processor empty where it does not know it.
                items.push("".into());
                &[
                    "system",
                    "node",
                    "release",
                    "version",
                    "machine",
                    "processor",
                ]
            };
            return Ok(Operand::Record { fields, items });
        }
        _ => return Err(ConditionProblem::unsupported(format!("`{name}()`"))),
    }))
}

/// Reads the file that describes the distribution, as
/// `platform.freedesktop_os_release` does.
fn os_release(environment: &dyn ConditionEnvironment) -> Called {
    let content = environment
        .read_file("/etc/os-release")
        .or_else(|_| environment.read_file("/usr/lib/os-release"))
        .map_err(|_| {
            ConditionProblem::exception(
                "OSError",
                "Unable to read files /etc/os-release, /usr/lib/os-release",
            )
        })?;
    let mut fields = crate::value::Dict::new();
    for (key, default) in [("NAME", "Linux"), ("ID", "linux"), ("PRETTY_NAME", "Linux")] {
        fields.insert_str(key, default);
    }
    for line in content.lines() {
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        if key.is_empty() || !key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            continue;
        }
        let value = ['"', '\'']
            .into_iter()
            .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
            .unwrap_or(value);
        let mut unescaped = String::with_capacity(value.len());
        let mut characters = value.chars().peekable();
        while let Some(character) = characters.next() {
            let escaped = characters
                .next_if(|next| character == '\\' && matches!(next, '\\' | '$' | '"' | '\'' | '`'));
            unescaped.push(escaped.unwrap_or(character));
        }
        fields.insert_str(key, unescaped);
    }
    Ok(Value::Dict(fields))
}

fn call_builtin(name: &'static str, mut arguments: Vec<Value>) -> Called {
    let count = arguments.len();
    let wrong = || wrong_arguments(name, count);
    match (name, arguments.as_mut_slice()) {
        ("bool", []) => Ok(Value::Bool(false)),
        ("bool", [value]) => Ok(Value::Bool(value.is_truthy())),
        ("str", []) => Ok("".into()),
        ("str", [value]) => Ok(value.to_string().into()),
        ("repr", [value]) => Ok(value.repr().into()),
        ("bytes", []) => Ok(Value::bytes([])),
        ("int", []) => Ok(Value::Int(0)),
        ("int", [value]) => to_int(value, None),
        ("int", [value, base]) => to_int(value, base.as_int()),
        ("float", [value]) => to_float(value),
        ("abs", [value]) => match compare(value, &Value::Int(0)) {
            Ok(Some(Ordering::Less)) => arithmetic::unary(UnaryOperator::Minus, value),
            Ok(_) => arithmetic::unary(UnaryOperator::Plus, value),
            Err(_) => Err(ConditionProblem::type_error(format!(
                "bad operand type for abs(): '{}'",
                value.type_name()
            ))),
        },
        ("len", [value]) => length(value),
        ("chr", [value]) => value
            .as_int()
            .and_then(|code| u32::try_from(code).ok())
            .and_then(char::from_u32)
            .map(|character| character.to_string().into())
            .ok_or_else(|| {
                ConditionProblem::exception("ValueError", "chr() arg not in range(0x110000)")
            }),
        ("ord", [Value::Str(text)]) => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => Ok(Value::Int(i128::from(u32::from(character)))),
                _ => Err(ConditionProblem::type_error(format!(
                    "ord() expected a character, but string of length {} found",
                    text.chars().count()
                ))),
            }
        }
        ("any", [items]) => Ok(Value::Bool(members(items)?.iter().any(Value::is_truthy))),
        ("all", [items]) => Ok(Value::Bool(members(items)?.iter().all(Value::is_truthy))),
        ("list", []) => Ok(Value::List(Vec::new())),
        ("list", [items]) => members(items).map(Value::List),
        ("tuple", []) => Ok(Value::Tuple(Vec::new())),
        ("tuple", [items]) => members(items).map(Value::Tuple),
        ("set" | "frozenset", [] | [_]) => {
            let items = arguments.first().map_or(Ok(Vec::new()), members)?;
            let set = if name == "set" {
                Value::set(items)
            } else {
                Value::frozen_set(items)
            };
            set.map_err(|error| ConditionProblem::type_error(error.to_string()))
        }
        ("sorted", [items]) => sorted(members(items)?).map(Value::List),
        ("sum", [items]) => members(items)?.iter().try_fold(Value::Int(0), |sum, item| {
            arithmetic::binary(ArithmeticOperator::Add, &sum, item)
        }),
        ("min" | "max", [items]) => {
            let items = members(items)?;
            extreme(name, items)
        }
        ("min" | "max", [_, _, ..]) => extreme(name, arguments),
        ("range", [_] | [_, _] | [_, _, _]) => {
            let bounds: Option<Vec<i128>> = arguments.iter().map(Value::as_int).collect();
            range(&bounds.ok_or_else(wrong)?)
        }
        _ => Err(wrong()),
    }
}

fn length(value: &Value) -> Called {
    let length = match value {
        Value::Str(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) | Value::Tuple(items) | Value::Set(items) | Value::FrozenSet(items) => {
            items.len()
        }
        Value::Dict(dict) => dict.len(),
        other => {
            return Err(ConditionProblem::type_error(format!(
                "object of type '{}' has no len()",
                other.type_name()
            )));
        }
    };
    // No value has more items than an i128 can count.
    Ok(Value::Int(i128::try_from(length).unwrap_or(i128::MAX)))
}

fn incomparable(symbol: &str, error: &crate::value::IncomparableTypes) -> ConditionProblem {
    ConditionProblem::type_error(format!(
        "'{symbol}' not supported between instances of '{}' and '{}'",
        error.left, error.right
    ))
}

/// Sorts stably. That any two values have an order is tested on neighbours
/// first, so an error may name another pair of types than Python's.
fn sorted(mut items: Vec<Value>) -> Called<Vec<Value>> {
    for pair in items.windows(2) {
        compare(&pair[1], &pair[0]).map_err(|error| incomparable("<", &error))?;
    }
    // With these types the neighbours may have an order and others not.
    let may_be_partial = items.iter().any(|item| {
        matches!(
            item,
            Value::Set(_) | Value::FrozenSet(_) | Value::List(_) | Value::Tuple(_)
        ) || matches!(item, Value::Float(float) if float.is_nan())
    });
    if may_be_partial {
        insertion_sort(&mut items)?;
    } else {
        items.sort_by(|left, right| {
            compare(left, right)
                .ok()
                .flatten()
                .unwrap_or(Ordering::Equal)
        });
    }
    Ok(items)
}

/// Sorts values whose order may be partial, which the standard sort would
/// answer with a panic. Few enough for quadratic time.
fn insertion_sort(items: &mut [Value]) -> Called<()> {
    if items.len() > 1000 {
        return Err(ConditionProblem::TooExpensive { resource: "time" });
    }
    for end in 1..items.len() {
        let mut position = end;
        while position > 0 {
            let order = compare(&items[position], &items[position - 1])
                .map_err(|error| incomparable("<", &error))?;
            if order != Some(Ordering::Less) {
                break;
            }
            items.swap(position, position - 1);
            position -= 1;
        }
    }
    Ok(())
}

fn extreme(name: &str, items: Vec<Value>) -> Called {
    let (symbol, wanted) = if name == "min" {
        ("<", Ordering::Less)
    } else {
        (">", Ordering::Greater)
    };
    let mut items = items.into_iter();
    let mut best = items.next().ok_or_else(|| {
        ConditionProblem::exception("ValueError", format!("{name}() iterable argument is empty"))
    })?;
    for item in items {
        if compare(&item, &best).map_err(|error| incomparable(symbol, &error))? == Some(wanted) {
            best = item;
        }
    }
    Ok(best)
}

/// Python's `range`, as a list.
fn range(bounds: &[i128]) -> Called {
    let (mut position, end, step) = match *bounds {
        [end] => (0, end, 1),
        [start, end] => (start, end, 1),
        [start, end, step, ..] => (start, end, step),
        [] => return Ok(Value::List(Vec::new())),
    };
    if step == 0 {
        return Err(ConditionProblem::exception(
            "ValueError",
            "range() arg 3 must not be zero",
        ));
    }
    let mut items = Vec::new();
    while (step > 0 && position < end) || (step < 0 && position > end) {
        check_length(Some(items.len() + 1))?;
        items.push(Value::Int(position));
        let Some(next) = position.checked_add(step) else {
            break;
        };
        position = next;
    }
    Ok(Value::List(items))
}

fn to_int(value: &Value, base: Option<i128>) -> Called {
    let text = match (value, base) {
        (Value::Str(text), _) => text,
        (Value::Float(float), None) if float.is_finite() => {
            let truncated = float.trunc();
            // Every finite integral float is written without a fraction.
            return format!("{truncated:.0}")
                .parse()
                .map(Value::Int)
                .map_err(|_| ConditionProblem::unsupported("an integer of more than 128 bits"));
        }
        (value, None) => {
            return value.as_int().map(Value::Int).ok_or_else(|| {
                ConditionProblem::type_error(format!(
                    "int() argument must be a string, a bytes-like object or a real number, not '{}'",
                    value.type_name()
                ))
            });
        }
        _ => {
            return Err(ConditionProblem::type_error(
                "int() can't convert non-string with explicit base",
            ));
        }
    };
    let radix = match base {
        None => 10,
        Some(base @ (2..=36)) => u32::try_from(base).unwrap_or(10),
        Some(_) => {
            return Err(ConditionProblem::unsupported("`int` with this base"));
        }
    };
    let invalid = || {
        ConditionProblem::exception(
            "ValueError",
            format!(
                "invalid literal for int() with base {radix}: {}",
                value.repr()
            ),
        )
    };
    let trimmed = text.trim();
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    let lower = digits.to_ascii_lowercase();
    let digits = match radix {
        16 => lower.strip_prefix("0x"),
        8 => lower.strip_prefix("0o"),
        2 => lower.strip_prefix("0b"),
        _ => None,
    }
    .unwrap_or(&lower);
    let is_well_formed = digits.starts_with(|c: char| c.is_digit(radix))
        && digits.ends_with(|c: char| c.is_digit(radix))
        && digits.chars().all(|c| c.is_digit(radix) || c == '_')
        && !digits.contains("__");
    if !is_well_formed {
        return Err(invalid());
    }
    i128::from_str_radix(&format!("{sign}{}", digits.replace('_', "")), radix)
        .map(Value::Int)
        .map_err(|_| ConditionProblem::unsupported("an integer of more than 128 bits"))
}

fn to_float(value: &Value) -> Called {
    match value {
        Value::Float(float) => Ok(Value::Float(*float)),
        Value::Str(text) => text.trim().parse().map(Value::Float).map_err(|_| {
            ConditionProblem::exception(
                "ValueError",
                format!("could not convert string to float: {}", value.repr()),
            )
        }),
        value => arithmetic::binary(ArithmeticOperator::Multiply, value, &Value::Float(1.0)),
    }
}
