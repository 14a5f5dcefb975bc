//! `slapos supply` and `slapos remove`.

use slap::Master as _;

use super::super::arguments::SupplyArguments;
use super::super::context::Context;
use crate::Stop;

pub(in super::super) fn run(
    context: &Context<'_>,
    arguments: &SupplyArguments,
    state: &str,
) -> Result<(), Stop> {
    let master = super::master(context, arguments.client.cfg.as_deref())?;
    let url = &arguments.software_url;
    context.log.info(match state {
        "available" => format!("Requesting software installation of {url}..."),
        _ => format!("Requesting deletion of {url} Software Release..."),
    });
    let url = super::release_of(context, &master, url)?;
    master
        .supply(&url, &arguments.node, state)
        .map_err(|error| context.fail_master(&error))?;
    context.log.info("Done.");
    Ok(())
}
