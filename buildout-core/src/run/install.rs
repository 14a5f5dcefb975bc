//! The command `install`.
//!
//! Keeps `Buildout.install` of zc.buildout: parts are constructed first, then
//! what changed or is no longer wanted is uninstalled, in reverse order, then
//! each part is installed or updated in order. The record is replaced
//! atomically and only when it changed. Where this differs from upstream
//! stands in `docs/differences.md`.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::decide::{Decision, decide};
use super::downloads::{DownloadsOf, PartDownload, check_downloads, downloads_of, prefetch};
use super::evaluation::recipe_result;
use super::failure::{Failure, Problem};
use super::locking::check_locked_downloads;
use super::session::{Session, known_values};
use super::settings::BuildoutSettings;
use super::signature::SIGNATURE_OPTION;
use super::wanted::construct_parts;
use crate::configuration::BUILDOUT_SECTION;
use crate::event::{Event, Level, PartAction};
use crate::profile::python_text::split_words;
use crate::recipe::{
    Caller, CreatedPaths, Installed, PartRun, Recipe, RecipeError, RecipeReference, RemoteBuildout,
    UpdateKind,
};
use crate::redaction::redacted;
use crate::resolve::{Doing, OptionMap};
use crate::state::installed::{InstalledFile, InstalledPart, InstalledState};
use crate::state::removal::RemovalScope;

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
    std::thread::scope(|scope| {
        let (jobs, received) = channel::<Job>();
        let (results, finished) = channel::<JobResult>();
        // Closed before the worker is waited for, even if this thread panics:
        // a recipe that calls the engine then must not wait for it.
        let _serving = session.serve_run();
        let remote = session.remote().for_caller(Caller::Installation);
        let services = session.services();
        scope.spawn(move || work(&received, &results, &remote, services));
        let installation = Installation {
            session,
            settings,
            file: InstalledFile::new(
                &settings.directory,
                settings
                    .installed
                    .as_deref()
                    .and_then(Path::to_str)
                    .unwrap_or(""),
            ),
            saved: None,
            state: InstalledState::default(),
            report: InstallReport::default(),
            jobs,
            finished,
        };
        installation.run(requested)
    })
}

/// Work on a part, for the worker thread.
struct Job {
    part: Arc<str>,
    recipe: Box<dyn Recipe>,
    action: PartAction,
    options: OptionMap,
}

struct JobResult {
    recipe: Box<dyn Recipe>,
    created: CreatedPaths,
    result: std::thread::Result<Result<Installed, RecipeError>>,
}

/// The worker thread: installs or updates one part after the other. The engine
/// thread meanwhile serves the calls of the recipe.
fn work(
    jobs: &Receiver<Job>,
    results: &Sender<JobResult>,
    remote: &RemoteBuildout,
    services: &crate::recipe::RunServices,
) {
    for mut job in jobs {
        let created = CreatedPaths::default();
        let result = {
            let run = PartRun::new(
                Arc::clone(&job.part),
                &job.options,
                remote,
                services,
                &created,
            );
            catch_unwind(AssertUnwindSafe(|| match job.action {
                PartAction::Update => job.recipe.update(&run),
                _ => job.recipe.install(&run),
            }))
        };
        let result = JobResult {
            recipe: job.recipe,
            created,
            result,
        };
        if results.send(result).is_err() {
            return;
        }
        remote.wake();
    }
}

struct Installation<'s, 'a> {
    session: &'s Session<'a>,
    settings: &'s BuildoutSettings,
    file: InstalledFile,
    /// The record as it is on disk.
    saved: Option<InstalledState>,
    /// The record as it is to be.
    state: InstalledState,
    report: InstallReport,
    jobs: Sender<Job>,
    finished: Receiver<JobResult>,
}

type Prepared = (Vec<Arc<str>>, Vec<PartDownload>);

impl Installation<'_, '_> {
    fn run(mut self, requested: &[String]) -> Result<InstallReport, Failure> {
        let (parts, downloads) = self
            .prepare(requested)
            .map_err(|failure| failure.during(vec![Doing::Installing]))?;
        let _prefetch = prefetch(self.session, self.settings, downloads);
        for part in &parts {
            self.install_part(part)?;
        }
        self.finish()
    }

