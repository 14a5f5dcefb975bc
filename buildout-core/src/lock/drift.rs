//! How a run differs from what was locked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{DistributionPurpose, LockFile, LockedDownload, RevisionSource};
use crate::fetch::{Digests, ExpectedDigests, encode_hex};

/// The downloads of a run by URL, each with what profiles pin of it.
pub type PlannedPins = BTreeMap<String, Vec<ExpectedDigests>>;

/// One way in which a run differs from its lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drift {
    /// A profile is not locked.
    ProfileAdded {
        /// The profile.
        url: String,
    },
    /// A locked profile is not used.
    ProfileGone {
        /// The profile.
        url: String,
    },
    /// A profile is not what it was.
    ProfileMoved {
        /// The profile.
        url: String,
        /// The locked digest.
        locked: [u8; 32],
        /// The digest of what was loaded.
        found: [u8; 32],
    },
    /// A download is not locked.
    DownloadAdded {
        /// The download.
        url: String,
    },
    /// A locked download is not wanted.
    DownloadGone {
        /// The download.
        url: String,
    },
    /// The profile pins another content of a download than the locked one.
    DownloadRepinned {
        /// The download.
        url: String,
    },
    /// No locked distribution satisfies a requirement.
    DistributionAdded {
        /// The requirement, with its pin.
        requirement: String,
        /// What is locked of the same project.
        locked: Vec<String>,
    },
    /// A locked distribution is not wanted.
    DistributionGone {
        /// The name of its file.
        file: String,
    },
    /// A revision of a repository is not locked.
    RevisionAdded {
        /// The repository and what is looked up in it.
        source: RevisionSource,
    },
    /// A locked revision is not wanted.
    RevisionGone {
        /// The repository and what was looked up in it.
        source: RevisionSource,
    },
}

impl Drift {
    /// Returns the URL it is about; for distributions, the requirement or the
    /// file.
    pub fn url(&self) -> &str {
        match self {
            Drift::ProfileAdded { url }
            | Drift::ProfileGone { url }
            | Drift::ProfileMoved { url, .. }
            | Drift::DownloadAdded { url }
            | Drift::DownloadGone { url }
            | Drift::DownloadRepinned { url } => url,
            Drift::DistributionAdded { requirement, .. } => requirement,
            Drift::DistributionGone { file } => file,
            Drift::RevisionAdded { source } | Drift::RevisionGone { source } => &source.repository,
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Drift::ProfileAdded { url } => write!(f, "profile {url} is not locked"),
            Drift::ProfileGone { url } => write!(f, "profile {url} is locked, but not used"),
            Drift::ProfileMoved { url, locked, found } => write!(
                f,
                "profile {url} has changed: its SHA256 checksum is {}, locked is {}",
                encode_hex(found),
                encode_hex(locked)
            ),
            Drift::DownloadAdded { url } => write!(f, "download {url} is not locked"),
            Drift::DownloadGone { url } => write!(f, "download {url} is locked, but not wanted"),
            Drift::DownloadRepinned { url } => {
                write!(
                    f,
                    "download {url} is pinned to another checksum than the locked one"
                )
            }
            Drift::DistributionAdded {
                requirement,
                locked,
            } => {
                write!(f, "distribution for {requirement} is not locked")?;
                match locked.is_empty() {
                    true => Ok(()),
                    false => write!(f, ", but {}", locked.join(" and ")),
                }
            }
            Drift::DistributionGone { file } => {
                write!(f, "distribution {file} is locked, but not wanted")
            }
            Drift::RevisionAdded { source } => write!(f, "revision of {source} is not locked"),
            Drift::RevisionGone { source } => {
                write!(f, "revision of {source} is locked, but not wanted")
            }
        }
    }
}

/// Compares the profiles of a run with a lock.
pub(crate) fn profile_drifts(lock: &LockFile, found: &BTreeMap<String, Digests>) -> Vec<Drift> {
    let urls: BTreeSet<&String> = lock.profiles.keys().chain(found.keys()).collect();
    let drift = |url: &String| {
        let url = url.clone();
        match (lock.profiles.get(&url), found.get(&url)) {
            (Some(locked), Some(found)) if *locked != found.sha256 => Some(Drift::ProfileMoved {
                url,
                locked: *locked,
                found: found.sha256,
            }),
            (Some(_), None) => Some(Drift::ProfileGone { url }),
            (None, Some(_)) => Some(Drift::ProfileAdded { url }),
            _ => None,
        }
    };
    urls.into_iter().filter_map(drift).collect()
}

