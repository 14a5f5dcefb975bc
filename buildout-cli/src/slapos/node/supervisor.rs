//! `supervisord`, `supervisorctl` and what it is used for most: `status`,
//! `start`, `stop`, `restart` and `tail`, which need no Python.

use std::process::Command;

use slapgrid::Node;
use slapgrid::supervisor::{GroupResult, LaunchError, ProcessInfo, Supervisor, SupervisorError};

use super::super::arguments::{
    ConfigurationArgument, ProcessArguments, StatusArguments, SupervisorctlArguments,
    SupervisordArguments, TailArguments,
};
use super::super::context::Context;
use crate::Stop;

/// Returns the supervisord of the node, started if the node may do so.
fn connect(
    context: &Context<'_>,
    argument: &ConfigurationArgument,
) -> Result<(Node, Supervisor), Stop> {
    let node = context.plain_node(argument)?;
    if node.configuration.forbid_supervisord_automatic_launch {
        let supervisor = Supervisor::at(&node.layout().socket());
        return Ok((node, supervisor));
    }
    let launcher = node.launcher();
    let supervisor = launcher
        .write_configuration()
        .and_then(|()| launcher.launch(&node.log, &node.cancellation))
        .map_err(|error| fail_launch(context, &error))?;
    Ok((node, supervisor))
}

fn fail_launch(context: &Context<'_>, error: &LaunchError) -> Stop {
    context.fail(error, error.hint(), 1)
}

fn fail(context: &Context<'_>, error: &SupervisorError) -> Stop {
    context.fail(error, None, 1)
}

pub(super) fn supervisord(
    context: &Context<'_>,
    arguments: &SupervisordArguments,
) -> Result<(), Stop> {
    let node = context.plain_node(&arguments.configuration)?;
    let launcher = node.launcher();
    launcher
        .write_configuration()
        .map_err(|error| fail_launch(context, &error))?;
    if !arguments.nodaemon {
        return launcher
            .launch(&node.log, &node.cancellation)
            .map(drop)
            .map_err(|error| fail_launch(context, &error));
    }
    let program = launcher
        .installed_program(&node.log, &node.cancellation)
        .map_err(|error| fail_launch(context, &error))?;
    let mut command = Command::new(program);
    command
        .arg("-c")
        .arg(node.layout().configuration())
        .arg("--nodaemon")
        .env_clear();
    Err(Stop::Program(Box::new(command)))
}

/// Becomes the supervisorctl beside the node's supervisord.
pub(super) fn supervisorctl(
    context: &Context<'_>,
    arguments: &SupervisorctlArguments,
) -> Result<(), Stop> {
    let (node, _) = connect(context, &arguments.configuration)?;
    let supervisord = node
        .launcher()
        .installed_program(&node.log, &node.cancellation)
        .map_err(|error| fail_launch(context, &error))?;
    let mut command = Command::new(supervisord.with_file_name("supervisorctl"));
    command
        .arg("-c")
        .arg(node.layout().configuration())
        .args(&arguments.words);
    Err(Stop::Program(Box::new(command)))
}

/// The widths of supervisorctl's columns.
const NAME_WIDTH: usize = 33;
const STATE_WIDTH: usize = 10;

pub(super) fn status(context: &Context<'_>, arguments: &StatusArguments) -> Result<(), Stop> {
    let (_, supervisor) = connect(context, &arguments.configuration)?;
    let processes = supervisor
        .processes()
        .map_err(|error| fail(context, &error))?;
    let names: &[String] = match arguments.names.as_slice() {
        [name] if name == "all" => &[],
        names => names,
    };
    let mut shown: Vec<&ProcessInfo> = Vec::new();
    let mut unknown = false;
    if names.is_empty() {
        shown.extend(&processes);
    }
    for name in names {
        let found: Vec<&ProcessInfo> = processes
            .iter()
            .filter(|info| is_named(info, name))
            .collect();
        if found.is_empty() {
            context
                .streams
                .out(&format!("{name}: ERROR (no such {})\n", kind_of(name)));
            unknown = true;
        }
        shown.extend(found);
    }
    let longest = shown.iter().map(|info| info.full_name().len() + 1).max();
    let width = NAME_WIDTH.max(longest.unwrap_or(0));
    for info in &shown {
        context.streams.out(&format!(
            "{:<width$}{:<STATE_WIDTH$}{}\n",
            info.full_name(),
            info.state,
            info.description
        ));
    }
    if unknown {
        // As supervisorctl ends.
        return Err(Stop::Code(4));
    }
    if shown.iter().any(|info| !info.is_running()) {
        return Err(Stop::Code(3));
    }
    Ok(())
}

