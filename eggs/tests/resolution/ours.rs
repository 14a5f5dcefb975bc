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
    DEFAULT_THREADS, Inventory, Order, PickedVersions, Resolver, Supply, SupplyError,
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
            markers: Arc::new(MarkerEnvironment::new(python.clone(), uname)),
            python,
        }
    }

    /// Runs a step, without any effect on the user's own files.
    pub(crate) fn run(&self, step: &Step, temporary: &Path, shows_markers: bool) -> Outcome {
        let mut settings = settings_of(step);
        settings.shows_markers = shows_markers;
        let settings = Arc::new(settings);
        let transport = Arc::new(HttpClient::default());
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
        };
        let log = Arc::new(Records::default());
        let directories = Arc::new(EggDirectories::new(self.target.clone()));
        let inventory: Arc<dyn Inventory> = Arc::new(EggInventory {
            directories: Arc::clone(&directories),
            search_path: vec![PathBuf::from(&step.directory), PathBuf::from(&step.develop)],
        });
        let supply = Unpacker {
            directory: PathBuf::from(&step.directory),
            target: &self.target,
            directories: &directories,
        };
        let picked = Arc::new(PickedVersions::new());
        let resolver = Resolver {
            index: Arc::new(Index::new(&settings, access)),
            settings,
            inventory,
            supply: &supply,
            environment: Arc::clone(&self.markers),
            log: log.clone(),
            picked: Arc::clone(&picked),
            checks_picked: true,
            threads: DEFAULT_THREADS,
        };
        let result = resolver.working_set(&step.eggs);
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
        let records = log.records.lock().expect("no thread panics");
        Outcome {
            members,
            error,
            log: records.clone(),
            picked: picked.versions(),
        }
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
        ..EggSettings::default()
    }
}

/// Keeps what upstream would log at level INFO.
#[derive(Default)]
struct Records {
    records: Mutex<Vec<String>>,
}

impl Log for Records {
    fn log(&self, logger: Logger, level: Level, message: String) {
        if logger == Logger::EasyInstall && level != Level::Debug {
            self.records.lock().expect("no thread panics").push(message);
        }
    }
}

/// Makes eggs that have nothing but metadata: like the driver of the peer, it
/// is there for the decisions.
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
        self.directories.note(&egg);
        let distribution = read_entry(&egg)?.ok_or("no egg")?;
        Ok(Arc::new(distribution))
    }
}
