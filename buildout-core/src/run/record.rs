//! What is installed, while a run changes it.
//!
//! The record is written to `.installed.cfg` from time to time and at the end;
//! what happens in between is in the journal ([`Journal`]). So the bytes
//! written grow with the number of parts and not with its square.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use super::failure::{Failure, Problem};
use super::settings::BuildoutSettings;
use crate::exec::leftover::StartedGroup;
use crate::state::installed::{InstalledFile, InstalledPart, InstalledState};
use crate::state::journal::{Interrupted, Journal, JournalError, Step};

/// The record is written when the journal holds one of this many parts.
const SAVED_SHARE: usize = 16;

/// What is installed.
#[derive(Debug)]
pub(crate) struct Record {
    file: InstalledFile,
    /// As it is on disk.
    saved: Option<InstalledState>,
    /// As it is to be.
    state: InstalledState,
    /// The records of the parts that this run uninstalled.
    removed: HashMap<String, InstalledPart>,
    /// The places of the parts that this run has dealt with.
    places: HashMap<String, usize>,
    journal: Option<SharedJournal>,
}

/// A journal to which several parts write.
#[derive(Clone, Debug)]
pub(crate) struct SharedJournal(Arc<Mutex<Journal>>);

impl SharedJournal {
    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the installation of `part` makes a path.
    pub(crate) fn note_created(&self, part: &str, path: PathBuf) {
        let part = part.to_owned();
        // What is not noted is only not removed after a crash.
        let _ = self.lock().write(&Step::Created { part, path });
    }

    /// Notes that `part` runs a command, or that it has ended.
    pub(crate) fn note_command(&self, part: &str, group: StartedGroup, ended: bool) {
        let part = part.to_owned();
        let step = match ended {
            false => Step::Started { part, group },
            true => Step::Ended { part, group },
        };
        // What is not noted is only not ended after a crash.
        let _ = self.lock().write(&step);
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Problem::Journal(error).into()
    }
}

impl Record {
    /// Reads what is installed, and what an interrupted run left; changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// A file cannot be read.
    pub(crate) fn read(settings: &BuildoutSettings) -> Result<(Self, Interrupted), Failure> {
        let installed = settings.installed.as_deref().and_then(Path::to_str);
        let file = InstalledFile::new(&settings.directory, installed.unwrap_or(""));
        let saved = file.load()?;
        let mut state = saved.clone().unwrap_or_default();
        let journal = file
            .path()
            .map(|path| Journal::new(&settings.directory, path.to_owned()));
        let interrupted = match &journal {
            Some(journal) => journal.read(&mut state)?,
            None => Interrupted::default(),
        };
        let record = Record {
            file,
            saved,
            state,
            removed: HashMap::new(),
            places: HashMap::new(),
            journal: journal.map(|journal| SharedJournal(Arc::new(Mutex::new(journal)))),
        };
        Ok((record, interrupted))
    }

    /// Returns the installed parts in the order of their installation.
    pub(crate) fn parts(&self) -> &IndexMap<String, InstalledPart> {
        &self.state.parts
    }

    /// Returns a part as it was before this run uninstalled it, or as it is.
    pub(crate) fn before(&self, part: &str) -> Option<&InstalledPart> {
        self.removed
            .get(part)
            .or_else(|| self.state.parts.get(part))
    }

    /// Returns where installations note what they make.
    pub(crate) fn journal(&self) -> Option<SharedJournal> {
        self.journal.clone()
    }

    /// Takes the recorded develop eggs out; they are made anew or not at all.
    pub(crate) fn take_develop_eggs(&mut self) -> Vec<String> {
        std::mem::take(&mut self.state.develop_eggs)
    }

    /// Puts the develop eggs back that were taken out: nothing has changed.
    pub(crate) fn keep_develop_eggs(&mut self, paths: Vec<String>) {
        self.state.develop_eggs = paths;
    }

    /// Records the develop eggs that this run made, and writes it down if
    /// something was installed before, as upstream does.
    ///
    /// # Errors
    ///
    /// Nothing can be written.
    pub(crate) fn set_develop_eggs(&mut self, paths: Vec<String>) -> Result<(), Failure> {
        self.state.develop_eggs = paths;
        match self.saved {
            Some(_) => self.save(),
            None => Ok(()),
        }
    }

