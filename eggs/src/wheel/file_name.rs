//! The file name of a wheel.

use super::WheelError;

/// The parts of a wheel's file name, as they are spelt there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WheelFileName {
    /// The project, with `_` for `-`.
    pub project: String,
    /// The version.
    pub version: String,
    /// The platforms, `any` or several with dots between them.
    pub platform: String,
    text: String,
}

impl WheelFileName {
    /// Takes a file name apart: `NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl`.
    ///
    /// # Errors
    ///
    /// It is no such name.
    pub fn parse(name: &str) -> Result<Self, WheelError> {
        let error = || WheelError::FileName {
            name: name.to_owned(),
        };
        let stem = name.strip_suffix(".whl").ok_or_else(error)?;
        let parts: Vec<&str> = stem.split('-').collect();
        let is_plain = |part: &&str| !part.is_empty() && !part.contains(['/', '\\', '\0']);
        if !parts.iter().all(is_plain) {
            return Err(error());
        }
        match parts[..] {
            [project, version, _, _, platform] | [project, version, _, _, _, platform] => {
                Ok(WheelFileName {
                    project: project.to_owned(),
                    version: version.to_owned(),
                    platform: platform.to_owned(),
                    text: name.to_owned(),
                })
            }
            _ => Err(error()),
        }
    }

    /// Returns the whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
