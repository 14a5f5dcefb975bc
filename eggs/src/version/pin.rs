//! The pins of `[versions]`.

use indexmap::IndexMap;

use super::specifiers::Specifiers;
use crate::name::canonical_name;

/// A value of `[versions]` that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Invalid specifier: '{pin}' (`[versions]` pins `{project}`)")]
pub struct InvalidPin {
    /// The project.
    pub project: String,
    /// The value.
    pub pin: String,
}

/// What `[versions]` says about one project.
///
/// Besides what zc.buildout accepts (`1.0`, `==1.0`, and conditions that begin
/// with `<` or `>`) every condition of PEP 440 is one here, `~=1.0`, `!=1.0`
/// and `1.0.*` included. `1.0:whl` and `1.0+SlapOSPatched001` are SlapOS's.
#[derive(Clone, Debug)]
pub struct Pin {
    /// The value, without `:whl`: upstream's messages quote it.
    text: String,
    meaning: Meaning,
    allows_wheel: bool,
}

#[derive(Clone, Debug)]
enum Meaning {
    /// Takes the place of the requirement's own conditions.
    Version {
        version: String,
        specifiers: Specifiers,
    },
    /// Is added to them.
    Conditions(Specifiers),
}

impl Pin {
    /// Reads a pin; nothing if the value is none.
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        let (text, allows_wheel) = match value.strip_suffix(":whl") {
            Some(text) => (text.trim_end(), true),
            None => (value, false),
        };
        let is_condition = text.starts_with(['<', '>', '~', '!'])
            || text.starts_with("===")
            || text.contains(',')
            || text.ends_with(".*");
        let meaning = if is_condition {
            let conditions = if text.starts_with(['<', '>', '~', '!', '=']) {
                text.to_owned()
            } else {
                format!("=={text}")
            };
            let specifiers = Specifiers::parse(&conditions)?;
            if specifiers.is_any() {
                return None;
            }
            Meaning::Conditions(specifiers)
        } else {
            let version = text.strip_prefix("==").unwrap_or(text).trim();
            // The fork also accepts a hyphen before its marker.
            let version = match patch_marker(version) {
                Some((base, marker)) => format!("{base}+{marker}"),
                None => version.to_owned(),
            };
            Meaning::Version {
                specifiers: Specifiers::exactly(&version)?,
                version,
            }
        };
        Some(Pin {
            text: text.to_owned(),
            meaning,
            allows_wheel,
        })
    }

    /// Returns the version that is pinned, if it is one.
    pub fn version(&self) -> Option<&str> {
        match &self.meaning {
            Meaning::Version { version, .. } => Some(version),
            Meaning::Conditions(_) => None,
        }
    }

    /// Tells whether the pin ends with `:whl`.
    pub fn allows_wheel(&self) -> bool {
        self.allows_wheel
    }

    /// Combines the pin with the conditions of a requirement, as upstream's
    /// `_constrained_requirement` does.
    ///
    /// # Errors
    /// The pinned version does not satisfy them: the error is that version, as
    /// upstream quotes it.
    pub fn constrain(&self, specifiers: &Specifiers) -> Result<Specifiers, &str> {
        match &self.meaning {
            Meaning::Conditions(conditions) => Ok(specifiers.and(conditions)),
            Meaning::Version {
                version,
                specifiers: exact,
            } if specifiers.contain_text(version)
                // What has been constrained before may be constrained again.
                || specifiers.single_version() == Some(version) =>
            {
                Ok(exact.clone())
            }
            Meaning::Version { .. } => Err(self.text.strip_prefix("==").unwrap_or(&self.text)),
        }
    }
}

/// Splits the marker of a patched version from the version: that of
/// `1.2+SlapOSPatched001` is `SlapOSPatched001`.
pub fn patch_marker(version: &str) -> Option<(&str, &str)> {
    const WORD: &str = "slapospatched";
    let at = version.rfind(['+', '-'])?;
    let (base, marker) = (&version[..at], &version[at + 1..]);
    let word = marker.get(..WORD.len())?;
    let digits = &marker[WORD.len()..];
    let is_marker = word.eq_ignore_ascii_case(WORD)
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_marker.then_some((base, marker))
}

