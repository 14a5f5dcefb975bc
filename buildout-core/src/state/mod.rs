//! What a buildout directory remembers between two runs, and how it is changed safely.
//!
//! - [`installed`]: the `.installed.cfg` codec, byte-compatible with zc.buildout.
//! - [`atomic`]: replacing a file so that a crash leaves the old or the new one.
//! - [`removal`]: deleting what a part recorded as installed.
//! - [`journal`]: the steps of a run, for the next one if it is interrupted.
//! - [`run_lock`]: one run at a time.
//! - [`debris`]: temporary files that a killed run left.
//! - [`part_logs`]: what each part of a run told.
//! - [`build_environment`]: what the commands of each part last ran in.
//!
//! `.installed.cfg` is read by other tools; what is ours alone is in [`OWN_DIRECTORY`].

/// The directory of a buildout that holds what only this program knows.
pub const OWN_DIRECTORY: &str = ".buildout";

pub mod atomic;
pub mod build_environment;
pub mod debris;
pub mod installed;
pub mod journal;
mod part_file_name;
pub mod part_logs;
pub mod removal;
pub mod run_lock;
