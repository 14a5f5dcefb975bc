//! The cases, by families of recipes: each has a module here, a list, and a test in `main.rs`.

mod wrapper;

use crate::case::Case;

/// The recipes that write files and scripts.
pub(crate) fn files() -> Vec<Case> {
    wrapper::cases()
}
