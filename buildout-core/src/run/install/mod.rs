//! The command `install`.
//!
//! Keeps `Buildout.install` of zc.buildout: parts are constructed first, then
//! what changed or is no longer wanted is uninstalled, in reverse order, then
//! each part is installed or updated. With one job that happens in order, as
//! upstream does it; with more, parts that have nothing to do with each other
//! are worked on at the same time ([`Order`]). Where this differs from upstream
//! stands in `docs/differences.md`.

mod develop;
mod explanation;
mod extensions;
mod removal;
mod repair;
mod second_phase;
mod work;

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

pub(super) use self::develop::checkouts;
use self::extensions::{load_extensions, unload_extensions};
use self::work::InFlight;
use super::distributions::missing_distributions;
use super::downloads::{DownloadsOf, PartDownload, check_all_downloads, downloads_of, prefetch};
use super::evaluation::recipe_result;
use super::failure::{Failure, Problem};
use super::history::{History, PastAction};
use super::locking::check_locked;
use super::order::Order;
use super::plan::{Reason, Survey};
use super::profile_python::FirstPhase;
use super::record::Record;
use super::schedule::Schedule;
use super::selection::select;
use super::session::{Session, known_values};
use super::settings::BuildoutSettings;
use super::workers::{Tools, Workers};
use crate::configuration::BUILDOUT_SECTION;
use crate::event::{Event, Level};
use crate::exec::jobserver::JobServer;
use crate::recipe::{Caller, Footprint, RunShare};
use crate::resolve::{Doing, OptionMap};
use crate::state::OWN_DIRECTORY;
use crate::state::journal::Interrupted;
use crate::state::run_lock::RunLock;

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
    install_after(session, settings, requested, &FirstPhase::default())
}

/// The same in the second phase of a run, whose first one has installed the Python
/// that this one is for: the parts of the first phase stay.
///
/// # Errors
///
/// As for [`install`].
pub fn install_after(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    requested: &[String],
    first: &FirstPhase,
) -> Result<InstallReport, Failure> {
    install_all(session, settings, requested, first, &RunShare::default())
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
    install_all(session, settings, requested, &FirstPhase::default(), outer)
}

/// Installs in the first phase of a run the parts that its Python consists of. The
/// run goes on, so nobody is told that it ends.
pub(super) fn install_first_phase(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    parts: &[Arc<str>],
) -> Result<(), Failure> {
    let installing = |failure: Failure| failure.during(vec![Doing::Installing]);
    let outer = RunShare::default();
    let _lock = lock(session, settings, &outer).map_err(installing)?;
    let mut installation = Installation::new(session, settings).map_err(installing)?;
    let requested: Vec<String> = parts.iter().map(ToString::to_string).collect();
    let result = installation
        .prepare(&requested, &FirstPhase::default(), &outer)
        .map_err(installing)
        .and_then(|prepared| installation.carry_out(prepared, &outer));
    installation.finish(result).map(drop)
}

fn install_all(
    session: &Session<'_>,
    settings: &BuildoutSettings,
    requested: &[String],
    first: &FirstPhase,
    outer: &RunShare,
) -> Result<InstallReport, Failure> {
    let installing = |failure: Failure| failure.during(vec![Doing::Installing]);
    let _lock = lock(session, settings, outer).map_err(installing)?;
    let mut installation = Installation::new(session, settings).map_err(installing)?;
    let result = installation
        .prepare(requested, first, outer)
        .map_err(installing)
        .and_then(|prepared| installation.carry_out(prepared, outer))
        .and_then(|()| unload_extensions(session).map_err(installing))
        .and_then(|()| session.finish_extensions())
        .and_then(|()| installation.conclude());
    // What was done is written down, also if the rest failed.
    installation.finish(result)
}

/// Tells for each part whether its recipe runs commands.
fn runs_commands(session: &Session<'_>, parts: &[Arc<str>]) -> Vec<bool> {
    let state = session.state.borrow();
    let footprint = |part: &Arc<str>| Some(state.parts.get(part)?.factory.descriptor().footprint);
    parts
        .iter()
        .map(|part| footprint(part).is_some_and(Footprint::takes_a_job))
        .collect()
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
    actions: IndexMap<Arc<str>, PastAction>,
    /// For each part by its place, what is being done with it.
    in_flight: HashMap<usize, InFlight>,
    report: InstallReport,
}

