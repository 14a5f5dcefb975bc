//! Runs scenarios with the resolution of this crate.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use buildout_core::event::Level;
use buildout_core::fetch::{Downloader, DownloaderOptions, HttpClient, RetryPolicy};
use buildout_core::host::HostFacts;
use buildout_core::profile::condition::ConditionEnvironment as _;
use buildout_core::python::{PythonIdentity, PythonIdentitySource as _, PythonProbe};
use buildout_eggs::distribution::Distribution;
use buildout_eggs::index::{Index, IndexAccess, Libc, WheelTags};
use buildout_eggs::installed::read_entry;
use buildout_eggs::log::{Log, Logger};
use buildout_eggs::marker::MarkerEnvironment;
use buildout_eggs::resolve::{
    DEFAULT_THREADS, Decision, Inventory, Order, PickedVersions, Resolver, Supply, SupplyError,
};
use buildout_eggs::settings::EggSettings;
use buildout_eggs::supply::{EggDirectories, EggInventory};
use buildout_eggs::version::{Pins, Version};
use buildout_eggs::wheel::EggTarget;

use crate::scenario::{Outcome, Step};

/// The facts about one Python and this machine.
pub(crate) struct World {
    python: PythonIdentity,
    markers: Arc<MarkerEnvironment>,
    tags: Arc<WheelTags>,
    target: EggTarget,
    /// To make one is costly, because of the certificates.
    client: Arc<HttpClient>,
}

impl World {
    pub(crate) fn of_python(executable: &Path) -> Self {
        let probe = Arc::new(PythonProbe::of_executable(executable));
        let python = probe.identity().expect("the peer's Python answers").clone();
        let host = HostFacts::new(BTreeMap::new(), probe);
        let uname = host.uname().clone();
        let libc = Libc::of_executable(executable).expect("Python can be read");
        let tags = WheelTags::new(&python, &uname.system, &uname.machine, libc);
        World {
            target: EggTarget {
                python: python.short_version(),
                platform: tags.platform().to_owned(),
            },
            tags: Arc::new(tags),
            client: Arc::new(HttpClient::default()),
            markers: Arc::new(MarkerEnvironment::new(python.clone(), uname)),
            python,
        }
    }

