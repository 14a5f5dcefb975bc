//! The supervisord of nodes that configure none: a pinned version, which comes
//! from the index of the node's profiles, or else from PyPI.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::dialect::Dialect;
use buildout_core::exec::cancel::CancellationToken;
use buildout_core::fetch::{Downloader, DownloaderOptions, HttpClient};
use buildout_core::host::HostFacts;
use buildout_core::profile::condition::ConditionEnvironment as _;
use buildout_core::python::{PythonIdentity, PythonIdentitySource as _, PythonProbe};
use buildout_eggs::index::{Index, IndexAccess, Libc, WheelTags};
use buildout_eggs::pinned::PinnedWheel;
use buildout_eggs::script::{Callable, ScriptEnvironment, Shebang};
use buildout_eggs::settings::EggSettings;
use buildout_eggs::version::Version;
use buildout_eggs::wheel::WheelStore;
use buildout_recipes::default_index;
use slapgrid::configuration::BuildoutOverride;
use slapgrid::supervisor::ProvideSupervisord;
use slapgrid::{Logger, update_file};

use crate::Surroundings;
use crate::command::client_options;

/// supervisor, which needs no other distribution.
const SUPERVISOR: PinnedWheel<'static> = PinnedWheel {
    project: "supervisor",
    file_name: "supervisor-4.3.0-py2.py3-none-any.whl",
    sha256: "0bcb763fddafba410f35cbde226aa7f8514b9fb82eb05a0c85f6588d1c13f8db",
};

/// Its programs, each named as its module. The first one is written last: it
/// tells that all is there.
const PROGRAMS: [&str; 2] = ["supervisord", "supervisorctl"];

/// Installs supervisor for a `python3` on the search path.
#[derive(Debug)]
pub(super) struct PinnedSupervisord {
    surroundings: Surroundings,
}

impl PinnedSupervisord {
    pub(super) fn new(surroundings: &Surroundings) -> Self {
        PinnedSupervisord {
            surroundings: surroundings.clone(),
        }
    }

    fn probe(&self) -> PythonProbe {
        let path = self.surroundings.variable("PATH").unwrap_or_default();
        let environment = self.surroundings.environment.clone();
        let probe = PythonProbe::of_search_path(path).with_environment(environment);
        match self.surroundings.cache_directory() {
            Some(cache) => probe.with_cache_directory(cache.join("python")),
            None => probe,
        }
    }

    fn index(
        &self,
        directory: &Path,
        places: &BuildoutOverride,
        probe: PythonProbe,
        cancellation: &CancellationToken,
    ) -> Result<Index, Box<dyn Error + Send + Sync>> {
        let surroundings = &self.surroundings;
        let identity = probe.identity()?.clone();
        let version = Version::parse(&identity.version_text);
        let libc = Libc::of_executable(&identity.executable)?;
        let host = HostFacts::new(surroundings.environment.clone(), Arc::new(probe));
        let uname = host.uname();
        let tags = WheelTags::new(&identity, &uname.system, &uname.machine, libc);
        let option = |name: &str| places.get(name).map(ToOwned::to_owned);
        let settings = EggSettings::read(option, [], directory)?;
        let transport = Arc::new(HttpClient::new(client_options(surroundings)));
        let temporary = surroundings.temporary_directory();
        let mut options = DownloaderOptions::new(directory, &temporary);
        options.cache.clone_from(&settings.archives);
        options.hash_name = false;
        let access = IndexAccess {
            downloader: Downloader::new(transport.clone(), options),
            transport,
            default_index: default_index(
                &surroundings.environment,
                &temporary,
                cancellation,
                &identity.executable,
                directory,
            ),
            directory: directory.to_owned(),
            page_cache: None,
            tags: Arc::new(tags),
            python: version.ok_or("this Python has no version")?,
            wheels: None,
            lock: None,
        };
        Ok(Index::new(&settings, access).cancelled_by(cancellation.clone()))
    }
}

impl ProvideSupervisord for PinnedSupervisord {
    fn provide(
        &self,
        directory: &Path,
        places: &BuildoutOverride,
        log: &Logger,
        cancellation: &CancellationToken,
    ) -> Result<PathBuf, Box<dyn Error + Send + Sync>> {
        let programs = directory.join("bin");
        let program = programs.join(PROGRAMS[0]);
        if is_current(&program) {
            return Ok(program);
        }
        log.info(format!(
            "Installing {} into {} ...",
            SUPERVISOR.file_name,
            directory.display()
        ));
        let probe = self.probe();
        let identity = probe.identity()?.clone();
        fs::create_dir_all(&programs)?;
        let index = self.index(directory, places, probe, cancellation)?;
        let modules = SUPERVISOR.provide(&index, &WheelStore::new(directory.join("wheels")))?;
        for name in PROGRAMS.iter().rev() {
            let path = programs.join(name);
            let text = script(name, &path, &modules, &identity)?;
            update_file(&path, text.as_bytes(), 0o755)?;
        }
        Ok(program)
    }
}

/// Tells whether a program is that of the pinned wheel, and its Python is there.
fn is_current(program: &Path) -> bool {
    let Ok(text) = fs::read_to_string(program) else {
        return false;
    };
    // With a long path the second line names it: `"exec" "PYTHON" ...`.
    let first = text.strip_prefix("#!/bin/sh\n\"exec\" \"");
    let python = match first {
        Some(rest) => rest.split('"').next(),
        None => text.strip_prefix("#!").and_then(|rest| rest.lines().next()),
    };
    text.contains(SUPERVISOR.sha256) && python.is_some_and(|python| Path::new(python).exists())
}

fn script(
    name: &str,
    path: &Path,
    modules: &Path,
    identity: &PythonIdentity,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let python = identity.executable.to_string_lossy();
    let environment = ScriptEnvironment {
        shebang: Shebang::new(&python, Dialect::slapos().shebang_limit),
        path: &[modules.to_string_lossy().into_owned()],
        initialization: "",
        relative_to: None,
    };
    let callable = Callable {
        name: name.to_owned(),
        module: format!("supervisor.{name}"),
        attributes: "main".to_owned(),
    };
    Ok(environment.entry_point_script(&path.to_string_lossy(), &callable, "")?)
}
