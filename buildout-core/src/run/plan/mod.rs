//! What a run would do, and why.
//!
//! A [`Plan`] is a value made without changing anything. The run decides with
//! the same function from the same values ([`decide`]), so that what the plan
//! says and what the run does cannot drift apart.

mod cause;
mod decide;
mod reason;
mod survey;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::failure::{Failure, Problem};
use super::history::History;
use super::record::Record;
use super::selection::select;
use super::session::Session;
use super::settings::BuildoutSettings;
use crate::recipe::UpdateKind;
use crate::resolve::Doing;
use crate::state::installed::InstalledPart;

pub use reason::Reason;
pub(crate) use survey::Survey;

/// The version of the plan's machine format.
pub const PLAN_VERSION: u32 = 1;

/// What would be done with a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlannedAction {
    /// Nothing.
    Keep,
    /// It is brought up to date, as in every run.
    Update,
    /// It is installed.
    Install,
    /// It is uninstalled and installed anew.
    Reinstall,
    /// It is uninstalled.
    Uninstall,
    /// Nobody knows without constructing a recipe that acts on the world.
    Unknown,
}

impl PlannedAction {
    /// Returns the name, as machine formats have it.
    pub fn name(self) -> &'static str {
        match self {
            PlannedAction::Keep => "keep",
            PlannedAction::Update => "update",
            PlannedAction::Install => "install",
            PlannedAction::Reinstall => "reinstall",
            PlannedAction::Uninstall => "uninstall",
            PlannedAction::Unknown => "unknown",
        }
    }

    /// Returns the action of a name.
    pub fn named(name: &str) -> Option<Self> {
        [
            PlannedAction::Keep,
            PlannedAction::Update,
            PlannedAction::Install,
            PlannedAction::Reinstall,
            PlannedAction::Uninstall,
            PlannedAction::Unknown,
        ]
        .into_iter()
        .find(|action| action.name() == name)
    }

    /// Tells whether anything is done that is not done in every run.
    pub fn is_change(self) -> bool {
        !matches!(self, PlannedAction::Keep | PlannedAction::Update)
    }
}

/// What would be done with one part, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPart {
    /// The part.
    pub part: Arc<str>,
    /// What would be done.
    pub action: PlannedAction,
    /// Why, the most telling reason first; empty if nothing is done.
    pub reasons: Vec<Reason>,
    /// For [`PlannedAction::Unknown`], the recipe that stands in the way.
    pub recipe: Option<String>,
}

/// What a run would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The wanted parts in the order of their installation, after those that
    /// are not wanted any more in the order of their removal.
    pub parts: Vec<PlannedPart>,
}

impl Plan {
    /// Finds out what [`install`](super::install) would do with the same
    /// arguments. The session constructs recipes as its policy says; with
    /// [`PureOnly`](super::ConstructionPolicy::PureOnly), nothing is changed.
    ///
    /// # Errors
    ///
    /// What also fails a run before it does anything.
    pub fn new(
        session: &Session<'_>,
        settings: &BuildoutSettings,
        requested: &[String],
    ) -> Result<Self, Failure> {
        Self::make(session, settings, requested)
            .map_err(|failure| failure.during(vec![Doing::Installing]))
    }

