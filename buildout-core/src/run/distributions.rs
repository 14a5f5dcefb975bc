//! The Python distributions of the wanted parts, before any part is installed.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::downloads::{RefusedDownload, refused_distributions};
use super::evaluation::recipe_result;
use super::failure::{Failure, Problem};
use super::install::checkouts;
use super::session::{Session, known_values};
use super::settings::BuildoutSettings;
use crate::configuration::BUILDOUT_SECTION;
use crate::event::{Event, Level};
use crate::fetch::{CacheUse, DownloadError, Downloaded, Downloader};
use crate::lock::WantedDistributions;
use crate::recipe::{
    Caller, CreatedPaths, DistributionBasis, Factory, PartRun, PlannedDistribution,
    PlannedDistributions, RecipeError, RecipeReference, RemoteBuildout, RunShare, Serve as _,
};
use crate::resolve::Doing;

/// Where archives of distributions are in the download cache, as upstream has
/// it.
const ARCHIVES: &str = "dist";

/// A part whose recipe is not constructed when a command only looks.
#[derive(Clone, Debug)]
pub(super) struct UnconstructedPart {
    part: Arc<str>,
    /// The part with the recipe, which may be another one that it needs.
    cause: String,
    recipe: String,
}

impl UnconstructedPart {
    /// Takes a failure for that if it is one.
    pub(super) fn of(part: &Arc<str>, failure: Failure) -> Result<Self, Failure> {
        match failure.problem() {
            Problem::NotConstructed {
                part: cause,
                recipe,
            } => Ok(UnconstructedPart {
                part: Arc::clone(part),
                cause: cause.clone(),
                recipe: recipe.clone(),
            }),
            _ => Err(failure),
        }
    }

    /// Tells that what the part downloads is not known.
    pub(super) fn warn(&self, session: &Session<'_>) {
        let (part, cause, recipe) = (&self.part, &self.cause, &self.recipe);
        let message = match **part == **cause {
            true => format!(
                "Only the installation of {part} shows what it downloads, besides the \
                 distributions of {recipe}."
            ),
            false => format!("{part} is left out, since it needs {cause}."),
        };
        let event = Event::engine_log(Level::Warning, message);
        session.services().events.emit(event);
    }
}

/// The distributions of one part.
pub(super) struct PartDistributions {
    pub(super) part: Arc<str>,
    pub(super) planned: PlannedDistributions,
}

