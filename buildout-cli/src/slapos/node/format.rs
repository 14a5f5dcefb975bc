//! `slapos node format`.

use indexmap::IndexMap;
use slapgrid::format::{FormatConfiguration, FormatError, format_computer};
use slapgrid::prepare_processors;

use super::super::arguments::FormatArguments;
use super::super::context::Context;
use crate::Stop;

pub(super) fn run(context: &Context<'_>, arguments: &FormatArguments) -> Result<(), Stop> {
    let options = [
        ("computer_xml", &arguments.computer_xml),
        ("computer_json", &arguments.computer_json),
        ("input_definition_file", &arguments.input_definition_file),
        ("output_definition_file", &arguments.output_definition_file),
        ("alter_user", &arguments.alter_user),
        ("alter_network", &arguments.alter_network),
    ];
    let given: IndexMap<String, String> = options
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
        .collect();
    let options = context.options(&arguments.configuration, given)?;
    let configuration = FormatConfiguration::read(&options, context.is_root())
        .map_err(|error| fail(context, &error.into()))?;
    let context = &context.also_logging_to(configuration.log_file.as_deref())?;
    let node = context.node_of(&options)?;
    if !arguments.dry_run {
        prepare_processors(&node.configuration, &node.log)
            .map_err(|error| fail(context, &error.into()))?;
    }
    let end = format_computer(&configuration, &*node.master, &node.log, arguments.dry_run)
        .map_err(|error| fail(context, &error))?;
    match end.exit_code() {
        0 => Ok(()),
        code => Err(Stop::Code(code)),
    }
}

fn fail(context: &Context<'_>, error: &FormatError) -> Stop {
    context.fail(error, error.hint().as_deref(), error.exit_code())
}
