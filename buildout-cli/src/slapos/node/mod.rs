//! `slapos node`.

mod boot;
mod collect;
mod format;
mod health;
mod init;
mod list;
mod passes;
mod supervisor;
pub(super) mod watchdog;

use super::arguments::NodeCommand;
use super::context::Context;
use crate::Stop;

pub(super) fn run(context: &Context<'_>, command: NodeCommand) -> Result<(), Stop> {
    match command {
        NodeCommand::Init(arguments) => init::run(context, &arguments),
        NodeCommand::Format(arguments) => format::run(context, &arguments),
        NodeCommand::Software(arguments) => passes::software(context, &arguments),
        NodeCommand::Instance(arguments) => passes::instance(context, &arguments),
        NodeCommand::Report(arguments) => passes::report(context, &arguments),
        NodeCommand::Collect(arguments) => collect::run(context, &arguments),
        NodeCommand::Prune(arguments) => passes::prune(context, &arguments),
        NodeCommand::Bang(arguments) => boot::bang(context, &arguments),
        NodeCommand::Boot(arguments) => boot::run(context, &arguments),
        NodeCommand::Promise(arguments) => passes::promise(context, &arguments),
        NodeCommand::List(arguments) => list::run(context, &arguments),
        NodeCommand::Supervisord(arguments) => supervisor::supervisord(context, &arguments),
        NodeCommand::Supervisorctl(arguments) => supervisor::supervisorctl(context, &arguments),
        NodeCommand::Status(arguments) if arguments.is_about_health() => {
            health::run(context, &arguments)
        }
        NodeCommand::Status(arguments) => supervisor::status(context, &arguments),
        NodeCommand::Start(arguments) => supervisor::start(context, &arguments),
        NodeCommand::Stop(arguments) => supervisor::stop(context, &arguments),
        NodeCommand::Restart(arguments) => supervisor::restart(context, &arguments),
        NodeCommand::Tail(arguments) => supervisor::tail(context, &arguments),
    }
}
