//! The node against the real thing: `slapos proxy` of slapos.core as its
//! master, supervisord for its services, both from PyPI.
//!
//! As root, releases and partitions belong to another user, as whom everything
//! of theirs is run; else all is done as oneself.

mod certificates;
mod collect;
mod confinement;
mod faults;
mod firewall;
mod format;
mod health;
mod hosts;
mod init;
mod kills;
mod lifecycle;
mod managers;
mod namespaces;
mod plugins;
mod privileged;
mod processors;
mod promise_faults;
mod promises;
mod python_2;
#[path = "../faults/random.rs"]
mod random;
mod relay;
mod request;
#[path = "../faults/setting.rs"]
mod setting;
mod site;
mod standalone;
mod supervisord;
mod timeouts;
mod toolbox;
mod traffic;
mod unreliable;
mod upkeep;
mod usage;
mod watchdog;
