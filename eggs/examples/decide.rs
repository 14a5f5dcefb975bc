//! Tells which files zc.buildout's algorithm takes for requirements, from an
//! index, and installs nothing:
//!
//! ```text
//! decide INDEX PYTHON REQUIREMENT ... [NAME=VERSION ...]
//! ```
//!
//! `NAME=VERSION` is a pin. Written for comparisons with pip and zc.buildout;
//! the time that it took goes to standard error.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to a terminal"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use buildout_core::event::Level;
use buildout_core::fetch::{Downloader, DownloaderOptions, HttpClient};
use buildout_core::host::HostFacts;
use buildout_core::profile::condition::ConditionEnvironment as _;
use buildout_core::python::{PythonIdentitySource as _, PythonProbe};
use buildout_eggs::distribution::Distribution;
use buildout_eggs::index::{Index, IndexAccess, Libc, WheelTags};
use buildout_eggs::log::{Log, Logger};
use buildout_eggs::marker::MarkerEnvironment;
use buildout_eggs::name::ProjectName;
use buildout_eggs::resolve::{
    DEFAULT_THREADS, Decision, Inventory, Order, PickedVersions, Resolver, Supply, SupplyError,
};
use buildout_eggs::settings::EggSettings;
use buildout_eggs::version::{Pins, Version};

struct Nothing;

impl Inventory for Nothing {
    fn installed(&self, _project: &ProjectName) -> Result<Vec<Arc<Distribution>>, SupplyError> {
        Ok(Vec::new())
    }
}

impl Supply for Nothing {
    fn install(&self, order: &Order<'_>) -> Result<Arc<Distribution>, SupplyError> {
        Err(format!("{} is not installed here", order.candidate.file_name).into())
    }
}

impl Log for Nothing {
    fn log(&self, _logger: Logger, level: Level, message: String) {
        if level != Level::Debug {
            eprintln!("{message}");
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: decide INDEX PYTHON REQUIREMENT ... [NAME=VERSION ...]";
    let (Some(index), Some(python)) = (arguments.next(), arguments.next()) else {
        return Err(usage.into());
    };
    let is_pin = |text: &String| {
        text.split_once('=').is_some_and(|(name, rest)| {
            !name.contains(['<', '>', '!', '~']) && !rest.starts_with('=')
        })
    };
    let (pins, requirements): (Vec<String>, Vec<String>) = arguments.partition(is_pin);
    let probe = Arc::new(PythonProbe::of_executable(PathBuf::from(python)));
    let identity = probe.identity()?.clone();
    let libc = Libc::of_executable(&identity.executable)?;
    let host = HostFacts::new(BTreeMap::new(), probe);
    let uname = host.uname().clone();
    let settings = Arc::new(EggSettings {
        index: Some(index),
        pins: Pins::new(pins.iter().filter_map(|pin| pin.split_once('='))),
        ..EggSettings::default()
    });
    let transport = Arc::new(HttpClient::default());
    let temporary = std::env::temp_dir();
    let access = IndexAccess {
        downloader: Downloader::new(
            transport.clone(),
            DownloaderOptions::new("/", temporary.clone()),
        ),
        transport,
        default_index: Arc::new(|| Ok(String::new())),
        directory: std::env::current_dir()?,
        page_cache: std::env::var_os("PAGE_CACHE").map(PathBuf::from),
        tags: Arc::new(WheelTags::new(
            &identity,
            &uname.system,
            &uname.machine,
            libc,
        )),
        python: Version::parse(&identity.version_text).ok_or("Python has no version")?,
        wheels: None,
        lock: None,
    };
    let resolver = Resolver {
        index: Arc::new(Index::new(&settings, access)),
        settings,
        inventory: Arc::new(Nothing),
        supply: &Nothing,
        environment: Arc::new(MarkerEnvironment::new(identity, uname)),
        log: Arc::new(Nothing),
        picked: Arc::new(PickedVersions::new()),
        checks_picked: true,
        threads: DEFAULT_THREADS,
    };
    let start = Instant::now();
    let decisions = resolver.decide(&requirements).inspect_err(|error| {
        eprintln!("{}", error.hint().unwrap_or_default());
    })?;
    eprintln!("{} in {:?}", decisions.taken.len(), start.elapsed());
    for decision in decisions.taken {
        match decision {
            Decision::File(candidate) | Decision::Source(candidate, _) => println!(
                "{}=={} {}",
                candidate.project.canonical(),
                candidate.version,
                candidate.file_name
            ),
            Decision::There(distribution) => println!("{}", distribution.location().display()),
        }
    }
    Ok(())
}
