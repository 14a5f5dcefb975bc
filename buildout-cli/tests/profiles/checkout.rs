//! Where things are in the checkout under test.

use std::path::{Path, PathBuf};

/// Returns the root of the checkout, without links.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.parent().unwrap_or(package);
    root.canonicalize()
        .unwrap_or_else(|error| panic!("cannot find the checkout {}: {error}", root.display()))
}

/// Returns a file or directory of the checkout.
pub(crate) fn path(relative: &str) -> PathBuf {
    root().join(relative)
}

/// Returns the text of a file of the checkout.
pub(crate) fn read(relative: &str) -> String {
    let path = path(relative);
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Returns the directory of the program under test.
pub(crate) fn program_directory() -> &'static Path {
    let program = Path::new(env!("CARGO_BIN_EXE_buildout"));
    program.parent().unwrap_or(program)
}
