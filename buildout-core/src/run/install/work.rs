//! Installing and updating: handing parts to workers and recording what comes
//! back.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::evaluation::recipe_result;
use super::super::failure::{Failure, Problem};
use super::super::plan::{PlannedAction, Reason};
use super::super::schedule::Schedule;
use super::super::settings::OnFailure;
use super::super::signature::SIGNATURE_OPTION;
use super::super::workers::{Job, JobResult, Workers};
use super::Installation;
use crate::event::{Event, PartAction};
use crate::recipe::{Installed, UpdateKind};
use crate::redaction::redacted;
use crate::resolve::{Doing, OptionMap};
use crate::state::installed::InstalledPart;

/// A part that is being installed or updated.
pub(super) struct InFlight {
    part: Arc<str>,
    action: PartAction,
    /// In stored form.
    options: OptionMap,
    signature: Arc<str>,
}

impl InFlight {
    fn doing(&self) -> Doing {
        match self.action {
            PartAction::Update => Doing::UpdatingPart(self.part.to_string()),
            _ => Doing::InstallingPart(self.part.to_string()),
        }
    }
}

/// What came of starting the work on a part.
enum Started {
    /// A worker has it.
    Given,
    /// There was nothing to do.
    Done,
}

impl Installation<'_, '_> {
    /// Installs and updates parts as the schedule allows.
    pub(super) fn work_on<'w>(
        &mut self,
        parts: &[Arc<str>],
        mut schedule: Schedule,
        workers: &mut Workers<'_, 'w>,
    ) -> Result<(), Failure> {
        self.emit(Event::InstallationStarted {
            parts: parts.to_vec(),
            jobs: self.settings.jobs,
        });
        let mut failures: Vec<Failure> = Vec::new();
        loop {
            while self.may_start(&failures) && workers.have_room() {
                let job_is_free = workers.running_commands() < self.settings.jobs;
                let Some(place) = schedule.next(job_is_free) else {
                    break;
                };
                match self.start(place, &parts[place], workers) {
                    Ok(Started::Given) => {}
                    Ok(Started::Done) => schedule.done(place),
                    Err(failure) => self.fail(place, failure, &mut failures),
                }
            }
            if !workers.are_busy() {
                break;
            }
            let Some(done) = self.session.serve_until(workers.finished()) else {
                return Err(Problem::EngineGone.into());
            };
            workers.took(&done);
            let place = done.place;
            match self.take_back(done) {
                Ok(()) => schedule.done(place),
                Err(failure) => self.fail(place, failure, &mut failures),
            }
        }
        first_cause(failures)
    }

    fn may_start(&self, failures: &[Failure]) -> bool {
        failures.is_empty()
            || (self.settings.on_failure == OnFailure::Continue
                && !self.session.services().cancellation.is_cancelled())
    }

    fn fail(&mut self, place: usize, failure: Failure, failures: &mut Vec<Failure>) {
        let Some(in_flight) = self.in_flight.remove(&place) else {
            failures.push(failure);
            return;
        };
        if let Some(past) = self.actions.get_mut(&in_flight.part) {
            past.failed = true;
        }
        failures.push(failure.during(vec![in_flight.doing()]));
        self.emit(Event::PartFailed {
            part: in_flight.part,
            action: in_flight.action,
        });
        if self.settings.on_failure == OnFailure::Kill {
            self.session.services().cancellation.cancel();
        }
    }

    /// Has a worker install or update a part whose turn it is.
    fn start(
        &mut self,
        place: usize,
        part: &Arc<str>,
        workers: &mut Workers<'_, '_>,
    ) -> Result<Started, Failure> {
        let (signature, options) = self.session.unsign(part);
        let action = match self.record.parts().contains_key(&**part) {
            true => PartAction::Update,
            false => PartAction::Install,
        };
        self.emit(Event::PartStarted {
            part: Arc::clone(part),
            action,
        });
        let read_form = |(name, value): (&Arc<str>, &Arc<str>)| {
            (Arc::clone(name), self.session.read_form(Arc::clone(value)))
        };
        let read_options = options.iter().map(read_form).collect();
        self.in_flight.insert(
            place,
            InFlight {
                part: Arc::clone(part),
                action,
                options,
                signature,
            },
        );
        if self.session.services().cancellation.is_cancelled() {
            return Err(Problem::Cancelled.into());
        }
        let outputs = match action {
            PartAction::Install => self.new_outputs(part),
            _ => Vec::new(),
        };
        let (taken, runs_commands) = {
            let mut state = self.session.state.borrow_mut();
            let found = state.parts.get_mut(part);
            let kind = found.as_ref().map(|found| found.factory.descriptor());
            let nothing = kind.is_none_or(|kind| kind.update == UpdateKind::Nothing);
            let runs_commands = kind.is_some_and(|kind| kind.footprint.takes_a_job());
            let is_wanted = action == PartAction::Install || !nothing;
            let taken = found.filter(|_| is_wanted).and_then(|found| {
                let recipe = found.recipe.take()?;
                Some((recipe, Arc::clone(&found.factory)))
            });
            (taken, runs_commands)
        };
        let Some((recipe, factory)) = taken else {
            self.complete(place, Installed::Unchanged)?;
            return Ok(Started::Done);
        };
        if action == PartAction::Install {
            if !self.actions.contains_key(part) {
                let reason = match self.interrupted.in_flight.contains_key(&**part) {
                    true => Reason::Interrupted,
                    false => Reason::NeverInstalled,
                };
                self.note_action(part, PlannedAction::Install, vec![reason]);
            }
            self.record.begin(part, outputs)?;
        }
        workers.give(Job {
            place,
            part: Arc::clone(part),
            recipe,
            factory,
            action,
            options: read_options,
            runs_commands,
            journal: self.record.journal(),
        })?;
        Ok(Started::Given)
    }

    /// Returns the paths in the buildout that a part is going to make and that
    /// are not there yet.
    fn new_outputs(&self, part: &Arc<str>) -> Vec<PathBuf> {
        let directory = &self.settings.directory;
        let outputs = self.session.outputs(part).into_iter();
        outputs
            .map(|path| directory.join(path))
            .filter(|path| path.starts_with(directory) && path.symlink_metadata().is_err())
            .collect()
    }

    /// Takes the result of a worker.
    fn take_back(&mut self, done: JobResult) -> Result<(), Failure> {
        let Some(in_flight) = self.in_flight.get(&done.place) else {
            return Err(Problem::UnexpectedAnswer.into());
        };
        let part = Arc::clone(&in_flight.part);
        let action = in_flight.action;
        if let Some(found) = self.session.state.borrow_mut().parts.get_mut(&part) {
            found.recipe = Some(done.recipe);
        }
        match recipe_result(self.session, &part, done.result) {
            Ok(installed) => self.complete(done.place, installed),
            Err(failure) => {
                self.clean_up(&part, &done.created);
                if action == PartAction::Install {
                    self.record.abandon(&part)?;
                }
                Err(failure)
            }
        }
    }

    /// Records a part that was installed or updated.
    fn complete(&mut self, place: usize, installed: Installed) -> Result<(), Failure> {
        let Some(in_flight) = self.in_flight.remove(&place) else {
            return Ok(());
        };
        let InFlight {
            part,
            action,
            options,
            signature,
        } = in_flight;
        let previous = self.record.parts().get(&*part);
        // What a Python buildout signed stays so until it is reinstalled here.
        let recorded_signature = previous.and_then(|old| old.signature());
        let signature = recorded_signature.unwrap_or(&signature).to_owned();
        let mut record = InstalledPart {
            options: options
                .iter()
                .map(|(name, value)| (name.to_string(), redacted(value).into_owned()))
                .collect(),
            installed: previous
                .map(|old| old.installed.clone())
                .unwrap_or_default(),
        };
        record
            .options
            .insert(SIGNATURE_OPTION.to_owned(), signature);
        let mut changed = action == PartAction::Install;
        match installed {
            Installed::Unchanged if action == PartAction::Install => {
                self.emit(Event::NothingReturned {
                    part: Arc::clone(&part),
                });
            }
            Installed::Unchanged => {}
            Installed::Paths(paths) => {
                let known: HashSet<String> = record.installed.iter().cloned().collect();
                for path in paths {
                    if !known.contains(&path) {
                        record.installed.push(path);
                        changed = true;
                    }
                }
            }
        }
        self.record.insert(&part, place, record, changed)?;
        self.report_unused(&part);
        let report = match action {
            PartAction::Install => &mut self.report.installed,
            _ => &mut self.report.updated,
        };
        report.push(Arc::clone(&part));
        self.emit(Event::PartFinished { part, action });
        Ok(())
    }
}

/// Returns the first failure that is no consequence of another one, with the
/// others that are none.
fn first_cause(failures: Vec<Failure>) -> Result<(), Failure> {
    let (cancelled, mut causes): (Vec<_>, Vec<_>) =
        failures.into_iter().partition(Failure::is_cancelled);
    if causes.is_empty() {
        return cancelled.into_iter().next().map_or(Ok(()), Err);
    }
    let first = causes.remove(0);
    Err(first.with_others(causes))
}
