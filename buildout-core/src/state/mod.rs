//! What a buildout directory remembers between two runs, and how it is changed safely.
//!
//! - [`installed`]: the `.installed.cfg` codec, byte-compatible with zc.buildout.
//! - [`atomic`]: replacing a file so that a crash leaves the old or the new one.
//! - [`removal`]: deleting what a part recorded as installed.
//!
//! Room is left here for two neighbours which come with their own issues: `journal` (the steps in
//! flight, for recovery after a crash) and `lock` (one run per directory, with the holder's
//! process id). Both live in `.buildout/` and never in `.installed.cfg`, which other tools read.

pub mod atomic;
pub mod installed;
pub mod removal;
