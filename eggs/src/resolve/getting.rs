//! Getting a distribution for one requirement, in the middle of a pass.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use buildout_core::event::Level;
use buildout_core::value::str_repr;

use crate::distribution::Distribution;
use crate::index::{Candidate, Offer};
use crate::requirement::Requirement;
use crate::version::{Specifiers, Version, patch_marker};

use super::chooser::Choice;
use super::error::{Problem, ResolveError};
use super::greedy::{Greedy, Pass, Purpose};
use super::member::{Member, Origin};
use super::namespaces::needs_pkg_resources;
use super::speculation::Speculation;
use super::supply::{Order, SupplyError};

/// How many distributions are made at once.
const PARALLEL_INSTALLATIONS: usize = 8;

impl Greedy<'_> {
    /// Gets a distribution for a requirement and puts it into the working set.
    /// Keeps `Installer._get_dist`.
    pub(super) fn get(
        &mut self,
        requirement: &Requirement,
        requested: &[Requirement],
        pass: &mut Pass,
    ) -> Result<Member, ResolveError> {
        self.choose_member(requirement, requested, pass)
            .map_err(|mut error| {
                error.getting.get_or_insert_with(|| requirement.to_string());
                error
            })
    }

    fn choose_member(
        &mut self,
        requirement: &Requirement,
        requested: &[Requirement],
        pass: &mut Pass,
    ) -> Result<Member, ResolveError> {
        let chooser = Arc::clone(&self.chooser);
        let mut asks = false;
        let choice = chooser.choose(requirement, || {
            asks = true;
            self.work_ahead(requested);
        })?;
        if asks {
            self.tell(requirement);
        }
        let member = match choice {
            Choice::Have(member) => member,
            Choice::Nothing(offer) => {
                return Err(self.nothing(requirement, offer.as_deref()).into());
            }
            Choice::Get(candidate) => {
                if let Some(problem) = &candidate.unverifiable {
                    return Err(Problem::Unverifiable {
                        file: candidate.location.to_string(),
                        source: problem.clone(),
                    }
                    .into());
                }
                if self.resolver.settings.require_hashes
                    && self.resolver.index.is_undescribed(&candidate)
                {
                    return Err(Problem::Unhashed {
                        file: candidate.location.to_string(),
                        requirement: requirement.to_string(),
                    }
                    .into());
                }
                self.tell_of_withdrawal(&candidate);
                if candidate.is_wheel() {
                    self.coming(requirement, candidate, pass)?
                } else if self.purpose == Purpose::Decide {
                    self.unbuilt(requirement, candidate)?
                } else {
                    // What it requires is known only when it is built. What was
                    // decided before comes before it.
                    self.install_pending(pass)?;
                    self.log_getting(requirement);
                    self.check_picked_file(requirement, &candidate)?;
                    let distribution = self.install(requirement, &candidate)?;
                    pass.has_installed = true;
                    self.got(requirement, &candidate, distribution)?
                }
            }
        };
        self.add_dependency_links(&member);
        self.check_picked(requirement, &member)?;
        let canonical = member.project.canonical().to_owned();
        pass.members
            .entry(canonical)
            .or_insert_with(|| member.clone());
        Ok(member)
    }

    /// Keeps `Installer._add_dependency_links_from_dists`.
    fn add_dependency_links(&self, member: &Member) {
        let settings = &self.resolver.settings;
        let (Origin::There(distribution), true, false) = (
            &member.origin,
            settings.use_dependency_links,
            settings.install_from_cache,
        ) else {
            return;
        };
        let Some(directory) = &distribution.metadata().directory else {
            return;
        };
        // Hardly any distribution has the file.
        if let Ok(links) = fs::read_to_string(directory.join("dependency_links.txt")) {
            let links = links.lines().map(str::trim).filter(|link| !link.is_empty());
            self.resolver.index.add_find_links(links.map(str::to_owned));
        }
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
        let metadata = self
            .chooser
            .metadata(requirement, &candidate, &|| true)
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
        let is_pending = pass
            .pending
            .iter()
            .any(|(_, pending)| Arc::ptr_eq(pending, &candidate));
        if !is_pending {
            pass.pending.push((requirement.clone(), candidate));
        }
        Ok(member)
    }

    /// Takes a source archive for what it says without being built.
    fn unbuilt(
        &mut self,
        requirement: &Requirement,
        candidate: Arc<Candidate>,
    ) -> Result<Member, Problem> {
        let key = candidate.location_key();
        let known = self.sources.get(&key).cloned();
        let source = match known {
            Some(known) => known,
            None => {
                let found = self.resolver.index.source_metadata(&candidate);
                found.map_err(|source| Problem::Source {
                    file: candidate.location.to_string(),
                    source: Box::new(source),
                })?
            }
        };
        let metadata = Arc::clone(&source.metadata);
        self.sources.insert(key, source);
        let mut member = Member::coming(candidate, metadata);
        // What is patched gets the version that is pinned.
        let pinned = requirement.specifiers.single_version();
        if let Some(version) = pinned
            .filter(|pinned| patch_marker(pinned).is_some())
            .and_then(Version::parse)
        {
            member.version = version;
        }
        Ok(member)
    }

    /// Installs the wheels that were decided for, and tells of each in the
    /// order of the decisions.
    pub(super) fn install_pending(&mut self, pass: &mut Pass) -> Result<(), ResolveError> {
        let pending = std::mem::take(&mut pass.pending);
        if pending.is_empty() {
            return Ok(());
        }
        pass.has_installed = true;
        let results = self.install_all(&pending);
        for ((requirement, candidate), result) in pending.iter().zip(results) {
            self.log_getting(requirement);
            let getting = |problem: Problem| problem.getting(requirement);
            let distribution = result
                .map_err(|error| self.supply_problem(error))
                .map_err(getting)?;
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
    ) -> Vec<Result<Arc<Distribution>, SupplyError>> {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut results = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
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
    ) -> Result<Arc<Distribution>, SupplyError> {
        self.resolver.index.await_ahead(candidate);
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
        self.order(requirement, candidate)
            .map_err(|error| self.supply_problem(error))
    }

    /// What fails when the run is cancelled, fails for that reason.
    fn supply_problem(&self, error: SupplyError) -> Problem {
        match self.resolver.log.is_cancelled() {
            true => Problem::Cancelled,
            false => Problem::Supply(error),
        }
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

    /// Logs what was found out about a project: each record once, since what
    /// is wrong with an entry of `find-links` concerns all projects.
    fn tell(&mut self, requirement: &Requirement) {
        if requirement.url.is_some() {
            let message = format!("The URL of {requirement} is not used: the index decides");
            self.log_once(Level::Warning, message);
        }
        let Some(offer) = self.resolver.index.known_offer(&requirement.name) else {
            return;
        };
        for note in &offer.notes {
            if self.told.insert(note.message.clone()) {
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
        let index = &self.resolver.index;
        if index.is_locked() && self.resolver.settings.installs {
            return Problem::NotLocked {
                requirement: requirement.to_string(),
                locked: index.locked_files(&requirement.name),
            };
        }
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
    pub(super) fn add_pkg_resources(
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
            self.log_once(
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
