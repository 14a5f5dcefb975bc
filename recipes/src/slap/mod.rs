//! The recipes of slapos.cookbook by which an instance talks to its master:
//! what it is to be, what it needs from others, and what it offers.
//!
//! The master is the [`RunMaster`] that a node left in the run's services;
//! under a plain `buildout` run, or for another master, a client is made from
//! the options, which as a rule are those of `[slap-connection]`.
//!
//! [`RunMaster`]: slap::RunMaster

mod configuration;
mod connection;
mod failure;
mod json;
mod publish;
mod publish_early;
mod request;
mod request_edge;
mod resource;
mod schema;
mod storage;
mod typed_options;

pub use self::schema::{DocumentError, ReleaseSchema, Serialisation};

use std::sync::Arc;

use buildout_core::recipe::Factory;

/// Returns the factories of these recipes.
pub(crate) fn factories() -> Vec<Arc<dyn Factory>> {
    let mut factories = configuration::factories();
    factories.extend(publish::factories());
    factories.extend(request::factories());
    factories.push(publish_early::factory());
    factories.push(request_edge::factory());
    factories
}