impl Session<'_> {
    /// Lets `work` do for a part what its installation may do, on a thread of
    /// its own whose calls are carried out meanwhile.
    pub(super) fn as_run<T: Send>(
        &self,
        part: &Arc<str>,
        factory: Option<&dyn Factory>,
        created: &CreatedPaths,
        share: &RunShare,
        work: impl FnOnce(&PartRun<'_>) -> Result<T, RecipeError> + Send,
    ) -> Result<T, Failure> {
        let options = known_values(&self.state.borrow(), part);
        let mut result = None;
        {
            let slot = &mut result;
            let (name, options, services) = (Arc::clone(part), &options, self.services());
            self.serve(Box::new(move |remote: RemoteBuildout| {
                let remote = remote.for_caller(Caller::Installation);
                let run = PartRun::new(name, factory, options, &remote, services, created, share);
                *slot = Some(catch_unwind(AssertUnwindSafe(|| work(&run))));
            }));
        }
        // `serve` returns when the work has ended.
        recipe_result(self, part, result.ok_or(Problem::UnexpectedAnswer)?)
    }

    fn plan<T: Send>(
        &self,
        part: &Arc<str>,
        factory: Option<&dyn Factory>,
        work: impl FnOnce(&PartRun<'_>) -> Result<T, RecipeError> + Send,
    ) -> Result<T, Failure> {
        let created = CreatedPaths::new(Arc::clone(part), false, None);
        self.as_run(part, factory, &created, &RunShare::default(), work)
    }
}

/// Returns the distributions that parts are going to take, in order.
///
/// # Errors
///
/// They cannot be decided on.
pub(super) fn distributions_of(
    session: &Session<'_>,
    parts: &[Arc<str>],
    basis: DistributionBasis,
) -> Result<Vec<PartDistributions>, Failure> {
    let mut all = Vec::new();
    for part in parts {
        let take = || {
            let mut state = session.state.borrow_mut();
            let found = state.parts.get_mut(part)?;
            if !found.recipe.as_ref()?.takes_distributions() {
                return None;
            }
            Some((found.recipe.take()?, Arc::clone(&found.factory)))
        };
        let Some((mut recipe, factory)) = take() else {
            continue;
        };
        let planned = {
            let recipe = &mut recipe;
            session.plan(part, Some(&*factory), move |run| {
                recipe.distributions(run, basis)
            })
        };
        if let Some(found) = session.state.borrow_mut().parts.get_mut(part) {
            found.recipe = Some(recipe);
        }
        let planned = planned
            .map_err(|failure| failure.during(vec![Doing::InstallingPart(part.to_string())]));
        all.push(PartDistributions {
            part: Arc::clone(part),
            planned: planned?,
        });
    }
    Ok(all)
}

/// Returns the distributions of a whole profile, as far as they show without an
/// installation: those that build checkouts, those of recipes that are not
/// constructed, and those of parts. What does not show is warned of.
///
/// # Errors
///
/// They cannot be decided on.
pub(super) fn distributions_of_profile(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    parts: &[Arc<str>],
    unconstructed: &[UnconstructedPart],
) -> Result<Vec<PartDistributions>, Failure> {
    let mut all = distributions_of_checkouts(session, settings)?;
    for skipped in unconstructed {
        skipped.warn(session);
        let reference = RecipeReference::parse(&skipped.recipe);
        let factory = reference.and_then(|recipe| session.options.registry.find(&recipe));
        let (Some(factory), true) = (factory, *skipped.part == *skipped.cause) else {
            continue;
        };
        let planned = session.plan(&skipped.part, Some(&*factory), |run| {
            factory.distributions(run)
        })?;
        all.push(PartDistributions {
            part: Arc::clone(&skipped.part),
            planned,
        });
    }
    all.extend(distributions_of(
        session,
        parts,
        DistributionBasis::Nothing,
    )?);
    for found in &all {
        for message in &found.planned.unknown {
            let event = Event::engine_log(Level::Warning, message.clone());
            session.services().events.emit(event);
        }
    }
    Ok(all)
}

fn distributions_of_checkouts(
    session: &Session<'_>,
    settings: &BuildoutSettings,
) -> Result<Vec<PartDistributions>, Failure> {
    let mut all = Vec::new();
    let part: Arc<str> = Arc::from(BUILDOUT_SECTION);
    let checkouts = checkouts(session, settings)?;
    for checkout in checkouts.into_iter().flat_map(|named| named.found) {
        let Some(maker) = session.options.registry.develop_eggs() else {
            continue;
        };
        let dialect = session.dialect();
        let planned = session.plan(&part, None, |run| {
            maker.plan(Path::new(&checkout), dialect, run)
        });
        all.push(PartDistributions {
            part: Arc::clone(&part),
            planned: planned
                .map_err(|failure| failure.during(vec![Doing::DevelopingCheckout(checkout)]))?,
        });
    }
    Ok(all)
}

/// Returns what a lock is compared with.
pub(super) fn wanted_of(all: &[PartDistributions]) -> WantedDistributions {
    let mut wanted = WantedDistributions::default();
    for PartDistributions { planned, .. } in all {
        let files = planned.files.iter().map(|file| file.file.clone());
        wanted.files.extend(files);
        wanted.missing.extend(planned.missing.iter().cloned());
        wanted.builds |= planned.builds;
    }
    wanted
}

/// Returns what an offline run lacks.
///
/// # Errors
///
/// The distributions cannot be decided on.
pub(super) fn missing_distributions(
    session: &Session<'_>,
    parts: &[Arc<str>],
) -> Result<Vec<RefusedDownload>, Failure> {
    let all = distributions_of(session, parts, DistributionBasis::Installed)?;
    let missing = all.into_iter().flat_map(|found| {
        let part = found.part;
        let missing = found.planned.missing.into_iter();
        missing.map(move |(requirement, _)| RefusedDownload {
            part: Arc::clone(&part),
            error: DownloadError::NoDistribution { requirement },
        })
    });
    Ok(missing.collect())
}

/// Returns each file once, with the part that takes it first.
pub(super) fn distinct_files(
    all: &[PartDistributions],
) -> BTreeMap<&str, (&Arc<str>, &PlannedDistribution)> {
    let mut files = BTreeMap::new();
    for found in all {
        for file in &found.planned.files {
            let known = files.entry(&*file.file).or_insert((&found.part, file));
            // What is installed is not only for builds.
            if file.purpose < known.1.purpose {
                *known = (&found.part, file);
            }
        }
    }
    files
}

/// Has files of distributions downloaded, several at a time, and returns them
/// in order: into the download cache, if there is one.
///
/// # Errors
///
/// [`Problem::Downloads`] tells of all that failed.
pub(super) fn download_distributions(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    files: &[(&Arc<str>, &PlannedDistribution)],
    cache_use: CacheUse,
) -> Result<Vec<Downloaded>, Failure> {
    let archives = settings
        .download_cache
        .as_ref()
        .map(|cache| cache.join(ARCHIVES));
    if let Some(archives) = archives.as_ref().filter(|_| !files.is_empty()) {
        fs::create_dir_all(archives).map_err(|source| Problem::Io {
            verb: "create",
            path: archives.clone(),
            source,
        })?;
    }
    let downloader = session.services().downloader_with(None, |options| {
        options.cache.clone_from(&archives);
        options.hash_name = false;
        options.cache_use = cache_use;
    });
    let results = download_all(&downloader, files, settings.parallel_downloads);
    let mut made = Vec::new();
    let mut refused = Vec::new();
    for ((part, _), result) in files.iter().zip(results) {
        match result {
            Ok(downloaded) => made.push(downloaded),
            Err(error) if error.is_cancellation() => return Err(Problem::Cancelled.into()),
            Err(error) => refused.push(RefusedDownload {
                part: Arc::clone(part),
                error,
            }),
        }
    }
    match refused_distributions(session, refused) {
        Some(failure) => Err(failure),
        None => Ok(made),
    }
}

fn download_all(
    downloader: &Downloader,
    files: &[(&Arc<str>, &PlannedDistribution)],
    limit: usize,
) -> Vec<Result<Downloaded, DownloadError>> {
    let next = AtomicUsize::new(0);
    let results: Mutex<BTreeMap<usize, _>> = Mutex::default();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((_, file)) = files.get(at) else {
                return;
            };
            let result = downloader.download(&file.request);
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.insert(at, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..limit.min(files.len()) {
            // Where no thread can be started, this one does all.
            if std::thread::Builder::new()
                .spawn_scoped(scope, work)
                .is_err()
            {
                break;
            }
        }
        work();
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_values().collect()
}
