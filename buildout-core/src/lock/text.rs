//! The text of a lock file: one entry a block, sorted, made to be read in a
//! diff.

use std::collections::BTreeMap;
use std::fmt;

use super::{
    DistributionPurpose, LOCK_VERSION, LockFile, LockedDistribution, LockedDownload, RevisionSource,
};
use crate::fetch::{Algorithm, Digests, ExpectedDigests, encode_hex};

const INTRODUCTION: &str = "\
# What this buildout is made of. `buildout lock` writes this file, and
# `buildout --locked` insists on it.
";

const PROFILE: &str = "profile";
const DISTRIBUTION: &str = "distribution";
const DOWNLOAD: &str = "download";
const REVISION: &str = "git";

/// The value of `for` where a distribution is not installed.
const BUILD: &str = "build";
/// The names that stand once for each value.
const LISTS: [&str; 2] = ["extra", "requires"];

/// A text that is no lock file, or one of another version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LockSyntaxError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for LockFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{INTRODUCTION}version = {LOCK_VERSION}")?;
        for (file, locked) in &self.distributions {
            write!(f, "\n[{DISTRIBUTION} {file}]\n")?;
            writeln!(f, "name = {}", locked.name)?;
            writeln!(f, "version = {}", locked.version)?;
            if locked.purpose == DistributionPurpose::Build {
                writeln!(f, "for = {BUILD}")?;
            }
            for extra in &locked.extras {
                writeln!(f, "extra = {extra}")?;
            }
            for requirement in &locked.requires {
                writeln!(f, "requires = {requirement}")?;
            }
            writeln!(f, "url = {}", locked.url)?;
            writeln!(f, "sha256 = {}", encode_hex(&locked.sha256))?;
            writeln!(f, "size = {}", locked.size)?;
        }
        for (url, LockedDownload { digests, size }) in &self.downloads {
            write!(f, "\n[{DOWNLOAD} {url}]\n")?;
            for algorithm in Algorithm::ALL {
                let name = algorithm.name().to_lowercase();
                writeln!(f, "{name} = {}", digests.hex(algorithm))?;
            }
            writeln!(f, "size = {size}")?;
        }
        for (source, revision) in &self.revisions {
            write!(f, "\n[{REVISION} {source}]\nrevision = {revision}\n")?;
        }
        for (url, sha256) in &self.profiles {
            write!(f, "\n[{PROFILE} {url}]\nsha256 = {}\n", encode_hex(sha256))?;
        }
        Ok(())
    }
}

/// A block being read.
struct Block<'a> {
    line: usize,
    kind: &'a str,
    url: &'a str,
    values: BTreeMap<&'a str, (usize, &'a str)>,
    /// The values of names that may stand there several times, in order.
    lists: Vec<(usize, &'a str, &'a str)>,
}