    /// Notes that the installation of `part` begins, which makes `outputs`.
    ///
    /// # Errors
    ///
    /// It cannot be written down.
    pub(crate) fn begin(&self, part: &str, outputs: Vec<PathBuf>) -> Result<(), Failure> {
        let part = part.to_owned();
        self.write(&Step::Begin { part, outputs })
    }

    /// Returns the file that records what is installed, if there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.path()
    }

    /// Notes that the installation of `part` failed and left nothing.
    pub(crate) fn abandon(&self, part: &str) -> Result<(), Failure> {
        let part = part.to_owned();
        self.write(&Step::Abandoned { part })
    }

    /// Records a part that was dealt with and has the `place` in this run.
    /// With `changed`, more than its place differs from what was recorded.
    ///
    /// # Errors
    ///
    /// Nothing can be written.
    pub(crate) fn insert(
        &mut self,
        part: &str,
        place: usize,
        record: InstalledPart,
        changed: bool,
    ) -> Result<(), Failure> {
        if changed {
            self.write(&Step::Recorded {
                part: part.to_owned(),
                record: record.clone(),
            })?;
        }
        self.places.insert(part.to_owned(), place);
        self.state.parts.insert(part.to_owned(), record);
        self.save_now_and_then()
    }

    /// Records other options of a part that stays installed.
    ///
    /// # Errors
    ///
    /// Nothing can be written.
    pub(crate) fn take_over(&mut self, part: &str, record: InstalledPart) -> Result<(), Failure> {
        self.write(&Step::Recorded {
            part: part.to_owned(),
            record: record.clone(),
        })?;
        self.state.parts.insert(part.to_owned(), record);
        Ok(())
    }

    /// Records that a part was uninstalled.
    ///
    /// # Errors
    ///
    /// Nothing can be written.
    pub(crate) fn remove(&mut self, part: &str) -> Result<(), Failure> {
        let written = self.write(&Step::Removed {
            part: part.to_owned(),
        });
        // It is gone, whether or not that could be written.
        if let Some(record) = self.state.parts.shift_remove(part) {
            self.removed.insert(part.to_owned(), record);
        }
        written?;
        self.save_now_and_then()
    }

    fn write(&self, step: &Step) -> Result<(), Failure> {
        match &self.journal {
            Some(journal) => Ok(journal.lock().write(step)?),
            None => Ok(()),
        }
    }

    fn save_now_and_then(&mut self) -> Result<(), Failure> {
        let Some(journal) = &self.journal else {
            return Ok(());
        };
        let unsaved = journal.lock().unsaved();
        if unsaved > 0 && unsaved >= self.state.parts.len() / SAVED_SHARE {
            self.save()?;
        }
        Ok(())
    }

    /// Writes the record if it differs from what is on disk, and begins the
    /// journal anew.
    ///
    /// # Errors
    ///
    /// Nothing can be written; then the journal still holds what is missing.
    pub(crate) fn save(&mut self) -> Result<(), Failure> {
        self.sort();
        let unchanged = |saved: &InstalledState| {
            *saved == self.state && saved.parts.keys().eq(self.state.parts.keys())
        };
        // Nothing is no reason for a file.
        let is_nothing = self.saved.is_none() && self.state.is_empty();
        if !is_nothing && !self.saved.as_ref().is_some_and(unchanged) {
            self.file.save(&self.state)?;
            self.saved = Some(self.state.clone());
        }
        self.restart_journal()
    }

    /// Writes the record at the end of a run: no file if nothing is installed.
    ///
    /// # Errors
    ///
    /// As for [`save`](Self::save).
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        if !self.state.is_empty() {
            return self.save();
        }
        if self.saved.take().is_some() {
            self.file.remove()?;
        }
        self.restart_journal()
    }

    fn restart_journal(&self) -> Result<(), Failure> {
        match &self.journal {
            Some(journal) => Ok(journal.lock().restart()?),
            None => Ok(()),
        }
    }

    /// Puts the parts that this run has dealt with behind the others, in their
    /// order, whichever was finished first.
    fn sort(&mut self) {
        let places = &self.places;
        // A stable sort: the others keep their order.
        self.state
            .parts
            .sort_by_cached_key(|part, _| places.get(part).map(|place| place + 1));
    }
}
