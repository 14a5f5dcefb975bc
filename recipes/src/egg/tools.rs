//! What builds need: pip, setuptools and wheel, and what projects ask for.
//!
//! It is kept for all buildouts of a user, outside of them: SlapOS's own Python
//! has no pip, and what builds must not show in what is built.

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use buildout_core::dialect::{DevelopStyle, EggLayout};
use buildout_core::recipe::{DistributionBasis, PartRun};
use buildout_eggs::log::NoLog;
use buildout_eggs::name::canonical_name;
use buildout_eggs::resolve::{
    DEFAULT_THREADS, Decisions, Inventory, Order, PickedVersions, ResolveError, Resolver,
    WorkingSet,
};
use buildout_eggs::settings::{EggSettings, WheelPolicy};
use buildout_eggs::source::BuildSettings;
use buildout_eggs::supply::{EggInventory, EggSupply};
use buildout_eggs::version::Pins;
use buildout_eggs::wheel::LinkMode;

use super::plan::{EmptyInventory, NoSupply};
use super::run::EggRun;

/// The versions where no profile pins others. They run on Python 3.9 to 3.13
/// and still have `pkg_resources`, which many a `setup.py` imports.
pub(super) const PIP: (&str, &str) = ("pip", "25.3");
pub(super) const WHEEL: (&str, &str) = ("wheel", "0.45.1");
pub(super) const SETUPTOOLS: (&str, &str) = ("setuptools", "80.9.0");
/// The last release series that knows `setup.py develop`.
const SETUPTOOLS_WITH_DEVELOP: (&str, &str) = ("setuptools", "79.0.1");

/// How deep the builds of what builds need may nest.
const NESTING_LIMIT: usize = 8;

type BoxedError = Box<dyn Error + Send + Sync>;

/// Keeps what builds need.
pub(super) struct Tools {
    directory: PathBuf,
    defaults: [(&'static str, &'static str); 3],
    known: Mutex<HashMap<Vec<String>, Vec<PathBuf>>>,
}

/// A build that needs a build that needs a build, and so on.
#[derive(Debug, thiserror::Error)]
#[error("what builds need has to be built itself, more than {NESTING_LIMIT} levels deep")]
struct TooDeep;

impl Tools {
    pub(super) fn new(directory: PathBuf, style: DevelopStyle) -> Self {
        let setuptools = match style {
            DevelopStyle::SetupScript => SETUPTOOLS_WITH_DEVELOP,
            DevelopStyle::Editable => SETUPTOOLS,
        };
        Tools {
            directory,
            defaults: [PIP, setuptools, WHEEL],
            known: Mutex::default(),
        }
    }

    /// Returns which pip, setuptools and wheel are meant, given the pins of the
    /// profile.
    pub(super) fn versions(&self, pins: &[(String, String)]) -> Vec<(String, String)> {
        let version = |(name, version): &(&str, &str)| {
            let pinned = pins
                .iter()
                .find(|(pinned, _)| canonical_name(pinned) == *name);
            let version = pinned.map_or(*version, |(_, pin)| pin);
            ((*name).to_owned(), version.to_owned())
        };
        self.defaults.iter().map(version).collect()
    }