impl LockFile {
    /// Reads the text of a lock file. Kinds of entries that later versions of
    /// this program may add are an error that names them, since to pass them
    /// over would be to forget what they lock.
    ///
    /// # Errors
    ///
    /// See [`LockSyntaxError`].
    pub fn parse(text: &str) -> Result<Self, LockSyntaxError> {
        let mut lock = LockFile::default();
        let mut version = None;
        let mut block: Option<Block<'_>> = None;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(header) = line.strip_prefix('[') {
                check_version(version, number)?;
                if let Some(block) = block.take() {
                    lock.add(block)?;
                }
                let header = header.strip_suffix(']').and_then(|h| h.split_once(' '));
                let (kind, url) =
                    header.ok_or_else(|| wrong(number, "a header looks like `[download URL]`"))?;
                block = Some(Block {
                    line: number,
                    kind,
                    url,
                    values: BTreeMap::new(),
                    lists: Vec::new(),
                });
                continue;
            }
            let (name, value) = line
                .split_once(" = ")
                .ok_or_else(|| wrong(number, "expected `NAME = VALUE` or a header"))?;
            let known = match &mut block {
                Some(block) if LISTS.contains(&name) => {
                    block.lists.push((number, name, value));
                    false
                }
                Some(block) => block.values.insert(name, (number, value)).is_some(),
                None if name == "version" => version.replace(value).is_some(),
                None => return Err(wrong(number, "only `version` stands before the entries")),
            };
            if known {
                return Err(wrong(number, format!("`{name}` is there twice")));
            }
        }
        check_version(version, text.lines().count().max(1))?;
        if let Some(block) = block {
            lock.add(block)?;
        }
        Ok(lock)
    }

    fn add(&mut self, mut block: Block<'_>) -> Result<(), LockSyntaxError> {
        let url = block.url.to_owned();
        let is_new = match block.kind {
            PROFILE => {
                let pins = block.digests(&[Algorithm::Sha256])?;
                let sha256 = pins.sha256.unwrap_or_default();
                self.profiles.insert(url, sha256).is_none()
            }
            DOWNLOAD => {
                let pins = block.digests(&Algorithm::ALL)?;
                let digests = Digests {
                    md5: pins.md5.unwrap_or_default(),
                    sha256: pins.sha256.unwrap_or_default(),
                    sha512: pins.sha512.unwrap_or([0; 64]),
                };
                let size = block.size()?;
                let locked = LockedDownload { digests, size };
                self.downloads.insert(url, locked).is_none()
            }
            DISTRIBUTION => {
                let pins = block.digests(&[Algorithm::Sha256])?;
                let purpose = match block.values.remove("for") {
                    None => DistributionPurpose::Installation,
                    Some((_, BUILD)) => DistributionPurpose::Build,
                    Some((line, other)) => {
                        let problem = format!("`for` is `{BUILD}` or missing, not `{other}`");
                        return Err(wrong(line, problem));
                    }
                };
                let locked = LockedDistribution {
                    name: block.take("name")?.1.to_owned(),
                    version: block.take("version")?.1.to_owned(),
                    url: block.take("url")?.1.to_owned(),
                    sha256: pins.sha256.unwrap_or_default(),
                    size: block.size()?,
                    purpose,
                    requires: block.take_list("requires"),
                    extras: block.take_list("extra"),
                };
                self.distributions.insert(url, locked).is_none()
            }
            REVISION => {
                let (repository, reference) = url
                    .rsplit_once(' ')
                    .ok_or_else(|| wrong(block.line, "a header looks like `[git URL BRANCH]`"))?;
                let source = RevisionSource {
                    repository: repository.to_owned(),
                    reference: reference.to_owned(),
                };
                let (line, revision) = block.take("revision")?;
                let is_revision = revision.bytes().all(|byte| byte.is_ascii_hexdigit());
                if revision.is_empty() || !is_revision {
                    return Err(wrong(line, "`revision` is no hexadecimal number"));
                }
                self.revisions.insert(source, revision.to_owned()).is_none()
            }
            other => {
                let problem = format!("entries of the kind `{other}` are not known");
                return Err(wrong(block.line, problem));
            }
        };
        if !is_new {
            let problem = format!("`{}` is there twice", block.url);
            return Err(wrong(block.line, problem));
        }
        let lists = block.lists.iter().map(|(line, name, _)| (*name, *line));
        let values = block.values.iter().map(|(name, (line, _))| (*name, *line));
        match values.chain(lists).next() {
            None => Ok(()),
            Some((name, line)) => {
                let problem = format!("a {} has no `{name}`", block.kind);
                Err(wrong(line, problem))
            }
        }
    }
}

impl<'a> Block<'a> {
    fn take(&mut self, name: &str) -> Result<(usize, &'a str), LockSyntaxError> {
        self.values.remove(name).ok_or_else(|| {
            let problem = format!("`{name}` is missing in this entry");
            wrong(self.line, problem)
        })
    }

    /// Takes all values of a name that may stand there several times.
    fn take_list(&mut self, name: &str) -> Vec<String> {
        let is_it = |(_, known, _): &mut (usize, &str, &str)| *known == name;
        let taken = self.lists.extract_if(.., is_it);
        taken.map(|(_, _, value)| value.to_owned()).collect()
    }

    fn size(&mut self) -> Result<u64, LockSyntaxError> {
        let (line, size) = self.take("size")?;
        size.parse().map_err(|_| wrong(line, "`size` is no number"))
    }

    /// Takes a digest for each of these algorithms.
    fn digests(&mut self, algorithms: &[Algorithm]) -> Result<ExpectedDigests, LockSyntaxError> {
        let mut digests = ExpectedDigests::none();
        for algorithm in algorithms {
            let (line, text) = self.take(&algorithm.name().to_lowercase())?;
            digests
                .set(*algorithm, text)
                .map_err(|error| wrong(line, error.to_string()))?;
        }
        Ok(digests)
    }
}

fn check_version(version: Option<&str>, line: usize) -> Result<(), LockSyntaxError> {
    match version {
        None => Err(wrong(line, "`version` is missing before the entries")),
        Some(version) if version.parse() == Ok(LOCK_VERSION) => Ok(()),
        Some(version) => Err(wrong(
            line,
            format!("version {version} is not known, only {LOCK_VERSION}"),
        )),
    }
}

