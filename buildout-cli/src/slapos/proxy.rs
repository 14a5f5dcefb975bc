//! `slapos proxy`, which is slapos.core's: it is handed on to the `slapos` that
//! `[slapproxy] slapos` names, else to the one beside the configured
//! supervisord, else to the first one on the search path that is not this one.

use std::path::{Path, PathBuf};
use std::process::Command;

use indexmap::IndexMap;

use super::arguments::{ConfigurationArgument, ProxyCommand};
use super::context::Context;
use crate::Stop;

pub(super) fn run(context: &Context<'_>, command: ProxyCommand) -> Result<(), Stop> {
    let (name, words) = match command {
        ProxyCommand::Start(arguments) => ("start", arguments.words),
        ProxyCommand::Show(arguments) => ("show", arguments.words),
    };
    let program = slapos_core(context, &words)?;
    let mut command = Command::new(program);
    command.args(["proxy", name]).args(&words);
    Err(Stop::Program(Box::new(command)))
}

/// Finds another `slapos` than this program on the search path.
fn on_path(context: &Context<'_>) -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    let path = context.surroundings.variable("PATH")?;
    let directories = path.split(':').filter(|directory| !directory.is_empty());
    let candidates = directories.map(|directory| Path::new(directory).join("slapos"));
    candidates
        .filter_map(|candidate| candidate.canonicalize().ok().map(|real| (candidate, real)))
        .find(|(_, real)| *real != own && real.is_file())
        .map(|(candidate, _)| candidate)
}

/// Finds slapos.core's program, from the configuration that the words name.
fn slapos_core(context: &Context<'_>, words: &[String]) -> Result<PathBuf, Stop> {
    let place = words.iter().position(|word| word == "--cfg");
    let named = place.and_then(|place| words.get(place + 1).cloned());
    let joined = words.iter().find_map(|word| word.strip_prefix("--cfg="));
    let argument = ConfigurationArgument {
        cfg: named.or_else(|| joined.map(ToOwned::to_owned)),
    };
    let options = context.options(&argument, IndexMap::new())?;
    let named = options.sections().get("slapproxy", "slapos").ok().flatten();
    let named = named.map(|path| options.absolute(&path));
    let beside = options
        .path("supervisord")
        .map(|supervisord| supervisord.with_file_name("slapos"));
    named
        .or(beside)
        .filter(|path| Path::exists(path))
        .or_else(|| on_path(context))
        .ok_or_else(|| {
            Stop::message("`slapos proxy` is slapos.core's, which is not configured").with_hint(
                "install it, as by `python3 -m venv V && V/bin/pip install slapos.core`, and set `slapos = V/bin/slapos` in `[slapproxy]`",
            )
        })
}
