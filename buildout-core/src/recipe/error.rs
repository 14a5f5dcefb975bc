//! How recipes fail.

use std::error::Error;
use std::fmt;

use crate::fetch::{DownloadError, RedactedUrl};
use crate::run::Failure;

/// What kind of failure a recipe reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipeErrorKind {
    /// The user can mend it: upstream's `UserError`, shown as `Error: TEXT`.
    User,
    /// An exception in upstream's recipe, shown with its class; only exit code
    /// and text are compatible.
    Internal {
        /// The class of upstream's exception.
        exception: &'static str,
    },
    /// The run was cancelled.
    Cancelled,
    /// The recipe ends the whole run with this exit code.
    Exit(i32),
}

/// A failure of a recipe, with what is needed to explain it.
#[derive(Debug)]
pub struct RecipeError {
    kind: RecipeErrorKind,
    cause: Cause,
    /// The option to point at.
    option: Option<String>,
    hint: Option<String>,
    /// What the recipe was doing, outermost first.
    doing: Vec<String>,
}

#[derive(Debug)]
enum Cause {
    Recipe(Box<dyn Error + Send + Sync>),
    Engine(Box<Failure>),
}

impl RecipeError {
    /// A failure the user can mend, from a typed error or a text.
    pub fn user(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(RecipeErrorKind::User, error)
    }

    /// A failure that upstream shows as an exception of class `exception`.
    pub fn internal(
        exception: &'static str,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::new(RecipeErrorKind::Internal { exception }, error)
    }

    /// The run was cancelled.
    pub fn cancelled() -> Self {
        Self::new(RecipeErrorKind::Cancelled, "cancelled")
    }

    /// A failure of the given kind.
    pub fn new(kind: RecipeErrorKind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        RecipeError {
            kind,
            cause: Cause::Recipe(error.into()),
            option: None,
            hint: None,
            doing: Vec::new(),
        }
    }

    /// Says what the recipe was doing, as a line of upstream's `While:`.
    #[must_use]
    pub fn during(mut self, doing: impl Into<String>) -> Self {
        self.doing.insert(0, doing.into());
        self
    }

    /// Points at `option` of the part.
    #[must_use]
    pub fn at_option(mut self, option: impl Into<String>) -> Self {
        self.option.get_or_insert(option.into());
        self
    }

    /// Adds advice that, followed, mends the failure.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert(hint.into());
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> RecipeErrorKind {
        self.kind
    }

    /// Returns the option to point at.
    pub fn option(&self) -> Option<&str> {
        self.option.as_deref()
    }

    /// Returns what the recipe was doing, outermost first.
    pub fn doing(&self) -> &[String] {
        &self.doing
    }

    /// Returns the advice.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the resource that the recipe may not download, if this is why it
    /// failed.
    pub(crate) fn missing_offline(&self) -> Option<&RedactedUrl> {
        let Cause::Recipe(error) = &self.cause else {
            return None;
        };
        match error.downcast_ref::<DownloadError>()? {
            DownloadError::Offline { url } => Some(url),
            _ => None,
        }
    }

    /// Takes out the engine's own failure, if a call to the engine failed.
    pub(crate) fn into_failure(self) -> Result<Failure, Self> {
        match self.cause {
            Cause::Engine(failure) => Ok(*failure),
            Cause::Recipe(_) => Err(self),
        }
    }
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Recipe(error) => error.fmt(f),
            Cause::Engine(failure) => failure.fmt(f),
        }
    }
}

impl Error for RecipeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Recipe(error) => error.source(),
            Cause::Engine(failure) => failure.source(),
        }
    }
}

impl From<Failure> for RecipeError {
    fn from(failure: Failure) -> Self {
        RecipeError {
            kind: RecipeErrorKind::User,
            cause: Cause::Engine(Box::new(failure)),
            option: None,
            hint: None,
            doing: Vec::new(),
        }
    }
}
