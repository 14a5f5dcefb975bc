//! What can be had: the pages of an index, `find-links`, and the metadata of
//! what they offer.
//!
//! Everything of the network has a limit in size, is verified where the index
//! gives a digest, and is asked for once.

mod ahead;
mod archive_error;
mod candidate;
mod client;
mod find_links;
mod hosts;
mod json;
mod libc;
mod local;
mod locked;
mod offer;
mod package_index;
mod page;
mod page_cache;
mod source_metadata;
mod tags;
mod wheel_metadata;

pub use archive_error::ArchiveError;
pub use candidate::{Candidate, CandidateKind, CandidateLocation, MetadataFile, TagRank};
pub use libc::Libc;
pub use offer::{Note, Offer};
pub(crate) use package_index::fits_python;
pub use package_index::{DefaultIndex, DefaultIndexError, Index, IndexAccess};
pub use page::InvalidPage;
pub use source_metadata::{SourceMetadata, SourceMetadataError};
pub use tags::WheelTags;
pub use wheel_metadata::WheelMetadataError;
