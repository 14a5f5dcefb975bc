//! `check [PART...] [--format json]`: what installed parts use and should not.

use std::path::{Path, PathBuf};

use buildout_core::check::{Checker, Report, Territory};
use buildout_core::profile::python_text::{split_lines, strip};
use buildout_core::resolve::nearest;
use buildout_core::run::{BuildoutSettings, Failure, Session};
use buildout_core::state::installed::{InstalledFile, InstalledPart, InstalledState};
use serde_json::{Value, json};

use super::{Context, Format, SessionKind, take_options};
use crate::Stop;
use crate::log::PlainLog;

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let (format, _, parts) = take_options(words, &[])?;
    let log = PlainLog::new(context.streams, true);
    context.with_session(&log, SessionKind::Look, |_, session, settings| {
        let state = installed(settings)?;
        let chosen = choose(context, session, &state, &parts)?;
        let shared = directories(session, settings, "shared-part-list")?;
        let mut roots = vec![settings.directory.clone()];
        roots.extend(settings.directories.iter().cloned());
        roots.extend(directories(session, settings, "eggs-directory")?);
        roots.extend(shared.iter().cloned());
        let mut checker = Checker::new(Territory::new(roots));
        let mut clean = true;
        let mut document = serde_json::Map::new();
        for (name, record) in chosen {
            context.heed_cancellation()?;
            let paths = paths(record, settings, &shared);
            let report = checker.check(paths.iter().map(PathBuf::as_path));
            clean &= report.findings.is_empty();
            match format {
                Format::Text => context.streams.out(&text(name, &report)),
                Format::Json => {
                    document.insert(name.to_owned(), document_of(&report));
                }
            }
        }
        if format == Format::Json {
            let document = json!({ "parts": document });
            context.streams.out(&format!("{document:#}\n"));
        }
        if clean { Ok(()) } else { Err(Stop::Code(1)) }
    })
}

fn installed(settings: &BuildoutSettings) -> Result<InstalledState, Failure> {
    let path = settings.installed.as_deref().and_then(Path::to_str);
    let file = InstalledFile::new(&settings.directory, path.unwrap_or(""));
    Ok(file.load()?.unwrap_or_default())
}

/// Returns the parts that are asked for, or all.
fn choose<'s>(
    context: &Context<'_>,
    session: &Session<'_>,
    state: &'s InstalledState,
    parts: &'s [String],
) -> Result<Vec<(&'s str, &'s InstalledPart)>, Stop> {
    if parts.is_empty() {
        let all = state.parts.iter();
        return Ok(all.map(|(name, record)| (&**name, record)).collect());
    }
    let find = |part: &'s String| match state.parts.get(part) {
        Some(record) => Ok((&**part, record)),
        None => Err(not_installed(context, session, state, part)),
    };
    parts.iter().map(find).collect()
}

fn not_installed(
    context: &Context<'_>,
    session: &Session<'_>,
    state: &InstalledState,
    part: &str,
) -> Stop {
    let stop = Stop::message(format!("Part {part} is not installed."));
    if session.section_names().iter().any(|name| **name == *part) {
        let line = context.command_line(&["install", part]);
        return stop.with_hint(format!("`{line}` installs it"));
    }
    match nearest(part, state.parts.keys().map(String::as_str)) {
        Some(near) => stop.with_hint(format!("there is a part `{near}`")),
        None => stop,
    }
}

/// Reads an option of `[buildout]` that has a directory on each line.
fn directories(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    option: &str,
) -> Result<Vec<PathBuf>, Failure> {
    let value = session.get_stored("buildout", option)?.unwrap_or_default();
    let lines = split_lines(&value).into_iter().map(strip);
    let named = lines.filter(|line| !line.is_empty());
    Ok(named.map(|line| settings.directory.join(line)).collect())
}

/// Returns what a part installed; a shared part is at its location, which is
/// not recorded as installed.
fn paths(record: &InstalledPart, settings: &BuildoutSettings, shared: &[PathBuf]) -> Vec<PathBuf> {
    let location = record.options.get("location");
    let location = location.map(|location| settings.directory.join(location));
    let is_shared = |path: &PathBuf| shared.iter().any(|directory| path.starts_with(directory));
    let installed = record.installed.iter().filter(|path| !path.is_empty());
    installed
        .map(|path| settings.directory.join(path))
        .chain(location.filter(is_shared))
        .collect()
}

fn text(part: &str, report: &Report) -> String {
    let mut text = format!(
        "{part}: {}, {}, {}\n",
        counted(report.binaries, "binary", "binaries"),
        counted(report.scripts, "script", "scripts"),
        counted(report.findings.len(), "problem", "problems"),
    );
    for finding in &report.findings {
        text.push_str(&format!("  {finding}\n"));
    }
    text
}

fn counted(count: usize, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    }
}

fn document_of(report: &Report) -> Value {
    let problems = report.findings.iter().map(|finding| {
        let mut problem = json!({
            "kind": finding.kind.name(),
            "file": finding.file.to_string_lossy(),
            "subject": finding.subject,
        });
        if let Some(library) = &finding.needed_by {
            problem["needed-by"] = library.to_string_lossy().into();
        }
        problem
    });
    json!({
        "binaries": report.binaries,
        "scripts": report.scripts,
        "problems": problems.collect::<Value>(),
    })
}
