//! A log file for each part of a run.
//!
//! A file holds what the part logged, each command with its directory before
//! its output, the output as it came, and how everything ended. It is made
//! when there is something worth reading: a command, output, a warning or a
//! failure. What a part logged before is in it, too. The logs of the newest
//! runs are kept.
//!
//! Logs are an aid. If they cannot be written, a warning says so once, and the
//! run goes on.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{OWN_DIRECTORY, part_file_name::part_file_name};
use crate::event::{ENGINE_LOGGER, Event, EventSink, Level, PartAction};

/// How many runs have their logs kept.
pub const KEPT_RUNS: usize = 10;

/// Where the logs are, in [`OWN_DIRECTORY`]: a directory for each run.
const DIRECTORY: &str = "logs";

/// How much of what a part logs waits for a reason to be written.
const LONGEST_WAITING: usize = 64 * 1024;

/// Writes the log files of a run, and passes all events on.
pub struct PartLogs {
    /// The directory of this run.
    directory: PathBuf,
    sink: Arc<dyn EventSink>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    logs: HashMap<Arc<str>, PartLog>,
    directory_made: bool,
    /// Nothing is written any more.
    gave_up: bool,
}

/// The log of one part.
enum PartLog {
    /// Nothing worth a file was told yet.
    Waiting(Vec<u8>),
    /// There is a file; closed while the part does nothing.
    Written(Option<File>),
}

/// What an event adds to the log of a part.
struct Entry<'e> {
    part: &'e Arc<str>,
    text: Vec<u8>,
    /// Whether it is worth a file.
    matters: bool,
}

