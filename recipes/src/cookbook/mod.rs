//! The recipes of slapos.cookbook that write files and scripts.

mod authorized_key;
mod calendar;
mod certificate_authority;
mod check_parameter;
mod check_port;
mod check_url;
mod config_parser;
mod cron;
pub(crate) mod generic;
mod http_server;
pub(crate) mod launcher;
mod logrotate;
mod pretty;
mod promise_plugin;
mod request_link;
pub(crate) mod shell_script;
mod simple_logger;
mod ssh_keys;
mod tunnel;
mod zero_knowledge;

use std::sync::Arc;

use buildout_core::recipe::Factory;

use crate::egg::InstalledEggs;

/// Returns the factories of all recipes of this module.
pub(crate) fn factories(eggs: InstalledEggs) -> Vec<Arc<dyn Factory>> {
    let mut factories = vec![
        authorized_key::factory(),
        check_parameter::factory(),
        check_port::factory(),
        http_server::factory(),
        promise_plugin::factory(eggs),
        simple_logger::factory(),
    ];
    factories.extend(certificate_authority::factories());
    factories.extend(check_url::factories());
    factories.extend(cron::factories());
    factories.extend(logrotate::factories());
    factories.extend(ssh_keys::factories());
    factories.extend(tunnel::factories());
    factories.extend(zero_knowledge::factories());
    factories
}
