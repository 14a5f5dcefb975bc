//! What there is of a project.

use std::sync::Arc;

use buildout_core::event::Level;

use super::candidate::Candidate;
use crate::log::Logger;

/// What there is of a project.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// The files that can be used, in no order.
    pub candidates: Vec<Arc<Candidate>>,
    /// Whether the index has a page of the project.
    pub has_page: bool,
    /// What could not be asked, and why, as a text: newer files may be there.
    pub unreachable: Vec<String>,
    /// What upstream logs.
    pub notes: Vec<Note>,
}

/// A record for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The logger.
    pub logger: Logger,
    /// The importance.
    pub level: Level,
    /// The text.
    pub message: String,
}

impl Note {
    pub(super) fn root(level: Level, message: String) -> Self {
        Note {
            logger: Logger::Root,
            level,
            message,
        }
    }
}
