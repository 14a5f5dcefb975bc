//! The node: what a master wants of a machine is built, installed and run here.
//!
//! A [`Node`] is put together by the program: its configuration
//! ([`configuration`]), its [`slap::Master`], its log, and what is taken from
//! the process. The passes are functions over it:
//! [`software::process_releases`], [`instance::process_partitions`],
//! [`instance::process_report`] and `format`.
//!
//! Profiles are run by a process each: this program again, as the owner of the
//! release or partition. What is decided and what is written are functions
//! without files; `docs/design/node.md` tells how a crash at any moment is
//! survived.
#![warn(missing_docs)]

mod account;
mod bang;
pub mod boot;
mod child;
mod clock;
pub mod collect;
pub mod configuration;
mod cpuset;
mod files;
mod firewalld;
mod foreign_directory;
pub mod format;
pub mod health;
pub mod instance;
pub mod launch;
mod log;
mod node;
mod pid_file;
mod process_tree;
pub mod promise;
mod slots;
pub mod software;
pub mod supervisor;
pub mod usage;
mod watchdog;

pub use account::{Account, Accounts};
pub use bang::{BangError, BangLedger, BangState, Banged, DEFAULT_BANG_QUOTA, HeldBack};
pub use child::{SAFE_UMASK, clean_environment, error_chain};
pub use clock::log_time;
pub use cpuset::prepare_processors;
pub use files::{FileError, remove_tree, update_file};
pub use firewalld::{FirewallError, FirewallTurn};
pub use log::{LogSink, Logger, NODE_LOGGER};
pub use node::{Node, NodeSurroundings, PassEnd, release_name};
pub use pid_file::{PidFile, PidFileError};
pub use watchdog::Watchdog;
