//! The order of decisions: that of `Installer.install`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use buildout_core::event::Level;
use buildout_core::value::str_repr;
use indexmap::IndexMap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::distribution::Distribution;
use crate::index::{Candidate, Offer};
use crate::log::Logger;
use crate::requirement::Requirement;
use crate::version::Specifiers;

use super::chooser::{Choice, Chooser};
use super::error::{Problem, ResolveError};
use super::member::{Member, Origin};
use super::namespaces::needs_pkg_resources;
use super::speculation::Speculation;
use super::supply::Order;
use super::{Resolver, WorkingSet};

/// How many distributions are made at once.
const PARALLEL_INSTALLATIONS: usize = 8;

/// How many passes settle which distributions there are. One decides, one finds
/// what is there; what distributions say of themselves when they are installed
/// can take a few more.
const PASS_LIMIT: usize = 20;

/// One resolution: passes of the algorithm until one of them installs nothing.
///
/// A pass takes wheels that are not installed for what their metadata say; they
/// are installed at its end, side by side. The last pass sees only what is
/// there, so that its order is that of any later run.
pub(super) struct Greedy<'a> {
    resolver: &'a Resolver<'a>,
    chooser: Arc<Chooser>,
    requested: &'a [String],
    speculation: Option<Speculation>,
    /// Offers whose notes have been logged.
    told: FxHashSet<String>,
    /// Files that were installed, by location.
    installed: FxHashMap<String, Arc<Distribution>>,
}

/// What one pass has decided.
#[derive(Default)]
struct Pass {
    /// By canonical name, in the order of the working set.
    members: IndexMap<String, Member>,
    /// Wheels to install, in the order of decisions.
    pending: Vec<(Requirement, Arc<Candidate>)>,
    /// Whether something was installed.
    has_installed: bool,
    /// `Installer._requirements_and_constraints`.
    history: Vec<String>,
}

