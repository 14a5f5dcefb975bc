//! The facts about a Python that anything here may need.

use std::path::PathBuf;

use crate::value::{Dict, Value};

/// Python's `sys.version_info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// 3 in 3.13.5.
    pub major: u32,
    /// 13 in 3.13.5.
    pub minor: u32,
    /// 5 in 3.13.5.
    pub micro: u32,
    /// `alpha`, `beta`, `candidate` or `final`.
    pub release_level: String,
    /// The number of the pre-release; 0 for a final one.
    pub serial: u32,
}

/// What distinguishes one Python from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonIdentity {
    /// `sys.version_info`.
    pub version: VersionInfo,
    /// `platform.python_version()`, for instance `3.13.5` or `3.14.0a1+`.
    pub version_text: String,
    /// `sys.version`, which names build and compiler.
    pub build: String,
    /// `platform.python_implementation()`, for instance `CPython`.
    pub implementation: String,
    /// `sys.implementation.name`, for instance `cpython`.
    pub implementation_name: String,
    /// The version of the implementation, as markers write it.
    pub implementation_version: String,
    /// The size of a pointer in bits.
    pub pointer_bits: u32,
    /// `sys.maxsize`.
    pub maximum_size: i64,
    /// `sys.byteorder`: `little` or `big`.
    pub byte_order: String,
    /// `sys.executable`.
    pub executable: PathBuf,
}

/// The identity that is assumed where none is given and none can be probed: the
/// CPython 3.13 of Debian 13, of 64 bits, at `/usr/bin/python3`.
impl Default for PythonIdentity {
    fn default() -> Self {
        let byte_order = if cfg!(target_endian = "big") {
            "big"
        } else {
            "little"
        };
        Self {
            version: VersionInfo {
                major: 3,
                minor: 13,
                micro: 5,
                release_level: "final".to_owned(),
                serial: 0,
            },
            version_text: "3.13.5".to_owned(),
            build: "3.13.5 (main, Jun 25 2025, 18:55:22) [GCC 14.2.0]".to_owned(),
            implementation: "CPython".to_owned(),
            implementation_name: "cpython".to_owned(),
            implementation_version: "3.13.5".to_owned(),
            pointer_bits: 64,
            maximum_size: i64::MAX,
            byte_order: byte_order.to_owned(),
            executable: PathBuf::from("/usr/bin/python3"),
        }
    }
}

/// A Python program that writes the facts as the literal of a dict, in ASCII.
pub(super) const PROGRAM: &str = r"
import platform, struct, sys
info = sys.implementation.version
version = '%d.%d.%d' % info[:3]
if info[3] != 'final':
    version += info[3][0] + str(info[4])
sys.stdout.write(ascii({
    'version': tuple(sys.version_info),
    'version_text': platform.python_version(),
    'build': sys.version,
    'implementation': platform.python_implementation(),
    'implementation_name': sys.implementation.name,
    'implementation_version': version,
    'pointer_bits': struct.calcsize('P') * 8,
    'maximum_size': sys.maxsize,
    'byte_order': sys.byteorder,
    'executable': sys.executable,
}))
";

impl PythonIdentity {
    /// Returns major and minor version, for instance `3.13`.
    pub fn short_version(&self) -> String {
        format!("{}.{}", self.version.major, self.version.minor)
    }

    /// Reads the answer of [`PROGRAM`]; nothing if it is something else.
    pub(super) fn from_value(value: &Value) -> Option<Self> {
        let Value::Dict(facts) = value else {
            return None;
        };
        let text = |name| Some(facts.get_str(name)?.as_str()?.to_owned());
        let Value::Tuple(version) = facts.get_str("version")? else {
            return None;
        };
        let [major, minor, micro, release_level, serial] = version.as_slice() else {
            return None;
        };
        let part = |value: &Value| u32::try_from(value.as_int()?).ok();
        Some(Self {
            version: VersionInfo {
                major: part(major)?,
                minor: part(minor)?,
                micro: part(micro)?,
                release_level: release_level.as_str()?.to_owned(),
                serial: part(serial)?,
            },
            version_text: text("version_text")?,
            build: text("build")?,
            implementation: text("implementation")?,
            implementation_name: text("implementation_name")?,
            implementation_version: text("implementation_version")?,
            pointer_bits: part(facts.get_str("pointer_bits")?)?,
            maximum_size: i64::try_from(facts.get_str("maximum_size")?.as_int()?).ok()?,
            byte_order: text("byte_order")?,
            executable: PathBuf::from(text("executable")?),
        })
    }

    /// Writes the facts as [`from_value`](Self::from_value) reads them; nothing
    /// if the path of the executable is no text.
    pub(super) fn to_value(&self) -> Option<Value> {
        let number = |part: u32| Value::Int(i128::from(part));
        let mut facts = Dict::new();
        facts.insert_str(
            "version",
            Value::Tuple(vec![
                number(self.version.major),
                number(self.version.minor),
                number(self.version.micro),
                self.version.release_level.as_str().into(),
                number(self.version.serial),
            ]),
        );
        for (name, text) in [
            ("version_text", self.version_text.as_str()),
            ("build", &self.build),
            ("implementation", &self.implementation),
            ("implementation_name", &self.implementation_name),
            ("implementation_version", &self.implementation_version),
            ("byte_order", &self.byte_order),
            ("executable", self.executable.to_str()?),
        ] {
            facts.insert_str(name, text);
        }
        facts.insert_str("pointer_bits", number(self.pointer_bits));
        facts.insert_str("maximum_size", Value::Int(i128::from(self.maximum_size)));
        Some(Value::Dict(facts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_survives_being_written() {
        let identity = PythonIdentity {
            build: "3.15.0a1 'x'\n[PyPy \"7\"]".to_owned(),
            ..PythonIdentity::default()
        };
        let text = identity.to_value().unwrap().repr();
        let value = crate::value::literal::parse(&text).unwrap();
        assert_eq!(PythonIdentity::from_value(&value), Some(identity));
    }
}
