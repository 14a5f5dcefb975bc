//! Files that a lock records, as candidates.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use buildout_core::fetch::{ExpectedDigests, RedactedUrl};
use buildout_core::lock::{DistributionLock, LockFile, LockedDistribution};

use super::candidate::{Candidate, CandidateLocation, MetadataFile, read_file_name};
use super::source_metadata::SourceMetadata;
use super::tags::WheelTags;
use crate::metadata::{Metadata, RequiresDist};
use crate::name::ProjectName;

/// The files of a lock.
pub(super) struct LockedFiles {
    /// Whether no others may be taken.
    pub(super) is_only: bool,
    /// By canonical name of the project.
    projects: HashMap<String, Vec<LockedFile>>,
}

struct LockedFile {
    /// How a person is told of it.
    shown: String,
    /// None if it is for another Python.
    candidate: Option<Arc<Candidate>>,
    /// What a source archive says.
    source: Option<SourceMetadata>,
}

impl LockedFiles {
    /// Takes the files of a lock. `places` are URLs that may have logins, which
    /// the lock has not.
    pub(super) fn new(
        lock: &LockFile,
        meaning: &DistributionLock,
        tags: &WheelTags,
        places: &[&str],
    ) -> Self {
        let mut projects: HashMap<String, Vec<LockedFile>> = HashMap::new();
        for (file, locked) in &lock.distributions {
            if let DistributionLock::Preferred { except } = meaning
                && except.iter().any(|name| locked.is_named(file, name))
            {
                continue;
            }
            let project = ProjectName::new(locked.name.clone());
            let found = LockedFile::new(file, locked, &project, tags, places);
            let canonical = project.canonical().to_owned();
            projects.entry(canonical).or_default().push(found);
        }
        LockedFiles {
            is_only: *meaning == DistributionLock::Only,
            projects,
        }
    }

    /// Returns the files of a project that this Python can use.
    pub(super) fn candidates(&self, canonical: &str) -> Vec<Arc<Candidate>> {
        let files = self.of_project(canonical);
        files.filter_map(|file| file.candidate.clone()).collect()
    }

    /// Returns what is locked of a project, for a person.
    pub(super) fn shown(&self, canonical: &str) -> Vec<String> {
        self.of_project(canonical)
            .map(|file| file.shown.clone())
            .collect()
    }

    /// Returns what a source archive says, if the archive is that of the lock.
    pub(super) fn source(&self, candidate: &Candidate) -> Option<SourceMetadata> {
        let mut files = self.of_project(candidate.project.canonical());
        let found = files.find(|file| {
            let known = file.candidate.as_ref();
            known.is_some_and(|known| {
                known.file_name == candidate.file_name
                    && known.digests.sha256 == candidate.digests.sha256
            })
        });
        found?.source.clone()
    }

    fn of_project(&self, canonical: &str) -> impl Iterator<Item = &LockedFile> {
        self.projects.get(canonical).into_iter().flatten()
    }
}

impl LockedFile {
    fn new(
        file: &str,
        locked: &LockedDistribution,
        project: &ProjectName,
        tags: &WheelTags,
        places: &[&str],
    ) -> Self {
        let named = read_file_name(file, Some(project), tags);
        let candidate = named.map(|named| Candidate {
            project: project.clone(),
            version: named.version,
            kind: named.kind,
            file_name: file.to_owned(),
            location: CandidateLocation::Url(with_login(&locked.url, places)),
            digests: ExpectedDigests {
                sha256: Some(locked.sha256),
                ..ExpectedDigests::none()
            },
            unverifiable: None,
            requires_python: None,
            yanked: None,
            metadata_file: MetadataFile::Unknown,
            size: Some(locked.size),
        });
        let shown = match &candidate {
            Some(_) => locked.to_string(),
            None => format!("{file}, for another Python"),
        };
        let is_source = candidate.as_ref().is_some_and(Candidate::is_source);
        LockedFile {
            shown,
            source: is_source.then(|| source_metadata(locked)),
            candidate: candidate.map(Arc::new),
        }
    }
}

fn source_metadata(locked: &LockedDistribution) -> SourceMetadata {
    let requires = locked.requires.iter().map(RequiresDist::plain);
    SourceMetadata {
        metadata: Arc::new(Metadata {
            name: locked.name.clone(),
            version: locked.version.clone(),
            requires: requires.collect(),
            extras: locked.extras.clone(),
            ..Metadata::default()
        }),
        is_complete: true,
        // What builds take was locked with it.
        build_requires: Vec::new(),
    }
}

/// Returns a locked URL with the login that it was shown without.
fn with_login(url: &str, places: &[&str]) -> RedactedUrl {
    let server = |text: &str| {
        let start = text.find("://")? + 3;
        let end = text[start..].find('/').map_or(text.len(), |at| start + at);
        Some(text[..end].to_owned())
    };
    for place in places {
        let shown = RedactedUrl::new(*place).to_string();
        if shown != *place
            && let (Some(shown), Some(exposed)) = (server(&shown), server(place))
            && let Some(path) = url.strip_prefix(&*shown)
            && path.starts_with('/')
        {
            return RedactedUrl::new(format!("{exposed}{path}"));
        }
    }
    RedactedUrl::new(url)
}

impl super::Index {
    /// Tells whether only what is locked, and files of this machine, may be
    /// taken.
    pub fn is_locked(&self) -> bool {
        self.locked.as_ref().is_some_and(|locked| locked.is_only)
    }

    /// Returns what is locked of a project, for a person.
    pub fn locked_files(&self, project: &ProjectName) -> Vec<String> {
        let locked = self.locked.as_ref();
        locked.map_or_else(Vec::new, |locked| locked.shown(project.canonical()))
    }

    /// Tells whether a file lies in the download cache without a word of the
    /// index about it.
    pub(crate) fn is_undescribed(&self, candidate: &Candidate) -> bool {
        match &candidate.location {
            CandidateLocation::File(path) => {
                self.archives.as_deref() == Some(path.parent().unwrap_or(Path::new("")))
            }
            CandidateLocation::Url(_) => candidate.digests.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_comes_from_the_profile() {
        let places = ["https://me:secret@h/simple", "https://token@i:80/x"];
        for (locked, expected) in [
            ("https://me:****@h/f.whl", "https://me:secret@h/f.whl"),
            ("https://****@i:80/f.whl", "https://token@i:80/f.whl"),
            ("https://me:****@other/f.whl", "https://me:****@other/f.whl"),
            ("https://h/f.whl", "https://h/f.whl"),
        ] {
            assert_eq!(with_login(locked, &places).exposed(), expected);
        }
    }
}
