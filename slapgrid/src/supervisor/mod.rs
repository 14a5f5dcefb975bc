//! supervisord: its configuration, its interface, and keeping both in step.
//!
//! The files are those of slapos.core to the byte, but for the command of the
//! watchdog, so that either node takes over from the other and restarts
//! nothing.

mod client;
pub mod configuration;
mod connection;
mod launch;
pub mod layout;
mod orphans;
mod update;
pub mod xmlrpc;

pub use client::{GroupResult, ProcessInfo, Supervisor, SupervisorError};
pub use launch::{LaunchError, Launcher, ProvideSupervisord};
pub use update::{Groups, update};