    /// Returns what goes on the path of a build that needs `requirements`, pip,
    /// setuptools and wheel included. `depth` counts the builds around.
    ///
    /// The pins of the profile hold as far as the requirements allow: projects
    /// may ask for other versions to be built with than they are used with.
    pub(super) fn provide(
        &self,
        shared: &EggRun,
        run: &PartRun<'_>,
        requirements: &[String],
        depth: usize,
    ) -> Result<Vec<PathBuf>, BoxedError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = known.get(requirements) {
            return Ok(path.clone());
        }
        drop(known);
        if depth >= NESTING_LIMIT {
            return Err(TooDeep.into());
        }
        let path: Vec<PathBuf> = self
            .find(shared, run, requirements, depth)?
            .iter()
            .map(|distribution| distribution.location().to_owned())
            .collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(requirements.to_vec(), path.clone());
        Ok(path)
    }

    fn find(
        &self,
        shared: &EggRun,
        run: &PartRun<'_>,
        requirements: &[String],
        depth: usize,
    ) -> Result<WorkingSet, BoxedError> {
        let all = self.with_defaults(requirements);
        let resolve = |settings| self.resolve(shared, run, settings, &all, depth);
        Ok(self.try_all(shared, resolve)?)
    }

    /// Returns what would be taken for a build that needs `requirements`.
    pub(super) fn decide(
        &self,
        shared: &EggRun,
        run: &PartRun<'_>,
        requirements: &[String],
        basis: DistributionBasis,
    ) -> Result<Decisions, ResolveError> {
        let all = self.with_defaults(requirements);
        let inventory: Arc<dyn Inventory> = match basis {
            DistributionBasis::Nothing => Arc::new(EmptyInventory),
            DistributionBasis::Installed => Arc::new(EggInventory {
                directories: Arc::clone(&shared.directories),
                search_path: vec![self.directory.clone()],
                preferred: None,
            }),
        };
        self.try_all(shared, |settings: EggSettings| {
            let resolver = Resolver {
                index: shared.index(run, &settings),
                settings: Arc::new(settings),
                inventory: Arc::clone(&inventory),
                supply: &NoSupply,
                environment: Arc::clone(&shared.markers),
                log: Arc::new(NoLog),
                picked: Arc::new(PickedVersions::new()),
                checks_picked: false,
                threads: DEFAULT_THREADS,
            };
            resolver.decide(&all)
        })
    }

    fn with_defaults(&self, requirements: &[String]) -> Vec<String> {
        let defaults = self.defaults.iter().map(|(name, _)| (*name).to_owned());
        requirements.iter().cloned().chain(defaults).collect()
    }

    /// Resolves with the pins and the index of the profile, and where that
    /// fails, without the one or the other.
    fn try_all<T: Default>(
        &self,
        shared: &EggRun,
        resolve: impl Fn(EggSettings) -> Result<T, ResolveError>,
    ) -> Result<T, ResolveError> {
        let of_profile = &shared.settings;
        let with = |has_pins: bool, has_own_index: bool| {
            let mut settings = EggSettings::clone(of_profile);
            settings.pins = self.pins(shared, has_pins);
            settings.wheels = WheelPolicy::Any;
            settings.newest = false;
            settings.allow_picked_versions = true;
            settings.show_picked_versions = false;
            settings.update_versions_file = None;
            if !has_own_index {
                settings.index = None;
            }
            settings
        };
        let may_ask_elsewhere =
            of_profile.index.is_some() && !of_profile.offline && !of_profile.install_from_cache;
        let mut first_error = None;
        for (has_pins, has_own_index) in
            [(true, true), (true, false), (false, true), (false, false)]
        {
            if !has_own_index && !may_ask_elsewhere {
                continue;
            }
            match resolve(with(has_pins, has_own_index)) {
                Ok(found) => return Ok(found),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => Ok(T::default()),
        }
    }

    /// Returns the pins of the profile and, where it has none, ours; or none at
    /// all, for what asks for other versions.
    fn pins(&self, shared: &EggRun, has_pins: bool) -> Pins {
        let of_profile: &[(String, String)] = match has_pins {
            true => &shared.versions,
            false => &[],
        };
        let is_pinned = |name: &str| {
            of_profile
                .iter()
                .any(|(pinned, _)| canonical_name(pinned) == name)
        };
        let ours = self.defaults.iter().copied();
        let ours = ours.filter(|(name, _)| has_pins && !is_pinned(name));
        let theirs = of_profile.iter().map(|(name, pin)| (&**name, &**pin));
        Pins::new(theirs.chain(ours))
    }

    fn resolve(
        &self,
        shared: &EggRun,
        run: &PartRun<'_>,
        settings: EggSettings,
        requirements: &[String],
        depth: usize,
    ) -> Result<WorkingSet, ResolveError> {
        shared.with_builder_at(depth + 1, run, |builder| {
            let plain = |_: &Order<'_>| Ok(BuildSettings::default());
            let supply = EggSupply {
                directories: &shared.directories,
                destination: self.directory.clone(),
                wheels: &shared.wheels,
                layout: EggLayout::Pip,
                target: &shared.target,
                link: LinkMode::Shared,
                markers: &shared.markers,
                builder,
                build_settings: &plain,
            };
            let inventory = EggInventory {
                directories: Arc::clone(&shared.directories),
                search_path: vec![self.directory.clone()],
                preferred: None,
            };
            let resolver = Resolver {
                index: shared.index(run, &settings),
                settings: Arc::new(settings),
                inventory: Arc::new(inventory),
                supply: &supply,
                environment: Arc::clone(&shared.markers),
                log: Arc::new(NoLog),
                picked: Arc::new(PickedVersions::new()),
                checks_picked: false,
                threads: DEFAULT_THREADS,
            };
            resolver.working_set(requirements)
        })
    }
}
