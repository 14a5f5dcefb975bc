//! The develop eggs of a run, made before its parts.
//!
//! Keeps `Buildout._develop` of zc.buildout, but for what a failure leaves:
//! upstream removes the develop eggs before it makes them anew, so that a
//! checkout that cannot be built takes all of them along. Here those that were
//! there stay.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::failure::{Failure, Problem};
use super::super::session::Session;
use super::super::settings::BuildoutSettings;
use super::Installation;
use crate::configuration::BUILDOUT_SECTION;
use crate::event::{Event, Level};
use crate::extends::join;
use crate::glob::glob;
use crate::profile::python_text::split_words;
use crate::recipe::{CreatedPaths, DevelopEggs, RunShare};
use crate::resolve::Doing;
use crate::value::str_repr;

/// The option that lists checkouts.
const OPTION: &str = "develop";

impl Installation<'_, '_> {
    /// Makes the develop eggs that `[buildout] develop` asks for, and removes
    /// those of earlier runs that it no longer asks for.
    pub(super) fn develop(&mut self, outer: &RunShare) -> Result<(), Failure> {
        let known = self.record.take_develop_eggs();
        let mut made = BTreeSet::new();
        let result = self.make_develop_eggs(outer, &mut made);
        let texts = made
            .into_iter()
            .filter_map(|path| path.into_os_string().into_string().ok());
        let made: Vec<String> = texts.collect();
        if let Err(failure) = result {
            let new: Vec<String> = made
                .into_iter()
                .filter(|path| !known.contains(path))
                .collect();
            self.clear_away("", &new);
            self.record.set_develop_eggs(known)?;
            return Err(failure);
        }
        let gone: Vec<String> = known
            .iter()
            .filter(|path| !made.contains(path))
            .cloned()
            .collect();
        if !gone.is_empty() {
            self.remove_paths("", &gone)?;
        }
        if made == known {
            self.record.keep_develop_eggs(made);
            return Ok(());
        }
        self.record.set_develop_eggs(made)
    }

    /// Makes the develop eggs and notes all that is made for them.
    fn make_develop_eggs(
        &self,
        outer: &RunShare,
        made: &mut BTreeSet<PathBuf>,
    ) -> Result<(), Failure> {
        let session = self.session;
        let checkouts = checkouts(session, self.settings)?;
        if checkouts.is_empty() {
            return Ok(());
        }
        let place = || session.option_place(BUILDOUT_SECTION, OPTION, OPTION);
        let Some(maker) = session.options.registry.develop_eggs() else {
            let what = "`develop`, which builds eggs".to_owned();
            return Err(Failure::from(Problem::Unsupported { what }).with_label(place(), ""));
        };
        for Checkouts { pattern, found } in checkouts {
            if found.is_empty() {
                let message = format!("Couldn't develop {} (not found)", str_repr(&pattern));
                self.emit(Event::engine_log(Level::Warning, message));
            }
            for checkout in found {
                let shown = str_repr(&checkout);
                self.emit(Event::engine_log(Level::Info, format!("Develop: {shown}")));
                let paths = self
                    .develop_one(&*maker, Path::new(&checkout), outer)
                    .map_err(|failure| {
                        let failure = failure.with_label(place(), "");
                        failure.during(vec![Doing::DevelopingCheckout(checkout)])
                    })?;
                made.extend(paths);
            }
        }
        Ok(())
    }

    fn develop_one(
        &self,
        maker: &dyn DevelopEggs,
        checkout: &Path,
        share: &RunShare,
    ) -> Result<Vec<PathBuf>, Failure> {
        let part: Arc<str> = Arc::from(BUILDOUT_SECTION);
        let created = CreatedPaths::new(Arc::clone(&part), false, self.record.journal());
        let dialect = self.session.dialect();
        self.session.as_run(&part, None, &created, share, |run| {
            maker.develop(checkout, dialect, run)
        })
    }
}

/// The checkouts that one word of `[buildout] develop` names.
pub(in crate::run) struct Checkouts {
    pattern: String,
    pub(in crate::run) found: Vec<String>,
}

/// Returns the checkouts that `[buildout] develop` names.
pub(in crate::run) fn checkouts(
    session: &Session<'_>,
    settings: &BuildoutSettings,
) -> Result<Vec<Checkouts>, Failure> {
    let value = session.get_stored(BUILDOUT_SECTION, OPTION)?;
    let directory = settings.directory.to_string_lossy();
    let of_word = |word: &str| {
        let pattern = join(&directory, word, false);
        let found = glob(&pattern);
        Checkouts { pattern, found }
    };
    Ok(split_words(&value.unwrap_or_default())
        .map(of_word)
        .collect())
}
