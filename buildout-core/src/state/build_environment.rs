//! What the commands of a part last ran in, so that a person can enter it.
//!
//! A record holds the directory and what the part changed in the environment
//! of the run; what the part only inherited is not in it, so that no more is
//! on disk than in the part's own options. Only the user may read it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write as _},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
};

use super::{OWN_DIRECTORY, part_file_name::part_file_name};
use crate::{exec::command::Command, recipe::Environment};

/// Where the records are, in [`OWN_DIRECTORY`].
const DIRECTORY: &str = "environments";

/// How a record begins. Entries follow, each with a letter before it and a
/// zero byte after it, since names and values may hold anything else.
const HEADER: &[u8] = b"buildout environment 1\n";

const DIRECTORY_ENTRY: u8 = b'd';
const SET_ENTRY: u8 = b's';
const UNSET_ENTRY: u8 = b'u';

/// A directory and the changes that a part makes to the environment there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildEnvironment {
    directory: PathBuf,
    set: Environment,
    unset: BTreeSet<OsString>,
}

/// A record that cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{}`: {source}", path.display())]
pub struct BuildEnvironmentError {
    verb: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl BuildEnvironment {
    /// Compares the environment of a command with that of the run.
    pub fn of(command: &Command, initial: &Environment) -> Self {
        let environment = command.environment();
        Self {
            directory: command.directory().to_owned(),
            set: environment
                .iter()
                .filter(|(name, value)| initial.get(*name) != Some(*value))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            unset: initial
                .keys()
                .filter(|name| !environment.contains_key(*name))
                .cloned()
                .collect(),
        }
    }

    /// Returns the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the environment that the commands get in a run with this one.
    pub fn applied_to(&self, mut initial: Environment) -> Environment {
        initial.retain(|name, _| !self.unset.contains(name));
        initial.extend(self.set.clone());
        initial
    }

    /// Writes the record of a part, unless it is there.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn record(&self, buildout: &Path, part: &str) -> Result<(), BuildEnvironmentError> {
        let path = record_path(buildout, part);
        let bytes = self.encode();
        if fs::read(&path).is_ok_and(|old| old == bytes) {
            return Ok(());
        }
        write_private(&path, &bytes).map_err(|source| BuildEnvironmentError {
            verb: "write",
            path,
            source,
        })
    }

    /// Reads the record of a part; `None` if there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is none of ours.
    pub fn read(buildout: &Path, part: &str) -> Result<Option<Self>, BuildEnvironmentError> {
        let path = record_path(buildout, part);
        let failed = |source| BuildEnvironmentError {
            verb: "read",
            path: path.clone(),
            source,
        };
        match fs::read(&path) {
            Ok(bytes) => match Self::decode(&bytes) {
                Some(environment) => Ok(Some(environment)),
                None => Err(failed(io::ErrorKind::InvalidData.into())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = HEADER.to_vec();
        let mut add = |kind: u8, pieces: &[&OsStr]| {
            bytes.push(kind);
            for piece in pieces {
                bytes.extend_from_slice(piece.as_bytes());
            }
            bytes.push(0);
        };
        add(DIRECTORY_ENTRY, &[self.directory.as_os_str()]);
        for (name, value) in &self.set {
            add(SET_ENTRY, &[name, OsStr::new("="), value]);
        }
        for name in &self.unset {
            add(UNSET_ENTRY, &[name]);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let mut directory = None;
        let mut set = BTreeMap::new();
        let mut unset = BTreeSet::new();
        let entries = bytes.strip_prefix(HEADER)?.strip_suffix(&[0])?;
        for entry in entries.split(|byte| *byte == 0) {
            match entry.split_first()? {
                (&DIRECTORY_ENTRY, path) => directory = Some(PathBuf::from(text(path))),
                (&SET_ENTRY, assignment) => {
                    let end = assignment.iter().position(|byte| *byte == b'=')?;
                    set.insert(text(&assignment[..end]), text(&assignment[end + 1..]));
                }
                (&UNSET_ENTRY, name) => {
                    unset.insert(text(name));
                }
                _ => return None,
            }
        }
        Some(Self {
            directory: directory?,
            set,
            unset,
        })
    }
}

fn record_path(buildout: &Path, part: &str) -> PathBuf {
    let directory = buildout.join(OWN_DIRECTORY).join(DIRECTORY);
    directory.join(part_file_name(part))
}

/// Replaces a file by one that only the user may read. It need not survive a
/// power failure, so nothing waits for the disk.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    // Temporary files are made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn environment(pairs: &[(&str, &[u8])]) -> Environment {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.into(), OsString::from_vec(value.to_vec())))
            .collect()
    }

    #[test]
    fn a_record_brings_back_what_the_command_had() {
        let site = tempfile::tempdir().expect("a temporary directory");
        let initial = environment(&[("HOME", b"/root"), ("TOKEN", b"secret"), ("GONE", b"1")]);
        let of_command = environment(&[
            ("HOME", b"/root"),
            ("TOKEN", b"secret"),
            ("CFLAGS", b"-O2 =\n\xff"),
            ("EMPTY", b""),
        ]);
        let command = Command::shell("true", "/some where", of_command.clone());
        let recorded = BuildEnvironment::of(&command, &initial);
        recorded.record(site.path(), "a/b").expect("it is written");

        let path = site.path().join(".buildout/environments/a%2fb");
        let mode = fs::metadata(&path).expect("it exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let bytes = fs::read(&path).expect("it can be read");
        assert!(!bytes.windows(6).any(|window| window == b"secret"));

        let read = BuildEnvironment::read(site.path(), "a/b").expect("it is read");
        let read = read.expect("a record");
        assert_eq!(read, recorded);
        assert_eq!(read.directory(), Path::new("/some where"));
        assert_eq!(read.applied_to(initial), of_command);
    }

    #[test]
    fn what_is_no_record_is_told() {
        let site = tempfile::tempdir().expect("a temporary directory");
        let none = BuildEnvironment::read(site.path(), "a").expect("there is nothing to read");
        assert_eq!(none, None);
        let path = record_path(site.path(), "a");
        write_private(&path, b"nonsense").expect("it is written");
        let error = BuildEnvironment::read(site.path(), "a").expect_err("it is no record");
        assert!(error.to_string().starts_with("failed to read `"), "{error}");
    }
}
