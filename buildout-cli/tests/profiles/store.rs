//! The store of shared parts of the tests that compile nginx: one compiles it, the others find it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Returns a directory for `shared-part-list`, the same one for all tests of one built program.
///
/// Another program builds everything again: what is tested is that it can. Stores of former ones
/// are removed.
pub(crate) fn provide() -> PathBuf {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR")).join("profiles-store");
    let failed =
        |error: std::io::Error| -> ! { panic!("cannot prepare {}: {error}", parent.display()) };
    let program = fs::metadata(env!("CARGO_BIN_EXE_buildout"));
    let built = program.and_then(|program| program.modified());
    let built = built.unwrap_or_else(|error| failed(error));
    let built = built.duration_since(UNIX_EPOCH).unwrap_or_default();
    let store = parent.join(built.as_nanos().to_string());
    fs::create_dir_all(&store).unwrap_or_else(|error| failed(error));
    let stores = fs::read_dir(&parent).unwrap_or_else(|error| failed(error));
    for other in stores.flatten().map(|entry| entry.path()) {
        if other != store {
            // Another test may remove it at the same time.
            let _ = fs::remove_dir_all(other);
        }
    }
    store.canonicalize().unwrap_or_else(|error| failed(error))
}
