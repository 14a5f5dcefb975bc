//! `slapos node list`: releases, partitions, services and last errors at a
//! glance.

use std::fmt::Write as _;
use std::fs;

use slap::Computer;
use slapgrid::instance::WantedPartition;
use slapgrid::supervisor::{ProcessInfo, Supervisor};
use slapgrid::{Node, release_name};

use super::super::arguments::ListArguments;
use super::super::context::Context;
use crate::Stop;
use crate::terminal::Style;

/// The longest error that is shown, in characters.
const SHOWN_ERROR: usize = 100;

pub(super) fn run(context: &Context<'_>, arguments: &ListArguments) -> Result<(), Stop> {
    let node = context.plain_node(&arguments.configuration)?;
    let computer = node
        .master
        .full_computer_information(&node.configuration.computer_id)
        .map_err(|error| context.fail_master(&error))?;
    // Looking starts nothing.
    let processes = Supervisor::at(&node.layout().socket()).processes();
    let style = context
        .surroundings
        .terminal
        .map_or(Style::PLAIN, |it| it.style);
    let view = View {
        node: &node,
        processes: processes.as_deref().ok(),
        style,
    };
    context.streams.out(&view.text(&computer));
    Ok(())
}

struct View<'a> {
    node: &'a Node,
    /// None if supervisord does not run.
    processes: Option<&'a [ProcessInfo]>,
    style: Style,
}

impl View<'_> {
    fn text(&self, computer: &Computer) -> String {
        let mut text = format!("Computer {}\n", computer.computer_id);
        if self.processes.is_none() {
            let _ = writeln!(text, "{}", self.red("supervisord does not run"));
        }
        text.push_str("\nReleases\n");
        for release in &computer.software_releases {
            let path = self.node.release_path(&release.url);
            let is_there = path.join(".completed").exists();
            let state = match (release.is_destroyed(), is_there, path.exists()) {
                (true, _, _) => "to be removed",
                (false, true, _) => "available",
                (false, false, true) => "not finished",
                (false, false, false) => "to be built",
            };
            let state = format!("{state:<13}");
            let state = if is_there { state } else { self.red(&state) };
            let _ = writeln!(
                text,
                "  {state}  {}  {}",
                release_name(&release.url),
                release.url
            );
        }
        if computer.software_releases.is_empty() {
            text.push_str("  none\n");
        }
        text.push_str("\nPartitions\n");
        let wanted: Vec<WantedPartition> = computer
            .partitions
            .iter()
            .filter_map(|partition| WantedPartition::of(partition).ok())
            .collect();
        let free = wanted.iter().filter(|it| it.is_free()).count();
        for (partition, title) in wanted.iter().filter(|it| !it.is_free()).map(|wanted| {
            let found = computer
                .partitions
                .iter()
                .find(|it| it.reference == wanted.reference);
            let title = found.and_then(|it| it.parameters.get_str("instance_title"));
            (wanted, title.map(ToString::to_string).unwrap_or_default())
        }) {
            self.push_partition(&mut text, partition, &title);
        }
        let _ = writeln!(text, "  {free} free");
        text
    }

    fn push_partition(&self, text: &mut String, partition: &WantedPartition, title: &str) {
        let name = partition.name();
        let path = partition.path(&self.node.configuration.instance_root);
        let error = fs::read_to_string(path.join(format!(".slapgrid-{name}-error.log"))).ok();
        let stored = fs::read_to_string(path.join(".timestamp")).ok();
        let is_current = stored.is_some() && stored == partition.timestamp;
        let progress = match (&error, is_current) {
            (Some(_), _) => self.red("failed"),
            (None, true) => "up to date".to_owned(),
            (None, false) => "to be processed".to_owned(),
        };
        let url = partition.release.as_deref().unwrap_or("no release");
        let _ = writeln!(
            text,
            "  {name:<12}  {:<9}  {progress}  {title}  {url}",
            partition.state
        );
        for process in self.processes.unwrap_or_default() {
            if process.group == *name {
                let state = format!("{:<9}", process.state);
                let is_fine =
                    process.is_running() || (process.state == "EXITED" && process.exit_status == 0);
                let state = if is_fine { state } else { self.red(&state) };
                let _ = writeln!(
                    text,
                    "      {state}  {}  {}",
                    process.name, process.description
                );
            }
        }
        if let Some(error) = error {
            let line = error.lines().rev().find(|line| !line.trim().is_empty());
            let line: String = line.unwrap_or_default().chars().take(SHOWN_ERROR).collect();
            let _ = writeln!(text, "      {}", self.red(&line));
        }
    }

    fn red(&self, text: &str) -> String {
        if self.style.colour {
            return format!("\u{1b}[31m{text}\u{1b}[m");
        }
        text.to_owned()
    }
}
