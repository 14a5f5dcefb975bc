//! The defaults of `[buildout]`.

use std::sync::Arc;

use crate::dialect::Dialect;
use crate::extends::{MergedOption, MergedSection, Origin, Source};

/// The name of the section that configures the run itself.
pub const BUILDOUT_SECTION: &str = "buildout";

/// The options every configuration has, in upstream's order.
/// `eggs-directory-version` and `executable` are added where they belong.
const DEFAULTS: &[(&str, &str)] = &[
    ("allow-hosts", "*"),
    ("allow-picked-versions", "true"),
    ("bin-directory", "bin"),
    ("develop-eggs-directory", "develop-eggs"),
    ("eggs-directory", "eggs"),
    ("eggs-directory-version", ""),
    ("executable", ""),
    ("find-links", ""),
    ("install-from-cache", "false"),
    ("installed", ".installed.cfg"),
    ("log-format", ""),
    ("log-level", "INFO"),
    ("newest", "true"),
    ("offline", "false"),
    ("parts-directory", "parts"),
    ("prefer-final", "true"),
    ("python", "buildout"),
    ("show-picked-versions", "false"),
    ("socket-timeout", ""),
    ("update-versions-file", ""),
    ("use-dependency-links", "true"),
    ("allow-unknown-extras", "false"),
];

/// Returns the names of the options that have defaults in `dialect`; they are
/// never reported as unused.
pub(crate) fn default_option_names(dialect: &Dialect) -> impl Iterator<Item = &'static str> {
    let versioned = dialect.eggs_directory_version.is_some();
    DEFAULTS
        .iter()
        .map(|(name, _)| *name)
        .filter(move |name| versioned || *name != "eggs-directory-version")
}

/// Returns `[buildout]` before anything is read.
pub(super) fn buildout_defaults(dialect: &Dialect, executable: &str) -> MergedSection {
    let mut section = MergedSection::default();
    for (name, value) in DEFAULTS {
        let value = match *name {
            "executable" => executable,
            "eggs-directory-version" => match dialect.eggs_directory_version {
                Some(version) => version,
                None => continue,
            },
            _ => value,
        };
        let option = MergedOption::set(value, Origin::symbolic(Source::Default));
        section.insert(Arc::from(*name), option);
    }
    section
}
