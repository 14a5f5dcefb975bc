//! The tarballs that the release is built from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::checkout;

/// Returns the directory with the tarballs of these Debian source packages, downloading those that
/// no earlier run has left there.
pub(crate) fn provide(packages: &[&str]) -> PathBuf {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let directory = temporary.parent().unwrap_or(temporary).join("sources");
    let failed =
        |error: std::io::Error| -> ! { panic!("cannot prepare {}: {error}", directory.display()) };
    fs::create_dir_all(&directory).unwrap_or_else(|error| failed(error));
    let directory = directory
        .canonicalize()
        .unwrap_or_else(|error| failed(error));
    // Two test processes must not download the same.
    let lock = File::create(directory.join(".lock"))
        .and_then(|file| file.lock().map(|()| file))
        .unwrap_or_else(|error| failed(error));
    let script = checkout::path("profiles/fetch-sources");
    let output = Command::new(&script)
        .arg(&directory)
        .args(packages)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", script.display()));
    drop(lock);
    assert!(
        output.status.success(),
        "This test builds the tarballs of Debian's source packages {packages:?}, and they could not \
         be downloaded into {}; profiles/fetch-sources says:\n{}",
        directory.display(),
        String::from_utf8_lossy(&output.stderr),
    );
    directory
}
