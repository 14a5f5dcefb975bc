//! Uninstalling a working copy: work that is nowhere else stays.

use std::path::Path;

use buildout_core::recipe::{RecipeError, UninstallRun, Uninstalled};

use super::program::{ask, command};
use super::{DEVELOP, EXECUTABLE, LOCATION};
use crate::cookbook::generic::is_true;

/// Keeps the working copy if it holds changes or commits that are nowhere else,
/// unless `develop` is set to false.
///
/// # Errors
///
/// None: what cannot be found out is a reason to keep the working copy.
pub(super) fn uninstall(run: &UninstallRun<'_>) -> Result<Uninstalled, RecipeError> {
    let location = run.option(LOCATION).unwrap_or_default();
    let path = run.services().absolute(location);
    if location.is_empty() || !path.exists() || !is_true(run.option(DEVELOP).unwrap_or("yes")) {
        return Ok(Uninstalled::Remove);
    }
    let mut outcome = Uninstalled::Remove;
    for (words, what) in [
        (&["status", "--short"][..], "uncommitted changes"),
        (
            &["log", "--branches", "--not", "--remotes"],
            "commits not pushed upstream",
        ),
    ] {
        match answer(run, &path, words) {
            Some(answer) if answer.trim().is_empty() => {}
            Some(_) => {
                run.print(&format!(
                    "You have {what} in {location}. This folder will be left as is."
                ));
                outcome = Uninstalled::Keep;
            }
            None => {
                run.print(&format!(
                    "Cannot check if there are unpushed/uncommitted changes in {location}. This folder will be left as is."
                ));
                return Ok(Uninstalled::Keep);
            }
        }
    }
    Ok(outcome)
}

/// Returns what git says; `None` if it does not run.
fn answer(run: &UninstallRun<'_>, directory: &Path, words: &[&str]) -> Option<String> {
    let program = run.option(EXECUTABLE).filter(|program| !program.is_empty());
    let command = command(run.services(), program.unwrap_or("git"), directory, words);
    let (_, answer) = ask(run.services(), Some(run.part()), &command).ok()?;
    Some(answer)
}
