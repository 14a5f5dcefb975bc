//! The order of decisions: that of `Installer.install`.

use std::collections::VecDeque;
use std::sync::Arc;

use buildout_core::event::Level;
use buildout_core::value::str_repr;
use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::distribution::Distribution;
use crate::index::{Candidate, SourceMetadata};
use crate::log::Logger;
use crate::requirement::Requirement;

use super::chooser::Chooser;
use super::error::{Problem, ResolveError};
use super::member::{Member, Origin};
use super::speculation::Speculation;
use super::{Decision, Decisions, Resolver, WorkingSet};

/// How many passes settle which distributions there are. One decides, one finds
/// what is there; what distributions say of themselves when they are installed
/// can take a few more.
const PASS_LIMIT: usize = 20;

/// What comes of the choices.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A working set: what is missing is installed.
    Install,
    /// The list of choices.
    Decide,
}

/// One resolution: passes of the algorithm until one of them installs nothing.
///
/// A pass takes wheels that are not installed for what their metadata say; they
/// are installed at its end, side by side. The last pass sees only what is
/// there, so that its order is that of any later run.
pub(super) struct Greedy<'a> {
    pub(super) resolver: &'a Resolver<'a>,
    pub(super) chooser: Arc<Chooser>,
    pub(super) requested: &'a [String],
    pub(super) purpose: Purpose,
    pub(super) speculation: Option<Speculation>,
    /// What has been logged and is not to be logged again.
    pub(super) told: FxHashSet<String>,
    /// Files that were installed, by location.
    pub(super) installed: FxHashMap<String, Arc<Distribution>>,
    /// What source archives say that were looked into, by location.
    pub(super) sources: FxHashMap<String, SourceMetadata>,
    /// What there is nothing for, where choices are only listed.
    missing: Vec<Requirement>,
}

/// What one pass has decided.
#[derive(Default)]
pub(super) struct Pass {
    /// By canonical name, in the order of the working set.
    pub(super) members: IndexMap<String, Member>,
    /// Wheels to install, in the order of decisions.
    pub(super) pending: Vec<(Requirement, Arc<Candidate>)>,
    /// Whether something was installed.
    pub(super) has_installed: bool,
    /// `Installer._requirements_and_constraints`.
    pub(super) history: Vec<String>,
    /// What members always require, by canonical name.
    pub(super) required: FxHashMap<String, FxHashSet<String>>,
}

impl<'a> Greedy<'a> {
    pub(super) fn new(
        resolver: &'a Resolver<'a>,
        requested: &'a [String],
        purpose: Purpose,
    ) -> Self {
        let chooser = Chooser {
            settings: Arc::clone(&resolver.settings),
            index: Arc::clone(&resolver.index),
            inventory: Arc::clone(&resolver.inventory),
            fetches_ahead: purpose == Purpose::Install && resolver.threads > 0,
        };
        Greedy {
            resolver,
            chooser: Arc::new(chooser),
            requested,
            purpose,
            speculation: None,
            told: FxHashSet::default(),
            installed: FxHashMap::default(),
            sources: FxHashMap::default(),
            missing: Vec::new(),
        }
    }

    fn requirements(&self) -> Result<Vec<Requirement>, ResolveError> {
        let mut requirements = Vec::new();
        for text in self.requested {
            let requirement = Requirement::parse(text).map_err(Problem::from)?;
            if self.applies(&requirement)? {
                requirements.push(requirement);
            }
        }
        Ok(requirements)
    }

    /// Returns what would be taken, and installs nothing.
    pub(super) fn decide(mut self) -> Result<Decisions, ResolveError> {
        let mut pass = Pass::default();
        self.pass(&self.requirements()?, &mut pass)?;
        let decision = |member: Member| match member.origin {
            Origin::There(distribution) => Decision::There(distribution),
            Origin::Coming(candidate, _) => match self.sources.remove(&candidate.location_key()) {
                Some(source) => Decision::Source(candidate, source),
                None => Decision::File(candidate),
            },
        };
        Ok(Decisions {
            taken: pass.members.into_values().map(decision).collect(),
            missing: self.missing,
        })
    }

