//! `slapos node bang` and `slapos node boot`.

use buildout_core::value::Value;
use indexmap::IndexMap;
use slapgrid::boot::{BootConfiguration, BootError, boot};
use slapgrid::format::FormatConfiguration;

use super::super::arguments::{BangArguments, BootArguments};
use super::super::context::Context;
use crate::Stop;

pub(super) fn bang(context: &Context<'_>, arguments: &BangArguments) -> Result<(), Stop> {
    let node = context.plain_node(&arguments.configuration)?;
    let shown = |text: &str| Value::string(text).repr();
    let url = shown(&node.configuration.master_url);
    context.streams.out(&format!("Banging to {url}\n"));
    node.master
        .computer_bang(&node.configuration.computer_id, &arguments.message)
        .map_err(|error| context.fail_master(&error))?;
    let message = shown(&arguments.message);
    context
        .streams
        .out(&format!("Bang with message {message}\n"));
    Ok(())
}

pub(super) fn run(context: &Context<'_>, arguments: &BootArguments) -> Result<(), Stop> {
    let options = context.options(&arguments.configuration, IndexMap::new())?;
    let node = context.node_of(&options)?;
    let configuration = BootConfiguration::read(&options, &arguments.message)
        .map_err(|error| context.fail_configuration(&error))?;
    let format = FormatConfiguration::read(&options, context.is_root())
        .map_err(|error| context.fail_configuration(&error))?;
    boot(&node, &configuration, &format).map_err(|error| match &error {
        BootError::Cancelled => Stop::Code(1),
        BootError::Format(format) => {
            context.fail(&error, format.hint().as_deref(), format.exit_code())
        }
        _ => context.fail(&error, None, 1),
    })
}
