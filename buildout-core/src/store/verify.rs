//! Checking that entries are as they were completed.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::entry::{Entry, StoreError};
use super::references::{look_through, paths_in};
use super::{MARKER, Signature, is_complete};

/// Something about a complete entry that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The marker is no JSON object of texts.
    Marker {
        /// What is wrong with it.
        reason: String,
    },
    /// The marker is not the one that names the entry.
    Digest {
        /// The digest of the marker.
        actual: String,
    },
    /// Something can be written to.
    Writable {
        /// The path.
        path: PathBuf,
    },
    /// It refers to an entry that is not there, or not complete.
    Reference {
        /// Where the reference is.
        path: PathBuf,
        /// The entry, as `PART/DIGEST`.
        entry: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Marker { reason } => write!(f, "`{MARKER}` cannot be read: {reason}"),
            Fault::Digest { actual } => write!(f, "`{MARKER}` was changed: its digest is {actual}"),
            Fault::Writable { path } => write!(f, "`{}` can be written to", path.display()),
            Fault::Reference { path, entry } => write!(
                f,
                "`{}` refers to the shared part `{entry}`, which is not there",
                path.display()
            ),
        }
    }
}

/// Returns the faults of a complete entry. `stores` are all directories of
/// shared parts, as they are written and as they are: references into them are
/// checked.
///
/// # Errors
///
/// Something of the entry cannot be read.
pub fn verify(entry: &Entry, stores: &[PathBuf]) -> Result<Vec<Fault>, StoreError> {
    let location = entry.location();
    let mut faults = Vec::new();
    let marker = location.join(MARKER);
    let bytes = fs::read(&marker).map_err(|error| StoreError::new("read", &marker, error))?;
    faults.extend(marker_fault(bytes, &entry.digest));
    for found in WalkDir::new(&location).sort_by_file_name() {
        let found = found.map_err(|error| StoreError::of_walk(&location, error))?;
        let metadata = found
            .metadata()
            .map_err(|error| StoreError::of_walk(&location, error))?;
        if !metadata.is_symlink() && metadata.permissions().mode() & 0o222 != 0 {
            let path = found.into_path();
            faults.push(Fault::Writable { path });
        }
    }
    faults.extend(missing_references(&location, stores)?);
    Ok(faults)
}

fn marker_fault(bytes: Vec<u8>, digest: &str) -> Option<Fault> {
    type Options = std::collections::BTreeMap<String, String>;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let reason = error.to_string();
            return Some(Fault::Marker { reason });
        }
    };
    if let Err(error) = serde_json::from_str::<Options>(&text) {
        let reason = error.to_string();
        return Some(Fault::Marker { reason });
    }
    let signature = Signature::of_text(text);
    (signature.digest() != digest).then(|| Fault::Digest {
        actual: signature.digest().to_owned(),
    })
}

fn missing_references(location: &Path, stores: &[PathBuf]) -> Result<Vec<Fault>, StoreError> {
    let spelt: Vec<&[u8]> = stores
        .iter()
        .map(|store| store.as_os_str().as_bytes())
        .collect();
    let mut found: BTreeSet<(PathBuf, String)> = BTreeSet::new();
    let mut last = (PathBuf::new(), BTreeSet::new());
    look_through(location, |path, bytes| {
        if last.0 != path {
            last = (path.to_owned(), BTreeSet::new());
        }
        let (path, names) = &mut last;
        paths_in(bytes, &spelt, names);
        found.extend(names.iter().map(|name| (path.clone(), name.clone())));
    })?;
    let exists = |name: &str| stores.iter().any(|store| is_complete(&store.join(name)));
    Ok(found
        .into_iter()
        .filter(|(_, entry)| !exists(entry))
        .map(|(path, entry)| Fault::Reference { path, entry })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::publish;

    #[test]
    fn each_fault_is_found() {
        let base = tempfile::tempdir().expect("a directory can be made");
        let store = base.path().join("store");
        let missing = format!("zlib/{}", "0".repeat(32));
        let signature = Signature::of([("environment", "PATH=/bin")]);
        let entry = Entry {
            store: store.clone(),
            part: "p".to_owned(),
            digest: signature.digest().to_owned(),
        };
        let location = entry.location();
        fs::create_dir_all(&location).expect("it can be made");
        let reference = format!(
            "{}/{missing}/lib and itself {}",
            store.display(),
            location.display()
        );
        fs::write(location.join("file"), &reference).expect("it can be written");
        publish(&location, &signature).expect("it can be published");
        let faults = |stores: &[PathBuf]| verify(&entry, stores).expect("it can be read");
        assert_eq!(faults(&[]), []);
        let stores = [store.clone()];
        let dangling = Fault::Reference {
            path: location.join("file"),
            entry: missing.clone(),
        };
        assert_eq!(faults(&stores), [dangling]);
        let dependency = store.join(&missing);
        fs::create_dir_all(&dependency).expect("it can be made");
        fs::write(dependency.join(MARKER), "{}").expect("it can be written");
        assert_eq!(faults(&stores), []);

        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&location, mode.clone()).expect("it is ours");
        let writable = Fault::Writable {
            path: location.clone(),
        };
        assert_eq!(faults(&stores), [writable]);
        let marker = location.join(MARKER);
        fs::set_permissions(&marker, mode).expect("it is ours");
        for (text, expected) in [
            (
                "{}",
                "was changed: its digest is 99914b932bd37a50b983c5e7c90ae93b",
            ),
            ("{\"a\": 1}", "cannot be read: invalid type"),
            ("", "cannot be read: EOF"),
        ] {
            fs::write(&marker, text).expect("it can be written");
            let first = faults(&stores)[0].to_string();
            assert!(first.contains(expected), "{first}");
        }
    }
}