    /// Notes a requirement that there is nothing for, where choices are only
    /// listed; other failures stay.
    fn pass_over(
        &mut self,
        requirement: &Requirement,
        error: ResolveError,
    ) -> Result<(), ResolveError> {
        let is_missing = matches!(
            error.problem,
            Problem::Offline { .. } | Problem::NotLocked { .. }
        );
        if self.purpose != Purpose::Decide || !is_missing {
            return Err(error);
        }
        self.missing.push(requirement.clone());
        Ok(())
    }

    pub(super) fn run(mut self) -> Result<WorkingSet, ResolveError> {
        let requirements = self.requirements()?;
        for _ in 0..PASS_LIMIT {
            let mut pass = Pass::default();
            self.pass(&requirements, &mut pass)?;
            self.install_pending(&mut pass)?;
            if !pass.has_installed {
                return Ok(WorkingSet::new(pass.members.into_values().filter_map(
                    |member| match member.origin {
                        Origin::There(distribution) => Some(distribution),
                        Origin::Coming(..) => None,
                    },
                )));
            }
        }
        let last = self.installed.values().next();
        Err(Problem::Unsettled {
            last: last.map(|last| last.name().to_owned()).unwrap_or_default(),
        }
        .into())
    }

    fn applies(&self, requirement: &Requirement) -> Result<bool, Problem> {
        requirement
            .applies(&*self.resolver.environment, "")
            .map_err(|source| Problem::Marker {
                requirement: requirement.to_string(),
                source,
            })
    }

    pub(super) fn log(&self, level: Level, message: String) {
        self.resolver.log.log(Logger::EasyInstall, level, message);
    }

    /// Logs what every pass finds again.
    pub(super) fn log_once(&mut self, level: Level, message: String) {
        if self.told.insert(message.clone()) {
            self.log(level, message);
        }
    }

    /// Decides from the requested distributions on, breadth first.
    fn pass(&mut self, requested: &[Requirement], pass: &mut Pass) -> Result<(), ResolveError> {
        let shown: Vec<String> = self.requested.iter().map(|text| str_repr(text)).collect();
        pass.history
            .push(format!("Base installation request: {}", shown.join(", ")));
        let mut constrained = Vec::new();
        for requirement in requested {
            constrained.push(self.constrain(requirement, pass)?);
        }
        for requirement in &constrained {
            match self.get(requirement, requested, pass) {
                Ok(member) => self.add_pkg_resources(&member, requested, pass)?,
                Err(error) => self.pass_over(requirement, error)?,
            }
        }
        let mut queue: VecDeque<Requirement> = constrained.into_iter().rev().collect();
        let mut processed = FxHashSet::default();
        let mut best: FxHashMap<String, Member> = FxHashMap::default();
        while let Some(current) = queue.pop_front() {
            if self.resolver.log.is_cancelled() {
                return Err(Problem::Cancelled.into());
            }
            let requirement = self.constrain(&current, pass)?;
            if !processed.insert(requirement.identity()) {
                continue;
            }
            let canonical = requirement.name.canonical();
            let member = match (best.get(canonical), pass.members.get(canonical)) {
                (Some(member), _) if !member.satisfies(&requirement) => {
                    let information = self.conflict_information(canonical, pass);
                    self.log(Level::Info, information);
                    return Err(self.conflict(member, &requirement, pass)?.into());
                }
                (None, Some(member)) if !member.satisfies(&requirement) => {
                    let member = member.clone();
                    return Err(self.conflict(&member, &requirement, pass)?.into());
                }
                (Some(member), _) | (None, Some(member)) => member.clone(),
                (None, None) => {
                    self.note_requirers(&requirement, pass)?;
                    if self
                        .missing
                        .iter()
                        .any(|known| known.name == requirement.name)
                    {
                        continue;
                    }
                    let member = match self.get(&requirement, requested, pass) {
                        Ok(member) => member,
                        Err(error) => {
                            self.pass_over(&requirement, error)?;
                            continue;
                        }
                    };
                    self.add_pkg_resources(&member, requested, pass)?;
                    member
                }
            };
            let missing = member.missing_extras(&requirement);
            for extra in &missing {
                let message = format!("{member} does not provide the extra '{extra}'");
                self.log_once(Level::Warning, message);
            }
            if !missing.is_empty() && !self.resolver.settings.allow_unknown_extras {
                return Err(Problem::UnknownExtra {
                    distribution: member.to_string(),
                    extras: missing,
                }
                .into());
            }
            let mut dependencies = self.requires(&member, &requirement.extras)?;
            dependencies.reverse();
            for dependency in &dependencies {
                pass.history
                    .push(format!("Requirement of {current}: {dependency}"));
            }
            queue.extend(dependencies);
            best.insert(canonical.to_owned(), member);
        }
        Ok(())
    }

