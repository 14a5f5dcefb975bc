//! The command `install`.
//!
//! Keeps `Buildout.install` of zc.buildout: parts are constructed first, then
//! what changed or is no longer wanted is uninstalled, in reverse order, then
//! each part is installed or updated. With one job that happens in order, as
//! upstream does it; with more, parts that have nothing to do with each other
//! are worked on at the same time ([`Order`]). Where this differs from upstream
//! stands in `docs/differences.md`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::downloads::{DownloadsOf, PartDownload, check_downloads, downloads_of, prefetch};
use super::evaluation::recipe_result;
use super::failure::{Failure, Problem};
use super::history::{History, PastAction};
use super::locking::check_locked_downloads;
use super::order::Order;
use super::plan::{PlannedAction, Reason, Survey};
use super::record::Record;
use super::schedule::Schedule;
use super::selection::select;
use super::session::{Session, known_values};
use super::settings::{BuildoutSettings, OnFailure};
use super::signature::{SIGNATURE_OPTION, SIGNATURE_PREFIX};
use super::workers::{Job, JobResult, Tools, Workers};
use crate::configuration::BUILDOUT_SECTION;
use crate::event::{Event, Level, PartAction};
use crate::exec::jobserver::JobServer;
use crate::profile::python_text::split_words;
use crate::recipe::{
    Caller, CreatedPaths, Footprint, Installed, RecipeReference, RunShare, UpdateKind,
};
use crate::redaction::redacted;
use crate::resolve::{Doing, OptionMap};
use crate::state::installed::InstalledPart;
use crate::state::journal::Interrupted;
use crate::state::removal::RemovalScope;
use crate::state::run_lock::RunLock;
use crate::state::{OWN_DIRECTORY, debris};

/// How many parts that run no commands may be worked on beside those that do.
const THREADS_BESIDE: usize = 14;

/// What an installation did, by part and in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstallReport {
    /// The parts that were uninstalled, those to be reinstalled included.
    pub uninstalled: Vec<Arc<str>>,
    /// The parts that were installed.
    pub installed: Vec<Arc<str>>,
    /// The parts that were updated.
    pub updated: Vec<Arc<str>>,
}

/// Installs the parts of `[buildout] parts` and those they need; with
/// `requested` parts, only those.
///
/// # Errors
///
/// See [`Problem`]. What was finished before stays recorded.
pub fn install(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    requested: &[String],
) -> Result<InstallReport, Failure> {
    install_within(session, settings, requested, &RunShare::default())
}

/// The same within a part of another run, which shares its lock and its job
/// budget ([`PartRun::share`](crate::recipe::PartRun::share)).
///
/// # Errors
///
/// As for [`install`].
pub fn install_within(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    requested: &[String],
    outer: &RunShare,
) -> Result<InstallReport, Failure> {
    let installing = |failure: Failure| failure.during(vec![Doing::Installing]);
    let _lock = lock(session, settings, outer).map_err(installing)?;
    let mut installation = Installation::new(session, settings).map_err(installing)?;
    let Prepared { parts, downloads } = installation.prepare(requested).map_err(installing)?;
    let share = share_jobs(session, settings, outer)?;
    let limit = match settings.jobs {
        1 => 1,
        jobs => jobs + THREADS_BESIDE,
    };
    let order = Order::of(session, settings, &parts)?;
    installation.emit(Event::PartsOrdered {
        order: order.pairs(&parts),
    });
    let remote = session.remote().for_caller(Caller::Installation);
    let _prefetch = prefetch(session, settings, downloads);
    let result = std::thread::scope(|scope| {
        let tools = Tools {
            remote: &remote,
            services: session.services(),
            share: &share,
        };
        let mut workers = Workers::new(scope, tools, limit);
        // Closed before the workers are waited for, even if this thread
        // panics: a recipe that calls the engine then must not wait for it.
        let _serving = session.serve_run();
        installation.work_on(&parts, Schedule::new(order), &mut workers)
    });
    installation.finish(result)
}

