//! From a profile's name to merged sections: loading what it extends, and
//! merging the files as the dialect has it.
//!
//! The naive algorithm opens a file once per include path, of which real
//! releases have hundreds of thousands. Here each file is read and parsed once
//! ([`load()`]); the merges compute what the naive one would yield from the
//! graph ([`Tree`]). `docs/design/extends.md` has the argument.

mod edits;
mod error;
mod flat;
mod load;
mod location;
mod marks;
mod option;
mod origin;
mod pairwise;
mod settings;
mod transform;
mod tree;
mod update;
mod url_replacements;

use std::sync::Arc;

use crate::dialect::MergeShape;

pub use error::{ExtendsError, LoadError, python_io_error};
pub(crate) use load::added_text_error;
pub use load::{
    Conditions, Loaded, LoadedText, PROFILE_BASE_LOCATION, ProfileLoader, Surroundings, load,
};
pub use location::{base_of, is_url, join, normalize_path};
pub use option::{
    HISTORY_LIMIT, History, HistoryItem, HistoryListing, MergedOption, MergedSection,
    MergedSections, Operation,
};
pub use origin::{Origin, Place, Source};
pub use settings::DownloadSettings;
pub use transform::VALUE_LIMIT;
pub use tree::{NodeId, Tree, TreeSize};
pub use update::{first_occurrence, update, update_section};
pub use url_replacements::{InvalidReplacement, UrlReplacements};

/// Merges the files of a loaded graph.
///
/// # Errors
///
/// [`ExtendsError::ValueTooLong`] if repeated `+=` builds up a value above
/// [`VALUE_LIMIT`].
pub fn merge(tree: &Arc<Tree>) -> Result<MergedSections, ExtendsError> {
    match tree.shape {
        MergeShape::Flat => flat::merge(tree),
        MergeShape::Pairwise => pairwise::merge(tree),
    }
}