    /// The first Python of the search path.
    pub(crate) fn of_this_machine() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let probe = PythonProbe::of_search_path(path);
        let python = probe.identity().expect("there is a `python3`");
        Self::of_python(&python.executable)
    }

    /// Returns the tag of wheels for this Python and machine alone.
    pub(crate) fn own_tag(&self) -> String {
        let python = self.python.short_version().replace('.', "");
        let machine = &self.markers.machine().machine;
        format!("cp{python}-cp{python}-linux_{machine}")
    }

    /// Runs a step, without any effect on the user's own files.
    pub(crate) fn run(&self, step: &Step, temporary: &Path, shows_markers: bool) -> Outcome {
        let picked = Arc::new(PickedVersions::new());
        let log = Arc::new(Records::default());
        let result = self.with_resolver(
            step,
            temporary,
            shows_markers,
            (&log, &picked),
            |resolver| resolver.working_set(&step.eggs),
        );
        let hint = result.as_ref().err().and_then(|error| error.hint());
        let (members, error) = match &result {
            Ok(working_set) => (
                working_set
                    .iter()
                    .map(|member| format!("{} {}", member.name(), member.version()))
                    .collect(),
                None,
            ),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        Outcome {
            members,
            error,
            hint,
            log: log.of(Logger::EasyInstall),
            root_log: log.of(Logger::Root),
            picked: picked.versions(),
        }
    }

    /// Returns the files that a step would install.
    pub(crate) fn decide(&self, step: &Step, temporary: &Path) -> Vec<String> {
        let picked = Arc::new(PickedVersions::new());
        let log = Arc::new(Records::default());
        let decisions = self.with_resolver(step, temporary, true, (&log, &picked), |resolver| {
            resolver.decide(&step.eggs)
        });
        decisions
            .expect("all is there")
            .taken
            .into_iter()
            .map(|decision| match decision {
                Decision::File(candidate) | Decision::Source(candidate, _) => {
                    candidate.file_name.clone()
                }
                Decision::There(distribution) => distribution.location().display().to_string(),
            })
            .collect()
    }

    fn with_resolver<T>(
        &self,
        step: &Step,
        temporary: &Path,
        shows_markers: bool,
        (log, picked): (&Arc<Records>, &Arc<PickedVersions>),
        work: impl FnOnce(&Resolver<'_>) -> T,
    ) -> T {
        let mut settings = settings_of(step);
        settings.shows_markers = shows_markers;
        let settings = Arc::new(settings);
        let transport = Arc::clone(&self.client);
        let mut options = DownloaderOptions::new("/", temporary);
        options.retry = RetryPolicy::never();
        options.cache.clone_from(&settings.archives);
        let access = IndexAccess {
            downloader: Downloader::new(transport.clone(), options),
            transport,
            default_index: Arc::new(|| unreachable!("each scenario names its index")),
            directory: PathBuf::from("/"),
            page_cache: step.page_cache.as_ref().map(PathBuf::from),
            tags: Arc::clone(&self.tags),
            python: Version::parse(&self.python.version_text).expect("Python has a version"),
            wheels: None,
            lock: None,
        };
        let directories = Arc::new(EggDirectories::new(self.target.clone()));
        let inventory: Arc<dyn Inventory> = Arc::new(EggInventory {
            directories: Arc::clone(&directories),
            search_path: vec![PathBuf::from(&step.directory), PathBuf::from(&step.develop)],
            preferred: None,
        });
        let supply = Unpacker {
            directory: PathBuf::from(&step.directory),
            target: &self.target,
            directories: &directories,
        };
        work(&Resolver {
            index: Arc::new(Index::new(&settings, access)),
            settings,
            inventory,
            supply: &supply,
            environment: Arc::clone(&self.markers),
            log: log.clone(),
            picked: Arc::clone(picked),
            checks_picked: true,
            threads: DEFAULT_THREADS,
        })
    }
}

fn settings_of(step: &Step) -> EggSettings {
    EggSettings {
        pins: Pins::new(
            step.versions
                .iter()
                .map(|(name, pin)| (name.as_str(), pin.as_str())),
        ),
        index: Some(step.index.clone()),
        find_links: step.find_links.clone(),
        allow_hosts: step.allow_hosts.clone(),
        newest: step.newest,
        offline: step.offline,
        prefer_final: step.prefer_final,
        allow_picked_versions: step.allow_picked_versions,
        allow_unknown_extras: step.allow_unknown_extras,
        archives: step.archives.as_ref().map(PathBuf::from),
        install_from_cache: step.install_from_cache,
        show_picked_versions: true,
        wheels: step.wheels,
        ..EggSettings::default()
    }
}

/// Keeps what upstream would log at level INFO.
#[derive(Default)]
struct Records {
    records: Mutex<Vec<(Logger, String)>>,
}

impl Records {
    fn of(&self, logger: Logger) -> Vec<String> {
        let records = self.records.lock().expect("no thread panics");
        let of_logger = records.iter().filter(|(of, _)| *of == logger);
        of_logger.map(|(_, message)| message.clone()).collect()
    }
}

impl Log for Records {
    fn log(&self, logger: Logger, level: Level, message: String) {
        if level != Level::Debug {
            let mut records = self.records.lock().expect("no thread panics");
            records.push((logger, message));
        }
    }
}

/// Makes eggs of wheels by unpacking them, and of source archives from their
/// metadata alone: like the driver of the peer, it is there for the decisions.
struct Unpacker<'a> {
    directory: PathBuf,
    target: &'a EggTarget,
    directories: &'a EggDirectories,
}

impl Supply for Unpacker<'_> {
    fn install(&self, order: &Order<'_>) -> Result<Arc<Distribution>, SupplyError> {
        let archive = order.archive()?;
        let mut zip = zip::ZipArchive::new(fs::File::open(archive.path())?)?;
        let name = (0..zip.len())
            .filter_map(|index| Some(zip.by_index(index).ok()?.name().ok()?.to_string()))
            .find(|name| name.ends_with("/METADATA") || name.ends_with("/PKG-INFO"))
            .ok_or("no metadata")?;
        let mut metadata = String::new();
        zip.by_name(&name)?.read_to_string(&mut metadata)?;
        let field = |name: &str| {
            metadata
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let base = format!(
            "{}-{}",
            field("Name: ").replace('-', "_"),
            field("Version: ")
        );
        let egg = self.directory.join(format!(
            "{base}-py{}-{}.egg",
            self.target.python, self.target.platform
        ));
        let info = egg.join(format!("{base}.dist-info"));
        fs::create_dir_all(&info)?;
        fs::write(info.join("METADATA"), metadata)?;
        if order.candidate.is_wheel() {
            // The fixtures name their `.dist-info` as the egg's is named here.
            let file = fs::File::open(archive.path())?;
            let info = info.file_name().ok_or("no name")?.to_owned();
            unpack(
                &mut zip::ZipArchive::new(file)?,
                &egg,
                &info.to_string_lossy(),
            )?;
        }
        self.directories.note(&egg);
        let distribution = read_entry(&egg)?.ok_or("no egg")?;
        Ok(Arc::new(distribution))
    }
}

fn unpack(zip: &mut zip::ZipArchive<fs::File>, egg: &Path, info: &str) -> Result<(), SupplyError> {
    for index in 0..zip.len() {
        let mut file = zip.by_index(index)?;
        let name = file.name()?.to_string();
        let path = match name.split_once(".dist-info/") {
            Some((_, name)) => egg.join(info).join(name),
            None => egg.join(name),
        };
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        std::io::copy(&mut file, &mut fs::File::create(path)?)?;
    }
    Ok(())
}
