//! `shared gc`: removes the entries that nobody uses.

use std::time::SystemTime;

use buildout_core::run::{Failure, Problem};
use buildout_core::store::{
    Fate, Garbage, GarbageError, GarbagePolicy, find_garbage, forget_removed, remove_garbage,
};

use super::list::survey;
use super::options::Options;
use super::{Stores, bytes_text, stop};
use crate::Stop;
use crate::command::Context;

pub(super) fn run(context: &Context<'_>, options: &Options, stores: &Stores) -> Result<(), Stop> {
    let survey = survey(context, options, stores)?;
    let policy = GarbagePolicy {
        unregistered: options.unregistered,
        // Before the clock began, nothing was built.
        older_than: options.older_than.map(|age| {
            SystemTime::now()
                .checked_sub(age)
                .unwrap_or(SystemTime::UNIX_EPOCH)
        }),
    };
    let garbage = find_garbage(&survey, &stores.real, &policy).map_err(stop)?;
    let (mut count, mut bytes) = (0, 0_u64);
    let mut failures: Vec<GarbageError> = Vec::new();
    for item in &garbage {
        if context.cancellation.is_cancelled() {
            return Err(Failure::from(Problem::Cancelled).into());
        }
        let fate = if options.dry_run {
            Ok(Fate::Removed)
        } else {
            remove_garbage(&survey, item)
        };
        match fate {
            Ok(Fate::Removed) => {
                count += 1;
                bytes += item.size;
                let verb = if options.dry_run {
                    "Would remove"
                } else {
                    "Removed"
                };
                tell(context, verb, item, &bytes_text(item.size));
            }
            Ok(Fate::InUse) => tell(context, "Kept", item, "it has come to be used"),
            Ok(Fate::Gone) => tell(context, "Skipped", item, "somebody else has removed it"),
            Err(error) => failures.push(error),
        }
    }
    if !options.dry_run {
        for store in &stores.real {
            failures.extend(forget_removed(store).err());
        }
    }
    let verb = if options.dry_run {
        "would be freed"
    } else {
        "freed"
    };
    context.streams.out(&format!(
        "{} {verb}: {count} of {} shared parts.\n",
        bytes_text(bytes),
        survey.entries().len()
    ));
    let unknown =
        |index: &usize| !survey.was_registered(*index) && survey.users_of(*index).next().is_none();
    let unknown = (0..survey.entries().len()).filter(unknown).count();
    if unknown > 0 && !options.unregistered {
        context.streams.out(&format!(
            "{unknown} that this program never used stay; --unregistered would take them too.\n"
        ));
    }
    if failures.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = failures.iter().map(ToString::to_string).collect();
    Err(Stop::message(texts.join("\n")))
}

fn tell(context: &Context<'_>, verb: &str, garbage: &Garbage, what: &str) {
    let location = garbage.entry.location();
    let kind = if garbage.is_remainder {
        ", the rest of an interrupted removal"
    } else {
        ""
    };
    let line = format!("{verb} {}{kind}: {what}.\n", location.display());
    context.streams.out(&line);
}