    fn requires(&self, member: &Member, extras: &[String]) -> Result<Vec<Requirement>, Problem> {
        member.requires(
            extras,
            &self.resolver.environment,
            self.resolver.settings.shows_markers,
        )
    }

    pub(super) fn constrain(
        &self,
        requirement: &Requirement,
        pass: &Pass,
    ) -> Result<Requirement, Problem> {
        let constrained = self.chooser.constrain(requirement);
        if let Err(Problem::NotAllowed { project, .. }) = &constrained {
            self.log(Level::Info, self.conflict_information(project, pass));
        }
        constrained
    }

    /// Keeps `Installer._version_conflict_information`, a plain search of texts.
    fn conflict_information(&self, project: &str, pass: &Pass) -> String {
        let mut text = format!("Version and requirements information containing {project}:");
        if let Some(pin) = self.resolver.settings.pins.text(project) {
            text.push_str(&format!("\n  [versions] constraint on {project}: {pin}"));
        }
        let wanted = project.to_lowercase();
        for line in &pass.history {
            if line.to_lowercase().contains(&wanted) {
                text.push_str("\n  ");
                text.push_str(line);
            }
        }
        text
    }

    fn conflict(
        &self,
        existing: &Member,
        requirement: &Requirement,
        pass: &mut Pass,
    ) -> Result<Problem, Problem> {
        Ok(Problem::Conflict {
            existing: existing.to_string(),
            requirement: requirement.to_string(),
            requirers: self
                .requirers(requirement, pass)?
                .into_iter()
                .map(ToString::to_string)
                .collect(),
        })
    }

    /// Returns the members that have exactly this requirement, sorted as
    /// `pkg_resources` sorts.
    fn requirers<'p>(
        &self,
        requirement: &Requirement,
        pass: &'p mut Pass,
    ) -> Result<Vec<&'p Member>, Problem> {
        for (canonical, member) in &pass.members {
            if !pass.required.contains_key(canonical) {
                let required = self.requires(member, &[])?;
                let required = required.iter().map(Requirement::identity).collect();
                pass.required.insert(canonical.clone(), required);
            }
        }
        let identity = requirement.identity();
        let requires = |canonical: &String| {
            let required = pass.required.get(canonical);
            required.is_some_and(|required| required.contains(&identity))
        };
        let mut requirers: Vec<&Member> = pass
            .members
            .iter()
            .filter(|(canonical, _)| requires(canonical))
            .map(|(_, member)| member)
            .collect();
        requirers.sort_by(|left, right| left.compare(right));
        Ok(requirers)
    }

    fn note_requirers(&self, requirement: &Requirement, pass: &mut Pass) -> Result<(), Problem> {
        let settings = &self.resolver.settings;
        if !settings.show_picked_versions && settings.update_versions_file.is_none() {
            return Ok(());
        }
        for member in self.requirers(requirement, pass)? {
            let requirer = format!("{}=={}", member.shown_name(), member.version);
            self.resolver
                .picked
                .add_requirer(requirement.to_string(), requirer);
        }
        Ok(())
    }
}
