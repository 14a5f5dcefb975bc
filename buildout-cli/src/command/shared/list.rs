//! `shared list`: the entries, and who uses them.

use std::path::PathBuf;

use buildout_core::extends::join;
use buildout_core::store::{Entry, Survey};
use serde_json::{Value, json};

use super::options::Options;
use super::{Stores, bytes_text, stop};
use crate::Stop;
use crate::command::{Context, Format};

/// An entry as it is shown.
struct Line<'a> {
    entry: &'a Entry,
    size: u64,
    is_locked: bool,
    /// The files that record it, and whether their runs go on.
    users: Vec<(String, bool)>,
    /// The entries that refer to it.
    dependants: Vec<String>,
}

pub(super) fn run(context: &Context<'_>, options: &Options, stores: &Stores) -> Result<(), Stop> {
    let survey = survey(context, options, stores)?;
    let lines = lines(&survey)?;
    match options.format {
        Format::Json => {
            let document: Vec<Value> = lines.iter().map(Line::json).collect();
            let document = Value::Array(document);
            context.streams.out(&format!("{document:#}\n"));
        }
        Format::Text => {
            for store in &stores.real {
                let lines: Vec<&Line<'_>> = lines
                    .iter()
                    .filter(|line| line.entry.store == *store)
                    .collect();
                let size = lines.iter().map(|line| line.size).sum();
                context.streams.out(&format!(
                    "{}: {} shared parts, {}\n",
                    store.display(),
                    lines.len(),
                    bytes_text(size)
                ));
                for line in lines {
                    context.streams.out(&line.text());
                }
            }
        }
    }
    Ok(())
}

/// Looks at the stores, their registered users, and those named by `--root`.
pub(super) fn survey(
    context: &Context<'_>,
    options: &Options,
    stores: &Stores,
) -> Result<Survey, Stop> {
    let base = &context.surroundings.working_directory;
    let roots: Vec<PathBuf> = options
        .roots
        .iter()
        .map(|root| PathBuf::from(join(base, root, false)))
        .collect();
    Survey::of(&stores.real, &roots).map_err(stop)
}

fn lines(survey: &Survey) -> Result<Vec<Line<'_>>, Stop> {
    let mut lines = Vec::new();
    for (index, entry) in survey.entries().iter().enumerate() {
        let users = survey.users_of(index);
        lines.push(Line {
            entry,
            size: entry.size().map_err(stop)?,
            is_locked: entry.is_locked(),
            users: users
                .map(|user| (user.installed.display().to_string(), user.is_running))
                .collect(),
            dependants: Vec::new(),
        });
    }
    for (index, entry) in survey.entries().iter().enumerate() {
        for used in survey.references(index).map_err(stop)? {
            lines[*used].dependants.push(entry.name());
        }
    }
    Ok(lines)
}

impl Line<'_> {
    fn state(&self) -> &'static str {
        match (self.is_locked, self.entry.is_complete()) {
            (true, _) => "locked",
            (false, true) => "complete",
            (false, false) => "incomplete",
        }
    }

    fn text(&self) -> String {
        let (name, state) = (self.entry.name(), self.state());
        let mut text = format!("  {name}  {state}, {}\n", bytes_text(self.size));
        for (user, is_running) in &self.users {
            let running = if *is_running { " (running)" } else { "" };
            text.push_str(&format!("    used by {user}{running}\n"));
        }
        for dependant in &self.dependants {
            text.push_str(&format!("    used by {dependant}\n"));
        }
        text
    }

    fn json(&self) -> Value {
        let users = self.users.iter();
        json!({
            "store": self.entry.store.to_string_lossy(),
            "part": self.entry.part,
            "digest": self.entry.digest,
            "bytes": self.size,
            "complete": self.entry.is_complete(),
            "locked": self.is_locked,
            "used_by": {
                "buildouts": users.map(|(user, is_running)| json!({
                    "installed": user,
                    "running": is_running,
                })).collect::<Vec<_>>(),
                "shared_parts": self.dependants,
            },
        })
    }
}