    fn make(
        session: &Session<'_>,
        settings: &BuildoutSettings,
        requested: &[String],
    ) -> Result<Self, Failure> {
        let mut unknown = Vec::new();
        let parts = select(session, requested, |part, failure| {
            match failure.problem() {
                Problem::NotConstructed { recipe, .. } => {
                    unknown.push(PlannedPart {
                        part: Arc::clone(part),
                        action: PlannedAction::Unknown,
                        reasons: Vec::new(),
                        recipe: Some(recipe.clone()),
                    });
                    Ok(())
                }
                _ => Err(failure),
            }
        })?;
        for part in &parts {
            session.sign(part)?;
        }
        let (record, interrupted) = Record::read(settings)?;
        let history = History::of(&settings.directory);
        let mut plan = Plan::default();
        let unknown_parts: HashSet<&str> = unknown.iter().map(|planned| &*planned.part).collect();
        let wanted: HashSet<&str> = parts.iter().map(|part| &**part).collect();

        // As the run does it: what an uninstallation removes is missing for
        // the parts that were installed before.
        let mut gone = GonePaths::new(&settings.directory);
        let mut survey = Survey::new(session, &record, &parts)?;
        let mut reinstalled: HashMap<Arc<str>, Vec<Reason>> = HashMap::new();
        for (name, recorded) in record.parts().iter().rev() {
            let part: Arc<str> = Arc::from(&**name);
            if wanted.contains(&*part) {
                let exists = |path: &str| gone.exists(path);
                let reasons = survey.reasons(session, &record, &history, &part, exists);
                if !reasons.is_empty() {
                    gone.add(recorded);
                    reinstalled.insert(part, reasons);
                }
            } else if requested.is_empty() && !unknown_parts.contains(&*part) {
                gone.add(recorded);
                plan.parts.push(PlannedPart {
                    part,
                    action: PlannedAction::Uninstall,
                    reasons: vec![Reason::NoLongerWanted],
                    recipe: None,
                });
            }
        }
        for part in parts {
            let (action, reasons) = if let Some(reasons) = reinstalled.remove(&part) {
                (PlannedAction::Reinstall, reasons)
            } else if record.parts().contains_key(&*part) {
                (updating(session, &part), Vec::new())
            } else if interrupted.in_flight.contains_key(&*part) {
                (PlannedAction::Install, vec![Reason::Interrupted])
            } else {
                (PlannedAction::Install, vec![Reason::NeverInstalled])
            };
            plan.parts.push(PlannedPart {
                part,
                action,
                reasons,
                recipe: None,
            });
        }
        plan.parts.extend(unknown);
        Ok(plan)
    }

    /// Tells whether a run would do anything that is not done in every run.
    pub fn has_changes(&self) -> bool {
        self.parts.iter().any(|planned| planned.action.is_change())
    }

    /// Returns what would be done with `part`.
    pub fn part(&self, part: &str) -> Option<&PlannedPart> {
        self.parts.iter().find(|planned| *planned.part == *part)
    }

    /// Returns the plan for machines: an object with `version`, `changes`
    /// (whether there are any) and `parts`, each with `part`, `action`,
    /// `reasons` and, for an unknown action, `recipe`.
    pub fn to_json(&self) -> Value {
        let parts: Vec<Value> = self
            .parts
            .iter()
            .map(|planned| {
                let reasons = planned.reasons.iter().map(Reason::to_json);
                let mut object = json!({
                    "part": &*planned.part,
                    "action": planned.action.name(),
                    "reasons": reasons.collect::<Vec<_>>(),
                });
                if let Some(recipe) = &planned.recipe {
                    object["recipe"] = Value::from(recipe.as_str());
                }
                object
            })
            .collect();
        json!({"version": PLAN_VERSION, "changes": self.has_changes(), "parts": parts})
    }
}

/// Returns what happens to an installed part that can stay.
fn updating(session: &Session<'_>, part: &Arc<str>) -> PlannedAction {
    let state = session.state.borrow();
    let kind = state
        .parts
        .get(part)
        .map(|found| found.factory.descriptor().update);
    match kind {
        Some(UpdateKind::Runs) => PlannedAction::Update,
        Some(UpdateKind::Nothing) | None => PlannedAction::Keep,
    }
}

/// The paths that a run would have removed.
struct GonePaths<'d> {
    directory: &'d Path,
    paths: HashSet<std::path::PathBuf>,
}

impl<'d> GonePaths<'d> {
    fn new(directory: &'d Path) -> Self {
        GonePaths {
            directory,
            paths: HashSet::new(),
        }
    }

    fn add(&mut self, record: &InstalledPart) {
        let paths = record.installed.iter().filter(|path| !path.is_empty());
        self.paths
            .extend(paths.map(|path| self.directory.join(path)));
    }

    fn exists(&self, path: &str) -> bool {
        let path = self.directory.join(path);
        path.exists() && !path.ancestors().any(|part| self.paths.contains(part))
    }
}