impl<'a> Greedy<'a> {
    pub(super) fn new(resolver: &'a Resolver<'a>, requested: &'a [String]) -> Self {
        let chooser = Chooser {
            settings: Arc::clone(&resolver.settings),
            index: Arc::clone(&resolver.index),
            inventory: Arc::clone(&resolver.inventory),
        };
        Greedy {
            resolver,
            chooser: Arc::new(chooser),
            requested,
            speculation: None,
            told: FxHashSet::default(),
            installed: FxHashMap::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<WorkingSet, ResolveError> {
        let mut requirements = Vec::new();
        for text in self.requested {
            let requirement = Requirement::parse(text).map_err(Problem::from)?;
            if self.applies(&requirement)? {
                requirements.push(requirement);
            }
        }
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

    fn log(&self, level: Level, message: String) {
        self.resolver.log.log(Logger::EasyInstall, level, message);
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
            let member = self.get(requirement, requested, pass)?;
            self.add_pkg_resources(&member, requested, pass)?;
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
                    return Err(self.conflict(member, &requirement, pass)?.into());
                }
                (Some(member), _) | (None, Some(member)) => member.clone(),
                (None, None) => {
                    self.note_requirers(&requirement, pass)?;
                    let member = self.get(&requirement, requested, pass)?;
                    self.add_pkg_resources(&member, requested, pass)?;
                    member
                }
            };
            let missing = member.missing_extras(&requirement);
            for extra in &missing {
                let message = format!("{member} does not provide the extra '{extra}'");
                self.log(Level::Warning, message);
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

    fn constrain(&self, requirement: &Requirement, pass: &Pass) -> Result<Requirement, Problem> {
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
        pass: &Pass,
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
        pass: &'p Pass,
    ) -> Result<Vec<&'p Member>, Problem> {
        let identity = requirement.identity();
        let mut requirers = Vec::new();
        for member in pass.members.values() {
            let required = self.requires(member, &[])?;
            if required.iter().any(|other| other.identity() == identity) {
                requirers.push(member);
            }
        }
        requirers.sort_by(|left, right| left.compare(right));
        Ok(requirers)
    }

    fn note_requirers(&self, requirement: &Requirement, pass: &Pass) -> Result<(), Problem> {
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

    /// Gets a distribution for a requirement and puts it into the working set.
    /// Keeps `Installer._get_dist`.
    fn get(
        &mut self,
        requirement: &Requirement,
        requested: &[Requirement],
        pass: &mut Pass,
    ) -> Result<Member, ResolveError> {
        self.choose_member(requirement, requested, pass)
            .map_err(|problem| problem.getting(requirement))
    }

    fn choose_member(
        &mut self,
        requirement: &Requirement,
        requested: &[Requirement],
        pass: &mut Pass,
    ) -> Result<Member, Problem> {
        let chooser = Arc::clone(&self.chooser);
        let choice = chooser.choose(requirement, || self.work_ahead(requested))?;
        let member = match choice {
            Choice::Have(member) => member,
            Choice::Nothing(offer) => {
                let offer = offer.as_deref();
                self.tell(requirement, offer);
                return Err(self.nothing(requirement, offer));
            }
            Choice::Get(candidate) => {
                if let Some(problem) = &candidate.unverifiable {
                    return Err(Problem::Unverifiable {
                        file: candidate.location.to_string(),
                        source: problem.clone(),
                    });
                }
                self.tell_of_withdrawal(&candidate);
                if candidate.is_wheel() {
                    self.coming(requirement, candidate, pass)?
                } else {
                    // What it requires is known only when it is built. What was
                    // decided before comes before it.
                    self.install_pending(pass).map_err(|error| error.problem)?;
                    self.log_getting(requirement);
                    self.check_picked_file(requirement, &candidate)?;
                    let distribution = self.install(requirement, &candidate)?;
                    pass.has_installed = true;
                    self.got(requirement, &candidate, distribution)?
                }
            }
        };
        self.check_picked(requirement, &member)?;
        let canonical = member.project.canonical().to_owned();
        pass.members
            .entry(canonical)
            .or_insert_with(|| member.clone());
        Ok(member)
    }

    fn work_ahead(&mut self, requested: &[Requirement]) {
        let resolver = self.resolver;
        self.speculation.get_or_insert_with(|| {
            Speculation::start(
                &self.chooser,
                &resolver.environment,
                requested,
                resolver.threads,
            )
        });
    }

    fn coming(
        &self,
        requirement: &Requirement,
        candidate: Arc<Candidate>,
        pass: &mut Pass,
    ) -> Result<Member, Problem> {
        let metadata =
            self.resolver
                .index
                .metadata(&candidate)
                .map_err(|source| Problem::Metadata {
                    file: candidate.location.to_string(),
                    source,
                })?;
        let member = Member::coming(Arc::clone(&candidate), metadata);
        if !member.satisfies(requirement) {
            return Err(Problem::OtherDistribution {
                expected: candidate.file_name.clone(),
                actual: member.to_string(),
                requirement: requirement.to_string(),
            });
        }
        pass.pending.push((requirement.clone(), candidate));
        Ok(member)
    }

    /// Installs the wheels that were decided for, and tells of each in the
    /// order of the decisions.
    fn install_pending(&mut self, pass: &mut Pass) -> Result<(), ResolveError> {
        let pending = std::mem::take(&mut pass.pending);
        if pending.is_empty() {
            return Ok(());
        }
        pass.has_installed = true;
        let results = self.install_all(&pending);
        for ((requirement, candidate), result) in pending.iter().zip(results) {
            self.log_getting(requirement);
            let getting = |problem: Problem| problem.getting(requirement);
            let distribution = result.map_err(Problem::Supply).map_err(getting)?;
            let member = self
                .got(requirement, candidate, distribution)
                .map_err(getting)?;
            pass.members
                .insert(member.project.canonical().to_owned(), member);
        }
        Ok(())
    }

    fn install_all(
        &self,
        pending: &[(Requirement, Arc<Candidate>)],
    ) -> Vec<Result<Arc<Distribution>, super::SupplyError>> {
        let next = std::sync::atomic::AtomicUsize::new(0);
        let work = || {
            let mut results = Vec::new();
            loop {
                let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some((requirement, candidate)) = pending.get(at) else {
                    return results;
                };
                results.push((at, self.order(requirement, candidate)));
            }
        };
        let mut results = thread::scope(|scope| {
            let threads: Vec<_> = (1..PARALLEL_INSTALLATIONS.min(pending.len()))
                .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
                .collect();
            let mut results = work();
            for thread in threads {
                match thread.join() {
                    Ok(more) => results.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        });
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }

    fn order(
        &self,
        requirement: &Requirement,
        candidate: &Candidate,
    ) -> Result<Arc<Distribution>, super::SupplyError> {
        let archive = || self.resolver.index.archive(candidate);
        self.resolver.supply.install(&Order {
            requirement,
            candidate,
            archive: &archive,
        })
    }

    fn install(
        &self,
        requirement: &Requirement,
        candidate: &Candidate,
    ) -> Result<Arc<Distribution>, Problem> {
        self.order(requirement, candidate).map_err(Problem::Supply)
    }

    /// Takes note of an installed file, which must be what was wanted.
    fn got(
        &mut self,
        requirement: &Requirement,
        candidate: &Candidate,
        distribution: Arc<Distribution>,
    ) -> Result<Member, Problem> {
        let actual = format!("{} {}", distribution.name(), distribution.version());
        self.installed
            .insert(candidate.location_key(), Arc::clone(&distribution));
        let member = Member::there(distribution).filter(|member| member.satisfies(requirement));
        let Some(member) = member else {
            return Err(Problem::OtherDistribution {
                expected: candidate.file_name.clone(),
                actual,
                requirement: requirement.to_string(),
            });
        };
        self.log(Level::Info, format!("Got {member}."));
        Ok(member)
    }

    fn log_getting(&self, requirement: &Requirement) {
        let requirement = str_repr(&requirement.to_string());
        self.log(
            Level::Info,
            format!("Getting distribution for {requirement}."),
        );
    }

    /// Logs what was found out about a project, once.
    fn tell(&mut self, requirement: &Requirement, offer: Option<&Offer>) {
        let Some(offer) = offer else {
            return;
        };
        if self.told.insert(requirement.name.canonical().to_owned()) {
            for note in &offer.notes {
                self.resolver
                    .log
                    .log(note.logger, note.level, note.message.clone());
            }
        }
    }

    fn tell_of_withdrawal(&self, candidate: &Candidate) {
        let Some(reason) = &candidate.yanked else {
            return;
        };
        let because = match reason.trim() {
            "" => String::new(),
            reason => format!(": {reason}"),
        };
        self.log(
            Level::Warning,
            format!("{} was withdrawn{because}", candidate.file_name),
        );
    }

    fn nothing(&self, requirement: &Requirement, offer: Option<&Offer>) -> Problem {
        if self.resolver.settings.offline {
            return Problem::Offline {
                requirement: requirement.to_string(),
            };
        }
        self.log_getting(requirement);
        Problem::Missing {
            requirement: requirement.to_string(),
            unreachable: offer
                .map(|offer| offer.unreachable.clone())
                .unwrap_or_default(),
            refused: offer
                .map(|offer| self.chooser.refusals(requirement, offer))
                .unwrap_or_default(),
        }
    }

    /// Keeps `Installer._check_picked_requirement_versions`.
    fn check_picked(&self, requirement: &Requirement, member: &Member) -> Result<(), Problem> {
        if member.is_develop() {
            return Ok(());
        }
        self.check_version(requirement, member.shown_name(), member.version.to_string())
    }

    /// Does so before something is built in vain.
    fn check_picked_file(
        &self,
        requirement: &Requirement,
        candidate: &Candidate,
    ) -> Result<(), Problem> {
        let (name, version) = (&candidate.project, &candidate.version);
        match self.resolver.settings.allow_picked_versions {
            true => Ok(()),
            false => self.check_version(requirement, name.to_string(), version.to_string()),
        }
    }

    fn check_version(
        &self,
        requirement: &Requirement,
        name: String,
        version: String,
    ) -> Result<(), Problem> {
        if !self.resolver.checks_picked || requirement.specifiers.single_version().is_some() {
            return Ok(());
        }
        if self.resolver.settings.allow_picked_versions {
            self.resolver.picked.add(name, version);
            return Ok(());
        }
        Err(Problem::Picked { name, version })
    }

    /// Adds setuptools for a distribution that shares a package with others in
    /// the old way. Keeps `Installer._maybe_add_setuptools`.
    fn add_pkg_resources(
        &mut self,
        member: &Member,
        requested: &[Requirement],
        pass: &mut Pass,
    ) -> Result<(), ResolveError> {
        let Origin::There(distribution) = &member.origin else {
            return Ok(());
        };
        if !needs_pkg_resources(distribution) || pass.members.contains_key("setuptools") {
            return Ok(());
        }
        if member.is_develop() {
            self.log(
                Level::Warning,
                format!(
                    "Develop distribution: {member}\nuses namespace packages but the distribution \
                     does not require setuptools."
                ),
            );
        }
        let requirement = self.constrain(&Requirement::any("setuptools"), pass)?;
        if requirement.specifiers.is_any()
            && let Some(before) = Specifiers::parse("<82")
        {
            // The last ones that have `pkg_resources`.
            let preferred = requirement.with(before);
            if self.choose_member(&preferred, requested, pass).is_ok() {
                return Ok(());
            }
        }
        self.get(&requirement, requested, pass)?;
        Ok(())
    }
}
