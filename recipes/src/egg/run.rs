//! What the egg parts of a run share: the Python, what is there, what can be
//! had, and the versions that were picked.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use buildout_core::configuration::BUILDOUT_SECTION;
use buildout_core::dialect::{Dialect, EggLayout};
use buildout_core::fetch::{HashPolicy, TlsSettings, Transport};
use buildout_core::lock::DistributionLock;
use buildout_core::profile::condition::Uname;
use buildout_core::python::version::Version;
use buildout_core::python::{PythonIdentity, PythonIdentitySource as _, PythonProbe};
use buildout_core::recipe::{Buildout as _, PartRun, RecipeError};
use buildout_core::state::OWN_DIRECTORY;
use buildout_eggs::distribution::Distribution;
use buildout_eggs::index::{DefaultIndex, Index, IndexAccess, Libc, WheelTags};
use buildout_eggs::marker::MarkerEnvironment;
use buildout_eggs::resolve::{
    DEFAULT_THREADS, Inventory, PickedVersions, Problem, ResolveError, Resolver, WorkingSet,
};
use buildout_eggs::settings::EggSettings;
use buildout_eggs::source::{BuildError, BuildSettings, Builder};
use buildout_eggs::supply::{BuildSettingsOf, EggDirectories, EggInventory, EggSupply};
use buildout_eggs::wheel::{EggTarget, LinkMode, WheelStore};

use super::default_index::default_index;
use super::locked::LockedInventory;
use super::log::EventLog;
use super::own::{self, OwnDistribution};
use super::plan::ComingDistributions;
use super::tools::Tools;
use crate::system_error::failed;

/// The runs that a registry serves; nearly always one.
pub(super) struct EggRuns {
    own: Vec<OwnDistribution>,
    runs: Mutex<HashMap<PathBuf, Arc<EggRun>>>,
    /// What was picked before a run was found out anew.
    picked: Mutex<HashMap<PathBuf, Arc<PickedVersions>>>,
}

impl EggRuns {
    /// Starts without any; `own` are distributions of the program's own.
    pub(super) fn new(own: Vec<OwnDistribution>) -> Self {
        EggRuns {
            own,
            runs: Mutex::default(),
            picked: Mutex::default(),
        }
    }

    /// Returns the distributions of the program's own.
    pub(super) fn own(&self) -> &[OwnDistribution] {
        &self.own
    }

    /// Returns what the parts of the buildout of `run` share, and makes the
    /// distributions of the program's own that they may require.
    pub(super) fn of(
        &self,
        run: &PartRun<'_>,
        dialect: &Dialect,
    ) -> Result<Arc<EggRun>, RecipeError> {
        let known = self.found(run, dialect)?;
        let is_made = known.own_is_made.lock();
        let mut is_made = is_made.unwrap_or_else(PoisonError::into_inner);
        if !*is_made {
            for own in &self.own {
                if known.is_brought(own, dialect) {
                    let (pins, python) = (&known.settings.pins, &known.target.python);
                    let made = own.make(&known.eggs_directory, pins, dialect, python);
                    // An instance may not write there, and rarely needs it.
                    if own.is_forked(pins) {
                        made?;
                    }
                }
            }
            *is_made = true;
        }
        drop(is_made);
        Ok(known)
    }

    /// Returns what the parts of the buildout of `run` share, finding it out
    /// for the first of them. Nothing is made for it.
    pub(super) fn found(
        &self,
        run: &PartRun<'_>,
        dialect: &Dialect,
    ) -> Result<Arc<EggRun>, RecipeError> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = &run.services().directory;
        if let Some(known) = runs.get(directory) {
            return Ok(Arc::clone(known));
        }
        let picked = self.picked().remove(directory).unwrap_or_default();
        let known = Arc::new(EggRun::find_out(run, dialect, &self.own, picked)?);
        for own in &self.own {
            if known.is_brought(own, dialect) {
                let pins = &known.settings.pins;
                let coming = own.distribution(&known.eggs_directory, pins, dialect)?;
                known.coming.add(coming);
            }
        }
        runs.insert(directory.clone(), Arc::clone(&known));
        Ok(known)
    }
}

