//! Runs within a part: a buildout with a profile and a record of its own, in
//! the directory of the run around it.
//!
//! A sub-run takes over the lock of the directory, the budget of jobs, the
//! events, the cancellation, the environment and the connections of the run
//! that its part belongs to. Everything else comes from the front end, through
//! [`SubRunWorld`].

use std::sync::Arc;

use super::failure::{Failure, Problem};
use super::install::{InstallReport, install_within};
use super::session::{ConstructionPolicy, Session, SessionOptions};
use super::settings::{BuildoutSettings, SettingsReader};
use crate::configuration::{Assignment, Configuration, ConfigurationRequest, choose_dialect};
use crate::dialect::{Dialect, DialectName};
use crate::event::{Event, EventSink};
use crate::extends::{Conditions, ProfileLoader};
use crate::recipe::{PartRun, Registry, RunServices};

/// What a run within a part is made of, besides what it takes over. The parts
/// of a run may ask from several threads.
pub trait SubRunWorld: Send + Sync {
    /// Returns the recipes.
    fn registry(&self) -> Registry;

    /// Returns what reads the profiles.
    fn profiles(&self) -> Box<dyn ProfileLoader>;

    /// Returns what decides conditions in a dialect.
    fn conditions(&self, dialect: &Dialect) -> Box<Conditions<'_>>;

    /// Returns the default of `[buildout] executable`.
    fn executable(&self) -> &str;

    /// Returns the directory that relative paths start from.
    fn working_directory(&self) -> &str;

    /// Returns the user's home directory.
    fn home_directory(&self) -> Option<&str>;

    /// Returns the user's `default.cfg`, if it exists and is wanted.
    fn user_defaults(&self) -> Option<String>;

    /// Returns the dialect that was asked for.
    fn dialect(&self) -> Option<DialectName>;

    /// Returns the number of jobs if the configuration sets none.
    fn default_jobs(&self) -> usize;
}

/// A run within a part.
#[derive(Clone, Debug)]
pub struct SubRun {
    /// The profile, a path or URL.
    pub profile: String,
    /// What overrides it.
    pub assignments: Vec<Assignment>,
}

/// Runs a buildout within a part, to its end.
///
/// # Errors
///
/// [`Problem::Unsupported`] if the front end offers no sub-runs, and whatever
/// the run fails with.
pub fn run_within(part: &PartRun<'_>, sub: &SubRun) -> Result<InstallReport, Failure> {
    let outer = part.services();
    let Some(world) = outer.sub_runs() else {
        let what = "a buildout within a part, which this front end does not offer".to_owned();
        return Err(Problem::Unsupported { what }.into());
    };
    let loader = world.profiles();
    let defaults = world.user_defaults();
    let mut sources = vec![sub.profile.as_str()];
    sources.extend(defaults.as_deref());
    let dialect = choose_dialect(world.dialect(), &sub.assignments, &sources, &*loader)?;
    let conditions = world.conditions(&dialect);
    let configuration = Configuration::load(ConfigurationRequest {
        profile: Some(sub.profile.clone()),
        working_directory: world.working_directory(),
        home_directory: world.home_directory(),
        user_defaults: defaults.clone(),
        assignments: sub.assignments.clone(),
        executable: world.executable(),
        loader: &*loader,
        conditions: &*conditions,
        dialect,
    })?;
    let mut services = RunServices::new(
        outer.directory.clone(),
        outer.temporary_directory.clone(),
        outer.umask,
        outer.environment(),
        Arc::clone(&outer.transport),
        Arc::new(SubRunEvents(Arc::clone(&outer.events))),
        outer.cancellation.clone(),
    );
    services.downloads = outer.downloads.clone();
    services.set_sub_runs(world.clone());
    let session = Session::new(SessionOptions {
        configuration: &configuration,
        registry: world.registry(),
        services: &services,
        conditions: &*conditions,
        construct: ConstructionPolicy::All,
    });
    let how = SettingsReader {
        create_caches: true,
        default_jobs: world.default_jobs(),
        // The log is that of the run around.
        configure_log: &|_, _| Ok(()),
    };
    let settings = BuildoutSettings::read(&session, &how)?;
    install_within(&session, &settings, &[], part.share())
}

/// Passes on what a sub-run tells, but for the extent of the run: that is told
/// of the run around it.
struct SubRunEvents(Arc<dyn EventSink>);

impl EventSink for SubRunEvents {
    fn emit(&self, event: Event) {
        if !matches!(
            event,
            Event::InstallationStarted { .. } | Event::PartsOrdered { .. }
        ) {
            self.0.emit(event);
        }
    }
}