/// Keeps other runs away, unless the run around this one does.
fn lock(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    outer: &RunShare,
) -> Result<Option<RunLock>, Failure> {
    if outer.is_locked(&settings.directory) {
        return Ok(None);
    }
    let services = session.services();
    let lock = RunLock::acquire(
        &settings.directory,
        settings.when_locked,
        &services.cancellation,
        |holder| {
            let what = match holder {
                Some(process) => format!("the run of process {process} in this directory"),
                None => "another run in this directory".to_owned(),
            };
            services.events.emit(Event::Waiting { part: None, what });
        },
    );
    Ok(Some(lock.map_err(Problem::RunLock)?))
}

/// Returns what this run shares with its parts: the budget of the run around
/// it, or of the `make` around it, or one of its own. A run with one job leaves
/// `make` to what its environment says.
fn share_jobs(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    outer: &RunShare,
) -> Result<RunShare, Failure> {
    let services = session.services();
    let mut share = outer.clone();
    share.lock(&settings.directory);
    if settings.jobs > 1 && share.jobs().is_none() {
        let jobs = match JobServer::of_environment(&services.process_environment) {
            Some(jobs) => jobs,
            None => {
                let directory = settings.directory.join(OWN_DIRECTORY);
                JobServer::new(settings.jobs, &directory).map_err(|source| Problem::Io {
                    verb: "make the pipe of jobs in",
                    path: directory,
                    source,
                })?
            }
        };
        share.set_jobs(Arc::new(jobs));
    }
    Ok(share)
}

/// What is known before the first installation.
struct Prepared {
    /// The parts to install or update, in order.
    parts: Vec<Arc<str>>,
    /// What they are going to download.
    downloads: Vec<PartDownload>,
}

struct Installation<'s, 'a> {
    session: &'s Session<'a>,
    settings: &'s BuildoutSettings,
    record: Record,
    interrupted: Interrupted,
    history: History,
    /// Why parts are installed anew or uninstalled, and what became of that.
    actions: Vec<(Arc<str>, PastAction)>,
    /// For each part by its place, what is being done with it.
    in_flight: HashMap<usize, InFlight>,
    report: InstallReport,
}

/// A part that is being installed or updated.
struct InFlight {
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

impl<'s, 'a> Installation<'s, 'a> {
    fn new(session: &'s Session<'a>, settings: &'s BuildoutSettings) -> Result<Self, Failure> {
        refuse_unsupported(session)?;
        settings.create_directories(session)?;
        let (record, interrupted) = Record::read(settings)?;
        Ok(Installation {
            session,
            settings,
            record,
            interrupted,
            history: History::of(&settings.directory),
            actions: Vec::new(),
            in_flight: HashMap::new(),
            report: InstallReport::default(),
        })
    }

    /// Does all that comes before the first installation, and returns the
    /// parts to install in order, and what they are going to download.
    fn prepare(&mut self, requested: &[String]) -> Result<Prepared, Failure> {
        self.repair()?;
        let develop_eggs = self.record.take_develop_eggs();
        if !develop_eggs.is_empty() {
            self.remove_paths("", &develop_eggs)?;
        }
        let session = self.session;
        let parts = select(session, requested, |_, failure| Err(failure))?;
        check_locked_downloads(session, &parts, requested.is_empty())?;
        self.emit(Event::Configured {
            sections: self.configured_sections(),
        });
        for part in &parts {
            session.sign(part)?;
        }
        let mut survey = Survey::new(session, &self.record, &parts)?;
        let downloads = self.downloads(&mut survey, &parts);
        check_downloads(session, &downloads)?;
        self.uninstall(&mut survey, &parts, requested.is_empty())?;
        self.report_unused(BUILDOUT_SECTION);
        Ok(Prepared { parts, downloads })
    }

