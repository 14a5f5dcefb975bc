//! The names of egg directories.

use buildout_core::dialect::EggLayout;

use super::WheelFileName;
use crate::metadata::Metadata;

/// The Python that eggs are for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EggTarget {
    /// Major and minor version, such as `3.13`.
    pub python: String,
    /// The platform as `sysconfig.get_platform` names it, such as
    /// `linux-x86_64`.
    pub platform: String,
}

/// The name of an egg directory taken apart: `NAME-VERSION[-pyX.Y[-PLATFORM]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EggName<'n> {
    /// The project, with `_` for `-`.
    pub project: &'n str,
    /// The version, with `_` for `-`.
    pub version: &'n str,
    /// The version of Python.
    pub python: Option<&'n str>,
    /// The platform; none if it does not matter.
    pub platform: Option<&'n str>,
}

impl<'n> EggName<'n> {
    /// Takes the name of a file or directory apart; nothing if it is no egg.
    pub fn parse(name: &'n str) -> Option<Self> {
        let stem = name.strip_suffix(".egg")?;
        let mut parts = stem.splitn(4, '-');
        let project = parts.next().filter(|part| !part.is_empty())?;
        let version = parts.next().filter(|part| !part.is_empty())?;
        let python = match parts.next() {
            Some(python) => Some(python.strip_prefix("py")?),
            None => None,
        };
        Some(EggName {
            project,
            version,
            python,
            platform: parts.next(),
        })
    }

    /// Tells whether `target` can use the egg.
    pub fn suits(&self, target: &EggTarget) -> bool {
        self.python.is_none_or(|python| python == target.python)
            && self
                .platform
                .is_none_or(|platform| platform == target.platform)
    }
}

impl EggTarget {
    /// Returns the name of the egg of a wheel, without its suffix.
    ///
    /// zc.buildout 6 and, for what it builds itself, 3 have the platform in
    /// each name, since pip does not tell them whether it matters.
    pub(super) fn base_name(
        &self,
        layout: EggLayout,
        wheel: &WheelFileName,
        metadata: &Metadata,
        was_built: bool,
    ) -> String {
        let EggTarget { python, platform } = self;
        let escaped = |text: &str| text.replace('-', "_");
        let (project, version, has_platform) = match layout {
            EggLayout::Pip => (&metadata.name, &metadata.version, true),
            EggLayout::Setuptools => (
                &wheel.project,
                &wheel.version,
                was_built || wheel.platform != "any",
            ),
        };
        let name = format!("{}-{}-py{python}", escaped(project), escaped(version));
        match has_platform {
            true => format!("{name}-{platform}"),
            false => name,
        }
    }
}