impl<'s, 'a> Installation<'s, 'a> {
    fn new(session: &'s Session<'a>, settings: &'s BuildoutSettings) -> Result<Self, Failure> {
        load_extensions(session)?;
        settings.create_directories(session)?;
        let (record, interrupted) = Record::read(settings)?;
        Ok(Installation {
            session,
            settings,
            record,
            interrupted,
            history: History::of(&settings.directory),
            actions: IndexMap::new(),
            in_flight: HashMap::new(),
            report: InstallReport::default(),
        })
    }

    /// Does all that comes before the first installation, and returns the
    /// parts to install in order, and what they are going to download.
    fn prepare(
        &mut self,
        requested: &[String],
        first: &FirstPhase,
        outer: &RunShare,
    ) -> Result<Prepared, Failure> {
        self.repair()?;
        self.develop(outer)?;
        let session = self.session;
        let mut unconstructed = Vec::new();
        let parts = select(session, requested, |_, failure| {
            if failure.missing_offline().is_none() {
                return Err(failure);
            }
            // All that is missing is told at once, below.
            unconstructed.push(failure);
            Ok(())
        })?;
        if unconstructed.is_empty() {
            check_locked(session, self.settings, &parts, requested.is_empty())?;
        }
        self.emit(Event::Configured {
            sections: self.configured_sections(),
        });
        for part in &parts {
            session.sign(part)?;
        }
        self.take_over(first, &parts)?;
        let mut survey = Survey::new(session, &self.record, &parts)?;
        let downloads = self.downloads(&mut survey, &parts);
        let missing = match self.settings.offline {
            true => missing_distributions(session, &parts)?,
            false => Vec::new(),
        };
        check_all_downloads(session, unconstructed, &downloads, missing)?;
        self.uninstall(&mut survey, &parts, requested.is_empty())?;
        self.report_unused(BUILDOUT_SECTION);
        Ok(Prepared { parts, downloads })
    }

    /// Installs and updates what was prepared.
    fn carry_out(&mut self, prepared: Prepared, outer: &RunShare) -> Result<(), Failure> {
        let Prepared { parts, downloads } = prepared;
        let (session, settings) = (self.session, self.settings);
        let share = share_jobs(session, settings, outer)?;
        let limit = match settings.jobs {
            1 => 1,
            jobs => jobs + THREADS_BESIDE,
        };
        let order = Order::of(session, settings, &parts)?;
        self.emit(Event::PartsOrdered {
            order: order.pairs(&parts),
        });
        let schedule = Schedule::new(order, runs_commands(session, &parts));
        let remote = session.remote().for_caller(Caller::Installation);
        let _prefetch = prefetch(session, settings, downloads);
        std::thread::scope(|scope| {
            let tools = Tools {
                remote: &remote,
                services: session.services(),
                share: &share,
            };
            let mut workers = Workers::new(scope, tools, limit);
            // Closed before the workers are waited for, even if this thread
            // panics: a recipe that calls the engine then must not wait for it.
            let _serving = session.serve_run();
            self.work_on(&parts, schedule, &mut workers)
        })
    }

    /// Lets those who implement recipes tell of the run as a whole.
    fn conclude(&self) -> Result<(), Failure> {
        let session = self.session;
        let result = session.options.registry.conclude(session.services());
        recipe_result(session, BUILDOUT_SECTION, Ok(result))
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

    fn emit(&self, event: Event) {
        self.session.services().events.emit(event);
    }
}

/// Makes the failure for what upstream does and this engine does not.
fn unsupported(session: &Session<'_>, option: &str, what: &str) -> Failure {
    let place = session.option_place(BUILDOUT_SECTION, option, option);
    let what = what.to_owned();
    let hint = format!("remove `{option}`, or run the profile with zc.buildout");
    Failure::from(Problem::Unsupported { what })
        .with_label(place, "")
        .with_hint(Some(hint))
}
