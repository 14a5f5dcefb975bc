//! `bin/buildout`: by it others find the Python of a directory, and run the
//! engine in it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use buildout_core::configuration::BUILDOUT_SECTION;
use buildout_core::event::{Event, Level};
use buildout_core::exec::shell_quote::quote;
use buildout_core::run::{BuildoutSettings, Failure, Problem, Session};
use buildout_core::state::atomic::replace_file;
use buildout_core::state::debris;
use buildout_core::value::str_repr;
use buildout_eggs::script::launcher;

/// The name of the script.
const NAME: &str = "buildout";

/// The mode of a new script, before the umask.
const MODE: u32 = 0o777;

/// Writes `bin/buildout` of the buildout directory, unless scripts go elsewhere:
/// what is in the `bin-directory` of a partition is a service.
///
/// # Errors
///
/// It cannot be written.
pub(crate) fn keep(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    program: &[String],
) -> Result<(), Failure> {
    if program.is_empty() || settings.bin_directory != settings.directory.join("bin") {
        return Ok(());
    }
    write(session, settings, program).map(drop)
}

/// Writes the script into the `bin-directory`, and says so if that changes it.
///
/// # Errors
///
/// It cannot be written.
pub(crate) fn generate(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    program: &[String],
) -> Result<(), Failure> {
    if !program.is_empty() && write(session, settings, program)? {
        let path = settings.bin_directory.join(NAME);
        let message = format!("Generated script {}.", str_repr(&path.to_string_lossy()));
        let events = &session.services().events;
        events.emit(Event::engine_log(Level::Info, message));
    }
    Ok(())
}

/// Writes the script; tells whether it was another one before.
fn write(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    program: &[String],
) -> Result<bool, Failure> {
    let python = python(session);
    let text = if Path::new(&*python).exists() {
        launcher(&python, session.dialect().shebang_limit, program)
    } else {
        // A machine without Python needs none.
        let words: Vec<String> = program
            .iter()
            .map(|word| quote(word).into_owned())
            .collect();
        format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))
    };
    let path = settings.bin_directory.join(NAME);
    let is_same = fs::read(&path).is_ok_and(|current| current == text.as_bytes());
    // One that was killed may have come this far only.
    let is_executable = |metadata: fs::Metadata| metadata.permissions().mode() & 0o100 != 0;
    if is_same && fs::metadata(&path).is_ok_and(is_executable) {
        return Ok(false);
    }
    let failed = |source| {
        let (verb, path) = ("write", path.clone());
        Failure::from(Problem::Io { verb, path, source })
    };
    // A run that was killed here left a temporary file and the old script.
    debris::clear_replacements(&path);
    replace_file(&path, text.as_bytes()).map_err(|error| failed(io::Error::other(error)))?;
    let mode = MODE & !session.services().umask;
    fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed)?;
    Ok(true)
}

/// Returns the Python that `[buildout] python` names. A part that makes one
/// counts only when it has made it: until then it is the one the run began with.
fn python(session: &Session<'_>) -> Arc<str> {
    let value = |section: &str, option: &str| {
        let stored = session.get_stored(section, option).ok().flatten();
        stored.filter(|value| !value.is_empty())
    };
    let reached = session.initialised_sections();
    value(BUILDOUT_SECTION, "python")
        .filter(|section| reached.contains(section))
        .and_then(|section| value(&section, "executable"))
        .filter(|executable| Path::new(&**executable).exists())
        .or_else(|| value(BUILDOUT_SECTION, "executable"))
        .unwrap_or_else(|| Arc::from("/usr/bin/python3"))
}
