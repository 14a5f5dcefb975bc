//! `shared verify`: whether entries are as they were completed.

use buildout_core::store::{Survey, verify};

use super::{Stores, stop};
use crate::Stop;
use crate::command::Context;

pub(super) fn run(context: &Context<'_>, stores: &Stores) -> Result<(), Stop> {
    let survey = Survey::of(&stores.real, &[]).map_err(stop)?;
    let spellings = stores.all_spellings();
    let (mut checked, mut damaged) = (0, 0);
    for entry in survey.entries() {
        // What is being built, or was left half built, is no part yet.
        if !entry.is_complete() {
            let location = entry.location();
            let line = format!("{}: incomplete, not checked\n", location.display());
            context.streams.out(&line);
            continue;
        }
        let faults = verify(entry, &spellings).map_err(stop)?;
        checked += 1;
        damaged += usize::from(!faults.is_empty());
        for fault in faults {
            let location = entry.location();
            let line = format!("{}: {fault}\n", location.display());
            context.streams.out(&line);
        }
    }
    let good = checked - damaged;
    context.streams.out(&format!(
        "{good} of {checked} shared parts are as they were built.\n"
    ));
    if damaged == 0 {
        return Ok(());
    }
    Err(
        Stop::message(format!("{damaged} of {checked} shared parts are damaged.")).with_hint(
            "remove their directories: the next run of a buildout that uses them builds them again",
        ),
    )
}
