//! Which distributions parts are going to take, before any is installed.
//!
//! A plan decides as an installation does, with the same code, but with
//! nothing there except develop eggs; so it is the same whatever is installed,
//! and a lock can be made of it. What parts are going to build is taken for
//! what its source says about itself.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use buildout_core::fetch::DownloadRequest;
use buildout_core::lock::{DistributionLock, DistributionPurpose};
use buildout_core::recipe::{
    DistributionBasis, PartRun, PlannedDistribution, PlannedDistributions, RecipeError,
};
use buildout_eggs::distribution::{Distribution, DistributionKind};
use buildout_eggs::index::{Candidate, CandidateLocation, SourceMetadata};
use buildout_eggs::log::{Log, NoLog};
use buildout_eggs::name::ProjectName;
use buildout_eggs::resolve::{
    DEFAULT_THREADS, Decision, Decisions, Inventory, Order, PickedVersions, ResolveError, Resolver,
    Supply, SupplyError,
};
use buildout_eggs::settings::EggSettings;
use buildout_eggs::supply::{EggDirectories, EggInventory};

use super::log::EventLog;
use super::run::{EggRun, resolve_error};

/// Distributions that parts are going to make, as later parts will see them.
#[derive(Debug, Default)]
pub(super) struct ComingDistributions(Mutex<Vec<Arc<Distribution>>>);

impl ComingDistributions {
    /// Adds one.
    pub(super) fn add(&self, distribution: Distribution) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::new(distribution));
    }

    fn all(&self) -> Vec<Arc<Distribution>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.clone()
    }
}

/// What is there for a plan: links to checkouts, and what is coming.
#[derive(Debug)]
struct PlanInventory {
    directories: Arc<EggDirectories>,
    develop_eggs: PathBuf,
    coming: Vec<Arc<Distribution>>,
}

impl Inventory for PlanInventory {
    fn installed(&self, project: &ProjectName) -> Result<Vec<Arc<Distribution>>, SupplyError> {
        let mut found = self.directories.of_project(&self.develop_eggs, project)?;
        found.retain(|found| found.kind() == DistributionKind::Develop);
        let coming = self.coming.iter();
        found.extend(
            coming
                .filter(|coming| ProjectName::new(coming.name()) == *project)
                .cloned(),
        );
        Ok(found)
    }
}

/// There is nothing.
pub(super) struct EmptyInventory;

impl Inventory for EmptyInventory {
    fn installed(&self, _project: &ProjectName) -> Result<Vec<Arc<Distribution>>, SupplyError> {
        Ok(Vec::new())
    }
}

/// Makes nothing, since plans only list.
pub(super) struct NoSupply;

impl Supply for NoSupply {
    fn install(&self, order: &Order<'_>) -> Result<Arc<Distribution>, SupplyError> {
        Err(format!("{} is only planned", order.candidate.file_name).into())
    }
}

impl EggRun {
    /// Returns what an installation of requirements is going to take;
    /// `search_path` is where it looks for what is there.
    pub(super) fn plan(
        &self,
        run: &PartRun<'_>,
        settings: &EggSettings,
        search_path: &[PathBuf],
        requirements: &[String],
        basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        let plan = |resolver: &Resolver<'_>| resolver.decide(requirements);
        let coming = self.coming.all();
        let decisions = self.with_planner(run, settings, search_path, (basis, coming), plan)?;
        self.planned(run, decisions, DistributionPurpose::Installation, basis)
    }

    /// The same, where nothing is there but what is coming to nobody else.
    pub(super) fn plan_with(
        &self,
        run: &PartRun<'_>,
        settings: &EggSettings,
        search_path: &[PathBuf],
        requirements: &[String],
        own: Vec<Distribution>,
    ) -> Result<PlannedDistributions, RecipeError> {
        let plan = |resolver: &Resolver<'_>| resolver.decide(requirements);
        let basis = DistributionBasis::Nothing;
        let mut coming = self.coming.all();
        coming.extend(own.into_iter().map(Arc::new));
        let decisions = self.with_planner(run, settings, search_path, (basis, coming), plan)?;
        self.planned(run, decisions, DistributionPurpose::Installation, basis)
    }

    /// Returns what the build of one requirement from its source is going to
    /// take. Later plans see what comes of it.
    pub(super) fn plan_build(
        &self,
        run: &PartRun<'_>,
        settings: &EggSettings,
        requirement: &str,
        basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        let search_path = [
            self.develop_eggs_directory.clone(),
            self.eggs_directory.clone(),
        ];
        let plan = |resolver: &Resolver<'_>| resolver.decide_build(requirement);
        // What an earlier plan said of it does not take its place.
        let basis_alone = (basis, Vec::new());
        let decisions = self.with_planner(run, settings, &search_path, basis_alone, plan)?;
        for decision in &decisions.taken {
            if let Decision::Source(candidate, source) = decision {
                let metadata = source.metadata.as_ref().clone();
                let place = self.develop_eggs_directory.join(&candidate.file_name);
                let coming = Distribution::new(DistributionKind::Egg, place, metadata);
                self.coming.add(coming);
            }
        }
        self.planned(run, decisions, DistributionPurpose::Installation, basis)
    }

