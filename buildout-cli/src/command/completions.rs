//! `completions SHELL`.

use clap_complete::{Shell, generate};

use super::Context;
use crate::{Stop, help};

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let shell = match words {
        [shell] => shell.parse::<Shell>().ok(),
        _ => None,
    };
    let Some(shell) = shell else {
        return Err(Stop::message("The completions command requires a shell.")
            .with_hint("`buildout completions bash`; also elvish, fish, powershell and zsh"));
    };
    let mut script = Vec::new();
    generate(shell, &mut help::command_line(), "buildout", &mut script);
    context.streams.out(&String::from_utf8_lossy(&script));
    Ok(())
}
