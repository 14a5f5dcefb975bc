//! `init` and `bootstrap`: a directory in which `buildout` works.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use buildout_core::resolve::Doing;
use buildout_core::run::{Failure, Problem};
use buildout_core::value::str_repr;

use super::{Context, SessionKind};
use crate::log::PlainLog;
use crate::{Stop, buildout_script};

/// The profile that `init` writes.
const EMPTY_PROFILE: &str = "[buildout]\nparts =\n";

pub(super) fn run_init(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    if !words.is_empty() {
        return Err(Stop::message(
            "init with requirements makes an interpreter with eggs, which is not supported yet.",
        )
        .with_hint("run `buildout init`, then add parts to the profile"));
    }
    let profile = context.profile();
    let created = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&profile);
    let mut file = created.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Stop::message(format!("{} already exists.", str_repr(&profile)))
                .with_hint("`buildout` without a command installs it")
        }
        _ => Stop::from(io_failure("create", &profile, error)),
    })?;
    context
        .streams
        .out(&format!("Creating {}.\n", str_repr(&profile)));
    file.write_all(EMPTY_PROFILE.as_bytes())
        .map_err(|error| io_failure("write", &profile, error))?;
    run_bootstrap(context)
}

/// Makes the directories, and the script that runs this program in them. The
/// program itself is not copied: it is one file, and any copy of it works in any
/// directory.
pub(super) fn run_bootstrap(context: &Context<'_>) -> Result<(), Stop> {
    let log = PlainLog::new(context.streams, false);
    context.with_session(&log, SessionKind::Run, |_, session, settings| {
        settings
            .create_directories(session)
            .and_then(|()| {
                buildout_script::generate(session, settings, &context.surroundings.launched_by)
            })
            .map_err(|failure| failure.during(vec![Doing::Bootstrapping]))?;
        Ok(())
    })
}

fn io_failure(verb: &'static str, path: &str, source: std::io::Error) -> Failure {
    let path = PathBuf::from(path);
    Failure::from(Problem::Io { verb, path, source }).during(vec![Doing::Initializing])
}