/// Compares the downloads of a run with a lock; `all` says whether they are
/// those of the whole profile.
pub(crate) fn download_drifts(lock: &LockFile, wanted: &PlannedPins, all: bool) -> Vec<Drift> {
    let urls: BTreeSet<&String> = lock.downloads.keys().chain(wanted.keys()).collect();
    let drift = |url: &String| {
        let url = url.clone();
        match (lock.downloads.get(&url), wanted.get(&url)) {
            (Some(locked), Some(pins)) if !fits_all(locked, pins) => {
                Some(Drift::DownloadRepinned { url })
            }
            (Some(_), None) if all => Some(Drift::DownloadGone { url }),
            (None, Some(_)) => Some(Drift::DownloadAdded { url }),
            _ => None,
        }
    };
    urls.into_iter().filter_map(drift).collect()
}

/// Compares the revisions that a run looks up with a lock; `all` says whether
/// they are those of the whole profile.
pub(crate) fn revision_drifts(
    lock: &LockFile,
    wanted: &BTreeSet<RevisionSource>,
    all: bool,
) -> Vec<Drift> {
    let locked: BTreeSet<RevisionSource> = lock.revisions.keys().cloned().collect();
    let added = wanted.difference(&locked).cloned();
    let mut drifts: Vec<Drift> = added
        .map(|source| Drift::RevisionAdded { source })
        .collect();
    if all {
        let gone = locked.difference(wanted).cloned();
        drifts.extend(gone.map(|source| Drift::RevisionGone { source }));
    }
    drifts
}

/// The distributions of a run, as far as a lock knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WantedDistributions {
    /// The names of the files that are taken.
    pub(crate) files: BTreeSet<String>,
    /// The requirements that none satisfies, each with what is locked of the
    /// project.
    pub(crate) missing: BTreeMap<String, Vec<String>>,
    /// Whether something has to be built.
    pub(crate) builds: bool,
}

/// Compares the distributions of a run with a lock; `all` says whether they are
/// those of the whole profile.
pub(crate) fn distribution_drifts(
    lock: &LockFile,
    wanted: &WantedDistributions,
    all: bool,
) -> Vec<Drift> {
    let missing = wanted.missing.iter();
    let mut drifts: Vec<Drift> = missing
        .map(|(requirement, locked)| Drift::DistributionAdded {
            requirement: requirement.clone(),
            locked: locked.clone(),
        })
        .collect();
    // What a missing distribution requires is not known.
    if !all || !drifts.is_empty() {
        return drifts;
    }
    for (file, locked) in &lock.distributions {
        // What a build needs shows when it is built.
        let may_be_wanted = locked.purpose == DistributionPurpose::Build && wanted.builds;
        if !may_be_wanted && !wanted.files.contains(file) {
            let file = file.clone();
            drifts.push(Drift::DistributionGone { file });
        }
    }
    drifts
}

/// Says whether a locked download has all digests that profiles pin.
pub(crate) fn fits_all(locked: &LockedDownload, pins: &[ExpectedDigests]) -> bool {
    pins.iter().all(|pins| locked.fits(pins))
}

/// Compares a whole run with a lock.
pub fn drifts(
    lock: &LockFile,
    profiles: &BTreeMap<String, Digests>,
    downloads: &PlannedPins,
) -> Vec<Drift> {
    let mut drifts = profile_drifts(lock, profiles);
    drifts.extend(download_drifts(lock, downloads, true));
    drifts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_named() {
        let download = |bytes: &[u8]| LockedDownload {
            digests: Digests::of(bytes),
            size: bytes.len() as u64,
        };
        let lock = LockFile {
            profiles: ["kept", "moved", "gone"]
                .map(|name| (name.to_owned(), Digests::of(b"1").sha256))
                .into(),
            downloads: ["kept", "repinned", "gone"]
                .map(|name| (name.to_owned(), download(b"1")))
                .into(),
            ..LockFile::default()
        };
        let profiles = [("kept", b"1"), ("moved", b"2"), ("new", b"1")]
            .map(|(name, bytes)| (name.to_owned(), Digests::of(bytes)))
            .into();
        let pinned = |bytes: &[u8]| ExpectedDigests {
            md5: Some(Digests::of(bytes).md5),
            ..ExpectedDigests::none()
        };
        let downloads = [
            ("kept", vec![ExpectedDigests::none(), pinned(b"1")]),
            ("repinned", vec![ExpectedDigests::none(), pinned(b"2")]),
            ("new", vec![ExpectedDigests::none()]),
        ]
        .map(|(name, pins)| (name.to_owned(), pins))
        .into();
        let found = drifts(&lock, &profiles, &downloads);
        let short: Vec<String> = found
            .iter()
            .map(|drift| drift.to_string().split(':').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            short,
            [
                "profile gone is locked, but not used",
                "profile moved has changed",
                "profile new is not locked",
                "download gone is locked, but not wanted",
                "download new is not locked",
                "download repinned is pinned to another checksum than the locked one",
            ]
        );
        assert_eq!(download_drifts(&lock, &downloads, false).len(), 2);
    }
}
