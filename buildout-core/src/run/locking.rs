//! Making lock files, and insisting on them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::distributions::{
    PartDistributions, UnconstructedPart, distinct_files, distributions_of,
    distributions_of_profile, download_distributions, wanted_of,
};
use super::downloads::{
    DownloadsOf, PartDownload, PartRevision, check_downloads, make_downloads, place_of,
    remote_downloads, revisions_of,
};
use super::failure::{Failure, Problem};
use super::install::checkouts;
use super::selection::select;
use super::session::Session;
use super::settings::BuildoutSettings;
use crate::fetch::{CacheUse, Digests, HashPolicy};
use crate::lock::{
    Drift, LockError, LockFile, LockedDistribution, LockedDownload, PlannedPins, RevisionSource,
    distribution_drifts, download_drifts, fits_all, is_same_project, profile_drifts,
    revision_drifts,
};
use crate::recipe::DistributionBasis;
use crate::resolve::{Doing, nearest};

/// What is wrong about a lock.
#[derive(Debug)]
#[non_exhaustive]
pub enum LockProblem {
    /// The file cannot be used.
    File(LockError),
    /// The run is not the one that was locked.
    Drift {
        /// The lock file.
        path: PathBuf,
        /// All differences.
        drifts: Vec<Drift>,
    },
    /// Profiles are not what they were when they were locked, and nobody asked
    /// to move them.
    Moved(Vec<Drift>),
    /// A revision that is to be locked is not known.
    NoRevision {
        /// The repository and what was looked up in it.
        source: RevisionSource,
    },
    /// No entry has this name.
    UnknownEntry {
        /// The name.
        name: String,
    },
}

impl fmt::Display for LockProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, drifts: &[Drift]| {
            drifts.iter().try_for_each(|drift| write!(f, "\n  {drift}"))
        };
        match self {
            LockProblem::File(error) => error.fmt(f),
            LockProblem::Drift { path, drifts } => {
                write!(f, "This is not what `{}` locks:", path.display())?;
                list(f, drifts)
            }
            LockProblem::Moved(drifts) => {
                f.write_str("What is locked has changed:")?;
                list(f, drifts)
            }
            LockProblem::NoRevision { source } => {
                write!(f, "The revision of {source} cannot be looked up.")
            }
            LockProblem::UnknownEntry { name } => {
                write!(f, "There is nothing to upgrade by the name `{name}`.")
            }
        }
    }
}

impl From<LockError> for Failure {
    fn from(error: LockError) -> Self {
        let hint = error.hint().map(str::to_owned);
        Failure::from(Problem::Lock(LockProblem::File(error))).with_hint(hint)
    }
}

