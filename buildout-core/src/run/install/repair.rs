//! Mending what an interrupted run left.

use std::collections::HashSet;
use std::path::PathBuf;

use super::super::failure::Failure;
use super::Installation;
use crate::event::{Event, Level};
use crate::state::debris;

impl Installation<'_, '_> {
    /// Undoes or records what an interrupted run left.
    pub(super) fn repair(&mut self) -> Result<(), Failure> {
        debris::clear_own(&self.settings.directory);
        // The record is also written between parts, with nothing in flight.
        if let Some(path) = self.record.path() {
            debris::clear_replacements(path);
        }
        if self.interrupted.is_empty() {
            return Ok(());
        }
        for (group, part) in &self.interrupted.commands {
            if group.end() {
                let message = format!("A command of {part} was still running; it is ended.");
                self.emit(Event::engine_log(Level::Warning, message));
            }
        }
        let directory = &self.settings.directory;
        let recorded: HashSet<PathBuf> = self
            .record
            .parts()
            .values()
            .flat_map(|record| &record.installed)
            .map(|path| directory.join(path))
            .collect();
        let holds_recorded = |path: &PathBuf| recorded.iter().any(|known| known.starts_with(path));
        for (part, paths) in &self.interrupted.in_flight {
            let message = format!("The installation of {part} was interrupted; it is done anew.");
            self.emit(Event::engine_log(Level::Warning, message));
            let paths: Vec<PathBuf> = paths.iter().map(|path| directory.join(path)).collect();
            paths
                .iter()
                .filter_map(|path| path.parent())
                .for_each(debris::clear_staged);
            let left: Vec<String> = paths
                .into_iter()
                .filter(|path| !holds_recorded(path))
                .filter_map(|path| path.into_os_string().into_string().ok())
                .collect();
            self.clear_away(part, &left);
        }
        self.record.save()
    }
}
