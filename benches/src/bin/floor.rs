//! The floor of the `annotate` benchmark: reads files and hashes them, and nothing else.
//!
//! Usage: `floor LIST`, where LIST is a file with one path a line, relative to the current
//! directory, or `floor DIRECTORY`, which takes all files below it in sorted order. Prints the
//! SHA-256 of the SHA-256 digests of the files.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sha2::{Digest as _, Sha256};

#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{}`: {source}", path.display())]
struct FloorError {
    verb: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(files), None) = (arguments.next(), arguments.next()) else {
        let _ = writeln!(io::stderr(), "usage: floor LIST|DIRECTORY");
        return ExitCode::from(2);
    };
    match run(Path::new(&files)) {
        Ok(digest) => {
            let _ = writeln!(io::stdout(), "{digest}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(argument: &Path) -> Result<String, FloorError> {
    let paths = if argument.is_dir() {
        walk(argument)?
    } else {
        let list = fs::read_to_string(argument).map_err(failure("read", argument))?;
        list.lines().map(PathBuf::from).collect()
    };
    let mut all = Sha256::new();
    let mut content = Vec::new();
    for path in paths {
        content.clear();
        File::open(&path)
            .map_err(failure("open", &path))?
            .read_to_end(&mut content)
            .map_err(failure("read", &path))?;
        all.update(Sha256::digest(&content));
    }
    Ok(all
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Lists all files below `root`, sorted.
fn walk(root: &Path) -> Result<Vec<PathBuf>, FloorError> {
    let mut files = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).map_err(failure("list", &directory))? {
            let entry = entry.map_err(failure("list", &directory))?;
            let kind = entry.file_type().map_err(failure("examine", &directory))?;
            if kind.is_dir() {
                directories.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn failure(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FloorError {
    let path = path.to_owned();
    move |source| FloorError { verb, path, source }
}
