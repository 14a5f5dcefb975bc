//! The SLAP protocol: what a node, an instance and a user say to a SlapOS
//! master.
//!
//! [`Master`] has every call of the protocol. Those who talk to a master take
//! an `Arc<dyn Master>`: real ones are an [`HttpMaster`], tests and
//! measurements bring a [`ReplayMaster`]. [`marshal`] has the documents that
//! travel, [`json_rpc`] the newer interface of some masters.
//!
//! The crate knows nothing of a partition's directory, nor of recipes. Nothing
//! is taken from the environment; see [`ClientOptions`] for proxies.
//!
//! ```
//! use slap::{Master, PartitionReference, ReplayMaster};
//!
//! let master = ReplayMaster::new().with("startedComputerPartition", "Ignored");
//! master.started(&PartitionReference::new("local", "slappart0"))?;
//! assert_eq!(
//!     master.asked()[0].body().as_deref(),
//!     Some("computer_id=local&computer_partition_id=slappart0")
//! );
//! # Ok::<(), slap::SlapError>(())
//! ```
//!
//! [`ClientOptions`]: buildout_core::fetch::ClientOptions
#![warn(missing_docs)]

mod computer;
mod error;
mod exchange;
mod http;
mod instance;
mod instance_xml;
pub mod json_rpc;
pub mod marshal;
mod master;
mod replay;
mod run_master;
mod state;
#[cfg(feature = "test-master")]
pub mod test_master;
mod transaction;
mod url;

pub use computer::{
    Computer, ComputerPartition, DEFAULT_SOFTWARE_TYPE, OLD_DEFAULT_SOFTWARE_TYPE, SoftwareRelease,
};
pub use error::SlapError;
pub use exchange::{Answer, Exchange, Method, PartitionReference};
pub use http::{HttpMaster, HttpMasterOptions};
pub use instance::{InstanceRequest, SoftwareInstance};
pub use master::{Certificate, Master, ProductQuery};
pub use replay::ReplayMaster;
pub use run_master::RunMaster;
pub use transaction::{RecordedRequests, TRANSACTION_FILE_PREFIX, transaction_file};
