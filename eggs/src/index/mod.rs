//! What can be had: the pages of an index, `find-links`, and the metadata of
//! what they offer.
//!
//! Everything of the network has a limit in size, is verified where the index
//! gives a digest, and is asked for once.

mod candidate;
mod client;
mod hosts;
mod libc;
mod package_index;
mod page;
mod page_cache;
mod tags;
mod wheel_metadata;

pub use candidate::{Candidate, CandidateKind, CandidateLocation, MetadataFile, TagRank};
pub use libc::Libc;
pub(crate) use package_index::fits_python;
pub use package_index::{DefaultIndex, DefaultIndexError, Index, IndexAccess, Note, Offer};
pub use page::InvalidPage;
pub use tags::WheelTags;
pub use wheel_metadata::WheelMetadataError;
