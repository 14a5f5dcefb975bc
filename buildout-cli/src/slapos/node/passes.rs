//! `software`, `instance`, `report` and `promise`: passes over what the master wants.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use slapgrid::instance::{
    InstanceError, InstanceOptions, process_partitions, process_promises, process_report,
};
use slapgrid::software::{
    PruneError, PruneOptions, Selection, SoftwareError, SoftwareOptions, process_releases,
};
use slapgrid::{Node, PassEnd, PidFile, PidFileError};

use super::super::arguments::{
    InstanceArguments, PromiseArguments, PruneArguments, ReportArguments, SoftwareArguments,
};
use super::super::context::Context;
use crate::Stop;

/// The exit code if another process is at it.
pub(super) const RUNNING: i32 = 10;

pub(super) fn software(context: &Context<'_>, arguments: &SoftwareArguments) -> Result<(), Stop> {
    let force = arguments.force || arguments.all;
    let node = context.node(&arguments.node, force, arguments.buildout_debug)?;
    let pid_file = node.configuration.pidfile_software.clone();
    pass(context, &node, &pid_file, || {
        let options = SoftwareOptions {
            selection: Selection::parse(arguments.only_sr.as_deref().unwrap_or_default()),
            force,
            garbage_collect: arguments.garbage_collect,
        };
        process_releases(&node, &options).map_err(|error| {
            let hint = match &error {
                SoftwareError::NoSoftwareRoot(_) => {
                    Some("run `slapos node format --now`".to_owned())
                }
                SoftwareError::Master(error) => error.hint(),
                _ => None,
            };
            context.fail(&error, hint.as_deref(), 1)
        })
    })
}

pub(super) fn instance(context: &Context<'_>, arguments: &InstanceArguments) -> Result<(), Stop> {
    let force = arguments.force || arguments.all;
    let node = context.node(&arguments.node, force, arguments.buildout_debug)?;
    let pid_file = node.configuration.pidfile_instance.clone();
    pass(context, &node, &pid_file, || {
        let options = InstanceOptions {
            only: names(arguments.only_cp.as_deref()),
            force,
            force_stop: arguments.force_stop,
        };
        process_partitions(&node, &options).map_err(|error| fail_instance(context, &error))
    })
}

pub(super) fn report(context: &Context<'_>, arguments: &ReportArguments) -> Result<(), Stop> {
    let node = context.node(&arguments.node, false, false)?;
    let pid_file = node.configuration.pidfile_report.clone();
    pass(context, &node, &pid_file, || {
        process_report(&node).map_err(|error| fail_instance(context, &error))
    })
}

pub(super) fn prune(context: &Context<'_>, arguments: &PruneArguments) -> Result<(), Stop> {
    let mut node = context.plain_node(&arguments.configuration)?;
    node.configuration.maximal_delay = 0;
    // A build would use what is removed.
    let pid_file = node.configuration.pidfile_software.clone();
    pass(context, &node, &pid_file, || {
        let base = Path::new(&context.surroundings.working_directory);
        let additional = arguments.additional_software_directory.iter();
        let options = PruneOptions {
            dry_run: arguments.dry_run,
            additional_software: additional.map(|name| base.join(name)).collect(),
        };
        slapgrid::software::prune(&node, &options).map_err(|error| {
            let hint = match &error {
                PruneError::NoSharedParts => {
                    Some("set `shared_part_list` in `[slapos]` to the directories of shared parts")
                }
                _ => None,
            };
            context.fail(&error, hint, 1)
        })
    })
}

/// A node that is at it in `instance` has the same pid file.
pub(super) fn promise(context: &Context<'_>, arguments: &PromiseArguments) -> Result<(), Stop> {
    let node = context.node(&arguments.node, false, false)?;
    let pid_file = node.configuration.pidfile_instance.clone();
    pass(context, &node, &pid_file, || {
        let only = names(arguments.only_cp.as_deref());
        process_promises(&node, &only).map_err(|error| fail_instance(context, &error))
    })
}

/// Returns the names of a list with commas.
fn names(list: Option<&str>) -> Vec<String> {
    let names = list.unwrap_or_default().split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    names.map(ToOwned::to_owned).collect()
}

fn fail_instance(context: &Context<'_>, error: &InstanceError) -> Stop {
    let hint = match error {
        InstanceError::Supervisor(error) => error.hint().map(ToOwned::to_owned),
        InstanceError::Master(error) => error.hint(),
        InstanceError::Unknown(_) => Some("`slapos node list` shows the partitions".to_owned()),
        _ => None,
    };
    context.fail(error, hint.as_deref(), 1)
}

/// Does a pass, if no other process is at it.
fn pass(
    context: &Context<'_>,
    node: &Node,
    pid_file: &Path,
    work: impl FnOnce() -> Result<PassEnd, Stop>,
) -> Result<(), Stop> {
    delay(node);
    let _pid_file = PidFile::take(pid_file, &node.log).map_err(|error| match &error {
        PidFileError::Running(_) => {
            node.log.info(error.to_string());
            Stop::Code(RUNNING)
        }
        _ => context.fail(
            &error,
            Some("set the `pidfile_...` options in `[slapos]`"),
            1,
        ),
    })?;
    node.announce();
    let end = work()?;
    if node.cancellation.is_cancelled() {
        return Err(Stop::Code(1));
    }
    match end.exit_code() {
        0 => Ok(()),
        code => Err(Stop::Code(code)),
    }
}

/// Sleeps for up to `maximal_delay` seconds, so that not all nodes of a master
/// ask it at the same moment.
fn delay(node: &Node) {
    let maximal = node.configuration.maximal_delay;
    if maximal == 0 {
        return;
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let random = u64::from(now.unwrap_or_default().subsec_nanos()) / 1000;
    let seconds = 1 + random % maximal;
    node.log.info(format!(
        "Sleeping for {seconds} seconds. To disable this feature, check --now parameter in slapgrid help."
    ));
    let (wake, waker) = mpsc::channel::<()>();
    let _registration = node.cancellation.on_cancel(move || drop(wake));
    let _ = waker.recv_timeout(Duration::from_secs(seconds));
}