/// Fails if the profiles of a run are not those that were locked.
///
/// # Errors
///
/// [`LockProblem::Drift`].
pub fn check_locked_profiles(
    lock: &LockFile,
    path: PathBuf,
    profiles: &BTreeMap<String, Digests>,
) -> Result<(), Failure> {
    match drift_failure(path, profile_drifts(lock, profiles)) {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Fails if a lock is in force and the downloads and distributions of `parts`
/// are not those that were locked; `all` says whether these are all parts.
///
/// # Errors
///
/// [`LockProblem::Drift`].
pub(super) fn check_locked(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    parts: &[Arc<str>],
    all: bool,
) -> Result<(), Failure> {
    let Some(lock) = session.services().lock() else {
        return Ok(());
    };
    let downloads = remote_downloads(session, parts, DownloadsOf::Profile);
    let revisions = revisions_of(session, parts);
    let sources = revisions.iter().map(|found| found.planned.source.clone());
    let sources: BTreeSet<RevisionSource> = sources.collect();
    let mut drifts = download_drifts(&lock, &pins_of(&downloads), all);
    drifts.extend(revision_drifts(&lock, &sources, all));
    let distributions = distributions_of(session, parts, DistributionBasis::Nothing)?;
    let mut wanted = wanted_of(&distributions);
    let checkouts = checkouts(session, settings)?;
    wanted.builds |= checkouts.iter().any(|named| !named.found.is_empty());
    drifts.extend(distribution_drifts(&lock, &wanted, all));
    let mut places: Vec<_> = drifts
        .iter()
        .flat_map(|drift| downloads.iter().filter(|d| shown(d) == drift.url()))
        .map(|download| place_of(session, download))
        .collect();
    for drift in &drifts {
        match drift {
            Drift::RevisionAdded { source } => {
                let asking = revisions.iter().filter(|r| r.planned.source == *source);
                places.extend(asking.map(|found| revision_place(session, found)));
            }
            Drift::DistributionAdded { requirement, .. } => {
                let is_asking = |found: &&PartDistributions| {
                    let mut missing = found.planned.missing.iter();
                    missing.any(|(known, _)| known == requirement)
                };
                let asking = distributions.iter().filter(is_asking);
                places.extend(asking.map(|found| session.option_place(&found.part, "eggs", "")));
            }
            _ => {}
        }
    }
    let path = LockFile::path(&session.services().directory);
    let Some(mut failure) = drift_failure(path, drifts) else {
        return Ok(());
    };
    for place in places {
        failure = failure.with_label(place, "");
    }
    Err(failure)
}

fn drift_failure(path: PathBuf, drifts: Vec<Drift>) -> Option<Failure> {
    let moved = drifts
        .iter()
        .find(|drift| matches!(drift, Drift::ProfileMoved { .. }))
        .map(|drift| format!("`buildout lock --upgrade {}`", drift.url()));
    let step = moved.unwrap_or_else(|| "`buildout lock`".to_owned());
    if drifts.is_empty() {
        return None;
    }
    let hint = format!("if this is meant, record it with {step}");
    let problem = Problem::Lock(LockProblem::Drift { path, drifts });
    Some(Failure::from(problem).with_hint(Some(hint)))
}

/// Returns where the profile asks for a revision.
fn revision_place(session: &Session<'_>, found: &PartRevision) -> Option<crate::extends::Place> {
    session.option_place(&found.part, found.planned.option, "")
}

fn shown(download: &PartDownload) -> String {
    download.planned.request.url.to_string()
}

fn pins_of(downloads: &[PartDownload]) -> PlannedPins {
    let mut pins = PlannedPins::new();
    for download in downloads {
        let expected = download.planned.request.expected.clone();
        pins.entry(shown(download)).or_default().push(expected);
    }
    pins
}

/// What a lock is made from.
pub struct LockRequest<'a> {
    /// The lock that there is.
    pub previous: Option<LockFile>,
    /// The profiles that were loaded from the network.
    pub profiles: &'a BTreeMap<String, Digests>,
    /// The names of what may move: URLs, their last components, projects, or
    /// parts.
    pub upgrade: &'a [String],
}

/// How an entry of a lock came to be or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockChange {
    /// It was not there.
    Added,
    /// It has other digests now.
    Moved,
    /// It is not there any more.
    Removed,
}

/// A lock, and how it differs from the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLock {
    /// The lock.
    pub lock: LockFile,
    /// The entries that changed, by URL; a revision by repository and branch, a
    /// distribution by file.
    pub changes: BTreeMap<String, LockChange>,
}

/// Locks the profile as it is. Entries that are locked already keep their
/// digests, unless the profile pins others or they are to be upgraded; what is
/// new is downloaded.
///
/// # Errors
///
/// A download fails, or a profile has moved without being asked to.
pub fn lock(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    request: &LockRequest<'_>,
) -> Result<NewLock, Failure> {
    let locking = |failure: Failure| failure.during(vec![Doing::Locking]);
    // What is locked is pinned by it.
    let services = session.services();
    services.change_download_policy(|policy| policy.require_hashes = HashPolicy::Off);
    let previous = request.previous.clone().unwrap_or_default();
    services.prefer_distributions(previous, request.upgrade.to_vec());
    let mut unconstructed = Vec::new();
    let skip = |part: &Arc<str>, failure| {
        unconstructed.push(UnconstructedPart::of(part, failure)?);
        Ok(())
    };
    let parts = select(session, &[], skip).map_err(locking)?;
    let downloads = remote_downloads(session, &parts, DownloadsOf::Profile);
    let distributions = distributions_of_profile(session, settings, &parts, &unconstructed);
    let locking_run = Locking {
        session,
        settings,
        request,
        downloads,
        distributions: distributions.map_err(locking)?,
        revisions: revisions_of(session, &parts),
    };
    locking_run.run().map_err(locking)
}

/// Says whether an entry goes by a name: the URL, or its last component.
pub fn is_named(url: &str, name: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    url == name || path.rsplit('/').next() == Some(name)
}

