//! What can go wrong with an installed file.

use std::{fmt, io, path::PathBuf};

use crate::state::atomic::ReplaceError;

/// A failure to read, understand or write an installed file.
///
/// Where upstream shows a traceback (a damaged file), the path and the line are named here. The
/// file is never changed on the way: nothing that could still be read by a person is lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstalledError {
    /// The file exists but cannot be read.
    #[error("failed to read installed file `{}`", path.display())]
    Read {
        /// The installed file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not UTF-8 text.
    #[error("installed file `{}` is not UTF-8 text at line {line}", path.display())]
    NotUtf8 {
        /// The installed file.
        path: PathBuf,
        /// The line of the first bad byte, from 1.
        line: usize,
    },
    /// A line is neither a section header, an option nor a continuation.
    #[error("installed file `{}`, line {line}: {problem}: `{text}`", path.display())]
    Syntax {
        /// The installed file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The start of the line's text.
        text: String,
        /// What is wrong with it.
        problem: SyntaxProblem,
    },
    /// There is no `[buildout]` section, as in a file cut off to nothing by a crash.
    #[error("installed file `{}` has no section `[buildout]`", path.display())]
    MissingBuildoutSection {
        /// The installed file.
        path: PathBuf,
    },
    /// The `[buildout]` section does not list the parts.
    #[error("installed file `{}`: section `[buildout]` at line {line} has no option `parts`", path.display())]
    MissingParts {
        /// The installed file.
        path: PathBuf,
        /// The line of the section header, from 1.
        line: usize,
    },
    /// A listed part has no section.
    #[error("installed file `{}`, line {line}: there is no section for the listed part `{part}`", path.display())]
    MissingPart {
        /// The installed file.
        path: PathBuf,
        /// The line of the `parts` option which counts, from 1.
        line: usize,
        /// The part.
        part: String,
    },
    /// A part's section does not say which paths it installed. Going on would leave them behind.
    #[error("installed file `{}`: section `[{part}]` at line {line} has no option `__buildout_installed__`", path.display())]
    MissingInstalledPaths {
        /// The installed file.
        path: PathBuf,
        /// The line of the section header, from 1.
        line: usize,
        /// The part.
        part: String,
    },
    /// A part's name cannot be a word of `parts` and a section header at the same time.
    #[error("part name `{}` cannot be recorded in an installed file", part.escape_debug())]
    UnusablePartName {
        /// The part.
        part: String,
    },
    /// The new file could not be put in place. The old one is untouched unless the source says
    /// otherwise.
    #[error("failed to save the installed file")]
    Save(#[source] ReplaceError),
    /// The file could not be removed.
    #[error("failed to remove installed file `{}`", path.display())]
    Remove {
        /// The installed file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

impl InstalledError {
    /// Returns advice.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotUtf8 { .. }
            | Self::Syntax { .. }
            | Self::MissingBuildoutSection { .. }
            | Self::MissingParts { .. }
            | Self::MissingPart { .. }
            | Self::MissingInstalledPaths { .. } => Some(
                "restore the file from a copy, or remove it: all parts are then installed anew"
                    .to_owned(),
            ),
            Self::UnusablePartName { .. } => {
                Some("give the part a name of one word without brackets".to_owned())
            }
            Self::Read { .. } | Self::Save(_) | Self::Remove { .. } => None,
        }
    }
}

/// What is wrong with a line of an installed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SyntaxProblem {
    /// Text before the first section header (upstream: `MissingSectionHeaderError`).
    NoSectionHeader,
    /// A section header with a condition; nobody writes these to an installed file.
    ConditionalSection,
    /// Anything else that is not understood (upstream: `ParsingError`).
    NotAnOption,
}

impl fmt::Display for SyntaxProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoSectionHeader => "text before the first section header",
            Self::ConditionalSection => "section header with a condition",
            Self::NotAnOption => "neither a section header nor an option",
        })
    }
}
