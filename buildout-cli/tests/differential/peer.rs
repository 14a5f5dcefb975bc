//! The real zc.buildout, installed from PyPI into a virtual environment below `target/peers`.
//!
//! An environment is made once and kept. It is used only when its `complete` file exists, which is
//! written last, and it is made under a file lock, so that test processes that run at the same time
//! do not race and an interrupted installation is simply made again. It is built in its final place
//! rather than renamed into it, since the scripts of a virtual environment name their interpreter.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One released peer: what is installed, and the name of its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PeerVersion {
    /// zc.buildout 6.0.1, the reference of the `upstream` dialect.
    Upstream6,
    /// zc.buildout 3.0.1 with native recipes' Python originals, the base of the `slapos` dialect.
    Slapos3,
}

impl PeerVersion {
    /// The name of the environment: `NAME-VERSION`, with a number raised whenever the list of
    /// requirements changes, so that an old environment is never taken for a new one.
    pub(crate) fn directory_name(self) -> &'static str {
        match self {
            Self::Upstream6 => "zc.buildout-6.0.1-r2",
            Self::Slapos3 => "zc.buildout-3.0.1-r2",
        }
    }

    fn requirements(self) -> &'static [&'static str] {
        match self {
            Self::Upstream6 => &[
                "zc.buildout==6.0.1",
                "zc.recipe.egg==6.0.0",
                "setuptools==84.2.1",
                "wheel",
                "plone.recipe.command==1.1",
            ],
            // 3.0.1 imports parts of setuptools that release 80 removed. An older setuptools than
            // this one does not recognise `plone_recipe_command-1.1.dist-info` as the recipe, and
            // every run would then download it.
            Self::Slapos3 => &[
                "zc.buildout==3.0.1",
                "zc.recipe.egg==2.0.7",
                "setuptools==79.0.1",
                "wheel",
                "plone.recipe.command==1.1",
                "slapos.recipe.build==0.66",
                "slapos.recipe.template==5.1",
            ],
        }
    }
}

/// An installed peer.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// The interpreter of its environment.
    pub(crate) python: PathBuf,
    /// Its `bin/buildout`.
    pub(crate) buildout: PathBuf,
}

impl Peer {
    /// Returns the peer below `peers_root`, installing it first if it is not there.
    ///
    /// # Errors
    /// A text that says what is missing: `python3`, its `venv` module, or the network.
    pub(crate) fn provide(version: PeerVersion, peers_root: &Path) -> Result<Self, String> {
        fs::create_dir_all(peers_root)
            .map_err(|error| format!("cannot create {}: {error}", peers_root.display()))?;
        let directory = peers_root.join(version.directory_name());
        let lock_path = peers_root.join(format!("{}.lock", version.directory_name()));
        let lock = File::create(&lock_path)
            .map_err(|error| format!("cannot create {}: {error}", lock_path.display()))?;
        lock.lock()
            .map_err(|error| format!("cannot lock {}: {error}", lock_path.display()))?;
        let complete = directory.join("complete");
        if !complete.exists() {
            install(version, &directory, "python3")?;
            fs::write(&complete, version.requirements().join("\n"))
                .map_err(|error| format!("cannot write {}: {error}", complete.display()))?;
        }
        Ok(Self {
            python: directory.join("bin/python"),
            buildout: directory.join("bin/buildout"),
        })
    }
}

fn install(version: PeerVersion, directory: &Path, python: &str) -> Result<(), String> {
    if directory.exists() {
        fs::remove_dir_all(directory)
            .map_err(|error| format!("cannot remove {}: {error}", directory.display()))?;
    }
    run(
        Command::new(python).args(["-m", "venv"]).arg(directory),
        "the differential tests need a `python3` (3.10 or later) with its `venv` module",
    )?;
    // The environment's own interpreter name goes into the scripts, hence `bin/python` throughout.
    run(
        Command::new(directory.join("bin/python"))
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(version.requirements()),
        "the differential tests install the reference zc.buildout from PyPI with pip, which needs the network (once)",
    )
}

fn run(command: &mut Command, need: &str) -> Result<(), String> {
    let output = command
        .env_remove("PYTHONPATH")
        .env_remove("PYTHONHOME")
        .output()
        .map_err(|error| format!("{need}: cannot start {command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{need}: {command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ))
}

#[cfg(test)]
mod tests {
    use super::{PeerVersion, install};

    #[test]
    fn a_missing_interpreter_is_named() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let place = directory.path().join("peer");
        let problem =
            install(PeerVersion::Upstream6, &place, "no-such-python3").expect_err("there is none");
        assert!(problem.contains("need a `python3`"), "{problem}");
        assert!(problem.contains("no-such-python3"), "{problem}");
    }
}
