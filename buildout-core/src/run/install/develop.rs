//! The develop eggs of a run, made before its parts.
//!
//! Keeps `Buildout._develop` of zc.buildout, but for what a failure leaves:
//! upstream removes the develop eggs before it makes them anew, so that a
//! checkout that cannot be built takes all of them along. Here those that were
//! there stay.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::evaluation::recipe_result;
use super::super::failure::{Failure, Problem};
use super::Installation;
use crate::configuration::BUILDOUT_SECTION;
use crate::event::{Event, Level};
use crate::extends::join;
use crate::glob::glob;
use crate::profile::python_text::split_words;
use crate::recipe::{
    Caller, CreatedPaths, DevelopEggs, Installed, PartRun, RemoteBuildout, RunShare, Serve as _,
};
use crate::resolve::Doing;
use crate::value::str_repr;

/// The option that lists checkouts.
const OPTION: &str = "develop";

impl Installation<'_, '_> {
    /// Makes the develop eggs that `[buildout] develop` asks for, and removes
    /// those of earlier runs that it no longer asks for.
    pub(super) fn develop(&mut self, outer: &RunShare) -> Result<(), Failure> {
        let known = self.record.take_develop_eggs();
        let made = match self.make_develop_eggs(outer) {
            Ok(made) => made,
            Err(failure) => {
                self.record.set_develop_eggs(known)?;
                return Err(failure.during(vec![Doing::Developing]));
            }
        };
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

    fn make_develop_eggs(&self, outer: &RunShare) -> Result<Vec<String>, Failure> {
        let session = self.session;
        let value = session.get_stored(BUILDOUT_SECTION, OPTION)?;
        let value = value.unwrap_or_default();
        if split_words(&value).next().is_none() {
            return Ok(Vec::new());
        }
        let place = || session.option_place(BUILDOUT_SECTION, OPTION, OPTION);
        let Some(maker) = session.options.registry.develop_eggs() else {
            let what = "`develop`, which builds eggs".to_owned();
            return Err(Failure::from(Problem::Unsupported { what }).with_label(place(), ""));
        };
        let mut made = BTreeSet::new();
        for word in split_words(&value) {
            let pattern = join(&self.settings.directory.to_string_lossy(), word, false);
            let checkouts = glob(&pattern);
            if checkouts.is_empty() {
                let message = format!("Couldn't develop {} (not found)", str_repr(&pattern));
                self.emit(Event::engine_log(Level::Warning, message));
            }
            for checkout in checkouts {
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
        let texts = made
            .into_iter()
            .filter_map(|path| path.into_os_string().into_string().ok());
        Ok(texts.collect())
    }

    /// Has one checkout built on a thread of its own, whose calls are carried
    /// out meanwhile.
    fn develop_one(
        &self,
        maker: &dyn DevelopEggs,
        checkout: &Path,
        share: &RunShare,
    ) -> Result<Vec<PathBuf>, Failure> {
        let session = self.session;
        let part: Arc<str> = Arc::from(BUILDOUT_SECTION);
        let options = super::known_values(&session.state.borrow(), BUILDOUT_SECTION);
        let created = CreatedPaths::new(Arc::clone(&part), false, self.record.journal());
        let mut result = None;
        {
            let slot = &mut result;
            let (part, options, created) = (Arc::clone(&part), &options, &created);
            let (services, dialect) = (session.services(), session.dialect());
            session.serve(Box::new(move |remote: RemoteBuildout| {
                let remote = remote.for_caller(Caller::Installation);
                let run = PartRun::new(part, None, options, &remote, services, created, share);
                *slot = Some(catch_unwind(AssertUnwindSafe(|| {
                    maker.develop(checkout, dialect, &run)
                })));
            }));
        }
        let mut paths = Vec::new();
        let result = match result {
            Some(Ok(Ok(made))) => {
                paths = made;
                Ok(Ok(Installed::nothing()))
            }
            Some(Ok(Err(error))) => Ok(Err(error)),
            Some(Err(panic)) => Err(panic),
            // `serve` returns when the work has ended.
            None => return Err(Problem::UnexpectedAnswer.into()),
        };
        recipe_result(session, &part, result)?;
        Ok(paths)
    }
}
