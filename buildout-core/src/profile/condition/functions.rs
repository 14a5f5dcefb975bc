//! The functions that conditions call: those of modules and `open`.

use super::arithmetic::check_length;
use super::builtins;
use super::environment::{Access, ConditionEnvironment, PathKind};
use super::error::ConditionProblem;
use super::evaluator::Operand;
use crate::value::{Dict, Value};

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

/// Returns the dotted name of a function of a module.
pub(super) fn of_module(module: &str, name: &str) -> Option<&'static str> {
    MODULE_FUNCTIONS.into_iter().find(|known| {
        known
            .strip_prefix(module)
            .and_then(|rest| rest.strip_prefix('.'))
            == Some(name)
    })
}

pub(super) type Called<T = Value> = Result<T, ConditionProblem>;

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
    builtins::call(name, arguments).map(Operand::Value)
}

fn text<'value>(name: &str, value: &'value Value) -> Called<&'value str> {
    value.as_str().ok_or_else(|| {
        ConditionProblem::type_error(format!(
            "{name}: expected str, bytes or os.PathLike object, not {}",
            value.type_name()
        ))
    })
}

pub(super) fn wrong_arguments(name: &str, count: usize) -> ConditionProblem {
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
    let mut fields = Dict::new();
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
