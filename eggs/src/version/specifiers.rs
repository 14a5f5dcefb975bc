//! Conditions on versions, all of which must hold.

use std::fmt;

use buildout_core::python::version::{Specifier, Version};

/// One condition, as `>=1.0`.
#[derive(Clone, Debug)]
pub struct VersionSpecifier {
    operator: &'static str,
    version: String,
    meaning: Specifier,
}

/// The operators; longer ones come before those they begin with.
const OPERATORS: [&str; 8] = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];

impl VersionSpecifier {
    /// Reads a condition; nothing if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let operator = OPERATORS
            .into_iter()
            .find(|operator| text.starts_with(operator))?;
        Self::new(operator, &text[operator.len()..])
    }

    fn new(operator: &'static str, version: &str) -> Option<Self> {
        let version = version.trim();
        Some(VersionSpecifier {
            operator,
            version: version.to_owned(),
            meaning: Specifier::parse(operator, version)?,
        })
    }

    /// Returns the operator.
    pub fn operator(&self) -> &'static str {
        self.operator
    }

    /// Returns the version as written; it may end with `.*`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl fmt::Display for VersionSpecifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.operator, self.version)
    }
}

/// Conditions that must all hold; none holds for every version, pre-releases
/// included. Displayed, they are sorted as texts, as those of `packaging` are.
#[derive(Clone, Debug, Default)]
pub struct Specifiers {
    specifiers: Vec<VersionSpecifier>,
}

impl Specifiers {
    /// Holds for every version.
    pub fn any() -> Self {
        Self::default()
    }

    /// Holds for one version, as PEP 440 compares with `==`; nothing if the
    /// text is no version, or one followed by `.*`.
    pub fn exactly(version: &str) -> Option<Self> {
        VersionSpecifier::new("==", version).map(Self::from)
    }

    /// Reads conditions separated by commas; nothing if one of them is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut specifiers = Self::default();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            specifiers.add(VersionSpecifier::parse(part)?);
        }
        Some(specifiers)
    }

    fn add(&mut self, specifier: VersionSpecifier) {
        let text = specifier.to_string();
        let place = self
            .specifiers
            .binary_search_by(|known| known.to_string().cmp(&text));
        if let Err(place) = place
            && !self.specifiers.iter().any(|known| {
                known.operator == specifier.operator && known.meaning == specifier.meaning
            })
        {
            self.specifiers.insert(place, specifier);
        }
    }

    /// Returns the conditions of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for specifier in &other.specifiers {
            both.add(specifier.clone());
        }
        both
    }

    /// Tells whether the version satisfies all conditions.
    pub fn contain(&self, version: &Version) -> bool {
        self.contain_text(&version.to_string())
    }

    /// Tells whether what is written satisfies all conditions. A text that is
    /// no version satisfies only `===`, or no condition at all.
    pub fn contain_text(&self, version: &str) -> bool {
        self.specifiers
            .iter()
            .all(|specifier| specifier.meaning.contains(version))
    }

    /// Tells whether every version satisfies them.
    pub fn is_any(&self) -> bool {
        self.specifiers.is_empty()
    }

    /// Returns what is demanded with `==`, if that is the only condition.
    pub fn single_version(&self) -> Option<&str> {
        match self.specifiers.as_slice() {
            [only] if only.operator == "==" => Some(&only.version),
            _ => None,
        }
    }

    /// Returns the conditions, sorted as texts.
    pub fn iter(&self) -> impl Iterator<Item = &VersionSpecifier> {
        self.specifiers.iter()
    }
}

impl From<VersionSpecifier> for Specifiers {
    fn from(specifier: VersionSpecifier) -> Self {
        Specifiers {
            specifiers: vec![specifier],
        }
    }
}

impl fmt::Display for Specifiers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, specifier) in self.specifiers.iter().enumerate() {
            if index > 0 {
                formatter.write_str(",")?;
            }
            specifier.fmt(formatter)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn conditions_are_sorted_and_hold_together() {
        let specifiers = Specifiers::parse(">= 0.2 , <0.3,!=0.2.5, >=0.2.0").unwrap();
        assert_eq!(specifiers.to_string(), "!=0.2.5,<0.3,>=0.2");
        assert!(specifiers.contain(&version("0.2.1rc1")));
        assert!(!specifiers.contain(&version("0.2.5")));
        assert!(!specifiers.contain(&version("0.3")));
        assert!(Specifiers::any().contain_text("not a version"));
        assert!(!specifiers.contain_text("not a version"));
        assert_eq!(Specifiers::parse("=1"), None);
        assert_eq!(Specifiers::parse("1.0"), None);
    }

    #[test]
    fn only_a_lone_equality_is_single() {
        let single = |text| {
            let specifiers = Specifiers::parse(text).unwrap();
            specifiers.single_version().map(str::to_owned)
        };
        assert_eq!(single("==1.0"), Some("1.0".to_owned()));
        assert_eq!(single("==1.*"), Some("1.*".to_owned()));
        assert_eq!(single("==1.0,>0"), None);
        assert_eq!(single("===1.0"), None);
        assert_eq!(single(""), None);
    }

    impl PartialEq for Specifiers {
        fn eq(&self, other: &Self) -> bool {
            self.to_string() == other.to_string()
        }
    }
}
