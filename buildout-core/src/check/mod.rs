//! What installed files use and should not: a look at them from outside.
//!
//! A part is self-contained if all that its programs, libraries and scripts
//! name lies in the buildout, in the directories of shared parts, or in the
//! system ([`Territory`]). Nothing is executed: binaries are read as the
//! dynamic loader of the GNU C library reads them (`loader`).
//!
//! What a program looks for by itself while it runs is not seen here: plugins,
//! data files, `LD_LIBRARY_PATH`, and the programs that `/usr/bin/env` finds.

mod elf;
mod loader;
mod loader_directories;
mod script;
mod territory;

use std::{
    collections::{BTreeSet, HashSet},
    ffi::{OsStr, OsString},
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

use loader::Loader;
pub use loader_directories::LOADER_CONFIGURATION;
pub use territory::{SYSTEM_DIRECTORIES, Territory};

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FindingKind {
    /// An entry of `DT_RPATH` is outside: a place where libraries are looked
    /// for, also those that the libraries of the file need.
    ForeignRpath,
    /// An entry of `DT_RUNPATH` is outside.
    ForeignRunpath,
    /// A library is named by a path outside.
    ForeignLibrary,
    /// A library is not found.
    UnresolvedLibrary,
    /// The interpreter of a script, or the loader of a program, is outside.
    ForeignInterpreter,
    /// The interpreter of a script, or the loader of a program, does not
    /// exist.
    MissingInterpreter,
    /// The file cannot be read, or has the mark of a binary and is none.
    Unreadable,
}

impl FindingKind {
    /// Returns the name for machines.
    pub fn name(self) -> &'static str {
        match self {
            Self::ForeignRpath => "foreign-rpath",
            Self::ForeignRunpath => "foreign-runpath",
            Self::ForeignLibrary => "foreign-library",
            Self::UnresolvedLibrary => "unresolved-library",
            Self::ForeignInterpreter => "foreign-interpreter",
            Self::MissingInterpreter => "missing-interpreter",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Something that a file uses and should not, or cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// What is wrong.
    pub kind: FindingKind,
    /// What it is about, as the file has it: an entry, a library or an
    /// interpreter; the reason if the file cannot be read.
    pub subject: String,
    /// The library that needs the subject, if the file itself does not.
    pub needed_by: Option<PathBuf>,
}

impl Finding {
    fn new(file: &Path, kind: FindingKind, subject: impl AsRef<OsStr>) -> Self {
        Finding {
            file: file.to_owned(),
            kind,
            subject: subject.as_ref().to_string_lossy().into_owned(),
            needed_by: None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = &self.subject;
        write!(f, "{}: ", self.file.display())?;
        match self.kind {
            FindingKind::ForeignRpath => write!(f, "RPATH entry `{subject}` is outside"),
            FindingKind::ForeignRunpath => write!(f, "RUNPATH entry `{subject}` is outside"),
            FindingKind::ForeignLibrary => write!(f, "library `{subject}` is outside"),
            FindingKind::UnresolvedLibrary => match &self.needed_by {
                Some(library) => write!(
                    f,
                    "library `{subject}`, which `{}` needs, is not found",
                    library.display()
                ),
                None => write!(f, "library `{subject}` is not found"),
            },
            FindingKind::ForeignInterpreter => write!(f, "interpreter `{subject}` is outside"),
            FindingKind::MissingInterpreter => {
                write!(f, "interpreter `{subject}` does not exist")
            }
            FindingKind::Unreadable => write!(f, "cannot be examined: {subject}"),
        }
    }
}

/// What was seen of a part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many binaries were examined.
    pub binaries: usize,
    /// How many scripts were examined.
    pub scripts: usize,
    /// What was found, by file.
    pub findings: Vec<Finding>,
}

impl Report {
    fn add(&mut self, file: &Path, kind: FindingKind, subject: impl AsRef<OsStr>) {
        self.findings.push(Finding::new(file, kind, subject));
    }
}

/// Examines files. What is learnt about libraries serves all parts.
pub struct Checker {
    territory: Territory,
    loader: Loader,
}

impl Checker {
    /// Makes a checker that knows what is inside.
    pub fn new(territory: Territory) -> Self {
        Checker {
            territory,
            loader: Loader::new(Path::new(LOADER_CONFIGURATION)),
        }
    }

    /// Examines all files at and below some paths. Links are not followed, and
    /// what is not there is not looked at.
    pub fn check<'p>(&mut self, paths: impl IntoIterator<Item = &'p Path>) -> Report {
        let mut report = Report::default();
        let mut files = BTreeSet::new();
        for path in paths {
            for entry in WalkDir::new(path).follow_root_links(false) {
                match entry {
                    Ok(entry) if entry.file_type().is_file() => {
                        files.insert(entry.into_path());
                    }
                    Ok(_) => {}
                    Err(error) => {
                        let reason = error.io_error().map(io::Error::kind);
                        if reason != Some(io::ErrorKind::NotFound) {
                            let path = error.path().unwrap_or(path);
                            report.add(path, FindingKind::Unreadable, error.to_string());
                        }
                    }
                }
            }
        }
        let mut told = HashSet::new();
        for file in files {
            if let Err(error) = self.check_file(&file, &mut report, &mut told) {
                report.add(&file, FindingKind::Unreadable, error.to_string());
            }
        }
        report
    }

    fn check_file(&mut self, path: &Path, report: &mut Report, told: &mut Told) -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut head = Vec::new();
        file.by_ref()
            .take(script::LONGEST_LINE)
            .read_to_end(&mut head)?;
        if head.starts_with(elf::MAGIC) {
            report.binaries += 1;
            return self.check_binary(path, report, told);
        }
        let is_executable = file.metadata()?.permissions().mode() & 0o111 != 0;
        if is_executable && let Some(interpreter) = script::interpreter(&head) {
            report.scripts += 1;
            self.check_interpreter(path, &interpreter, report);
        }
        Ok(())
    }

    fn check_interpreter(&self, file: &Path, interpreter: &OsStr, report: &mut Report) {
        let path = Path::new(interpreter);
        if !self.territory.contains(path) {
            report.add(file, FindingKind::ForeignInterpreter, interpreter);
        } else if !path.exists() {
            report.add(file, FindingKind::MissingInterpreter, interpreter);
        }
    }

    fn check_binary(
        &mut self,
        path: &Path,
        report: &mut Report,
        told: &mut Told,
    ) -> io::Result<()> {
        let Some(object) = self.loader.object(path)? else {
            return Ok(());
        };
        let libraries = object
            .needed
            .iter()
            .filter(|library| loader::is_path(library));
        let named = [
            (
                FindingKind::ForeignRpath,
                object.rpath.iter().flatten().collect(),
            ),
            (
                FindingKind::ForeignRunpath,
                object.runpath.iter().flatten().collect(),
            ),
            (FindingKind::ForeignLibrary, libraries.collect::<Vec<_>>()),
        ];
        for (kind, entries) in named {
            for entry in entries {
                let place = loader::expanded(entry, path);
                if !place.is_some_and(|place| self.territory.contains(&place)) {
                    report.add(path, kind, entry);
                }
            }
        }
        if let Some(interpreter) = &object.interpreter {
            self.check_interpreter(path, interpreter, report);
        }
        for (needed_by, library) in self.loader.unresolved(path)? {
            // What a library lacks is told once, not for each of its users.
            if told.insert((needed_by.clone(), library.clone())) {
                report.findings.push(Finding {
                    needed_by: Some(needed_by).filter(|needing| needing != path),
                    ..Finding::new(path, FindingKind::UnresolvedLibrary, library)
                });
            }
        }
        Ok(())
    }
}

/// The libraries that were told to be missing, each with who needs it.
type Told = HashSet<(PathBuf, OsString)>;

#[cfg(test)]
mod tests;
