//! The downloads of the wanted parts, before any of them is made.

use std::fmt;
use std::sync::Arc;

use super::failure::{Failure, Problem};
use super::session::Session;
use super::settings::BuildoutSettings;
use crate::extends::Place;
use crate::fetch::{CacheUse, DownloadError, Downloaded, Downloader};
use crate::recipe::{PlannedDownload, PlannedRevision, PrefetchGuard, Recipe};

/// A download that a part needs.
#[derive(Clone, Debug)]
pub struct PartDownload {
    /// The part.
    pub part: Arc<str>,
    /// The download, and the option that asks for it.
    pub planned: PlannedDownload,
}

/// A download that cannot be made, known before it is tried.
#[derive(Debug)]
pub struct RefusedDownload {
    /// The part that needs it.
    pub part: Arc<str>,
    /// Why not.
    pub error: DownloadError,
}

/// The downloads to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadsOf {
    /// All that the profile makes anybody download.
    Profile,
    /// Those of an installation.
    Installation,
    /// Those of an update.
    Update,
}

/// Returns the downloads of a constructed part.
pub fn downloads_of(session: &Session<'_>, part: &Arc<str>, of: DownloadsOf) -> Vec<PartDownload> {
    let state = session.state.borrow();
    let recipe = state
        .parts
        .get(part)
        .and_then(|found| found.recipe.as_deref());
    let planned = recipe.map(|recipe| planned(recipe, of)).unwrap_or_default();
    planned
        .into_iter()
        .map(|planned| PartDownload {
            part: Arc::clone(part),
            planned,
        })
        .collect()
}

/// A revision that a part looked up.
#[derive(Clone, Debug)]
pub(super) struct PartRevision {
    pub(super) part: Arc<str>,
    pub(super) planned: PlannedRevision,
}

/// Returns the revisions that constructed parts looked up.
pub(super) fn revisions_of(session: &Session<'_>, parts: &[Arc<str>]) -> Vec<PartRevision> {
    let state = session.state.borrow();
    let mut revisions = Vec::new();
    for part in parts {
        let found = state.parts.get(part);
        let recipe = found.and_then(|found| found.recipe.as_deref());
        let planned = recipe.map(Recipe::revisions).unwrap_or_default();
        revisions.extend(planned.into_iter().map(|planned| PartRevision {
            part: Arc::clone(part),
            planned,
        }));
    }
    revisions
}

/// Returns the downloads of parts that may need the network.
pub(super) fn remote_downloads(
    session: &Session<'_>,
    parts: &[Arc<str>],
    of: DownloadsOf,
) -> Vec<PartDownload> {
    let downloader = session.services().downloader();
    let mut downloads = Vec::new();
    for part in parts {
        let all = downloads_of(session, part, of).into_iter();
        downloads.extend(all.filter(|d| !downloader.is_local(&d.planned.request)));
    }
    downloads
}

/// Makes downloads, several at a time, and returns them in order.
///
/// # Errors
///
/// [`Problem::Downloads`] tells of all that failed.
pub(super) fn make_downloads(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    downloads: &[PartDownload],
) -> Result<Vec<Downloaded>, Failure> {
    let _prefetch = prefetch(session, settings, downloads.to_vec());
    let downloader = session.services().downloader();
    let mut made = Vec::new();
    let mut failed = Vec::new();
    for download in downloads {
        match downloader.download(&download.planned.request) {
            Ok(downloaded) => made.push(downloaded),
            Err(error) if error.is_cancellation() => return Err(Problem::Cancelled.into()),
            Err(error) => failed.push((download, error)),
        }
    }
    match refused_downloads(session, failed) {
        Some(failure) => Err(failure),
        None => Ok(made),
    }
}

fn planned(recipe: &dyn Recipe, of: DownloadsOf) -> Vec<PlannedDownload> {
    match of {
        DownloadsOf::Profile => {
            let mut all = recipe.constructed_with();
            all.extend(recipe.downloads());
            all
        }
        DownloadsOf::Installation if recipe.is_done() => Vec::new(),
        DownloadsOf::Installation => recipe.downloads(),
        DownloadsOf::Update => recipe.update_downloads(),
    }
}

/// Fails if some of the downloads cannot be made, and tells all of them:
/// nothing was done yet, and nothing is sent.
///
/// # Errors
///
/// [`Problem::Downloads`].
pub fn check_downloads(session: &Session<'_>, downloads: &[PartDownload]) -> Result<(), Failure> {
    check_all_downloads(session, Vec::new(), downloads, Vec::new())
}

/// Makes the failure that tells of all these downloads, if there are any.
fn refused_downloads(
    session: &Session<'_>,
    refused: Vec<(&PartDownload, DownloadError)>,
) -> Option<Failure> {
    let refused = refused.into_iter().map(|(download, error)| {
        let part = Arc::clone(&download.part);
        (RefusedDownload { part, error }, place_of(session, download))
    });
    refusal_of_all(session, refused.collect())
}

