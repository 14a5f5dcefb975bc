//! Remembers the answers of Python executables.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::PythonIdentity;
use crate::value::{Value, literal};

/// The first line of a cache file: what it is, and the version of its format.
const HEADER: &str = "buildout python identity 1";

/// Where the identity of one executable is remembered, and which state of the
/// executable it must be of.
///
/// Two links to one file are two entries: `sys.executable` tells them apart,
/// and a virtual environment is such a link.
#[derive(Debug)]
pub(super) struct CacheEntry {
    directory: PathBuf,
    file: PathBuf,
    fingerprint: String,
}

impl CacheEntry {
    /// Returns the entry of an executable; nothing if its identity must not be
    /// remembered: the path is relative, or the file is a script. A script, such
    /// as the shim of a version manager, may start another Python next time
    /// without having changed itself.
    pub(super) fn new(directory: &Path, executable: &Path) -> io::Result<Option<Self>> {
        if !executable.is_absolute() {
            return Ok(None);
        }
        let canonical = fs::canonicalize(executable)?;
        let mut file = File::open(&canonical)?;
        let mut beginning = [0; 2];
        file.read_exact(&mut beginning)?;
        if beginning == *b"#!" {
            return Ok(None);
        }
        let metadata = file.metadata()?;
        let mut hasher = Sha256::new();
        hasher.update(executable.as_os_str().as_bytes());
        hasher.update([0]);
        hasher.update(canonical.as_os_str().as_bytes());
        let name: String = hasher
            .finalize()
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Some(Self {
            directory: directory.to_owned(),
            file: directory.join(format!("python-{name}")),
            fingerprint: format!(
                "{}.{:09} {}",
                metadata.mtime(),
                metadata.mtime_nsec(),
                metadata.size()
            ),
        }))
    }

    /// Returns what is remembered; nothing if there is no entry, or a broken or
    /// outdated one.
    pub(super) fn read(&self) -> Option<PythonIdentity> {
        let text = fs::read_to_string(&self.file).ok()?;
        let mut lines = text.splitn(3, '\n');
        if lines.next() != Some(HEADER) || lines.next() != Some(&self.fingerprint) {
            return None;
        }
        let value = literal::parse(lines.next()?).ok()?;
        PythonIdentity::from_value(&value)
    }

    /// Remembers an identity. Readers see the whole of it or nothing.
    pub(super) fn write(&self, identity: &PythonIdentity) -> io::Result<()> {
        let Some(facts) = identity.to_value() else {
            return Ok(());
        };
        fs::create_dir_all(&self.directory)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        writeln!(
            file,
            "{HEADER}\n{}\n{}",
            self.fingerprint,
            Value::repr(&facts)
        )?;
        file.persist(&self.file)?;
        Ok(())
    }
}
