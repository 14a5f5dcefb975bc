//! The recipes of slapos.cookbook that write files and scripts.

mod authorized_key;
mod calendar;
mod check_parameter;
mod check_port;
mod check_url;
mod cron;
pub(crate) mod generic;
pub(crate) mod launcher;
mod logrotate;
pub(crate) mod shell_script;
mod simple_logger;
mod tunnel;

use std::sync::Arc;

use buildout_core::recipe::Factory;

/// Returns the factories of all recipes of this module.
pub(crate) fn factories() -> Vec<Arc<dyn Factory>> {
    let mut factories = vec![
        authorized_key::factory(),
        check_parameter::factory(),
        check_port::factory(),
        simple_logger::factory(),
    ];
    factories.extend(check_url::factories());
    factories.extend(cron::factories());
    factories.extend(logrotate::factories());
    factories.extend(tunnel::factories());
    factories
}
