//! What is known of a partition's promises, for those who look.

use std::path::Path;

use super::cache::PromiseCache;
use super::history::unchanged_since;
use super::listing::{PromiseKind, promises_of};
use super::result::PromiseResult;
use super::store::PromiseStore;
use crate::files::FileError;

/// What is known of a promise. Nothing is run to know it.
#[derive(Clone, Debug, PartialEq)]
pub struct PromiseStatus {
    /// The name of its file.
    pub name: String,
    /// The name without its last extension.
    pub title: String,
    /// What it is.
    pub kind: PromiseKind,
    /// Its last result; none if it never gave one.
    pub result: Option<PromiseResult>,
    /// What is remembered of it; none if it is due in any case. When it is due
    /// is [`PromiseCache::next_run_after`].
    pub cache: Option<PromiseCache>,
    /// Since when its runs agree on whether it holds, in seconds since the
    /// epoch; none if its log does not tell.
    pub unchanged_since: Option<u64>,
}

/// Returns what is known of the promises of the partition in a directory, in
/// the order in which they are run.
///
/// # Errors
///
/// A directory of promises cannot be read. Files of results that are no
/// results are none.
pub fn promise_status(partition: &Path) -> Result<Vec<PromiseStatus>, FileError> {
    let store = PromiseStore::of(partition, None);
    let promises = promises_of(partition)?.list.into_iter();
    Ok(promises
        .map(|promise| {
            let title = promise.title().to_owned();
            PromiseStatus {
                result: store.result(&title),
                cache: store.cache(&title),
                unchanged_since: unchanged_since(&store.log(&title)),
                kind: promise.kind,
                name: promise.name,
                title,
            }
        })
        .collect())
}
