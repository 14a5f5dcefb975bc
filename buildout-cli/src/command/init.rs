//! `init` and `bootstrap`: a directory in which `buildout` works.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use buildout_core::resolve::Doing;
use buildout_core::run::{Failure, Problem};
use buildout_core::value::str_repr;

use super::{Context, SessionKind, install};
use crate::log::PlainLog;
use crate::{Stop, buildout_script};

/// The profile that `init` writes.
const EMPTY_PROFILE: &str = "[buildout]\nparts =\n";

/// Writes a profile and makes the directories. Requirements among `words` become the
/// eggs of an interpreter `py`, words with a slash paths of it; it is installed then.
pub(super) fn run_init(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    if let Some(word) = words.iter().find(|word| word.contains(['\n', '\r'])) {
        // The profile would say something else.
        let text = format!("{} is no requirement.", str_repr(word));
        return Err(Stop::message(text));
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
    if words.is_empty() {
        file.write_all(EMPTY_PROFILE.as_bytes())
            .map_err(|error| io_failure("write", &profile, error))?;
        return run_bootstrap(context);
    }
    let (paths, eggs): (Vec<String>, Vec<String>) = words
        .iter()
        // As zc.buildout does: a profile has slashes whatever the system has.
        .map(|word| word.replace('\\', "/"))
        .partition(|word| word.contains('/'));
    file.write_all(interpreter_profile(&eggs, &paths).as_bytes())
        .map_err(|error| io_failure("write", &profile, error))?;
    let directory = Path::new(&profile).parent().unwrap_or(Path::new(""));
    for path in paths {
        let path = directory.join(path);
        fs::create_dir_all(&path)
            .map_err(|error| io_failure("create", &path.to_string_lossy(), error))?;
    }
    run_bootstrap(context)?;
    install::run(context, &[])
}

/// Returns the profile of an interpreter with eggs and further paths, as zc.buildout
/// writes it.
fn interpreter_profile(eggs: &[String], paths: &[String]) -> String {
    let mut text = "[buildout]\nparts = py\n\n\
                    [py]\nrecipe = zc.recipe.egg\ninterpreter = py\neggs =\n"
        .to_owned();
    let lines = |words: &[String]| -> String {
        let lines = words.iter().map(|word| format!("  {word}\n"));
        lines.collect()
    };
    text.push_str(&lines(eggs));
    if !paths.is_empty() {
        text.push_str("extra-paths =\n");
        text.push_str(&lines(paths));
    }
    text
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
