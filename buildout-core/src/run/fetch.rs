//! The command `fetch`: everything that an offline run needs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::distributions::{
    UnconstructedPart, distinct_files, distributions_of_profile, download_distributions,
};
use super::downloads::{
    DownloadsOf, PartDownload, check_downloads, make_downloads, remote_downloads,
};
use super::evaluation::recipe_result;
use super::failure::{Failure, Problem};
use super::locking::check_locked;
use super::selection::select;
use super::session::Session;
use super::settings::BuildoutSettings;
use crate::configuration::BUILDOUT_SECTION;
use crate::fetch::{CacheUse, Destination, Downloaded, Origin};
use crate::recipe::FetchedCopies;
use crate::resolve::Doing;

/// What was fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchReport {
    /// How many downloads came from the network.
    pub fetched: usize,
    /// How many the cache had.
    pub present: usize,
    /// How many warnings tell of what may be missing.
    pub doubts: usize,
}

/// Brings the downloads of the requested parts, or of all, and of those that
/// they need into the download cache. Nothing is installed. Profiles are in
/// the `extends-cache` by then, if there is one.
///
/// # Errors
///
/// There is no cache, or some downloads fail; the others are made.
pub fn fetch(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    requested: &[String],
) -> Result<FetchReport, Failure> {
    let fetching = |failure: Failure| failure.during(vec![Doing::Fetching]);
    let mut unconstructed = Vec::new();
    let skip = |part: &Arc<str>, failure| {
        unconstructed.push(UnconstructedPart::of(part, failure)?);
        Ok(())
    };
    select(session, requested, skip).map_err(fetching)?;
    // Also those that the requested ones need.
    let parts = session.parts();
    let all = requested.is_empty() && unconstructed.is_empty();
    check_locked(session, settings, &parts, all).map_err(fetching)?;
    let mut downloads = remote_downloads(session, &parts, DownloadsOf::Profile);
    for download in &mut downloads {
        let request = &mut download.planned.request;
        request.destination = Destination::CacheOnly;
        // That the part may not use the network is why it is fetched now.
        request.offline = None;
    }
    let mut report = fetch_all(session, settings, &downloads).map_err(fetching)?;
    let distributions = fetch_distributions(session, settings, &parts, &unconstructed);
    let distributions = distributions.map_err(fetching)?;
    report.fetched += distributions.fetched;
    report.present += distributions.present;
    report.doubts += distributions.doubts;
    let copies = fetch_copies(session, settings, &parts).map_err(fetching)?;
    report.fetched += copies.fetched;
    report.present += copies.present;
    Ok(report)
}

/// Has recipes fetch what is no download.
fn fetch_copies(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    parts: &[Arc<str>],
) -> Result<FetchedCopies, Failure> {
    let mut all = FetchedCopies::default();
    for part in parts {
        let take = || {
            session
                .state
                .borrow_mut()
                .parts
                .get_mut(part)?
                .recipe
                .take()
        };
        let Some(recipe) = take() else {
            continue;
        };
        let result = match (&settings.download_cache, recipe.wants_fetch()) {
            (_, false) => Ok(FetchedCopies::default()),
            (None, true) => Err(no_cache(session, "download-cache", "repositories")),
            (Some(cache), true) => {
                let fetched =
                    catch_unwind(AssertUnwindSafe(|| recipe.fetch(session.services(), cache)));
                recipe_result(session, part, fetched)
            }
        };
        if let Some(found) = session.state.borrow_mut().parts.get_mut(part) {
            found.recipe = Some(recipe);
        }
        let copies = result?;
        all.fetched += copies.fetched;
        all.present += copies.present;
    }
    Ok(all)
}

fn fetch_all(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    downloads: &[PartDownload],
) -> Result<FetchReport, Failure> {
    if settings.download_cache.is_none() && !downloads.is_empty() {
        return Err(no_cache(session, "download-cache", "downloads"));
    }
    check_downloads(session, downloads)?;
    Ok(counted(&make_downloads(session, settings, downloads)?))
}

/// Fetches the files of Python distributions.
fn fetch_distributions(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    parts: &[Arc<str>],
    unconstructed: &[UnconstructedPart],
) -> Result<FetchReport, Failure> {
    let all = distributions_of_profile(session, settings, parts, unconstructed)?;
    let files: Vec<_> = distinct_files(&all).into_values().collect();
    if settings.download_cache.is_none() && !files.is_empty() {
        return Err(no_cache(session, "download-cache", "distributions"));
    }
    let made = download_distributions(session, settings, &files, CacheUse::First)?;
    let unknown = all.iter().map(|found| found.planned.unknown.len());
    Ok(FetchReport {
        doubts: unconstructed.len() + unknown.sum::<usize>(),
        ..counted(&made)
    })
}

fn counted(made: &[Downloaded]) -> FetchReport {
    let is_fetched = |downloaded: &&Downloaded| matches!(downloaded.origin, Origin::Network(_));
    let fetched = made.iter().filter(is_fetched).count();
    FetchReport {
        fetched,
        present: made.len() - fetched,
        doubts: 0,
    }
}

/// Makes the failure for a cache that is not set.
pub fn no_cache(session: &Session<'_>, option: &'static str, what: &str) -> Failure {
    let message = format!("There is nowhere to keep {what}: `{option}` is not set.");
    let hint = format!("set `{option} = DIRECTORY` in `[buildout]` or in your `default.cfg`");
    Failure::from(Problem::Setting { option, message })
        .with_label(session.section_place(BUILDOUT_SECTION), "in this section")
        .with_hint(Some(hint))
}