impl EggRuns {
    /// Returns what the parts of a buildout share, if any of them has asked.
    pub(super) fn known(&self, directory: &Path) -> Option<Arc<EggRun>> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.get(directory).cloned()
    }

    /// Forgets all but the picked versions: what `[buildout]` and `[versions]` say has
    /// changed.
    pub(super) fn forget(&self, directory: &Path) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = runs.remove(directory) {
            let picked = Arc::clone(&known.picked);
            self.picked().insert(directory.to_owned(), picked);
        }
    }

    fn picked(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<PickedVersions>>> {
        self.picked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `index` and `find-links`, and whether what is locked is preferred.
type IndexPlaces = (Option<String>, Vec<String>, bool);

/// What egg parts share.
pub(super) struct EggRun {
    /// What `[buildout]` and `[versions]` say.
    pub(super) settings: Arc<EggSettings>,
    /// The same pins, as they are written.
    pub(super) versions: Vec<(String, String)>,
    /// The executable of Python as it calls itself.
    pub(super) python: PathBuf,
    /// The Python and platform that eggs are for.
    pub(super) target: EggTarget,
    /// The facts for markers.
    pub(super) markers: Arc<MarkerEnvironment>,
    /// How eggs are laid out.
    pub(super) layout: EggLayout,
    /// `eggs-directory` and `develop-eggs-directory` of `[buildout]`.
    pub(super) eggs_directory: PathBuf,
    pub(super) develop_eggs_directory: PathBuf,
    /// The listings.
    pub(super) directories: Arc<EggDirectories>,
    /// The wheels of the user.
    pub(super) wheels: WheelStore,
    /// What builds need.
    pub(super) tools: Tools,
    /// What parts are going to make.
    pub(super) coming: ComingDistributions,
    own_is_made: Mutex<bool>,
    picked: Arc<PickedVersions>,
    tags: Arc<WheelTags>,
    version: Version,
    cache: PathBuf,
    default_index: Arc<DefaultIndex>,
    indexes: Mutex<HashMap<IndexPlaces, Arc<Index>>>,
}

impl EggRun {
    fn find_out(
        run: &PartRun<'_>,
        dialect: &Dialect,
        own: &[OwnDistribution],
        picked: Arc<PickedVersions>,
    ) -> Result<Self, RecipeError> {
        let buildout = run.buildout();
        let option = |name: &str| buildout.get(BUILDOUT_SECTION, name);
        let services = run.services();
        let cache = match &services.cache_directory {
            Some(cache) => cache.clone(),
            None => services.directory.join(OWN_DIRECTORY).join("cache"),
        };
        let executable = executable(run)?;
        let probe = PythonProbe::of_executable(&executable)
            .with_environment(services.process_environment.clone())
            .with_cache_directory(cache.join("python"));
        let default_index = default_index(
            &services.process_environment,
            &services.temporary_directory,
            &services.cancellation,
            &executable,
            &cache,
        );
        let downloads = services.downloader();
        let is_index_named = option("index")?.is_some_and(|index| !index.is_empty());
        if !probe.is_remembered() && !is_index_named && !downloads.options().offline {
            // Python is going to take its time, and this is needed after that.
            let tls = downloads.options().tls.clone();
            prepare_for_index(&default_index, &services.transport, tls);
        }
        let identity = identify(run, &probe)?;
        let section = option("versions")?.filter(|name| !name.is_empty());
        let mut versions = Vec::new();
        if let Some(section) = section {
            for name in buildout.option_names(&section)? {
                // An empty value pins nothing.
                if let Some(pin) = buildout.get(&section, &name)?.filter(|pin| !pin.is_empty()) {
                    versions.push((name.to_string(), pin.to_string()));
                }
            }
        }
        // Only what is needed is read: the rest may be told of as unused.
        let unreadable = RefCell::new(None);
        let read = |name: &str| match option(name) {
            Ok(value) => value.map(|value| value.to_string()),
            Err(error) => {
                unreadable.borrow_mut().get_or_insert(error);
                None
            }
        };
        let pins = versions.iter().map(|(name, pin)| (&**name, &**pin));
        let mut settings = EggSettings::read(read, pins, &services.directory);
        if let Ok(settings) = &mut settings
            && !settings.allow_picked_versions
        {
            // What upstream runs with counts as pinned.
            settings.pins = own::pins_besides(own, &versions, dialect);
        }
        if let Some(error) = unreadable.take() {
            return Err(error.into());
        }
        let mut settings = settings.map_err(|error| {
            let (option, hint) = (error.option(), error.hint());
            RecipeError::user(error).at_option(option).with_hint(hint)
        })?;
        let is_locked = downloads.options().locked.is_some();
        settings.require_hashes =
            downloads.options().require_hashes == HashPolicy::On && !is_locked;
        settings.shows_markers = dialect.egg_layout == EggLayout::Pip;
        let uname = uname();
        let python = identity.executable.clone();
        let libc = Libc::of_executable(&python).map_err(failed("read", &python))?;
        let tags = WheelTags::new(&identity, &uname.system, &uname.machine, libc);
        let target = EggTarget {
            python: identity.short_version(),
            platform: tags.platform().to_owned(),
        };
        let version = Version::parse(&identity.version_text);
        let version = version.ok_or_else(|| {
            let text = &identity.version_text;
            RecipeError::user(format!(
                "`{}` has the version `{text}`, which is none",
                python.display()
            ))
        })?;
        let path = |name: &str| {
            let path = option(name)?.unwrap_or_default();
            Ok::<_, RecipeError>(services.absolute(&*path))
        };
        Ok(EggRun {
            settings: Arc::new(settings),
            versions,
            python,
            markers: Arc::new(MarkerEnvironment::new(identity, uname)),
            layout: dialect.egg_layout,
            eggs_directory: path("eggs-directory")?,
            develop_eggs_directory: path("develop-eggs-directory")?,
            directories: Arc::new(EggDirectories::new(target.clone())),
            wheels: WheelStore::new(cache.join("wheels")),
            tools: Tools::new(cache.join("build-tools"), dialect.develop_style),
            target,
            coming: ComingDistributions::default(),
            own_is_made: Mutex::default(),
            picked,
            tags: Arc::new(tags),
            version,
            cache,
            default_index,
            indexes: Mutex::default(),
        })
    }

    /// Tells whether eggs may require a distribution of the program's own that they
    /// cannot have from elsewhere: no index has it, or nobody may pick it there.
    fn is_brought(&self, own: &OwnDistribution, dialect: &Dialect) -> bool {
        let pins = &self.settings.pins;
        let may_be_picked = self.settings.allow_picked_versions;
        own.is_forked(pins) || (!may_be_picked && own.is_default(pins, dialect))
    }

    /// Returns the versions that were picked so far.
    pub(super) fn picked(&self) -> &Arc<PickedVersions> {
        &self.picked
    }

    /// Returns what a build depends on besides its source, as a text.
    pub(super) fn inputs_of(&self, settings: &BuildSettings) -> String {
        let tools = self.tools.versions(&self.versions);
        format!(
            "{} {:?} {tools:?} {settings:?} {:?}",
            self.python.display(),
            self.version.to_string(),
            self.develop_eggs_directory
        )
    }

    /// Returns the index for some settings; each page is read once in a run.
    pub(super) fn index(&self, run: &PartRun<'_>, settings: &EggSettings) -> Arc<Index> {
        let mut lock = run.services().distribution_lock();
        if let Some((_, DistributionLock::Preferred { except })) = &lock
            && except.iter().any(|name| name == run.part())
        {
            lock = None;
        }
        let (index, find_links) = (settings.index.clone(), settings.find_links.clone());
        let key = (index, find_links, lock.is_some());
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        let index = indexes.entry(key).or_insert_with(|| {
            let services = run.services();
            let downloader = run.downloader().with_options(|options| {
                options.cache.clone_from(&settings.archives);
                options.hash_name = false;
                // Nobody writes those of wheels down.
                options.all_digests = false;
            });
            let access = IndexAccess {
                transport: Arc::clone(&services.transport),
                downloader,
                default_index: Arc::clone(&self.default_index),
                directory: services.directory.clone(),
                page_cache: Some(self.cache.join("pages")),
                tags: Arc::clone(&self.tags),
                python: self.version.clone(),
                wheels: Some(self.wheels.clone()),
                lock,
            };
            let index = Index::new(settings, access);
            Arc::new(index.cancelled_by(services.cancellation.clone()))
        });
        Arc::clone(index)
    }

    /// Resolves and installs into `eggs-directory`, looking for what is there
    /// in `search_path`.
    pub(super) fn working_set(
        &self,
        run: &PartRun<'_>,
        settings: &Arc<EggSettings>,
        search_path: &[PathBuf],
        destination: &Path,
        requirements: &[String],
        build_settings: &BuildSettingsOf<'_>,
    ) -> Result<WorkingSet, RecipeError> {
        self.with_resolver(
            run,
            settings,
            (search_path, destination, LinkMode::Shared),
            build_settings,
            |resolver| resolver.working_set(requirements),
        )
    }

    /// Lets `work` resolve: with what is in the search path, into the
    /// destination.
    fn with_resolver<T>(
        &self,
        run: &PartRun<'_>,
        settings: &Arc<EggSettings>,
        (search_path, destination, link): (&[PathBuf], &Path, LinkMode),
        build_settings: &BuildSettingsOf<'_>,
        work: impl FnOnce(&Resolver<'_>) -> Result<T, ResolveError>,
    ) -> Result<T, RecipeError> {
        for directory in search_path {
            let listed = self.directories.refresh(directory);
            listed.map_err(|error| RecipeError::internal("OSError", error))?;
        }
        self.with_builder(run, |builder| {
            let supply = EggSupply {
                directories: &self.directories,
                destination: destination.to_owned(),
                wheels: &self.wheels,
                layout: self.layout,
                target: &self.target,
                link,
                markers: &self.markers,
                builder,
                build_settings,
            };
            let found = EggInventory {
                directories: Arc::clone(&self.directories),
                search_path: search_path.to_vec(),
            };
            let mut settings = Arc::clone(settings);
            let inventory: Arc<dyn Inventory> = match run.services().lock() {
                Some(lock) => {
                    // The newest is what is locked.
                    Arc::make_mut(&mut settings).newest = true;
                    let develop_eggs = self.develop_eggs_directory.clone();
                    Arc::new(LockedInventory::new(found, develop_eggs, &lock))
                }
                None => Arc::new(found),
            };
            let resolver = Resolver {
                index: self.index(run, &settings),
                settings,
                inventory,
                supply: &supply,
                environment: Arc::clone(&self.markers),
                log: EventLog::of(run),
                picked: Arc::clone(&self.picked),
                checks_picked: true,
                threads: DEFAULT_THREADS,
            };
            work(&resolver).map_err(resolve_error)
        })
    }

    /// Has one distribution built from its source, unless it is there, into
    /// `develop-eggs-directory`. Without a network, as with zc.buildout, what
    /// cannot be had is nothing.
    pub(super) fn build(
        &self,
        run: &PartRun<'_>,
        settings: &Arc<EggSettings>,
        requirement: &str,
        build_settings: &BuildSettingsOf<'_>,
    ) -> Result<Option<Arc<Distribution>>, RecipeError> {
        let search_path = [
            self.develop_eggs_directory.clone(),
            self.eggs_directory.clone(),
        ];
        let destination = self.develop_eggs_directory.clone();
        self.with_resolver(
            run,
            settings,
            (&search_path, &destination, LinkMode::Copy),
            build_settings,
            |resolver| match resolver.build(requirement) {
                Err(ResolveError {
                    problem: Problem::NoSource { .. },
                    ..
                }) if settings.offline => Ok(None),
                built => built.map(Some),
            },
        )
    }

    /// Lets `work` build with the Python of the run.
    pub(super) fn with_builder<T>(
        &self,
        run: &PartRun<'_>,
        work: impl FnOnce(&Builder<'_>) -> T,
    ) -> T {
        self.with_builder_at(0, run, work)
    }

    /// The same for a build within `depth` others.
    pub(super) fn with_builder_at<T>(
        &self,
        depth: usize,
        run: &PartRun<'_>,
        work: impl FnOnce(&Builder<'_>) -> T,
    ) -> T {
        let environment = run.services().environment();
        let provide = |requirements: &[String]| self.tools.provide(self, run, requirements, depth);
        work(&Builder {
            python: &self.python,
            commands: run,
            environment: &environment,
            temporary_directory: &run.services().temporary_directory,
            provide: &provide,
        })
    }
}

/// Returns the Python of the run.
fn executable(run: &PartRun<'_>) -> Result<PathBuf, RecipeError> {
    const OPTION: &str = "executable";
    let executable = run.buildout().get(BUILDOUT_SECTION, OPTION)?;
    let Some(executable) = executable.filter(|path| !path.is_empty()) else {
        return Err(crate::live_options::missing_option(
            BUILDOUT_SECTION,
            OPTION,
        ));
    };
    Ok(run.services().absolute(&*executable))
}

fn identify(run: &PartRun<'_>, probe: &PythonProbe) -> Result<PythonIdentity, RecipeError> {
    let identity = probe.identity().map_err(|error| {
        let hint = format!(
            "[{}] needs a Python: name one with `--python`, or put a `python3` on the `PATH`",
            run.part()
        );
        RecipeError::user(error).with_hint(hint)
    })?;
    Ok(identity.clone())
}

/// Finds the default index, and makes connections ready, on threads of their own.
/// Where none can be started, that is done when it is needed.
fn prepare_for_index(
    default_index: &Arc<DefaultIndex>,
    transport: &Arc<dyn Transport>,
    tls: TlsSettings,
) {
    let default_index = Arc::clone(default_index);
    let thread = thread::Builder::new().name("default index".to_owned());
    let _ = thread.spawn(move || default_index().map(drop));
    let transport = Arc::clone(transport);
    let thread = thread::Builder::new().name("trust store".to_owned());
    let _ = thread.spawn(move || transport.prepare(&tls));
}

fn uname() -> Uname {
    let uname = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Uname {
        system: text(uname.sysname()),
        node: text(uname.nodename()),
        release: text(uname.release()),
        version: text(uname.version()),
        machine: text(uname.machine()),
    }
}

/// Makes the failure of a part of that of a resolution.
pub(super) fn resolve_error(error: ResolveError) -> RecipeError {
    let (doing, hint) = (error.doing(), error.hint());
    let mut failure = match error.problem {
        Problem::Cancelled => RecipeError::cancelled(),
        Problem::Supply(source) => match source.downcast::<BuildError>() {
            Ok(error) => build_error(*error),
            Err(source) => RecipeError::user(source),
        },
        problem => RecipeError::user(problem),
    };
    if let Some(hint) = hint {
        failure = failure.with_hint(hint);
    }
    match doing {
        Some(doing) => failure.during(doing),
        None => failure,
    }
}

/// Makes the failure of a part of that of a build.
pub(super) fn build_error(error: BuildError) -> RecipeError {
    match error {
        BuildError::Cancelled => RecipeError::cancelled(),
        error => RecipeError::user(error),
    }
}
