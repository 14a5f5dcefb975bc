//! Python's built-in functions and types, as far as the recipe gives them to
//! templates.

mod functions;
mod iteration;
mod types;

pub(crate) use functions::{assert, is_callable};
pub(crate) use iteration::{reversed, sorted_with, sum};
pub(crate) use types::{construct_int, round_to, type_attribute, type_of, update_dict};

use super::Object;

/// Returns the function or type of a name.
pub(crate) fn builtin(name: &str) -> Option<Object> {
    types::named(name)
        .or_else(|| functions::named(name))
        .or_else(|| iteration::named(name))
}
