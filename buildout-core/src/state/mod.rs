//! What a buildout directory remembers between two runs, and how it is changed safely.
//!
//! - [`installed`]: the `.installed.cfg` codec, byte-compatible with zc.buildout.
//! - [`atomic`]: replacing a file so that a crash leaves the old or the new one.
//! - [`removal`]: deleting what a part recorded as installed.
//! - [`part_logs`]: what each part of a run told.
//! - [`build_environment`]: what the commands of each part last ran in.
//!
//! Room is left here for two neighbours which come with their own issues: `journal` (the steps in
//! flight, for recovery after a crash) and `lock` (one run per directory, with the holder's
//! process id). What is ours alone lives in [`OWN_DIRECTORY`] and never in `.installed.cfg`, which
//! other tools read.

/// The directory of a buildout that holds what only this program knows.
pub const OWN_DIRECTORY: &str = ".buildout";

pub mod atomic;
pub mod build_environment;
pub mod installed;
mod part_file_name;
pub mod part_logs;
pub mod removal;