struct Locking<'s, 'a> {
    session: &'s Session<'a>,
    settings: &'s BuildoutSettings,
    request: &'s LockRequest<'s>,
    downloads: Vec<PartDownload>,
    distributions: Vec<PartDistributions>,
    revisions: Vec<PartRevision>,
}

impl Locking<'_, '_> {
    fn run(&self) -> Result<NewLock, Failure> {
        self.check_names()?;
        let none = LockFile::default();
        let previous = self.request.previous.as_ref().unwrap_or(&none);
        let moved: Vec<Drift> = profile_drifts(previous, self.request.profiles)
            .into_iter()
            .filter(|drift| matches!(drift, Drift::ProfileMoved { .. }))
            .filter(|drift| !self.is_upgraded(drift.url(), None))
            .collect();
        if let Some(first) = moved.first() {
            let hint = format!(
                "if this is meant, record it with `buildout lock --upgrade {}`",
                first.url()
            );
            let problem = Problem::Lock(LockProblem::Moved(moved));
            return Err(Failure::from(problem).with_hint(Some(hint)));
        }
        let lock = LockFile {
            profiles: self
                .request
                .profiles
                .iter()
                .map(|(url, digests)| (url.clone(), digests.sha256))
                .collect(),
            distributions: self.lock_distributions(previous)?,
            downloads: self.lock_downloads(previous)?,
            revisions: self.lock_revisions(previous)?,
        };
        let changes = changes(previous, &lock);
        Ok(NewLock { lock, changes })
    }

    fn lock_downloads(
        &self,
        previous: &LockFile,
    ) -> Result<BTreeMap<String, LockedDownload>, Failure> {
        let pins = pins_of(&self.downloads);
        let mut locked = BTreeMap::new();
        let mut needed = Vec::new();
        let mut upgraded = Vec::new();
        for download in &self.downloads {
            let url = shown(download);
            if self.is_upgraded(&url, Some(&download.part)) {
                upgraded.push(download.clone());
                continue;
            }
            let known = previous.downloads.get(&url);
            match known.filter(|known| pins.get(&url).is_some_and(|pins| fits_all(known, pins))) {
                Some(known) => {
                    locked.insert(url, known.clone());
                }
                None => needed.push(download.clone()),
            }
        }
        check_downloads(self.session, &needed)?;
        check_downloads(self.session, &upgraded)?;
        let services = self.session.services();
        for (downloads, cache_use) in [(needed, CacheUse::First), (upgraded, CacheUse::Refresh)] {
            services.change_download_policy(|policy| policy.cache_use = cache_use);
            let made = make_downloads(self.session, self.settings, &downloads)?;
            for (download, made) in downloads.iter().zip(made) {
                if let Some(digests) = made.digests {
                    let size = made.size;
                    locked.insert(shown(download), LockedDownload { digests, size });
                }
            }
        }
        Ok(locked)
    }

    /// Which files there are was decided with a preference for those that are
    /// locked; what the index does not say of the others is found out.
    fn lock_distributions(
        &self,
        previous: &LockFile,
    ) -> Result<BTreeMap<String, LockedDistribution>, Failure> {
        let mut locked = BTreeMap::new();
        let mut needed = Vec::new();
        let mut upgraded = Vec::new();
        for (file, (part, planned)) in distinct_files(&self.distributions) {
            let url = planned.request.url.to_string();
            let known = previous.distributions.get(file);
            let known = known.filter(|known| known.url == url);
            let is_upgraded = known.is_some_and(|known| {
                let mut names = self.request.upgrade.iter();
                names.any(|name| known.is_named(file, name) || **part == **name)
            });
            let of_index = planned.request.expected.sha256.zip(planned.size);
            let found = match known {
                Some(known) if !is_upgraded => Some((known.sha256, known.size)),
                _ => of_index,
            };
            match found {
                Some((sha256, size)) => {
                    locked.insert(file.to_owned(), planned.locked(sha256, size));
                }
                None if is_upgraded => upgraded.push((part, planned)),
                None => needed.push((part, planned)),
            }
        }
        for (files, cache_use) in [(needed, CacheUse::First), (upgraded, CacheUse::Refresh)] {
            let made = download_distributions(self.session, self.settings, &files, cache_use)?;
            for ((_, planned), made) in files.iter().zip(made) {
                if let Some(sha256) = made.sha256 {
                    let entry = planned.locked(sha256, made.size);
                    locked.insert(planned.file.clone(), entry);
                }
            }
        }
        Ok(locked)
    }

