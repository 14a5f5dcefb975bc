//! The members of Python's `set` and `frozenset`.

use indexmap::IndexSet;
use rustc_hash::FxBuildHasher;

use super::Value;
use super::equality::{Key, UnhashableType};

/// Keeps the first of equal members, in order, in linear time.
pub(super) fn distinct(
    members: impl IntoIterator<Item = Value>,
) -> Result<Vec<Value>, UnhashableType> {
    let members: IndexSet<Key, FxBuildHasher> = members
        .into_iter()
        .map(Key::new)
        .collect::<Result<_, _>>()?;
    Ok(members.into_iter().map(Key::into_value).collect())
}
