//! Shared parts: what several buildouts build once and use together.
//!
//! An entry is a directory `SHARED/PART/DIGEST`, where the digest is that of
//! the part's options ([`Signature`]). It is complete when it holds the file
//! [`MARKER`], whose content is the signature: writing that file is the only
//! commit point. Everything here is compatible with slapos.recipe.build, so
//! that both may use one directory.
//!
//! - [`Signature`]: the options as JSON, and their digest (pure).
//! - [`candidates`], [`choose`]: which directory of a list holds an entry, or
//!   could.
//! - [`publish`]: the marker, then read-only modes.
//!
//! Room is left here for a lock per entry (two builders of one entry would
//! erase each other's work) and for the removal of entries nobody uses.

mod lookup;
mod publish;
mod signature;

pub use lookup::{Candidate, Choice, candidates, choose};
pub use publish::{PublishError, is_complete, make_read_only, publish};
pub use signature::Signature;

/// The file that makes an entry complete.
pub const MARKER: &str = ".buildout-shared.json";
