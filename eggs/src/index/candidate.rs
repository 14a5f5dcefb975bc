//! What an index or a page offers: files, as their names and attributes tell.

use std::cmp::Ordering;
use std::path::PathBuf;

use buildout_core::fetch::{ExpectedDigests, InvalidDigest, RedactedUrl, encode_hex};

use super::tags::WheelTags;
use crate::name::ProjectName;
use crate::version::Version;

/// The form of an offered file. Between files of one version the greater kind
/// is taken, as with the precedences of `pkg_resources`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CandidateKind {
    /// A source archive, which has to be built.
    Source,
    /// An egg in a zip file.
    Egg,
    /// A wheel. Among those of one version the best tag decides.
    Wheel(TagRank),
}

/// How well the tags of a wheel fit a Python: greater is better. Among equal
/// tags the greater build number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagRank {
    pub(super) tag: u32,
    pub(super) build: u64,
}

/// Where an offered file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateLocation {
    /// In the network.
    Url(RedactedUrl),
    /// On this machine.
    File(PathBuf),
}

/// What an index says about the file `URL.metadata` of PEP 658.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MetadataFile {
    /// Nothing: it may be there.
    #[default]
    Unknown,
    /// There is none.
    Absent,
    /// It is there, with these digests.
    Present(ExpectedDigests),
}

/// A file that may become a distribution.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The project, as the file's name spells it.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// The form.
    pub kind: CandidateKind,
    /// The file's name.
    pub file_name: String,
    /// Where it is.
    pub location: CandidateLocation,
    /// What the index says about its bytes.
    pub digests: ExpectedDigests,
    /// A checksum that cannot be verified here. Such a file is not used.
    pub unverifiable: Option<InvalidDigest>,
    /// The versions of Python it is for, if the index says so.
    pub requires_python: Option<String>,
    /// Why it was withdrawn, if it was.
    pub yanked: Option<String>,
    /// Whether its metadata are there as a file of their own.
    pub metadata_file: MetadataFile,
    /// Its size in bytes, if the index says so.
    pub size: Option<u64>,
}

/// What a file's name tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedFile {
    pub(super) project: String,
    pub(super) version: Version,
    pub(super) kind: CandidateKind,
}

/// The suffixes of source archives, in upstream's order.
const SOURCE_SUFFIXES: [&str; 5] = [".tar.gz", ".tar.bz2", ".tar", ".zip", ".tgz"];

/// Reads a file's name, as `distros_for_location` does. Nothing comes of other
/// files, of wheels and eggs for other Pythons, and of what has no version of
/// PEP 440.
///
/// The name of a source archive is ambiguous: its version begins at the first
/// part with a digit. `project` is known where the page is that of one project,
/// and settles it.
pub(super) fn read_file_name(
    file_name: &str,
    project: Option<&ProjectName>,
    tags: &WheelTags,
) -> Option<NamedFile> {
    let named = |project: &str, version: &str, kind| {
        Some(NamedFile {
            project: project.to_owned(),
            version: Version::parse(version)?,
            kind,
        })
    };
    if let Some(stem) = file_name.strip_suffix(".whl") {
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, tag) = match parts.as_slice() {
            [name, version, tag @ ..] if tag.len() == 3 => (name, version, 0, tag),
            [name, version, build, tag @ ..] if tag.len() == 3 => {
                let digits =
                    build.len() - build.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                (name, version, build[..digits].parse().ok()?, tag)
            }
            _ => return None,
        };
        let rank = TagRank {
            tag: tags.rank(tag[0], tag[1], tag[2])?,
            build,
        };
        // In the name of a wheel `_` stands for `-`, also in the version.
        return named(name, &version.replace('_', "-"), CandidateKind::Wheel(rank));
    }
    let egg = file_name
        .strip_suffix(".egg.zip")
        .or_else(|| file_name.strip_suffix(".egg"));
    if let Some(stem) = egg {
        let mut parts = stem.split('-');
        let (name, version) = (parts.next()?, parts.next()?);
        let python = parts.next();
        let platform = parts.collect::<Vec<_>>().join("-");
        if !tags.fits_egg(python, &platform) {
            return None;
        }
        return named(name, &version.replace('_', "-"), CandidateKind::Egg);
    }
    let stem = SOURCE_SUFFIXES
        .iter()
        .find_map(|suffix| file_name.strip_suffix(suffix))?;
    if let Some(project) = project {
        // The first split whose left side is the project's name.
        let split = stem
            .match_indices('-')
            .find(|(at, _)| ProjectName::new(&stem[..*at]) == *project);
        if let Some((at, _)) = split {
            return named(&stem[..at], &stem[at + 1..], CandidateKind::Source);
        }
    }
    let parts: Vec<&str> = stem.split('-').collect();
    let is_built = |part: &&str| {
        let digits = part.strip_prefix("py").unwrap_or_default().as_bytes();
        matches!(digits, [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit())
    };
    if parts.iter().skip(2).any(is_built) {
        return None;
    }
    let pivot = parts
        .iter()
        .position(|part| part.starts_with(|first: char| first.is_ascii_digit()))?;
    named(
        &parts[..pivot].join("-"),
        &parts[pivot..].join("-"),
        CandidateKind::Source,
    )
}

impl Candidate {
    /// Tells whether it is a wheel.
    pub fn is_wheel(&self) -> bool {
        matches!(self.kind, CandidateKind::Wheel(_))
    }

    /// Tells whether it is a source archive.
    pub fn is_source(&self) -> bool {
        self.kind == CandidateKind::Source
    }

    /// Tells whether it has to be fetched from the network.
    pub fn is_of_network(&self) -> bool {
        matches!(self.location, CandidateLocation::Url(_))
    }

    /// Returns its SHA-256 digest in hexadecimal digits, if the index gives it.
    pub fn sha256(&self) -> Option<String> {
        self.digests.sha256.map(|digest| encode_hex(&digest))
    }

    /// Compares which of two files is taken: the newer version, then the
    /// greater kind; at last the greater name, so that the choice does not
    /// depend on the order of a page.
    pub fn compare(&self, other: &Self) -> Ordering {
        self.version
            .cmp(&other.version)
            .then_with(|| self.kind.cmp(&other.kind))
            .then_with(|| self.file_name.cmp(&other.file_name))
    }
}

impl std::fmt::Display for CandidateLocation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CandidateLocation::Url(url) => url.fmt(formatter),
            CandidateLocation::File(path) => path.display().fmt(formatter),
        }
    }
}