    /// Returns what the parts are going to download.
    fn downloads(&self, survey: &mut Survey, parts: &[Arc<str>]) -> Vec<PartDownload> {
        let mut downloads = Vec::new();
        for part in parts {
            let installing = downloads_of(self.session, part, DownloadsOf::Installation);
            let updating = downloads_of(self.session, part, DownloadsOf::Update);
            if installing.is_empty() && updating.is_empty() {
                continue;
            }
            let stays =
                self.record.parts().contains_key(&**part) && self.reasons(survey, part).is_empty();
            downloads.extend(if stays { updating } else { installing });
        }
        downloads
    }

    /// Returns why a part cannot stay; nothing if it can, or is not installed.
    fn reasons(&self, survey: &mut Survey, part: &Arc<str>) -> Vec<Reason> {
        let directory = &self.settings.directory;
        let exists = |path: &str| directory.join(path).exists();
        survey.reasons(self.session, &self.record, &self.history, part, exists)
    }

    /// Undoes or records what an interrupted run left.
    fn repair(&mut self) -> Result<(), Failure> {
        debris::clear_own(&self.settings.directory);
        if self.interrupted.is_empty() {
            return Ok(());
        }
        if let Some(path) = self.record.path() {
            debris::clear_replacements(path);
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

    fn configured_sections(&self) -> Vec<(Arc<str>, OptionMap)> {
        let names = self.session.initialised_sections();
        let state = self.session.state.borrow();
        names
            .into_iter()
            .map(|name| {
                let values = known_values(&state, &name);
                (name, values)
            })
            .collect()
    }

    /// Uninstalls what changed and what is no longer wanted, last part first.
    fn uninstall(
        &mut self,
        survey: &mut Survey,
        parts: &[Arc<str>],
        all: bool,
    ) -> Result<(), Failure> {
        let recorded: Vec<Arc<str>> = self
            .record
            .parts()
            .keys()
            .rev()
            .map(|name| Arc::from(&**name))
            .collect();
        let wanted: HashSet<&Arc<str>> = parts.iter().collect();
        for part in recorded {
            let (action, reasons) = if wanted.contains(&part) {
                (PlannedAction::Reinstall, self.reasons(survey, &part))
            } else if all {
                (PlannedAction::Uninstall, vec![Reason::NoLongerWanted])
            } else {
                continue;
            };
            if reasons.is_empty() {
                continue;
            }
            self.tell_reasons(&part, &reasons);
            self.note_action(&part, action, reasons);
            self.uninstall_part(&part)
                .map_err(|f| f.during(vec![Doing::UninstallingPart(part.to_string())]))?;
        }
        Ok(())
    }

    fn tell_reasons(&self, part: &Arc<str>, reasons: &[Reason]) {
        self.emit(Event::PartChanged {
            part: Arc::clone(part),
            reasons: reasons.to_vec(),
        });
        let Some(record) = self.record.parts().get(&**part) else {
            return;
        };
        // As upstream lists them: by name, the new ones last.
        let now = known_values(&self.session.state.borrow(), part);
        let signature = record.signature();
        let is_ours = signature.is_some_and(|text| text.starts_with(SIGNATURE_PREFIX));
        let counts = |option: &str| is_ours || option != SIGNATURE_OPTION;
        let recorded = record.options.iter().filter(|(option, _)| counts(option));
        let told = recorded.map(|(option, old)| {
            let option: Arc<str> = Arc::from(&**option);
            let new = now.get(&option).cloned();
            (option, Some(Arc::from(&**old)), new)
        });
        let is_new = |option: &Arc<str>| !record.options.contains_key(&**option) && counts(option);
        let new = now.iter().filter(|(option, _)| is_new(option));
        let new = new.map(|(option, new)| (Arc::clone(option), None, Some(Arc::clone(new))));
        if reasons.contains(&Reason::NoLongerWanted) {
            return;
        }
        for (option, old, new) in told.chain(new).filter(|(_, old, new)| old != new) {
            self.emit(Event::OptionChanged {
                part: Arc::clone(part),
                option,
                old,
                new,
            });
        }
    }

    fn note_action(&mut self, part: &Arc<str>, action: PlannedAction, reasons: Vec<Reason>) {
        let past = PastAction {
            action,
            failed: false,
            reasons,
        };
        self.actions.push((Arc::clone(part), past));
    }

    fn uninstall_part(&mut self, part: &Arc<str>) -> Result<(), Failure> {
        self.emit(Event::PartStarted {
            part: Arc::clone(part),
            action: PartAction::Uninstall,
        });
        let Some(record) = self.record.parts().get(&**part) else {
            return Ok(());
        };
        self.run_uninstall_recipe(part, record)?;
        self.remove_paths(part, &record.installed)?;
        self.record.remove(part)?;
        self.report.uninstalled.push(Arc::clone(part));
        self.emit(Event::PartFinished {
            part: Arc::clone(part),
            action: PartAction::Uninstall,
        });
        Ok(())
    }

    fn run_uninstall_recipe(&self, part: &Arc<str>, record: &InstalledPart) -> Result<(), Failure> {
        let recipe = record.options.get("recipe").map_or("", String::as_str);
        let Some(factory) = RecipeReference::parse(recipe)
            .and_then(|reference| self.session.options.registry.find(&reference))
        else {
            return Ok(());
        };
        let mut options: OptionMap = record
            .options
            .iter()
            .map(|(name, value)| (Arc::from(&**name), Arc::from(&**value)))
            .collect();
        let installed = record.installed.join("\n");
        options.insert(Arc::from("__buildout_installed__"), Arc::from(installed));
        if let Some(result) = factory.uninstall(part, &options) {
            self.emit(Event::UninstallRecipe {
                part: Arc::clone(part),
            });
            recipe_result(self.session, part, Ok(result))?;
        }
        Ok(())
    }

    /// Removes recorded paths, as far as they lie in the buildout.
    fn remove_paths(&self, part: &str, paths: &[String]) -> Result<(), Failure> {
        let scope = RemovalScope::new(&self.settings.directory).map_err(Problem::Removal)?;
        let report = scope.remove(paths.iter().map(String::as_str));
        for path in report.refused_outside {
            self.emit(Event::PathRefused {
                part: Arc::from(part),
                path,
            });
        }
        if report.failures.is_empty() {
            return Ok(());
        }
        Err(Problem::Uninstall {
            part: part.to_owned(),
            failures: report.failures,
        }
        .into())
    }

    /// Installs and updates parts as the schedule allows.
    fn work_on<'w>(
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
                let Some(place) = schedule.next() else {
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
            workers.took();
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
        if let Some((_, past)) = self
            .actions
            .iter_mut()
            .rfind(|(part, _)| *part == in_flight.part)
        {
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
        let (recipe, runs_commands) = {
            let mut state = self.session.state.borrow_mut();
            let found = state.parts.get_mut(part);
            let kind = found.as_ref().map(|found| found.factory.descriptor());
            let nothing = kind.is_none_or(|kind| kind.update == UpdateKind::Nothing);
            let runs_commands = kind.is_some_and(|kind| kind.footprint != Footprint::Declared);
            let is_wanted = action == PartAction::Install || !nothing;
            let recipe = found
                .filter(|_| is_wanted)
                .and_then(|found| found.recipe.take());
            (recipe, runs_commands)
        };
        let Some(recipe) = recipe else {
            self.complete(place, Installed::Unchanged)?;
            return Ok(Started::Done);
        };
        if action == PartAction::Install {
            if !self.actions.iter().any(|(known, _)| known == part) {
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

    /// Removes what a failed installation or update noted as made, but for
    /// what is recorded: a failed update keeps what was there before.
    fn clean_up(&self, part: &Arc<str>, created: &CreatedPaths) {
        let directory = &self.settings.directory;
        let record = self.record.parts().get(&**part);
        let recorded: HashSet<PathBuf> = record
            .iter()
            .flat_map(|record| &record.installed)
            .map(|path| directory.join(path))
            .collect();
        let paths: Vec<String> = created
            .list()
            .into_iter()
            .filter(|path| !recorded.contains(&directory.join(path)))
            .filter_map(|path| path.into_os_string().into_string().ok())
            .collect();
        self.clear_away(part, &paths);
    }

    /// Removes what nobody needs. What cannot be removed must not hide why
    /// the recipe failed.
    fn clear_away(&self, part: &str, paths: &[String]) {
        if let Err(failures) = self.remove_paths(part, paths) {
            let message = format!("Couldn't clean up after part {part}: {failures}");
            self.emit(Event::engine_log(Level::Warning, message));
        }
    }

    fn report_unused(&self, section: &str) {
        // Upstream's dump of the configuration reads every option.
        if self.settings.log_level < Level::Debug.number() {
            return;
        }
        let state = self.session.state.borrow();
        let Some(found) = state.sections.get(section) else {
            return;
        };
        let options = found.unused_options();
        if !options.is_empty() {
            let section = Arc::clone(&found.name);
            drop(state);
            self.emit(Event::UnusedOptions { section, options });
        }
    }

    /// Writes down what is installed now, however the run went.
    fn finish(mut self, result: Result<(), Failure>) -> Result<InstallReport, Failure> {
        let saved = match result {
            Ok(()) => self.record.finish(),
            Err(_) => self.record.save(),
        };
        self.write_history();
        result.and(saved)?;
        Ok(self.report)
    }

    /// Keeps what explains the next run. It is of no other use, so a failure
    /// is only told.
    fn write_history(&mut self) {
        let actions = std::mem::take(&mut self.actions);
        if actions.is_empty() {
            return;
        }
        let sections = self.seen_sections();
        let history = std::mem::replace(&mut self.history, History::of(&self.settings.directory));
        if let Err(error) = history.add(sections, actions) {
            let message = format!("Could not write down what this run did: {error}");
            self.emit(Event::engine_log(Level::Warning, message));
        }
    }

    /// Returns the sections without a recipe on which parts depend, with their
    /// options.
    fn seen_sections(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let state = self.session.state.borrow();
        let is_plain = |section: &Arc<str>| {
            **section != *BUILDOUT_SECTION && !state.parts.contains_key(section)
        };
        let reached = state.dependencies.values().flatten();
        let sections: HashSet<&Arc<str>> = reached.filter(|section| is_plain(section)).collect();
        let text =
            |(name, value): (Arc<str>, Arc<str>)| (name.to_string(), redacted(&value).into_owned());
        sections
            .into_iter()
            .map(|section| {
                let options = known_values(&state, section).into_iter().map(text);
                (section.to_string(), options.collect())
            })
            .collect()
    }

    fn emit(&self, event: Event) {
        self.session.services().events.emit(event);
    }
}

/// What upstream does and this engine does not is an error, never silence.
fn refuse_unsupported(session: &Session<'_>) -> Result<(), Failure> {
    for (option, what) in [
        ("extensions", "extensions, which are Python programs"),
        ("develop", "`develop`, which builds eggs"),
    ] {
        let value = session.get_stored(BUILDOUT_SECTION, option)?;
        if value.is_some_and(|value| split_words(&value).next().is_some()) {
            let place = session.option_place(BUILDOUT_SECTION, option, option);
            let what = what.to_owned();
            let hint = format!("remove `{option}`, or run the profile with zc.buildout");
            return Err(Failure::from(Problem::Unsupported { what })
                .with_label(place, "")
                .with_hint(Some(hint)));
        }
    }
    Ok(())
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
