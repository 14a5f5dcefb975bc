//! What can be had: the pages of an index, `find-links`, and the metadata of
//! what they offer.

mod candidate;
mod libc;
mod tags;

pub use candidate::{Candidate, CandidateKind, CandidateLocation, MetadataFile, TagRank};
pub use libc::Libc;
pub use tags::WheelTags;
