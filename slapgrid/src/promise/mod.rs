//! Promises: what a partition says about itself, and whether that holds.
//!
//! Which there are ([`promises_of`]) and which are due is told from files,
//! without Python. Executables are run by the node; plugins by a host, a Python
//! of the release with the release's own slapos.core, which forks for each.
//! Files are those of slapos.core to the byte; `docs/design/promises.md` tells
//! who does what as which user, and what holds when something fails.

mod cache;
mod due;
mod error;
mod executable;
mod history;
mod host;
mod json;
mod listing;
mod pool;
mod result;
mod run;
mod runner;
mod search_path;
mod status;
mod store;

pub use cache::PromiseCache;
pub use due::Check;
pub use error::PromiseError;
pub use host::HostError;
pub use listing::{Promise, PromiseKind, Promises, promises_of};
pub use result::{PromiseResult, ResultKind};
pub use search_path::{NoSearchPath, search_path};
pub use status::{PromiseStatus, promise_status};

pub(crate) use runner::{CheckedPartition, PromiseRunner};
