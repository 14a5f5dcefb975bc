//! What can go wrong while a configuration is resolved, and the trail of what
//! was being done.

use std::fmt;

use super::reference::ReferenceError;
use crate::value::str_repr;

/// A step of a run, as the `While:` block shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doing {
    /// The configuration is loaded and the options of `[buildout]` read.
    Initializing,
    /// The command `install`.
    Installing,
    /// The command `fetch`.
    Fetching,
    /// The command `lock`.
    Locking,
    /// The command `bootstrap`.
    Bootstrapping,
    /// `bin`, `parts` and the like are made.
    SettingUpDirectories,
    /// A section is looked up.
    GettingSection(String),
    /// A section is initialised.
    InitializingSection(String),
    /// An option is evaluated: section, option.
    GettingOption(String, String),
    /// The macros of a section are applied.
    LoadingMacros(String),
    /// A recipe is looked for.
    LoadingRecipe(String),
    /// The checkouts of `[buildout] develop` are made develop eggs.
    Developing,
    /// One of them is.
    DevelopingCheckout(String),
    /// What a recipe says it does, as upstream words it.
    Recipe(String),
    /// A part is installed.
    InstallingPart(String),
    /// A part is updated.
    UpdatingPart(String),
    /// A part is uninstalled.
    UninstallingPart(String),
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Doing::Initializing => f.write_str("Initializing."),
            Doing::Installing => f.write_str("Installing."),
            Doing::Fetching => f.write_str("Fetching."),
            Doing::Locking => f.write_str("Locking."),
            Doing::Bootstrapping => f.write_str("Bootstrapping."),
            Doing::SettingUpDirectories => f.write_str("Setting up buildout directories"),
            Doing::GettingSection(section) => write!(f, "Getting section {section}."),
            Doing::InitializingSection(section) => write!(f, "Initializing section {section}."),
            Doing::GettingOption(section, option) => {
                write!(f, "Getting option {section}:{option}.")
            }
            Doing::LoadingMacros(section) => {
                write!(f, "Loading input sections for {}", str_repr(section))
            }
            Doing::LoadingRecipe(recipe) => write!(f, "Loading recipe {}.", str_repr(recipe)),
            Doing::Developing => f.write_str("Processing directories listed in the develop option"),
            Doing::DevelopingCheckout(path) => {
                write!(f, "Processing develop directory {}.", str_repr(path))
            }
            Doing::Recipe(text) => f.write_str(text),
            Doing::InstallingPart(part) => write!(f, "Installing {part}."),
            Doing::UpdatingPart(part) => write!(f, "Updating {part}."),
            Doing::UninstallingPart(part) => write!(f, "Uninstalling {part}."),
        }
    }
}

/// Why a configuration cannot be resolved. The texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveProblem {
    /// A section that is referred to does not exist.
    #[error("The referenced section, {}, was not defined.", str_repr(section))]
    MissingSection {
        /// The section.
        section: String,
    },
    /// An option that is referred to does not exist.
    #[error("Referenced option does not exist: {section} {option}")]
    MissingReference {
        /// The section.
        section: String,
        /// The option.
        option: String,
    },
    /// An option that something needs does not exist.
    #[error("Missing option: {section}:{option}")]
    MissingOption {
        /// The section.
        section: String,
        /// The option.
        option: String,
    },
    /// An option refers to itself, directly or not.
    #[error("Circular reference in substitutions.\n")]
    Circular {
        /// The section of the option that is reached again.
        section: String,
        /// That option.
        option: String,
    },
    /// A reference is malformed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A section that `<` names does not exist.
    #[error("No section named {}", str_repr(name))]
    MissingMacro {
        /// The name.
        name: String,
        /// The section that names it.
        user: String,
    },
    /// A section is made from itself.
    #[error("Infinite extending loop {}", str_repr(name))]
    MacroLoop {
        /// The name.
        name: String,
        /// The section that names it last.
        user: String,
    },
    /// A value grows beyond what is reasonable.
    #[error("the value of `{section}:{option}` grows beyond {limit} bytes by substitution")]
    ValueTooLong {
        /// The section.
        section: String,
        /// The option.
        option: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Recipes reach into other sections from within their construction too
    /// many levels deep.
    #[error("recipes are constructed from within each other more than {limit} levels deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A value that starts with `!py` cannot be decoded.
    #[error("the typed value of `{section}:{option}` cannot be read: {reason}")]
    TypedValue {
        /// The section.
        section: String,
        /// The option.
        option: String,
        /// Why.
        reason: String,
    },
    /// A section is added that exists already.
    #[error("{}", section_exists(section))]
    SectionExists {
        /// The section.
        section: String,
    },
}

fn section_exists(section: &str) -> String {
    format!("('Section already exists', {})", str_repr(section))
}