    /// Does all that comes before the first installation, and returns the
    /// parts to install in order, and what they are going to download.
    fn prepare(&mut self, requested: &[String]) -> Result<Prepared, Failure> {
        self.refuse_unsupported()?;
        self.settings.create_directories(self.session)?;
        self.saved = self.file.load()?;
        self.state = self.saved.clone().unwrap_or_default();
        let develop_eggs = std::mem::take(&mut self.state.develop_eggs);
        if !develop_eggs.is_empty() {
            self.remove_paths("", &develop_eggs)?;
        }

        let parts = construct_parts(self.session, requested)?;
        check_locked_downloads(self.session, &parts, requested.is_empty())?;
        self.session.services().events.emit(Event::Configured {
            sections: self.configured_sections(),
        });
        for part in &parts {
            let signature = self.session.freeze_signature(part)?;
            self.set_signature(part, &signature);
        }
        let downloads = self.downloads(&parts)?;
        check_downloads(self.session, &downloads)?;
        self.uninstall(&parts, requested.is_empty())?;
        self.report_unused(BUILDOUT_SECTION);
        Ok((parts, downloads))
    }

    /// Returns what the parts are going to download.
    fn downloads(&self, parts: &[Arc<str>]) -> Result<Vec<PartDownload>, Failure> {
        let mut downloads = Vec::new();
        for part in parts {
            let stays = match self.state.parts.get(&**part) {
                Some(record) => {
                    let new = self.current_options(part)?;
                    decide(record, &new, &self.settings.directory) == Decision::Keep
                }
                None => false,
            };
            let of = if stays {
                DownloadsOf::Update
            } else {
                DownloadsOf::Installation
            };
            downloads.extend(downloads_of(self.session, part, of));
        }
        Ok(downloads)
    }

