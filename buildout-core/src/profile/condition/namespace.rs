//! The names of conditions and the attributes of modules.

use super::ConditionNames;
use super::builtins;
use super::environment::ConditionEnvironment;
use super::error::ConditionProblem;
use super::evaluator::Operand;
use super::functions;
use super::methods;
use crate::python::{PythonIdentity, VersionInfo};
use crate::value::Value;

/// The `pythonXY` names: one for each of these versions, as
/// `_default_globals` of zc.buildout 6.0.1 lists them.
const PYTHON_VERSIONS: [&str; 24] = [
    "24", "25", "26", "27", "30", "31", "32", "33", "34", "35", "36", "37", "38", "39", "310",
    "311", "312", "313", "314", "315", "316", "317", "318", "319",
];

/// Looks a name up: first what `_default_globals` defines, then the builtins.
pub(super) fn name(
    name: &str,
    names: ConditionNames,
    environment: &dyn ConditionEnvironment,
) -> Result<Operand, ConditionProblem> {
    let python = || environment.python().map_err(ConditionProblem::Python);
    let platform_contains = |part: &str| environment.sys_platform().to_lowercase().contains(part);
    let version_contains = |part: &str| Ok(python()?.build.to_lowercase().contains(part));
    let truth = match name {
        "sys" => return Ok(Operand::Module("sys")),
        "os" => return Ok(Operand::Module("os")),
        "platform" => return Ok(Operand::Module("platform")),
        "re" => return Ok(Operand::Module("re")),
        "python2" | "python3" => name.ends_with(&python()?.version.major.to_string()),
        "pypy" => version_contains("pypy")?,
        "jython" => version_contains("java")?,
        "ironpython" => version_contains("iron")?,
        "cpython" => {
            !(version_contains("pypy")? || version_contains("java")? || version_contains("iron")?)
        }
        "linux" => platform_contains("linux"),
        "windows" => platform_contains("win32"),
        "cygwin" => platform_contains("cygwin"),
        "solaris" => platform_contains("sunos"),
        "macosx" => platform_contains("darwin"),
        "posix" => environment.os_name().to_lowercase().contains("posix"),
        "bits32" => python()?.pointer_bits == 32,
        "bits64" => python()?.pointer_bits == 64,
        "little_endian" => environment.byte_order() == "little",
        "big_endian" => environment.byte_order() == "big",
        "multiarch" if names.multiarch => {
            return environment
                .multiarch()
                .map(|triplet| Operand::Value(triplet.into()))
                .ok_or_else(|| {
                    ConditionProblem::unsupported(format!(
                        "`multiarch` of the machine `{}`",
                        environment.uname().machine
                    ))
                });
        }
        _ => match name.strip_prefix("python") {
            Some(digits) if PYTHON_VERSIONS.contains(&digits) => {
                let version = &python()?.version;
                format!("{}{}", version.major, version.minor) == digits
            }
            _ => {
                return builtins::find(name)
                    .map(Operand::Function)
                    .ok_or_else(|| undefined(name));
            }
        },
    };
    Ok(Operand::Value(Value::Bool(truth)))
}

fn undefined(name: &str) -> ConditionProblem {
    if builtins::is_known_to_python(name) {
        ConditionProblem::unsupported(format!("the builtin `{name}`"))
    } else {
        ConditionProblem::UndefinedName {
            name: name.to_owned(),
        }
    }
}

/// Python's `base.name`.
pub(super) fn attribute(
    base: Operand,
    name: &str,
    environment: &dyn ConditionEnvironment,
) -> Result<Operand, ConditionProblem> {
    match base {
        Operand::Module(module) => module_attribute(module, name, environment),
        Operand::Record { fields, items } => {
            match fields.iter().position(|field| *field == name) {
                // A record has as many items as fields.
                Some(position) => Ok(items.into_iter().nth(position).unwrap_or_default().into()),
                None => method(Value::Tuple(items), name),
            }
        }
        Operand::Value(value) => method(value, name),
        Operand::Environment | Operand::File { .. } => Ok(Operand::SpecialMethod {
            receiver: Box::new(base),
            name: name.to_owned(),
        }),
        other => Err(ConditionProblem::unsupported(format!(
            "the attribute `{name}` of {}",
            other.description()
        ))),
    }
}