fn wrong(line: usize, problem: impl Into<String>) -> LockSyntaxError {
    LockSyntaxError {
        line,
        problem: problem.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(name: &str, requires: &[&str]) -> LockedDistribution {
        LockedDistribution {
            name: name.to_owned(),
            version: "1.0".to_owned(),
            url: format!("https://h/{name}"),
            sha256: Digests::of(b"b").sha256,
            size: 1,
            purpose: DistributionPurpose::Installation,
            requires: requires.iter().map(ToString::to_string).collect(),
            extras: Vec::new(),
        }
    }

    fn lock() -> LockFile {
        let download = |bytes: &[u8]| LockedDownload {
            digests: Digests::of(bytes),
            size: bytes.len() as u64,
        };
        LockFile {
            distributions: [
                ("a-1.0-py3-none-any.whl".to_owned(), distribution("a", &[])),
                (
                    "b-1.0.tar.gz".to_owned(),
                    LockedDistribution {
                        purpose: DistributionPurpose::Build,
                        extras: vec!["x".to_owned()],
                        ..distribution("b", &["c>=1", "d; extra == \"x\""])
                    },
                ),
            ]
            .into(),
            profiles: [("https://h/a.cfg".to_owned(), Digests::of(b"a").sha256)].into(),
            downloads: [
                ("https://h/b [1].tgz".to_owned(), download(b"b")),
                ("https://h/a.tgz".to_owned(), download(b"hello")),
            ]
            .into(),
            revisions: [(
                RevisionSource {
                    repository: "https://h/r.git".to_owned(),
                    reference: "master".to_owned(),
                },
                "5d41402abc4b2a76b9719d911017c592aabbccdd".to_owned(),
            )]
            .into(),
        }
    }

    #[test]
    fn it_is_sorted_and_has_one_value_a_line() {
        let text = lock().to_string();
        let digest = encode_hex(&Digests::of(b"b").sha256);
        assert!(
            text.starts_with(&format!(
                "{INTRODUCTION}version = 1\n\n[distribution a-1.0-py3-none-any.whl]\n\
                 name = a\nversion = 1.0\nurl = https://h/a\nsha256 = {digest}\nsize = 1\n\n\
                 [distribution b-1.0.tar.gz]\nname = b\nversion = 1.0\nfor = build\nextra = x\n\
                 requires = c>=1\nrequires = d; extra == \"x\"\nurl = https://h/b\n\
                 sha256 = {digest}\nsize = 1\n\n[download https://h/a.tgz]\n\
                 md5 = 5d41402abc4b2a76b9719d911017c592\n\
                 sha256 = 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n\
                 sha512 = 9b71d224bd62f378"
            )),
            "{text}"
        );
        let end = "size = 1\n\n[git https://h/r.git master]\n\
                   revision = 5d41402abc4b2a76b9719d911017c592aabbccdd\n\n[profile https://h/a.cfg]\n\
                   sha256 = ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn what_is_written_is_read_again() {
        for lock in [LockFile::default(), lock()] {
            assert_eq!(LockFile::parse(&lock.to_string()), Ok(lock));
        }
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let text = lock().to_string();
        for (old, new, message) in [
            (
                "version = 1",
                "version = 2",
                "line 5: version 2 is not known, only 1",
            ),
            (
                "version = 1\n",
                "",
                "line 4: `version` is missing before the entries",
            ),
            (
                "[profile",
                "[cheese",
                "line 38: entries of the kind `cheese` are not known",
            ),
            ("size = 5\n", "", "line 23: `size` is missing in this entry"),
            ("size = 5", "size = big", "line 27: `size` is no number"),
            (
                "for = build",
                "for = fun",
                "line 15: `for` is `build` or missing, not `fun`",
            ),
            (
                "size = 5",
                "size = 5\nrequires = a",
                "line 28: a download has no `requires`",
            ),
            (
                "size = 5",
                "size = 5\ncolour = red",
                "line 28: a download has no `colour`",
            ),
            (
                "size = 5",
                "size = 5\nsize = 5",
                "line 28: `size` is there twice",
            ),
            (
                "size = 5",
                "size=5",
                "line 27: expected `NAME = VALUE` or a header",
            ),
            (
                "[git https://h/r.git master]",
                "[git https://h/r.git]",
                "line 35: a header looks like `[git URL BRANCH]`",
            ),
            (
                "revision = 5d",
                "revision = tip-5d",
                "line 36: `revision` is no hexadecimal number",
            ),
            (
                "[download https://h/a.tgz]",
                "[download]",
                "line 23: a header looks like `[download URL]`",
            ),
            (
                "https://h/b [1].tgz",
                "https://h/a.tgz",
                "line 29: `https://h/a.tgz` is there twice",
            ),
            (
                "md5 = 5d41402abc4b2a76b9719d911017c592",
                "md5 = 5d",
                "line 24: `5d` is not a MD5 checksum of 32 hexadecimal digits",
            ),
        ] {
            assert!(text.contains(old), "{old}");
            let error = LockFile::parse(&text.replace(old, new)).unwrap_err();
            assert_eq!(error.to_string(), message, "{old} -> {new}");
        }
    }
}
