//! The cases, by families of recipes: each has a module here, a list, and a test in `main.rs`.

mod authorities;
mod knowledge;
mod logs;
mod promises;
mod wrapper;

use crate::case::Case;

/// The recipes that write files and scripts.
pub(crate) fn files() -> Vec<Case> {
    let families = [
        authorities::cases(),
        knowledge::cases(),
        logs::cases(),
        promises::cases(),
        wrapper::cases(),
    ];
    families.into_iter().flatten().collect()
}
