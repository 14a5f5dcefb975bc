//! `slapos node status --health`: how the node is, at a glance, for people and
//! for programs.

mod duration;
mod html;
mod json;
mod text;

use std::path::Path;

use slapgrid::health::{NodeHealth, Severity};

use super::super::arguments::StatusArguments;
use super::super::context::Context;
use crate::Stop;
use crate::terminal::Style;

/// The exit code if somebody must see to something: as that of `status` if a
/// process does not run.
const TROUBLE: i32 = 3;

pub(super) fn run(context: &Context<'_>, arguments: &StatusArguments) -> Result<(), Stop> {
    let node = context.plain_node(&arguments.configuration)?;
    let mut health = NodeHealth::of(&node);
    if !arguments.names.is_empty() {
        for name in &arguments.names {
            if !health.partitions.iter().any(|it| it.name == *name) {
                return Err(
                    Stop::message(format!("no partition in use is called {name}"))
                        .with_hint("`slapos node list` shows the partitions"),
                );
            }
        }
        health
            .partitions
            .retain(|partition| arguments.names.contains(&partition.name));
    }
    if let Some(output) = &arguments.output {
        let path = Path::new(&context.surroundings.working_directory).join(output);
        slapgrid::update_file(&path, html::page(&health).as_bytes(), 0o644)
            .map_err(|error| context.fail(&error, None, 1))?;
    }
    if arguments.json {
        let document = json::document(&health);
        context.streams.out(&format!("{document:#}\n"));
    } else if arguments.output.is_none() {
        let terminal = context.surroundings.terminal;
        let style = terminal.map_or(Style::PLAIN, |terminal| terminal.style);
        let columns = terminal.map_or(text::PLAIN_COLUMNS, |terminal| terminal.size().columns);
        context.streams.out(&text::view(&health, style, columns));
    }
    match health.severity() {
        Severity::Trouble => Err(Stop::Code(TROUBLE)),
        Severity::Fine | Severity::Pending => Ok(()),
    }
}
