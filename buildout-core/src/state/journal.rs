//! The steps of a run, written down as they are taken.
//!
//! `.installed.cfg` says what is installed; replacing it after each part costs
//! as much as all parts before it. The journal is a file beside it, to which
//! each step appends a line that reaches the disk before the next step is
//! taken: an installation begins, a path is made, a part is installed, a part
//! is uninstalled. From time to time, and at the end, the run writes
//! `.installed.cfg` and starts the journal anew.
//!
//! # After a crash
//!
//! The next run reads what is there ([`Journal::read`]):
//!
//! - Parts that were *finished* since `.installed.cfg` was written are added to
//!   it, and those that were uninstalled are taken out. This counts only if
//!   `.installed.cfg` still is the file that the journal was started for: its
//!   digest stands in the first line. If somebody else has written it, such as
//!   zc.buildout, that is the truth.
//! - An installation that had *begun* and neither finished nor failed leaves
//!   the paths it noted. They are removed, unless a part has them recorded.
//! - *Commands* that still run, since only the run itself was killed, are ended
//!   first.
//!
//! The last line may be torn by the crash; it is a step that was not taken.
//! Every other line must be whole, or the journal is ignored from there on.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::OWN_DIRECTORY;
use super::atomic::{ReplaceError, replace_file};
use super::installed::{InstalledPart, InstalledState};
use crate::exec::leftover::StartedGroup;
use crate::fetch::{Algorithm, Digests};

/// The version of the format. A journal of another one is ignored, which costs
/// the repetition of what was in flight.
const VERSION: u64 = 1;

/// A journal that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It cannot be read.
    #[error("failed to read the journal `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It cannot be started.
    #[error("failed to start the journal")]
    Start(#[source] ReplaceError),
    /// A step cannot be written down.
    #[error("failed to write to the journal `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The installation of a part begins.
    Begin {
        /// The part.
        part: String,
        /// The paths that it is going to make, as far as they are known and not
        /// there yet.
        outputs: Vec<PathBuf>,
    },
    /// An installation makes a path.
    Created {
        /// The part.
        part: String,
        /// The path, absolute or seen from the buildout directory.
        path: PathBuf,
    },
    /// A part runs a command.
    Started {
        /// The part.
        part: String,
        /// The process group of the command.
        group: StartedGroup,
    },
    /// A command of a part has ended.
    Ended {
        /// The part.
        part: String,
        /// The process group of the command.
        group: StartedGroup,
    },
    /// An installation failed, and what it had made is removed.
    Abandoned {
        /// The part.
        part: String,
    },
    /// A part is installed, or its record changed by an update.
    Recorded {
        /// The part.
        part: String,
        /// What is to be recorded.
        record: InstalledPart,
    },
    /// A part is uninstalled.
    Removed {
        /// The part.
        part: String,
    },
}

/// What the journal of a run that was interrupted says.
#[derive(Debug, Default)]
pub struct Interrupted {
    /// The paths that installations in flight had made, by part.
    pub in_flight: IndexMap<String, Vec<PathBuf>>,
    /// The commands that may still be running, with their parts.
    pub commands: IndexMap<StartedGroup, String>,
    /// How many parts were finished and not yet in `.installed.cfg`.
    pub finished: usize,
}

impl Interrupted {
    /// Tells whether the run left nothing to mend.
    pub fn is_empty(&self) -> bool {
        self.in_flight.is_empty() && self.commands.is_empty() && self.finished == 0
    }
}

/// The journal beside an installed file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// The file whose changes it holds.
    installed: PathBuf,
    /// Open for appending once a step was written.
    file: Option<File>,
    /// The installations in flight, with what they noted.
    in_flight: IndexMap<String, Vec<PathBuf>>,
    /// The commands that are running.
    commands: IndexMap<StartedGroup, String>,
    /// How many records are in the journal and not in the installed file.
    unsaved: usize,
}