    /// What is locked already keeps its revision, unless it is to be upgraded.
    fn lock_revisions(
        &self,
        previous: &LockFile,
    ) -> Result<BTreeMap<RevisionSource, String>, Failure> {
        let mut locked = BTreeMap::new();
        for found in &self.revisions {
            let source = &found.planned.source;
            let known = previous.revisions.get(source);
            let kept = known.filter(|_| !self.is_upgraded(&source.repository, Some(&found.part)));
            let Some(revision) = kept.or(found.planned.revision.as_ref()) else {
                let source = source.clone();
                let problem = Problem::Lock(LockProblem::NoRevision { source });
                let hint = "the output above tells why git did not find it";
                return Err(Failure::from(problem)
                    .with_label(revision_place(self.session, found), "")
                    .with_hint(Some(hint.to_owned())));
            };
            locked.insert(source.clone(), revision.clone());
        }
        Ok(locked)
    }

    fn is_upgraded(&self, url: &str, part: Option<&str>) -> bool {
        let mut names = self.request.upgrade.iter();
        names.any(|name| is_named(url, name) || part == Some(name))
    }

    fn projects(&self) -> impl Iterator<Item = &str> {
        let planned = self.distributions.iter();
        let files = planned.flat_map(|found| &found.planned.files);
        files.map(|file| &*file.name)
    }

    /// Tells whether a distribution that is or was locked goes by a name.
    fn is_distribution(&self, name: &str) -> bool {
        let previous = self.request.previous.iter();
        let mut previous = previous.flat_map(|lock| &lock.distributions);
        previous.any(|(file, locked)| locked.is_named(file, name))
            || self
                .projects()
                .any(|project| is_same_project(project, name))
    }

    /// Every name must mean something: a mistyped one upgrades nothing.
    fn check_names(&self) -> Result<(), Failure> {
        let revisions = self.revisions.iter();
        let repositories = revisions.map(|found| found.planned.source.repository.clone());
        let urls: Vec<String> = self
            .downloads
            .iter()
            .map(shown)
            .chain(repositories)
            .collect();
        let urls = || {
            self.request
                .profiles
                .keys()
                .chain(&urls)
                .map(String::as_str)
        };
        for name in self.request.upgrade {
            let is_part = self.downloads.iter().any(|d| *d.part == **name)
                || self.revisions.iter().any(|r| *r.part == **name)
                || self.distributions.iter().any(|d| *d.part == **name);
            if is_part || self.is_distribution(name) || urls().any(|url| is_named(url, name)) {
                continue;
            }
            let files = urls().filter_map(|url| url.rsplit('/').next());
            let parts = self.downloads.iter().map(|download| &*download.part);
            let projects = self.projects();
            let near = urls().chain(files).chain(parts).chain(projects);
            let near = nearest(name, near);
            let hint = match near {
                Some(near) => format!("perhaps `{near}` is meant"),
                None => {
                    "name a URL of the lock file, the end of one, a project, or a part".to_owned()
                }
            };
            let name = name.clone();
            let problem = Problem::Lock(LockProblem::UnknownEntry { name });
            return Err(Failure::from(problem).with_hint(Some(hint)));
        }
        Ok(())
    }
}

fn changes(old: &LockFile, new: &LockFile) -> BTreeMap<String, LockChange> {
    let mut changes = BTreeMap::new();
    compare(&old.distributions, &new.distributions, &mut changes);
    compare(&old.downloads, &new.downloads, &mut changes);
    compare(&old.profiles, &new.profiles, &mut changes);
    let by_name = |lock: &LockFile| -> BTreeMap<String, String> {
        let revisions = lock.revisions.iter();
        let named = revisions.map(|(source, revision)| (source.to_string(), revision.clone()));
        named.collect()
    };
    compare(&by_name(old), &by_name(new), &mut changes);
    changes
}

fn compare<T: PartialEq>(
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
    changes: &mut BTreeMap<String, LockChange>,
) {
    for url in old.keys().chain(new.keys()) {
        let change = match (old.get(url), new.get(url)) {
            (None, Some(_)) => LockChange::Added,
            (Some(_), None) => LockChange::Removed,
            (old, new) if old != new => LockChange::Moved,
            _ => continue,
        };
        changes.insert(url.clone(), change);
    }
}
