//! What can go wrong between the name of a profile and its merged sections.

use std::io;
use std::sync::Arc;

use super::origin::Place;
use super::tree::{NodeId, Tree};
use super::url_replacements::InvalidReplacement;
use crate::profile::condition::{ConditionError, ConditionProblem};
use crate::profile::syntax::BadLine;
use crate::symbols::Symbol;
use crate::value::str_repr;

/// Why a configuration cannot be loaded. The texts are upstream's exceptions
/// where there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtendsError {
    /// The profile the command names does not exist.
    #[error("Couldn't open {path}")]
    MissingProfile {
        /// The absolute path.
        path: String,
    },
    /// A profile cannot be read.
    #[error("{reason}")]
    Unreadable {
        /// The path or URL.
        source_name: Arc<str>,
        /// Why.
        #[source]
        reason: LoadError,
        /// The `extends` entry that names it.
        included_from: Option<Box<Place>>,
    },
    /// A profile extends itself, directly or not.
    #[error("Recursive file include [{}] {again}", quoted(chain))]
    Recursive {
        /// The profiles from the root down to the entry.
        chain: Vec<Arc<str>>,
        /// The profile that is reached again.
        again: Arc<str>,
        /// The entry that closes the circle.
        place: Option<Box<Place>>,
    },
    /// The option `extended-by` is used.
    #[error("No-longer supported \"extended-by\" option found in {source_name}.")]
    ExtendedBy {
        /// The profile.
        source_name: Arc<str>,
        /// The option.
        place: Box<Place>,
    },
    /// An option stands before the first section header.
    #[error(
        "File contains no section headers.\nfile: {shown}, line: {}\n{}",
        bad_line.line, str_repr(&bad_line.text)
    )]
    MissingSectionHeader {
        /// The profile, and where it was downloaded to.
        shown: String,
        /// The line.
        bad_line: BadLine,
        /// The same, to be shown.
        place: Box<Place>,
    },
    /// Lines that are not part of the language.
    #[error("File contains parsing errors: {shown}{}", listed(bad_lines))]
    BadLines {
        /// The profile, and where it was downloaded to.
        shown: String,
        /// The lines.
        bad_lines: Vec<BadLine>,
        /// The same, to be shown.
        places: Vec<Place>,
    },
    /// A condition cannot be evaluated.
    #[error("{error}")]
    Condition {
        /// The expression.
        place: Box<Place>,
        /// What is wrong with it.
        #[source]
        error: ConditionError,
    },
    /// A boolean option that matters for loading is neither `true` nor
    /// `false`.
    #[error("Invalid value for '{option}' option: {}", str_repr(value))]
    InvalidBoolean {
        /// The option of `[buildout]`.
        option: &'static str,
        /// Its value.
        value: String,
        /// Where it stands, if that is known.
        place: Option<Box<Place>>,
    },
    /// A line of `url-replace` is malformed.
    #[error("{reason}")]
    InvalidReplacement {
        /// The line.
        reason: InvalidReplacement,
        /// Where it stands, if that is known.
        place: Option<Box<Place>>,
    },
    /// `extends-cache` refers to another option.
    #[error("extends-cache '{value}' may not contain ${{section:variable}} to expand.")]
    ExtendsCacheReference {
        /// The value.
        value: String,
        /// Where it stands, if that is known.
        place: Option<Box<Place>>,
    },
    /// Repeated `+=` made a value longer than the engine allows.
    #[error("the value of `{section}:{option}` grows beyond {limit} bytes by repeated `+=`", limit = super::VALUE_LIMIT)]
    ValueTooLong {
        /// The section.
        section: String,
        /// The option.
        option: String,
        /// A profile that adds to it.
        source_name: Arc<str>,
    },
    /// A profile asks for a dialect that does not exist.
    #[error("unknown dialect {}: use `slapos` or `upstream`", str_repr(value))]
    UnknownDialect {
        /// The value.
        value: String,
        /// Where it stands, unless on the command line.
        place: Option<Box<Place>>,
    },
    /// A dialect that is asked for under a condition: conditions are decided
    /// when it must be known already.
    #[error("the dialect cannot depend on a condition")]
    ConditionalDialect {
        /// The assignment.
        place: Box<Place>,
    },
    /// An extended profile asks for another dialect than the one in force.
    #[error("this profile asks for the dialect `{asked}`, but `{in_force}` is in force")]
    DialectConflict {
        /// The dialect asked for.
        asked: String,
        /// The dialect chosen before the profiles were merged.
        in_force: &'static str,
        /// The assignment.
        place: Box<Place>,
    },
    /// The section that `versions` names does not exist.
    #[error("{}", str_repr(section))]
    MissingVersionsSection {
        /// The name.
        section: String,
        /// The assignment.
        place: Option<Box<Place>>,
    },
    /// A relative cache directory is set by a remote profile.
    #[error(
        "Setting \"{option}\" to a non absolute location (\"{value}\") within a\nremote configuration file (\"{source_name}\") is ambiguous."
    )]
    AmbiguousDirectory {
        /// The option of `[buildout]`.
        option: &'static str,
        /// Its value.
        value: String,
        /// The profile.
        source_name: Arc<str>,
    },
}

