//! `lock [--upgrade NAME]...`: the lock file, made or brought up to date.

use buildout_core::lock::{LockError, LockFile};
use buildout_core::run::{Failure, LockChange, LockRequest, lock};

use super::{Context, SessionKind};
use crate::Stop;
use crate::log::PlainLog;

const UPGRADE: &str = "--upgrade";

/// Takes the names after `--upgrade` out of the command's words.
pub(super) fn upgrade_names(words: &[String]) -> Result<Vec<String>, Stop> {
    let mut names = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let name = if word == UPGRADE {
            words.next().map(String::as_str)
        } else if let Some(name) = word.strip_prefix("--upgrade=") {
            Some(name)
        } else {
            return Err(Stop::message(format!("lock: unexpected `{word}`"))
                .with_hint("`buildout lock` or `buildout lock --upgrade NAME`"));
        };
        match name.filter(|name| !name.is_empty()) {
            Some(name) => names.push(name.to_owned()),
            None => {
                let text = format!("No value specified for option {UPGRADE}");
                return Err(Stop::message(text));
            }
        }
    }
    Ok(names)
}

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let upgrade = upgrade_names(words)?;
    let log = PlainLog::new(context.streams, false);
    context.with_session(
        &log,
        SessionKind::Fetch,
        |configuration, session, settings| {
            let path = LockFile::path(&context.buildout_directory(configuration));
            let previous = match LockFile::load(&path) {
                Ok(lock) => Some(lock),
                Err(LockError::Missing { .. }) => None,
                Err(error) => return Err(Failure::from(error).into()),
            };
            let request = LockRequest {
                previous: previous.clone(),
                profiles: &context.remote_profiles(),
                upgrade: &upgrade,
            };
            let new = lock(session, settings, &request)?;
            if previous.as_ref() != Some(&new.lock) {
                new.lock.save(&path).map_err(Failure::from)?;
            }
            let mut report = String::new();
            for (url, change) in &new.changes {
                let verb = match change {
                    LockChange::Added => "Locked",
                    LockChange::Moved => "Moved",
                    LockChange::Removed => "Removed",
                };
                report.push_str(&format!("{verb} {url}\n"));
            }
            let (profiles, downloads) = (new.lock.profiles.len(), new.lock.downloads.len());
            let distributions = match new.lock.distributions.len() {
                0 => String::new(),
                distributions => format!(", {distributions} distributions"),
            };
            let revisions = match new.lock.revisions.len() {
                0 => String::new(),
                revisions => format!(", {revisions} revisions"),
            };
            report.push_str(&format!(
                "{}: {profiles} profiles, {downloads} downloads{distributions}{revisions}\n",
                path.display()
            ));
            context.streams.out(&report);
            Ok(())
        },
    )
}