/// A failure to write a log.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} `{}`: {source}", path.display())]
struct LogError {
    verb: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl PartLogs {
    /// Makes the sink for the logs of a run in a buildout directory. Nothing
    /// is made before there is something to write. The names of runs order
    /// them by time.
    pub fn new(buildout: &Path, run: &str, sink: Arc<dyn EventSink>) -> Self {
        let logs = buildout.join(OWN_DIRECTORY).join(DIRECTORY);
        PartLogs {
            directory: logs.join(run),
            sink,
            state: Mutex::default(),
        }
    }

    /// Returns the log file of a part, if there is one.
    pub fn path(&self, part: &str) -> Option<PathBuf> {
        match self.state().logs.get(part) {
            Some(PartLog::Written(_)) => Some(self.file_path(part)),
            _ => None,
        }
    }

    /// Adds why a part failed, which no event tells, to its log if it has one.
    pub fn note_failure(&self, part: &str, text: &str) {
        self.add(Entry {
            part: &Arc::from(part),
            text: format!("Error: {text}\n").into_bytes(),
            matters: false,
        });
    }

    fn file_path(&self, part: &str) -> PathBuf {
        self.directory.join(format!("{}.log", part_file_name(part)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, entry: Entry<'_>) {
        let mut state = self.state();
        if state.gave_up {
            return;
        }
        let Err(error) = self.write(&mut state, entry) else {
            return;
        };
        state.gave_up = true;
        drop(state);
        let message = format!("The logs of parts are not complete: {error}.");
        self.sink.emit(Event::engine_log(Level::Warning, message));
    }

    fn write(&self, state: &mut State, entry: Entry<'_>) -> Result<(), LogError> {
        let waiting = match state.logs.get_mut(entry.part) {
            Some(PartLog::Written(Some(file))) => {
                return file
                    .write_all(&entry.text)
                    .map_err(|source| self.failed("write", entry.part, source));
            }
            Some(PartLog::Written(None)) => &[][..],
            Some(PartLog::Waiting(waiting)) if !entry.matters => {
                if waiting.len() + entry.text.len() <= LONGEST_WAITING {
                    waiting.extend_from_slice(&entry.text);
                }
                return Ok(());
            }
            Some(PartLog::Waiting(waiting)) => &**waiting,
            None if !entry.matters => {
                let log = PartLog::Waiting(entry.text);
                state.logs.insert(Arc::clone(entry.part), log);
                return Ok(());
            }
            None => &[],
        };
        if !state.directory_made {
            self.make_directory()?;
            state.directory_made = true;
        }
        let path = self.file_path(entry.part);
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|source| self.failed("create", entry.part, source))?;
        file.write_all(waiting)
            .and_then(|()| file.write_all(&entry.text))
            .map_err(|source| self.failed("write", entry.part, source))?;
        let log = PartLog::Written(Some(file));
        state.logs.insert(Arc::clone(entry.part), log);
        Ok(())
    }

    fn failed(&self, verb: &'static str, part: &str, source: io::Error) -> LogError {
        LogError {
            verb,
            path: self.file_path(part),
            source,
        }
    }

    fn make_directory(&self) -> Result<(), LogError> {
        fs::create_dir_all(&self.directory).map_err(|source| LogError {
            verb: "create",
            path: self.directory.clone(),
            source,
        })?;
        self.forget_old_runs();
        Ok(())
    }

    /// Removes the logs of all but the newest runs. What cannot be removed is
    /// in nobody's way.
    fn forget_old_runs(&self) {
        let Some(logs) = self.directory.parent() else {
            return;
        };
        let mut runs: Vec<PathBuf> = fs::read_dir(logs)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.path())
            .collect();
        runs.sort();
        let old = runs.len().saturating_sub(KEPT_RUNS);
        for run in runs.into_iter().take(old) {
            if run != self.directory {
                let _ = fs::remove_dir_all(run);
            }
        }
    }

    /// Closes the file of a part that has done its work.
    fn close(&self, part: &str) {
        let mut state = self.state();
        match state.logs.get_mut(part) {
            Some(PartLog::Written(file)) => *file = None,
            Some(PartLog::Waiting(_)) => {
                state.logs.remove(part);
            }
            None => {}
        }
    }
}

impl EventSink for PartLogs {
    fn emit(&self, event: Event) {
        if let Some(entry) = entry(&event) {
            self.add(entry);
        }
        if let Event::PartFinished { part, .. } | Event::PartFailed { part, .. } = &event {
            self.close(part);
        }
        self.sink.emit(event);
    }
}

fn entry(event: &Event) -> Option<Entry<'_>> {
    let quiet = |part, text: String| Entry {
        part,
        text: text.into_bytes(),
        matters: false,
    };
    Some(match event {
        Event::PartStarted { part, action } => {
            let verb = match action {
                PartAction::Install => "Installing",
                PartAction::Update => "Updating",
                PartAction::Uninstall => "Uninstalling",
            };
            quiet(part, format!("{verb} {part}.\n"))
        }
        Event::PartPhase { part, phase } => quiet(part, format!("\n== {phase}\n")),
        Event::DownloadStarted {
            part: Some(part),
            url,
            ..
        } => quiet(part, format!("Downloading {url}\n")),
        Event::PartFinished { part, .. } => quiet(part, "\nDone.\n".to_owned()),
        Event::PartFailed { part, .. } => quiet(part, "\nFailed.\n".to_owned()),
        Event::Log(record) if *record.logger != *ENGINE_LOGGER => Entry {
            part: &record.logger,
            text: format!("{} {}\n", record.level.name(), record.message).into_bytes(),
            matters: record.level >= Level::Warning,
        },
        Event::CommandStarted {
            part,
            command,
            directory,
        } => Entry {
            part,
            text: format!("\nIn {}:\n$ {command}\n", directory.display()).into_bytes(),
            matters: true,
        },
        Event::CommandEnded { part, outcome } => {
            let end = match outcome {
                Some(outcome) => outcome.to_string(),
                None => "not run to its end".to_owned(),
            };
            quiet(part, format!("({end})\n"))
        }
        Event::Output { part, bytes, .. } => Entry {
            part,
            text: bytes.clone(),
            matters: true,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::event::LogRecord;

    #[derive(Default)]
    struct Messages(Mutex<Vec<String>>);

    impl EventSink for Messages {
        fn emit(&self, event: Event) {
            if let Event::Log(record) = event {
                self.0.lock().expect("no sink panics").push(record.message);
            }
        }
    }

    struct Site {
        directory: tempfile::TempDir,
        messages: Arc<Messages>,
    }

    impl Site {
        fn new() -> Self {
            Self {
                directory: tempfile::tempdir().expect("a temporary directory"),
                messages: Arc::default(),
            }
        }

        fn logs(&self, run: &str) -> PartLogs {
            let sink = Arc::<Messages>::clone(&self.messages);
            PartLogs::new(self.directory.path(), run, sink)
        }

        fn directory(&self) -> PathBuf {
            self.directory.path().join(".buildout/logs")
        }

        fn messages(&self) -> Vec<String> {
            self.messages.0.lock().expect("no sink panics").clone()
        }
    }

    fn log(part: &str, level: Level, message: &str) -> Event {
        Event::Log(LogRecord {
            level,
            logger: Arc::from(part),
            message: message.to_owned(),
        })
    }

    fn output(part: &str, text: &str) -> Event {
        Event::Output {
            part: Arc::from(part),
            stream: crate::event::OutputStream::Stdout,
            bytes: text.as_bytes().to_vec(),
        }
    }

    fn finished(part: &str) -> Event {
        Event::PartFinished {
            part: Arc::from(part),
            action: PartAction::Install,
        }
    }

    #[test]
    fn a_file_is_made_when_there_is_something_to_read() {
        let site = Site::new();
        let logs = site.logs("1");
        logs.emit(log("a", Level::Info, "before"));
        logs.emit(log("b", Level::Info, "nothing more"));
        logs.emit(log(ENGINE_LOGGER, Level::Error, "of no part"));
        assert!(!site.directory().exists());
        assert_eq!(logs.path("a"), None);
        logs.emit(output("a", "x\n"));
        logs.emit(finished("a"));
        logs.emit(finished("b"));
        logs.note_failure("a", "later");
        logs.note_failure("b", "in vain");
        let path = logs.path("a").expect("a log");
        let text = fs::read_to_string(path).expect("it can be read");
        assert_eq!(text, "INFO before\nx\n\nDone.\nError: later\n");
        assert_eq!(logs.path("b"), None);
        assert_eq!(site.messages(), ["before", "nothing more", "of no part"]);
    }

    #[test]
    fn old_runs_are_forgotten_and_other_files_stay() {
        let site = Site::new();
        fs::create_dir_all(site.directory()).expect("it can be made");
        fs::write(site.directory().join("0"), "no run").expect("it can be written");
        for run in 10..25 {
            let logs = site.logs(&run.to_string());
            logs.emit(output("a", "x\n"));
        }
        let mut left: Vec<String> = fs::read_dir(site.directory())
            .expect("it can be read")
            .map(|entry| {
                let name = entry.expect("an entry").file_name();
                name.to_string_lossy().into_owned()
            })
            .collect();
        left.sort();
        let expected: Vec<String> = std::iter::once(0)
            .chain(15..25)
            .map(|run| run.to_string())
            .collect();
        assert_eq!(left, expected);
    }

    #[test]
    fn a_full_disk_is_told_once() {
        let site = Site::new();
        let logs = site.logs("1");
        fs::create_dir_all(site.directory().join("1")).expect("it can be made");
        symlink("/dev/full", site.directory().join("1/a.log")).expect("it can be made");
        for _ in 0..3 {
            logs.emit(output("a", "x\n"));
            logs.emit(output("b", "x\n"));
        }
        let messages = site.messages();
        assert_eq!(messages.len(), 1, "{messages:?}");
        assert!(
            messages[0].starts_with("The logs of parts are not complete: failed to write `")
                && messages[0].contains("No space left on device"),
            "{messages:?}"
        );
        assert_eq!(logs.path("a"), None);
    }
}