/// Why the text of a profile cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be opened or read; the text is Python's.
    #[error("{}", python_io_error(error, path))]
    Io {
        /// The path.
        path: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The text is not UTF-8; the text is Python's.
    #[error("'utf-8' codec can't decode byte 0x{byte:02x} in position {offset}: {detail}")]
    Encoding {
        /// The byte that is not UTF-8.
        byte: u8,
        /// Where it stands.
        offset: usize,
        /// What is wrong with it.
        detail: &'static str,
        /// The line, with replacement characters where it is not UTF-8.
        place: Box<Place>,
    },
    /// The profile is remote and in no cache, and the network is forbidden.
    #[error("{error}")]
    Offline {
        /// Upstream's text.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The profile cannot be downloaded.
    #[error("{error}")]
    Download {
        /// Why, with upstream's text where there is one.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
        /// Whether upstream reports this as a user's error.
        user: bool,
    },
}

impl ExtendsError {
    pub(super) fn value_too_long(
        tree: &Tree,
        section: Symbol,
        option: Symbol,
        file: NodeId,
    ) -> Self {
        ExtendsError::ValueTooLong {
            section: tree.symbols.name(section).to_string(),
            option: tree.symbols.name(option).to_string(),
            source_name: Arc::clone(&tree.node(file).source),
        }
    }

    /// Tells whether upstream shows this as a user's error (`Error: TEXT`)
    /// rather than as an internal one with a traceback.
    pub fn is_user_error(&self) -> bool {
        match self {
            ExtendsError::Unreadable { reason, .. } => {
                matches!(
                    reason,
                    LoadError::Download { user: true, .. } | LoadError::Offline { .. }
                )
            }
            ExtendsError::MissingSectionHeader { .. }
            | ExtendsError::BadLines { .. }
            | ExtendsError::Condition { .. }
            | ExtendsError::ExtendsCacheReference { .. }
            | ExtendsError::MissingVersionsSection { .. } => false,
            _ => true,
        }
    }

    /// Returns the name of the exception that upstream shows, for errors it
    /// shows as internal ones.
    pub fn upstream_exception(&self) -> &'static str {
        match self {
            ExtendsError::Unreadable { reason, .. } => match reason {
                LoadError::Io { error, .. } => match error.kind() {
                    io::ErrorKind::NotFound => "FileNotFoundError",
                    io::ErrorKind::IsADirectory => "IsADirectoryError",
                    io::ErrorKind::PermissionDenied => "PermissionError",
                    _ => "OSError",
                },
                LoadError::Encoding { .. } => "UnicodeDecodeError",
                LoadError::Download { .. } | LoadError::Offline { .. } => "urllib.error.URLError",
            },
            ExtendsError::MissingSectionHeader { .. } => {
                "zc.buildout.configparser.MissingSectionHeaderError"
            }
            ExtendsError::BadLines { .. } => "zc.buildout.configparser.ParsingError",
            ExtendsError::ExtendsCacheReference { .. } => "ValueError",
            ExtendsError::MissingVersionsSection { .. } => "KeyError",
            _ => "",
        }
    }

    /// Returns the places to show.
    pub fn places(&self) -> Vec<&Place> {
        match self {
            ExtendsError::Unreadable {
                reason: LoadError::Encoding { place, .. },
                included_from,
                ..
            } => {
                let places = std::iter::once(&**place);
                return places.chain(included_from.as_deref()).collect();
            }
            ExtendsError::Unreadable { included_from, .. } => included_from.as_deref(),
            ExtendsError::Recursive { place, .. }
            | ExtendsError::InvalidBoolean { place, .. }
            | ExtendsError::InvalidReplacement { place, .. }
            | ExtendsError::ExtendsCacheReference { place, .. }
            | ExtendsError::UnknownDialect { place, .. }
            | ExtendsError::MissingVersionsSection { place, .. } => place.as_deref(),
            ExtendsError::ExtendedBy { place, .. }
            | ExtendsError::MissingSectionHeader { place, .. }
            | ExtendsError::Condition { place, .. }
            | ExtendsError::ConditionalDialect { place }
            | ExtendsError::DialectConflict { place, .. } => Some(&**place),
            ExtendsError::BadLines { places, .. } => return places.iter().collect(),
            _ => None,
        }
        .into_iter()
        .collect()
    }

    /// Returns advice that, followed, removes the error.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            ExtendsError::MissingProfile { .. } => {
                "name the profile with `-c FILE`, or make one with `buildout init`".to_owned()
            }
            ExtendsError::Unreadable {
                reason: LoadError::Io { error, .. },
                source_name,
                ..
            } if error.kind() == io::ErrorKind::NotFound => {
                format!("`{source_name}` does not exist; entries of `extends` are relative to the profile that holds them")
            }
            ExtendsError::Unreadable {
                reason: LoadError::Io { error, .. },
                source_name,
                ..
            } if error.kind() == io::ErrorKind::IsADirectory => {
                format!("`{source_name}` is a directory; name a file in it")
            }
            ExtendsError::Unreadable {
                reason: LoadError::Encoding { .. },
                source_name,
                ..
            } => format!("save `{source_name}` as UTF-8"),
            ExtendsError::Unreadable {
                reason: LoadError::Offline { .. },
                ..
            } => "run once with `-O` and `extends-cache` set in `[buildout]`; the cached copy serves offline runs".to_owned(),
            ExtendsError::Condition {
                error:
                    ConditionError {
                        problem: ConditionProblem::UndefinedName { .. },
                        ..
                    },
                ..
            } => "conditions are markers such as `python_version >= \"3.8\"`, or expressions over names such as `linux`, `python3` and `sys`".to_owned(),
            ExtendsError::Recursive { .. } => {
                "remove this entry, or one before it in the chain".to_owned()
            }
            ExtendsError::ExtendedBy { .. } => {
                "let the other profile `extends` this one instead".to_owned()
            }
            ExtendsError::MissingSectionHeader { bad_line, .. } => {
                if bad_line.text.starts_with('\u{feff}') {
                    "the file starts with a byte order mark; save it as UTF-8 without one"
                        .to_owned()
                } else {
                    "put a header such as `[buildout]` before the first option".to_owned()
                }
            }
            ExtendsError::BadLines { .. } => {
                "options start in the first column as `name = value`; continuation lines are indented".to_owned()
            }
            ExtendsError::ExtendsCacheReference { .. } => {
                "write the directory itself; it is needed before references are resolved".to_owned()
            }
            ExtendsError::InvalidReplacement { reason, .. } => reason.hint().to_owned(),
            ExtendsError::InvalidBoolean { .. } => "use `true` or `false`".to_owned(),
            ExtendsError::ConditionalDialect { .. } => {
                "move this line to a `[buildout]` without a condition, or use `--dialect`".to_owned()
            }
            ExtendsError::DialectConflict { in_force, .. } => {
                format!("remove this line, or choose `--dialect` other than `{in_force}`")
            }
            ExtendsError::AmbiguousDirectory { option, .. } => {
                format!("set `buildout:{option}` to an absolute path, or in a local profile")
            }
            ExtendsError::MissingVersionsSection { section, .. } => {
                format!("add a section `[{section}]`, or change `versions` in `[buildout]`")
            }
            ExtendsError::UnknownDialect { .. } => {
                "write `dialect = slapos` or `dialect = upstream`, or remove the line".to_owned()
            }
            _ => return None,
        })
    }
}

fn quoted(chain: &[Arc<str>]) -> String {
    let names: Vec<String> = chain.iter().map(|name| str_repr(name)).collect();
    names.join(", ")
}

fn listed(lines: &[BadLine]) -> String {
    let line = |bad: &BadLine| format!("\n\t[line {:2}]: {}", bad.line, str_repr(&bad.text));
    lines.iter().map(line).collect()
}

/// Formats an error as Python's `OSError` prints itself.
pub fn python_io_error(error: &io::Error, path: &str) -> String {
    let Some(code) = error.raw_os_error() else {
        return format!("{error}: {}", str_repr(path));
    };
    let text = error.to_string();
    let text = text
        .rsplit_once(" (os error")
        .map_or(text.as_str(), |(text, _)| text);
    format!("[Errno {code}] {text}: {}", str_repr(path))
}