fn is_named(info: &ProcessInfo, name: &str) -> bool {
    match name.strip_suffix(":*") {
        Some(group) => info.group == group,
        None => info.full_name() == name,
    }
}

fn kind_of(name: &str) -> &'static str {
    if name.ends_with(":*") {
        "group"
    } else {
        "process"
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    Start,
    Stop,
}

pub(super) fn start(context: &Context<'_>, arguments: &ProcessArguments) -> Result<(), Stop> {
    let (_, supervisor) = connect(context, &arguments.configuration)?;
    act(context, &supervisor, arguments, Act::Start)
}

pub(super) fn stop(context: &Context<'_>, arguments: &ProcessArguments) -> Result<(), Stop> {
    let (_, supervisor) = connect(context, &arguments.configuration)?;
    act(context, &supervisor, arguments, Act::Stop)
}

pub(super) fn restart(context: &Context<'_>, arguments: &ProcessArguments) -> Result<(), Stop> {
    let (_, supervisor) = connect(context, &arguments.configuration)?;
    // What does not run is only started.
    let _ = act(context, &supervisor, arguments, Act::Stop);
    act(context, &supervisor, arguments, Act::Start)
}

fn act(
    context: &Context<'_>,
    supervisor: &Supervisor,
    arguments: &ProcessArguments,
    act: Act,
) -> Result<(), Stop> {
    if arguments.names.is_empty() {
        let verb = if act == Act::Start { "start" } else { "stop" };
        return Err(
            Stop::message(format!("{verb} requires a process name")).with_hint(
                "name processes as `GROUP:NAME`, groups as `GROUP:*`, or everything as `all`",
            ),
        );
    }
    let mut failed = false;
    for name in &arguments.names {
        failed |= !act_on(context, supervisor, name, act);
    }
    if failed { Err(Stop::Code(1)) } else { Ok(()) }
}

/// Does it and tells of it. Returns whether it was done.
fn act_on(context: &Context<'_>, supervisor: &Supervisor, name: &str, act: Act) -> bool {
    let group = name.strip_suffix(":*");
    let results = match (act, name, group) {
        (Act::Start, "all", _) => supervisor.start_all(),
        (Act::Stop, "all", _) => supervisor.stop_all(),
        (Act::Start, _, Some(group)) => supervisor.start_group(group),
        (Act::Stop, _, Some(group)) => supervisor.stop_group(group),
        (Act::Start, _, None) => supervisor.start_process(name).map(|()| Vec::new()),
        (Act::Stop, _, None) => supervisor.stop_process(name).map(|()| Vec::new()),
    };
    let done = if act == Act::Start {
        "started"
    } else {
        "stopped"
    };
    match results {
        Ok(results) if results.is_empty() => {
            context.streams.out(&format!("{name}: {done}\n"));
            true
        }
        Ok(results) => {
            for result in &results {
                let text = if result.is_success() {
                    done
                } else {
                    &result.description
                };
                context.streams.out(&format!("{}: {text}\n", result.name));
            }
            results.iter().all(GroupResult::is_success)
        }
        Err(SupervisorError::Fault { text, .. }) => {
            let what = match text.split(':').next().unwrap_or_default() {
                "BAD_NAME" => format!("no such {}", kind_of(name)),
                "ALREADY_STARTED" => "already started".to_owned(),
                "NOT_RUNNING" => "not running".to_owned(),
                "SPAWN_ERROR" => "spawn error".to_owned(),
                "ABNORMAL_TERMINATION" => "abnormal termination".to_owned(),
                _ => text,
            };
            context.streams.out(&format!("{name}: ERROR ({what})\n"));
            false
        }
        Err(error) => {
            let _ = fail(context, &error);
            false
        }
    }
}

pub(super) fn tail(context: &Context<'_>, arguments: &TailArguments) -> Result<(), Stop> {
    let (_, supervisor) = connect(context, &arguments.configuration)?;
    let text = supervisor
        .tail(&arguments.name, arguments.bytes.into())
        .map_err(|error| {
            if error.is_fault("BAD_NAME") {
                return Stop::message(format!("{}: ERROR (no such process name)", arguments.name))
                    .with_hint("`slapos node status` lists the processes");
            }
            fail(context, &error)
        })?;
    context.streams.out(&text);
    Ok(())
}