    /// What upstream does and this engine does not is an error, never silence.
    fn refuse_unsupported(&self) -> Result<(), Failure> {
        for (option, what) in [
            ("extensions", "extensions, which are Python programs"),
            ("develop", "`develop`, which builds eggs"),
        ] {
            let value = self.session.get_stored(BUILDOUT_SECTION, option)?;
            if value.is_some_and(|value| split_words(&value).next().is_some()) {
                let place = self.session.option_place(BUILDOUT_SECTION, option, option);
                let what = what.to_owned();
                return Err(Failure::from(Problem::Unsupported { what }).with_label(place, ""));
            }
        }
        Ok(())
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

    fn set_signature(&self, part: &Arc<str>, signature: &Arc<str>) {
        let mut state = self.session.state.borrow_mut();
        if let Some(section) = state.sections.get_mut(part) {
            let option = Arc::from(SIGNATURE_OPTION);
            section.data.insert(option, Arc::clone(signature));
        }
    }

    /// Uninstalls what changed and what is no longer wanted, last part first.
    fn uninstall(&mut self, parts: &[Arc<str>], all: bool) -> Result<(), Failure> {
        let recorded: Vec<String> = self.state.parts.keys().rev().cloned().collect();
        let wanted: HashSet<&str> = parts.iter().map(|part| &**part).collect();
        for name in recorded {
            let part: Arc<str> = Arc::from(&*name);
            if wanted.contains(&*part) {
                let Some(record) = self.state.parts.get(&name) else {
                    continue;
                };
                let new = self.current_options(&part)?;
                match decide(record, &new, &self.settings.directory) {
                    Decision::Keep => continue,
                    Decision::Reinstall { changes } => {
                        for change in changes {
                            self.emit(change.into_event(&part));
                        }
                    }
                }
            } else if !all {
                continue;
            }
            self.uninstall_part(&part)
                .map_err(|f| f.during(vec![Doing::UninstallingPart(part.to_string())]))?;
        }
        Ok(())
    }

    /// Returns the options of a part in stored form, each resolved.
    fn current_options(&self, part: &Arc<str>) -> Result<OptionMap, Failure> {
        let mut options = OptionMap::default();
        for name in self.session.known_options(part) {
            if let Some(value) = self.session.get_stored(part, &name)? {
                options.insert(name, value);
            }
        }
        Ok(options)
    }

    fn uninstall_part(&mut self, part: &Arc<str>) -> Result<(), Failure> {
        self.emit(Event::PartStarted {
            part: Arc::clone(part),
            action: PartAction::Uninstall,
        });
        let Some(record) = self.state.parts.get(&**part).cloned() else {
            return Ok(());
        };
        self.run_uninstall_recipe(part, &record)?;
        self.remove_paths(part, &record.installed)?;
        self.state.parts.shift_remove(&**part);
        self.save()?;
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

    fn install_part(&mut self, part: &Arc<str>) -> Result<(), Failure> {
        let (signature, options) = {
            let mut state = self.session.state.borrow_mut();
            let signature = state
                .sections
                .get_mut(part)
                .and_then(|section| section.data.shift_remove(SIGNATURE_OPTION));
            (signature.unwrap_or_default(), known_values(&state, part))
        };
        let previous = self.state.parts.get(&**part).cloned();
        let action = match previous {
            Some(_) => PartAction::Update,
            None => PartAction::Install,
        };
        let doing = match action {
            PartAction::Update => Doing::UpdatingPart(part.to_string()),
            _ => Doing::InstallingPart(part.to_string()),
        };
        self.emit(Event::PartStarted {
            part: Arc::clone(part),
            action,
        });
        let result = self
            .carry_out(part, action, &options)
            .map_err(|failure| failure.during(vec![doing]))?;

        // What a Python buildout signed stays so until it is reinstalled here.
        let recorded_signature = previous.as_ref().and_then(|old| old.signature());
        let signature = recorded_signature.unwrap_or(&signature).to_owned();
        let mut record = InstalledPart {
            options: options
                .iter()
                .map(|(name, value)| (name.to_string(), redacted(value).into_owned()))
                .collect(),
            installed: previous.map(|old| old.installed).unwrap_or_default(),
        };
        record
            .options
            .insert(SIGNATURE_OPTION.to_owned(), signature);
        let mut new_paths = false;
        match result {
            Installed::Unchanged if action == PartAction::Install => {
                self.emit(Event::NothingReturned {
                    part: Arc::clone(part),
                });
            }
            Installed::Unchanged => {}
            Installed::Paths(paths) => {
                let known: HashSet<String> = record.installed.iter().cloned().collect();
                for path in paths {
                    if !known.contains(&path) {
                        record.installed.push(path);
                        new_paths = true;
                    }
                }
            }
        }
        self.state.parts.shift_remove(&**part);
        self.state.parts.insert(part.to_string(), record);
        self.report_unused(part);
        if action == PartAction::Install {
            self.report.installed.push(Arc::clone(part));
        } else {
            self.report.updated.push(Arc::clone(part));
        }
        if action == PartAction::Install || new_paths {
            self.save()?;
        }
        self.emit(Event::PartFinished {
            part: Arc::clone(part),
            action,
        });
        Ok(())
    }

    /// Lets the worker install or update a part, serving its calls meanwhile.
    fn carry_out(
        &self,
        part: &Arc<str>,
        action: PartAction,
        options: &OptionMap,
    ) -> Result<Installed, Failure> {
        if self.session.services().cancellation.is_cancelled() {
            return Err(Problem::Cancelled.into());
        }
        let recipe = {
            let mut state = self.session.state.borrow_mut();
            let Some(found) = state.parts.get_mut(part) else {
                return Ok(Installed::Unchanged);
            };
            let nothing = found.factory.descriptor().update == UpdateKind::Nothing;
            if action == PartAction::Update && nothing {
                return Ok(Installed::Unchanged);
            }
            match found.recipe.take() {
                Some(recipe) => recipe,
                None => return Ok(Installed::Unchanged),
            }
        };
        let options = options
            .iter()
            .map(|(name, value)| {
                let value = self.session.read_form(Arc::clone(value));
                (Arc::clone(name), value)
            })
            .collect();
        let job = Job {
            part: Arc::clone(part),
            recipe,
            action,
            options,
        };
        let sent = self.jobs.send(job).is_ok();
        let done = sent.then(|| self.session.serve_until(&self.finished));
        let Some(done) = done.flatten() else {
            return Err(Problem::EngineGone.into());
        };
        {
            let mut state = self.session.state.borrow_mut();
            if let Some(found) = state.parts.get_mut(part) {
                found.recipe = Some(done.recipe);
            }
        }
        let result = recipe_result(self.session, part, done.result);
        if result.is_err() {
            self.clean_up(part, &done.created);
        }
        result
    }

    /// Removes what a failed installation or update noted as made, but for
    /// what is recorded: a failed update keeps what was there before. What
    /// cannot be removed must not hide why the recipe failed.
    fn clean_up(&self, part: &Arc<str>, created: &CreatedPaths) {
        let directory = &self.settings.directory;
        let record = self.state.parts.get(&**part);
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
        let failures = match self.remove_paths(part, &paths) {
            Ok(()) => return,
            Err(failure) => failure,
        };
        let message = format!("Couldn't clean up after part {part}: {failures}");
        self.emit(Event::engine_log(Level::Warning, message));
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

    /// Writes the record if it differs from what is on disk.
    fn save(&mut self) -> Result<(), Failure> {
        let unchanged = |saved: &InstalledState| {
            *saved == self.state && saved.parts.keys().eq(self.state.parts.keys())
        };
        if !self.saved.as_ref().is_some_and(unchanged) {
            self.file.save(&self.state)?;
            self.saved = Some(self.state.clone());
        }
        Ok(())
    }

    fn finish(mut self) -> Result<InstallReport, Failure> {
        if self.state.is_empty() {
            if self.saved.is_some() {
                self.file.remove()?;
            }
        } else {
            self.save()?;
        }
        Ok(self.report)
    }

    fn emit(&self, event: Event) {
        self.session.services().events.emit(event);
    }
}
