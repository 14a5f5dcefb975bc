//! The recipes of slapos.cookbook that compute values: secrets, names, ports,
//! pieces of texts; and the simple ones that write such values or copy files.

mod copyfilelist;
mod free_port;
mod generate_mac;
mod generate_password;
mod jsondump;
mod random;
mod randomness;
mod readline;
mod shell;
mod stored_value;
mod urlparse;
mod userinfo;
mod uuid;

use std::sync::Arc;

use buildout_core::recipe::Factory;

/// Returns the factories of all recipes of this module.
pub(crate) fn factories() -> Vec<Arc<dyn Factory>> {
    let mut factories = vec![
        copyfilelist::factory(),
        free_port::factory(),
        generate_mac::factory(),
        generate_password::factory(),
        jsondump::factory(),
        readline::factory(),
        shell::factory(),
        urlparse::factory(),
        userinfo::factory(),
        uuid::factory(),
    ];
    factories.extend(random::factories());
    factories
}