impl Journal {
    /// Returns the journal of the buildout in `directory` whose state is in
    /// the file `installed`. Nothing is read or made yet.
    pub fn new(directory: &Path, installed: PathBuf) -> Self {
        // Several profiles may keep their states in one directory.
        let name = installed.strip_prefix(directory).unwrap_or(&installed);
        let name = name.to_string_lossy().replace('/', "%");
        Journal {
            path: directory.join(OWN_DIRECTORY).join(format!("journal{name}")),
            installed,
            file: None,
            in_flight: IndexMap::new(),
            commands: IndexMap::new(),
            unsaved: 0,
        }
    }

    /// Reads what an interrupted run has left, and puts what it had finished
    /// into `state`, as it was read from the installed file.
    ///
    /// # Errors
    ///
    /// [`JournalError::Read`].
    pub fn read(&self, state: &mut InstalledState) -> Result<Interrupted, JournalError> {
        let text = match fs::read(&self.path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Interrupted::default());
            }
            Err(source) => {
                let path = self.path.clone();
                return Err(JournalError::Read { path, source });
            }
        };
        let mut lines = text
            .split_inclusive('\n')
            .map_while(|line| serde_json::from_str(line.strip_suffix('\n')?).ok());
        let is_current = lines.next().is_some_and(|first: Value| {
            first["version"] == VERSION && first["installed"] == digest_of(&self.installed)
        });
        let mut found = Interrupted::default();
        for step in lines.map_while(|line| Step::from_json(&line)) {
            match step {
                Step::Begin { part, outputs } => {
                    found.in_flight.entry(part).or_default().extend(outputs);
                }
                Step::Created { part, path } => {
                    found.in_flight.entry(part).or_default().push(path);
                }
                Step::Started { part, group } => {
                    found.commands.insert(group, part);
                }
                Step::Ended { group, .. } => {
                    found.commands.shift_remove(&group);
                }
                Step::Abandoned { part } => {
                    found.in_flight.shift_remove(&part);
                }
                Step::Recorded { part, record } => {
                    found.in_flight.shift_remove(&part);
                    if is_current {
                        state.parts.shift_remove(&part);
                        state.parts.insert(part, record);
                        found.finished += 1;
                    }
                }
                Step::Removed { part } if is_current => {
                    state.parts.shift_remove(&part);
                    found.finished += 1;
                }
                Step::Removed { .. } => {}
            }
        }
        for part in state.parts.keys() {
            found.in_flight.shift_remove(part);
        }
        Ok(found)
    }

    /// Writes down a step. It is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// [`JournalError::Start`] and [`JournalError::Write`].
    pub fn write(&mut self, step: &Step) -> Result<(), JournalError> {
        if self.file.is_none() {
            self.start()?;
        }
        match step {
            Step::Begin { part, outputs } => {
                self.in_flight.insert(part.clone(), outputs.clone());
            }
            Step::Created { part, path } => {
                let paths = self.in_flight.entry(part.clone()).or_default();
                paths.push(path.clone());
            }
            Step::Started { part, group } => {
                self.commands.insert(*group, part.clone());
            }
            Step::Ended { group, .. } => {
                self.commands.shift_remove(group);
            }
            Step::Abandoned { part } => {
                self.in_flight.shift_remove(part);
            }
            Step::Recorded { part, .. } => {
                self.in_flight.shift_remove(part);
                self.unsaved += 1;
            }
            Step::Removed { .. } => self.unsaved += 1,
        }
        let failed = |source| JournalError::Write {
            path: self.path.clone(),
            source,
        };
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut line = step.to_json().to_string();
        line.push('\n');
        file.write_all(line.as_bytes()).map_err(failed)?;
        if matches!(step, Step::Started { .. } | Step::Ended { .. }) {
            // No command outlives a power failure.
            return Ok(());
        }
        file.sync_data().map_err(failed)
    }

    /// Returns how many records the installed file lacks.
    pub fn unsaved(&self) -> usize {
        self.unsaved
    }

    /// Begins anew after the installed file was written: only what is in
    /// flight is kept.
    ///
    /// # Errors
    ///
    /// [`JournalError::Start`].
    pub fn restart(&mut self) -> Result<(), JournalError> {
        self.unsaved = 0;
        if self.in_flight.is_empty() && self.commands.is_empty() {
            self.file = None;
            return self.remove();
        }
        self.start()
    }

    /// Removes the file: nothing is in flight.
    fn remove(&self) -> Result<(), JournalError> {
        match fs::remove_file(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(JournalError::Write {
                path: self.path.clone(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Replaces the file by one that belongs to the installed file as it is now.
    fn start(&mut self) -> Result<(), JournalError> {
        let first = json!({"version": VERSION, "installed": digest_of(&self.installed)});
        let mut text = format!("{first}\n");
        let mut push = |step: Step| text.push_str(&format!("{}\n", step.to_json()));
        for (part, paths) in &self.in_flight {
            push(Step::Begin {
                part: part.clone(),
                outputs: paths.clone(),
            });
        }
        for (group, part) in &self.commands {
            push(Step::Started {
                part: part.clone(),
                group: *group,
            });
        }
        replace_file(&self.path, text.as_bytes()).map_err(JournalError::Start)?;
        let file = OpenOptions::new().append(true).open(&self.path);
        self.file = Some(file.map_err(|source| JournalError::Write {
            path: self.path.clone(),
            source,
        })?);
        Ok(())
    }
}

/// Returns the SHA-256 of a file; null if there is none.
fn digest_of(file: &Path) -> Value {
    match fs::read(file) {
        Ok(bytes) => Value::String(Digests::of(&bytes).hex(Algorithm::Sha256)),
        Err(_) => Value::Null,
    }
}

impl Step {
    fn to_json(&self) -> Value {
        match self {
            Step::Begin { part, outputs } => {
                let outputs = outputs.iter().map(|path| path_text(path));
                json!({"begin": part, "outputs": outputs.collect::<Vec<_>>()})
            }
            Step::Created { part, path } => json!({"created": part, "path": path_text(path)}),
            Step::Started { part, group } => {
                json!({"started": part, "group": group.number, "time": group.started})
            }
            Step::Ended { part, group } => {
                json!({"ended": part, "group": group.number, "time": group.started})
            }
            Step::Abandoned { part } => json!({"abandoned": part}),
            Step::Recorded { part, record } => {
                json!({"recorded": part, "options": record.options, "paths": record.installed})
            }
            Step::Removed { part } => json!({"removed": part}),
        }
    }

    fn from_json(line: &Value) -> Option<Self> {
        let text = |name: &str| line.get(name)?.as_str().map(str::to_owned);
        if let Some(part) = text("begin") {
            let outputs = line.get("outputs")?.as_array()?.iter();
            let outputs = outputs.map(|path| path.as_str().map(PathBuf::from));
            let outputs = outputs.collect::<Option<_>>()?;
            return Some(Step::Begin { part, outputs });
        }
        if let Some(part) = text("created") {
            let path = PathBuf::from(text("path")?);
            return Some(Step::Created { part, path });
        }
        let group = || {
            Some(StartedGroup {
                number: u32::try_from(line.get("group")?.as_u64()?).ok()?,
                started: line.get("time")?.as_u64()?,
            })
        };
        if let Some(part) = text("started") {
            return group().map(|group| Step::Started { part, group });
        }
        if let Some(part) = text("ended") {
            return group().map(|group| Step::Ended { part, group });
        }
        if let Some(part) = text("abandoned") {
            return Some(Step::Abandoned { part });
        }
        if let Some(part) = text("removed") {
            return Some(Step::Removed { part });
        }
        let options = line.get("options")?.as_object()?.iter();
        let options: Option<BTreeMap<String, String>> = options
            .map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect();
        let paths = line.get("paths")?.as_array()?.iter();
        let installed: Option<Vec<String>> =
            paths.map(|path| path.as_str().map(str::to_owned)).collect();
        Some(Step::Recorded {
            part: text("recorded")?,
            record: InstalledPart {
                options: options?,
                installed: installed?,
            },
        })
    }
}

/// Paths of parts come from options, which are text.
fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Site {
        root: tempfile::TempDir,
    }

    impl Site {
        fn new() -> Self {
            let root = tempfile::tempdir().expect("a directory can be made");
            fs::create_dir(root.path().join(OWN_DIRECTORY)).expect("it can be made");
            Site { root }
        }

        fn installed(&self) -> PathBuf {
            self.root.path().join(".installed.cfg")
        }

        fn journal(&self) -> Journal {
            Journal::new(self.root.path(), self.installed())
        }

        fn write(&self, journal: &mut Journal, step: Step) {
            journal.write(&step).expect("written");
        }

        fn read(&self) -> (InstalledState, Interrupted) {
            let mut state = InstalledState::default();
            let journal = self.journal();
            let found = journal.read(&mut state).expect("read");
            (state, found)
        }
    }

    fn begin(part: &str) -> Step {
        Step::Begin {
            part: part.into(),
            outputs: vec![PathBuf::from(format!("out/{part}"))],
        }
    }

    fn created(part: &str, path: &str) -> Step {
        Step::Created {
            part: part.into(),
            path: path.into(),
        }
    }

    fn recorded(part: &str) -> Step {
        Step::Recorded {
            part: part.into(),
            record: InstalledPart {
                options: BTreeMap::from([("a".into(), " é\n\t".into())]),
                installed: vec!["parts/x".into(), String::new()],
            },
        }
    }

    #[test]
    fn what_was_finished_is_recorded_and_what_was_in_flight_is_told() {
        let site = Site::new();
        let mut journal = site.journal();
        for step in [
            begin("a"),
            created("a", "parts/a"),
            begin("b"),
            created("b", "parts/b"),
            recorded("a"),
            begin("c"),
            Step::Abandoned { part: "c".into() },
            recorded("d"),
            Step::Removed { part: "d".into() },
        ] {
            site.write(&mut journal, step);
        }
        let group = |number| StartedGroup { number, started: 7 };
        for number in [100, 200] {
            let (part, group) = ("b".into(), group(number));
            site.write(&mut journal, Step::Started { part, group });
        }
        let (part, ended) = ("b".into(), group(100));
        site.write(&mut journal, Step::Ended { part, group: ended });
        assert_eq!(journal.unsaved(), 3);
        let (state, found) = site.read();
        let Step::Recorded { record, .. } = recorded("a") else {
            unreachable!("it is made so");
        };
        assert_eq!(
            state.parts.into_iter().collect::<Vec<_>>(),
            [("a".to_owned(), record)]
        );
        assert_eq!(
            found.in_flight.into_iter().collect::<Vec<_>>(),
            [(
                "b".to_owned(),
                ["out/b", "parts/b"].map(PathBuf::from).to_vec()
            )]
        );

        // Begun anew, only what is in flight is known.
        journal.restart().expect("written");
        let (state, found) = site.read();
        assert!(state.is_empty());
        assert_eq!(found.in_flight.len(), 1);
        assert_eq!(found.commands.keys().collect::<Vec<_>>(), [&group(200)]);
        let (part, ended) = ("b".into(), group(200));
        site.write(&mut journal, Step::Ended { part, group: ended });
        site.write(&mut journal, Step::Abandoned { part: "b".into() });
        journal.restart().expect("removed");
        let (_, found) = site.read();
        assert!(found.is_empty());
        assert!(!journal.path.exists());
    }

    #[test]
    fn the_record_of_somebody_else_is_the_truth() {
        let site = Site::new();
        let mut journal = site.journal();
        site.write(&mut journal, recorded("a"));
        site.write(&mut journal, begin("b"));
        fs::write(site.installed(), "[buildout]\nparts =\n").expect("written");
        let (state, found) = site.read();
        assert!(state.is_empty());
        assert_eq!((found.finished, found.in_flight.len()), (0, 1));
    }

    #[test]
    fn a_torn_line_is_a_step_that_was_not_taken() {
        let site = Site::new();
        let mut journal = site.journal();
        site.write(&mut journal, recorded("a"));
        site.write(&mut journal, recorded("b"));
        let bytes = fs::read(&journal.path).expect("it is there");
        for length in 0..bytes.len() {
            fs::write(&journal.path, &bytes[..length]).expect("written");
            let (state, _) = site.read();
            let lines = bytes[..length].iter().filter(|byte| **byte == b'\n');
            assert_eq!(
                state.parts.len(),
                lines.count().saturating_sub(1),
                "{length}"
            );
        }
    }
}
