//! What a buildout directory remembers between two runs, and how it is changed safely.
//!
//! - [`installed`]: the `.installed.cfg` codec, byte-compatible with zc.buildout.
//! - [`atomic`]: replacing a file so that a crash leaves the old or the new one.
//! - [`removal`]: deleting what a part recorded as installed.
//! - [`journal`]: the steps of a run, for the next one if it is interrupted.
//! - [`lock`]: one run at a time.
//!
//! `.installed.cfg` is read by other tools; what is ours alone is in [`OWN_DIRECTORY`].

/// The directory in a buildout directory that holds what only this program uses.
pub const OWN_DIRECTORY: &str = ".buildout";

pub mod atomic;
pub mod installed;
pub mod journal;
pub mod lock;
pub mod removal;
