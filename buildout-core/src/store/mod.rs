//! Shared parts: what several buildouts build once and use together.
//!
//! An entry is a directory `SHARED/PART/DIGEST`, where the digest is that of
//! the part's options ([`Signature`]). It is complete when it holds the file
//! [`MARKER`], whose content is the signature: writing that file is the only
//! commit point. Everything here is compatible with slapos.recipe.build, so
//! that both may use one directory.
//!
//! - [`Signature`]: the options as JSON, and their digest (pure).
//! - [`choose`]: which directory of a list holds an entry, or could.
//! - [`EntryLock`]: one build of an entry at a time.
//! - [`publish`]: read-only modes and the marker; [`seal`]: what a killed build left of it.
//! - [`Claims`]: the entries that a run uses, registered in their stores.
//! - [`Survey`]: the entries there are and who uses them; [`find_garbage`],
//!   [`remove_garbage`]: removing those nobody uses; [`verify`]: whether one is
//!   as it was completed.
//!
//! `docs/design/shared-parts.md` tells how these fit together.

mod claims;
mod entry;
mod garbage;
mod lock;
mod lookup;
mod publish;
mod references;
mod registration;
mod signature;
mod survey;
mod verify;

pub use claims::Claims;
pub use entry::{Entry, StoreError};
pub use garbage::{
    Fate, Garbage, GarbageError, GarbagePolicy, find_garbage, forget_removed, remove_garbage,
};
pub use lock::{Attempt, EntryLock, LockError};
pub use lookup::{Choice, Match, Place, Wanted, choose, directories};
pub use publish::{PublishError, is_complete, publish, seal};
pub use registration::RegistrationError;
pub use signature::Signature;
pub use survey::{Survey, SurveyError, User};
pub use verify::{Fault, verify};

/// The file that makes an entry complete.
pub const MARKER: &str = ".buildout-shared.json";
