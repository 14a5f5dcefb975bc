//! The node against the real thing: `slapos proxy` of slapos.core as its
//! master, supervisord for its services, both from PyPI.
//!
//! As root, releases and partitions belong to another user, as whom everything
//! of theirs is run; else all is done as oneself.

mod collect;
mod faults;
mod health;
mod init;
mod lifecycle;
mod managers;
mod plugins;
mod privileged;
mod promises;
mod site;
mod standalone;
mod toolbox;
mod traffic;
mod upkeep;
mod usage;
mod watchdog;
