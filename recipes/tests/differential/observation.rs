//! What is seen after a run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use buildout_core::state::installed::{INSTALLED_OPTION, InstalledFile, SIGNATURE_OPTION};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Success,
    /// `Error: TEXT`.
    UserError(String),
    /// The class of an exception, and its text, which is not compared.
    Internal(String, String),
    /// That of a command of the case.
    Exited {
        code: Option<i32>,
        stdout: String,
        stderr: String,
    },
}

/// What one side left after a run.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) outcome: Outcome,
    /// Mode and content of files, modes of directories, targets of links, by path.
    pub(crate) tree: BTreeMap<String, Entry>,
    /// The options of the installed parts, by `PART OPTION`, with the installed paths.
    pub(crate) installed: BTreeMap<String, String>,
    /// What the recipes logged, a line each.
    pub(crate) log: Vec<String>,
}

/// An entry of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Kind and mode, or the target of a link.
    pub(crate) kind: String,
    /// The content of a file.
    pub(crate) content: Vec<u8>,
}

/// Names at the top of a buildout directory that are no work of a recipe.
const OF_THE_ENGINE: [&str; 3] = [".buildout", ".installed.cfg", "buildout.cfg"];

impl Observation {
    /// Looks at a buildout directory.
    pub(crate) fn new(directory: &Path, outcome: Outcome, log: Vec<String>) -> Self {
        Observation {
            outcome,
            tree: tree(directory),
            installed: installed(directory),
            log,
        }
    }
}

fn tree(top: &Path) -> BTreeMap<String, Entry> {
    let mut left = vec![top.to_owned()];
    let mut found = BTreeMap::new();
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).expect("the directory can be read") {
            let path = entry.expect("the directory can be read").path();
            let name = path.strip_prefix(top).expect("it is below");
            if directory == top && OF_THE_ENGINE.iter().any(|engine| name == *engine) {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).expect("the entry exists");
            let mode = metadata.permissions().mode() & 0o7777;
            let mut content = Vec::new();
            let kind = if metadata.is_symlink() {
                let target = fs::read_link(&path).expect("it is a link");
                format!("link to {}", target.display())
            } else if metadata.is_dir() {
                left.push(path.clone());
                format!("directory {mode:o}")
            } else {
                content = fs::read(&path).expect("the file can be read");
                format!("file {mode:o}")
            };
            found.insert(name.display().to_string(), Entry { kind, content });
        }
    }
    found
}

fn installed(directory: &Path) -> BTreeMap<String, String> {
    let state = InstalledFile::new(directory, ".installed.cfg").load();
    let state = state.expect("the state can be read").unwrap_or_default();
    let mut found = BTreeMap::new();
    for (name, part) in state.parts {
        found.insert(
            format!("{name} {INSTALLED_OPTION}"),
            part.installed.join("\n"),
        );
        for (option, value) in part.options {
            // Signatures name distributions there, behaviour versions here.
            if option != SIGNATURE_OPTION && option != INSTALLED_OPTION {
                found.insert(format!("{name} {option}"), value);
            }
        }
    }
    found
}