/// Fails if parts could not be constructed because they may not download what
/// that takes, and tells what else the others lack: downloads, and
/// distributions.
///
/// A distribution that is all that is missing is told of when its turn comes,
/// in upstream's words.
///
/// # Errors
///
/// [`Problem::Downloads`], or the only failure there is, as it is.
pub(super) fn check_all_downloads(
    session: &Session<'_>,
    mut unconstructed: Vec<Failure>,
    downloads: &[PartDownload],
    distributions: Vec<RefusedDownload>,
) -> Result<(), Failure> {
    let downloader = session.services().downloader();
    let mut refused: Vec<(RefusedDownload, Option<Place>)> = Vec::new();
    for failure in &unconstructed {
        let Some((part, url)) = failure.part().zip(failure.missing_offline()) else {
            continue;
        };
        // Everyone who needs the part fails for the same reason.
        let is_known = |(known, _): &(RefusedDownload, _)| *known.part == *part;
        if !refused.iter().any(is_known) {
            let part = Arc::from(part);
            let error = DownloadError::Offline { url: url.clone() };
            let place = failure.labels().first().map(|label| label.place.clone());
            refused.push((RefusedDownload { part, error }, place));
        }
    }
    for download in downloads {
        if let Some(error) = refusal(&downloader, download) {
            let part = Arc::clone(&download.part);
            refused.push((RefusedDownload { part, error }, place_of(session, download)));
        }
    }
    if refused.is_empty() && distributions.len() == 1 {
        return Ok(());
    }
    for missing in distributions {
        let place = session.option_place(&missing.part, "eggs", "");
        refused.push((missing, place));
    }
    if refused.len() == 1 && !unconstructed.is_empty() {
        // It also tells what the part was needed for.
        return Err(unconstructed.swap_remove(0));
    }
    match refusal_of_all(session, refused) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Makes the failure that tells of all these distributions, if there are any.
pub(super) fn refused_distributions(
    session: &Session<'_>,
    refused: Vec<RefusedDownload>,
) -> Option<Failure> {
    let with_place = |refused: RefusedDownload| {
        let place = session.option_place(&refused.part, "eggs", "");
        (refused, place)
    };
    refusal_of_all(session, refused.into_iter().map(with_place).collect())
}

fn refusal_of_all(
    session: &Session<'_>,
    refused: Vec<(RefusedDownload, Option<Place>)>,
) -> Option<Failure> {
    let hint = match &refused.first()?.0.error {
        DownloadError::Offline { .. } | DownloadError::NoDistribution { .. }
            if session.services().downloader().options().cache.is_some() =>
        {
            Some("run `buildout -O fetch` once; offline runs then find everything".to_owned())
        }
        error => error.hint(),
    };
    let (refused, places): (Vec<_>, Vec<_>) = refused.into_iter().unzip();
    let mut failure = Failure::from(Problem::Downloads(refused)).with_hint(hint);
    for place in places {
        failure = failure.with_label(place, "");
    }
    Some(failure)
}

fn refusal(downloader: &Downloader, download: &PartDownload) -> Option<DownloadError> {
    let request = &download.planned.request;
    if downloader.is_local(request) {
        return None;
    }
    if let Err(error) = downloader.check_policy(request) {
        return Some(error);
    }
    let missing = downloader.is_offline(request) && !downloader.is_at_hand(request);
    missing.then(|| DownloadError::Offline {
        url: request.url.clone(),
    })
}

/// Returns where the profile asks for a download.
pub(super) fn place_of(session: &Session<'_>, download: &PartDownload) -> Option<Place> {
    let url = download.planned.request.url.exposed();
    session.option_place(&download.part, download.planned.option, url)
}

/// Starts to make the downloads, which goes on until the guard is dropped.
pub fn prefetch<'a>(
    session: &Session<'a>,
    settings: &BuildoutSettings,
    downloads: Vec<PartDownload>,
) -> PrefetchGuard<'a> {
    let downloader = session.services().downloader();
    let requests = downloads
        .into_iter()
        .map(|download| download.planned.request)
        .filter(|request| {
            let serves =
                downloader.options().cache_use == CacheUse::First && downloader.is_at_hand(request);
            !downloader.is_local(request) && !serves
        });
    session
        .services()
        .prefetch(requests.collect::<Vec<_>>(), settings.parallel_downloads)
}

/// Shows refused downloads: a single one in upstream's words.
pub(super) fn show_refused(refused: &[RefusedDownload], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let [only] = refused {
        return write!(f, "{}", only.error);
    }
    write!(f, "{} downloads cannot be made:", refused.len())?;
    for download in refused {
        let text = download.error.to_string();
        // Upstream's text of a missing distribution has two lines.
        let text = text.lines().next().unwrap_or_default();
        write!(f, "\n  {}: {text}", download.part)?;
    }
    Ok(())
}