    fn with_planner(
        &self,
        run: &PartRun<'_>,
        settings: &EggSettings,
        search_path: &[PathBuf],
        (basis, coming): (DistributionBasis, Vec<Arc<Distribution>>),
        work: impl FnOnce(&Resolver<'_>) -> Result<Decisions, ResolveError>,
    ) -> Result<Decisions, RecipeError> {
        for directory in search_path {
            let listed = self.directories.refresh(directory);
            listed.map_err(|error| RecipeError::internal("OSError", error))?;
        }
        let directories = Arc::clone(&self.directories);
        let inventory: Arc<dyn Inventory> = match basis {
            DistributionBasis::Nothing => Arc::new(PlanInventory {
                directories,
                develop_eggs: self.develop_eggs_directory.clone(),
                coming,
            }),
            DistributionBasis::Installed => Arc::new(EggInventory {
                directories,
                search_path: search_path.to_vec(),
                preferred: None,
            }),
        };
        let mut settings = settings.clone();
        settings.newest |= basis == DistributionBasis::Nothing;
        // What is only compared is told of when it is installed.
        let is_silent = basis == DistributionBasis::Installed || self.is_locked(run);
        let log: Arc<dyn Log> = match is_silent {
            true => Arc::new(NoLog),
            false => EventLog::of(run),
        };
        let resolver = Resolver {
            index: self.index(run, &settings),
            settings: Arc::new(settings),
            inventory,
            supply: &NoSupply,
            environment: Arc::clone(&self.markers),
            log,
            picked: Arc::new(PickedVersions::new()),
            checks_picked: true,
            threads: DEFAULT_THREADS,
        };
        work(&resolver).map_err(resolve_error)
    }

    /// Tells whether only locked distributions may be taken.
    pub(super) fn is_locked(&self, run: &PartRun<'_>) -> bool {
        let lock = run.services().distribution_lock();
        lock.is_some_and(|(_, meaning)| meaning == DistributionLock::Only)
    }

    fn planned(
        &self,
        run: &PartRun<'_>,
        decisions: Decisions,
        purpose: DistributionPurpose,
        basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        let index = self.index(run, &self.settings);
        let mut planned = PlannedDistributions::default();
        for requirement in decisions.missing {
            let locked = index.locked_files(&requirement.name);
            planned.missing.push((requirement.to_string(), locked));
        }
        for decision in decisions.taken {
            match decision {
                Decision::There(_) => {}
                Decision::File(candidate) => planned.files.extend(file(&candidate, None, purpose)),
                Decision::Source(candidate, source) => {
                    planned
                        .files
                        .extend(file(&candidate, Some(&source), purpose));
                    planned.builds = true;
                    if !source.is_complete {
                        planned.unknown.push(format!(
                            "Only the build of {} {} shows what it requires.",
                            candidate.project, candidate.version
                        ));
                    }
                    let needs = self.plan_tools(run, &source.build_requires, basis)?;
                    planned.extend(needs);
                }
            }
        }
        Ok(planned)
    }

    /// Returns what a build takes that asks for `requirements`. With a lock,
    /// what builds take shows when they take it.
    pub(super) fn plan_tools(
        &self,
        run: &PartRun<'_>,
        requirements: &[String],
        basis: DistributionBasis,
    ) -> Result<PlannedDistributions, RecipeError> {
        let mut planned = PlannedDistributions {
            builds: true,
            ..PlannedDistributions::default()
        };
        if self.is_locked(run) {
            return Ok(planned);
        }
        let mut left = vec![requirements.to_vec()];
        let mut known = Vec::new();
        while let Some(requirements) = left.pop() {
            if known.contains(&requirements) {
                continue;
            }
            let decisions = self.tools.decide(self, run, &requirements, basis);
            known.push(requirements);
            let decisions = decisions.map_err(resolve_error)?;
            for requirement in decisions.missing {
                planned.missing.push((requirement.to_string(), Vec::new()));
            }
            for decision in decisions.taken {
                let (candidate, source) = match decision {
                    Decision::There(_) => continue,
                    Decision::File(candidate) => (candidate, None),
                    Decision::Source(candidate, source) => (candidate, Some(source)),
                };
                let purpose = DistributionPurpose::Build;
                planned
                    .files
                    .extend(file(&candidate, source.as_ref(), purpose));
                left.extend(source.map(|source| source.build_requires));
            }
        }
        Ok(planned)
    }
}

/// Describes a file; nothing if it is on this machine.
fn file(
    candidate: &Candidate,
    source: Option<&SourceMetadata>,
    purpose: DistributionPurpose,
) -> Option<PlannedDistribution> {
    let CandidateLocation::Url(url) = &candidate.location else {
        return None;
    };
    let metadata = source.map(|source| &source.metadata);
    let requires = metadata.map(|metadata| metadata.requires.iter());
    let requires = requires.into_iter().flatten();
    Some(PlannedDistribution {
        name: candidate.project.to_string(),
        version: candidate.version.to_string(),
        file: candidate.file_name.clone(),
        request: DownloadRequest::new(url.clone()).expecting(candidate.digests.clone()),
        size: candidate.size,
        purpose,
        requires: requires
            .map(|declared| declared.requirement.clone())
            .collect(),
        extras: metadata.map_or_else(Vec::new, |metadata| metadata.extras.clone()),
    })
}