/// All pins, by project. A value that cannot be understood is an error only
/// when its project is asked for: upstream does not look at it before, and
/// `[versions]` of large stacks hold all kinds of values.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    pins: IndexMap<String, Result<Pin, InvalidPin>>,
}

impl Pins {
    /// Reads `[versions]`: names, in any spelling, and values.
    pub fn new<'a>(versions: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut pins = IndexMap::new();
        for (project, value) in versions {
            if value.trim().is_empty() {
                continue;
            }
            let pin = Pin::parse(value).ok_or_else(|| InvalidPin {
                project: project.to_owned(),
                pin: value.trim().to_owned(),
            });
            pins.insert(canonical_name(project), pin);
        }
        Pins { pins }
    }

    /// Returns the pin of a project, whose name is in canonical form.
    ///
    /// # Errors
    /// There is a value, and it is no pin.
    pub fn get(&self, canonical: &str) -> Result<Option<&Pin>, &InvalidPin> {
        self.pins.get(canonical).map(Result::as_ref).transpose()
    }

    /// Returns the text that upstream shows as the constraint on a project.
    pub fn text(&self, canonical: &str) -> Option<&str> {
        match self.pins.get(canonical)? {
            Ok(pin) => Some(&pin.text),
            Err(invalid) => Some(&invalid.pin),
        }
    }

    /// Tells whether some pin ends with `:whl`.
    pub fn some_allow_wheels(&self) -> bool {
        self.iter().any(|(_, pin)| pin.allows_wheel)
    }

    /// Returns the pins that are understood, by canonical name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Pin)> {
        self.pins
            .iter()
            .filter_map(|(name, pin)| Some((name.as_str(), pin.as_ref().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constrain(pin: &str, specifiers: &str) -> String {
        let specifiers = Specifiers::parse(specifiers).unwrap();
        match Pin::parse(pin).expect(pin).constrain(&specifiers) {
            Ok(constrained) => constrained.to_string(),
            Err(version) => format!("not {version}"),
        }
    }

    #[test]
    fn pins_replace_or_extend_a_requirement() {
        for (pin, specifiers, expected) in [
            ("1.0", "", "==1.0"),
            ("== 1.0", ">=0.5", "==1.0"),
            ("1.0rc1", "", "==1.0rc1"),
            ("2.0", "<2", "not 2.0"),
            ("<0.3", ">=0.2", "<0.3,>=0.2"),
            (">=1.0,<1.1", "", "<1.1,>=1.0"),
            ("~=0.1", "", "~=0.1"),
            ("!=0.2", ">0", "!=0.2,>0"),
            ("0.2.*", "==0.2.*", "==0.2.*"),
            ("1.0:whl", "", "==1.0"),
            ("1.2+SlapOSPatched001", "", "==1.2+SlapOSPatched001"),
            (
                "1.2-SlapOSPatched001",
                "==1.2+SlapOSPatched001",
                "==1.2+SlapOSPatched001",
            ),
            ("1.2+SlapOSPatched001", ">=1.2", "==1.2+SlapOSPatched001"),
        ] {
            assert_eq!(constrain(pin, specifiers), expected, "{pin} {specifiers}");
        }
        for value in ["=1.0", "abc", "", ",", "1.0 2.0", "<"] {
            assert!(Pin::parse(value).is_none(), "{value}");
        }
    }

    #[test]
    fn a_bad_value_matters_only_to_its_project() {
        let pins = Pins::new([
            ("Good_One", "1"),
            ("bad", "=1"),
            ("wheel", "2:whl"),
            ("none", " "),
        ]);
        assert_eq!(pins.get("good-one").unwrap().unwrap().version(), Some("1"));
        assert!(pins.get("other").unwrap().is_none());
        assert!(pins.get("none").unwrap().is_none());
        assert!(pins.some_allow_wheels());
        assert_eq!(
            pins.get("bad").unwrap_err().to_string(),
            "Invalid specifier: '=1' (`[versions]` pins `bad`)"
        );
    }
}
