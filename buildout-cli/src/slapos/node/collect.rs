//! `slapos node collect`.

use indexmap::IndexMap;
use slapgrid::collect::{CollectConfiguration, CollectError, collect};
use slapgrid::{Accounts, PidFile, PidFileError};

use super::super::arguments::CollectArguments;
use super::super::context::Context;
use super::passes::RUNNING;
use crate::Stop;

pub(super) fn run(context: &Context<'_>, arguments: &CollectArguments) -> Result<(), Stop> {
    let options = context.options(&arguments.configuration, IndexMap::new())?;
    let node = context.node_of(&options)?;
    let configuration =
        CollectConfiguration::read(&options).map_err(|error| context.fail_configuration(&error))?;
    let _pid_file =
        PidFile::take(&configuration.pid_file, &node.log).map_err(|error| match &error {
            PidFileError::Running(_) => {
                node.log.info(error.to_string());
                Stop::Code(RUNNING)
            }
            PidFileError::File(_) => context.fail(
                &error,
                Some("`slapos node instance` makes the directories of a node"),
                1,
            ),
            _ => context.fail(&error, None, 1),
        })?;
    let accounts = Accounts::of_machine();
    collect(&configuration, &accounts, &node.log, &node.cancellation).map_err(|error| match error {
        CollectError::Cancelled => Stop::Code(1),
        error => context.fail(&error, None, 1),
    })
}
