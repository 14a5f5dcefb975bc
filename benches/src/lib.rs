//! Benchmarks: generated inputs, and whole-process comparisons with the real peers.
//!
//! The `compare` program prints the tables and says which wanted values are met; see the
//! crate's README.

pub mod comparison;
pub mod master;
pub mod measure;
pub mod peers;
pub mod random;
pub mod table;
pub mod templates;
pub mod tree;
pub mod workload;