fn method(receiver: Value, name: &str) -> Result<Operand, ConditionProblem> {
    if methods::has(&receiver, name) {
        return Ok(Operand::Method {
            receiver,
            name: name.to_owned(),
        });
    }
    let type_name = receiver.type_name();
    Err(if methods::is_known_to_python(&receiver, name) {
        ConditionProblem::unsupported(format!("the attribute `{name}` of a {type_name}"))
    } else {
        ConditionProblem::exception(
            "AttributeError",
            format!("'{type_name}' object has no attribute '{name}'"),
        )
    })
}

fn module_attribute(
    module: &'static str,
    name: &str,
    environment: &dyn ConditionEnvironment,
) -> Result<Operand, ConditionProblem> {
    let python = || environment.python().map_err(ConditionProblem::Python);
    let value = match (module, name) {
        ("sys", "platform") => environment.sys_platform().into(),
        ("sys", "byteorder") => environment.byte_order().into(),
        ("sys", "version") => python()?.build.as_str().into(),
        ("sys", "maxsize") => Value::Int(i128::from(python()?.maximum_size)),
        ("sys", "executable") => python()?.executable.to_string_lossy().as_ref().into(),
        ("sys", "hexversion") => Value::Int(hexadecimal_version(&python()?.version)),
        ("sys", "version_info") => return Ok(version_info(python()?)),
        ("sys", "implementation") => return Ok(Operand::Module("sys.implementation")),
        ("sys.implementation", "name") => python()?.implementation_name.as_str().into(),
        ("os", "name") => environment.os_name().into(),
        ("os", "sep") | ("os.path", "sep") => "/".into(),
        ("os", "F_OK") => Value::Int(0),
        ("os", "X_OK") => Value::Int(1),
        ("os", "W_OK") => Value::Int(2),
        ("os", "R_OK") => Value::Int(4),
        ("os", "environ") => return Ok(Operand::Environment),
        ("os", "path") => return Ok(Operand::Module("os.path")),
        _ => {
            return functions::of_module(module, name)
                .map(Operand::Function)
                .ok_or_else(|| ConditionProblem::unsupported(format!("`{module}.{name}`")));
        }
    };
    Ok(Operand::Value(value))
}

fn version_info(python: &PythonIdentity) -> Operand {
    let version = &python.version;
    Operand::Record {
        fields: &["major", "minor", "micro", "releaselevel", "serial"],
        items: vec![
            Value::Int(i128::from(version.major)),
            Value::Int(i128::from(version.minor)),
            Value::Int(i128::from(version.micro)),
            version.release_level.as_str().into(),
            Value::Int(i128::from(version.serial)),
        ],
    }
}

fn hexadecimal_version(version: &VersionInfo) -> i128 {
    let level = match version.release_level.as_str() {
        "alpha" => 0xa,
        "beta" => 0xb,
        "candidate" => 0xc,
        _ => 0xf,
    };
    (i128::from(version.major) << 24)
        | (i128::from(version.minor) << 16)
        | (i128::from(version.micro) << 8)
        | (level << 4)
        | i128::from(version.serial)
}

/// Looks up a key of `os.environ`.
pub(super) fn environment_item(
    key: &Value,
    environment: &dyn ConditionEnvironment,
) -> Result<Option<Value>, ConditionProblem> {
    let name = key.as_str().ok_or_else(|| {
        ConditionProblem::type_error(format!("str expected, not {}", key.type_name()))
    })?;
    Ok(environment.environment_variable(name).map(Value::from))
}

/// Calls a method of `os.environ` or of an open file.
pub(super) fn call_special(
    receiver: &Operand,
    name: &str,
    arguments: &[Value],
    environment: &dyn ConditionEnvironment,
) -> Result<Value, ConditionProblem> {
    match (receiver, name, arguments) {
        (Operand::Environment, "get", [key]) => {
            Ok(environment_item(key, environment)?.unwrap_or_default())
        }
        (Operand::Environment, "get", [key, default]) => {
            Ok(environment_item(key, environment)?.unwrap_or_else(|| default.clone()))
        }
        (Operand::File { content }, "read", []) => Ok(content.as_str().into()),
        (Operand::File { content }, "readlines", []) => Ok(Value::List(
            content.split_inclusive('\n').map(Value::from).collect(),
        )),
        (Operand::File { content }, "readline", []) => Ok(content
            .split_inclusive('\n')
            .next()
            .unwrap_or_default()
            .into()),
        _ => Err(ConditionProblem::unsupported(format!(
            "the call of `{name}` of {}",
            receiver.description()
        ))),
    }
}
