//! The cases, by families of recipes: each has a module here, a list, and a test in `main.rs`.

mod logs;
mod promises;
mod values;
mod wrapper;

use crate::case::Case;

/// The recipes that compute values, clone repositories and unpack archives.
pub(crate) fn values() -> Vec<Case> {
    let families = [values::cases(), values::unpacked_cases()];
    families.into_iter().flatten().collect()
}

/// The recipes that write files and scripts.
pub(crate) fn files() -> Vec<Case> {
    let families = [logs::cases(), promises::cases(), wrapper::cases()];
    families.into_iter().flatten().collect()
}
