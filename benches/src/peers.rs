//! The reference implementations: zc.buildout and Jinja2 in virtual environments of their own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// A release of zc.buildout to compare with.
#[derive(Debug, Clone, Copy)]
pub struct Release {
    /// Version on PyPI.
    pub version: &'static str,
    /// What is installed with it.
    requirements: &'static [&'static str],
    /// Whether it comes with `slapos.recipe.build`.
    pub has_recipes: bool,
}

/// The releases we compare with, oldest first.
pub const RELEASES: [Release; 2] = [
    Release {
        version: "3.0.1",
        // It imports `pkg_resources`, which newer setuptools do without.
        requirements: &["setuptools<80", "wheel", "slapos.recipe.build"],
        has_recipes: true,
    },
    Release {
        version: "6.0.1",
        requirements: &[],
        has_recipes: false,
    },
];

/// An installed release.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Which one.
    pub release: Release,
    /// Its `buildout` program.
    pub program: PathBuf,
}

/// A release that could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// No Python to install it with.
    #[error(
        "failed to run `{program}`: the peers need Python 3 with its venv module (Debian: \
         python3-venv); `--skip-peers` does without them"
    )]
    Python {
        /// The program that does not start.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A step of the installation failed.
    #[error(
        "failed to {step} for {peer}: {output}\n(the peers are installed from PyPI, which needs \
         the network once; `--skip-peers` does without them)"
    )]
    Install {
        /// What was to be installed.
        peer: String,
        /// The step.
        step: &'static str,
        /// The end of what the step printed.
        output: String,
    },
    /// A file of the environment could not be made or removed.
    #[error("failed to {verb} `{}`", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

impl Release {
    /// The name in the tables.
    pub fn label(&self) -> String {
        format!("zc.buildout {}", self.version)
    }

    /// Returns the release installed below `directory`, and installs it there if it is missing.
    ///
    /// # Errors
    /// No Python, no network, or no place on the disk.
    pub fn install(self, directory: &Path) -> Result<Peer, PeerError> {
        let mut requirements = vec![format!("zc.buildout=={}", self.version)];
        requirements.extend(self.requirements.iter().map(|&name| name.to_owned()));
        let name = format!("zc.buildout-{}", self.version);
        let environment = install(directory, &name, &self.label(), &requirements)?;
        Ok(Peer {
            release: self,
            program: environment.join("bin/buildout"),
        })
    }
}

/// The release of Jinja2 that templates are compared with.
const JINJA2: &str = "3.1.6";

/// Returns a Python with Jinja2, installed below `directory` if it is missing there.
///
/// # Errors
/// No Python, no network, or no place on the disk.
pub fn install_jinja2(directory: &Path) -> Result<PathBuf, PeerError> {
    let name = format!("jinja2-{JINJA2}");
    let requirements = [format!("jinja2=={JINJA2}")];
    let environment = install(directory, &name, &format!("Jinja2 {JINJA2}"), &requirements)?;
    Ok(environment.join("bin/python"))
}

/// The releases that installations of eggs are compared with.
const EGG_RECIPE: [&str; 2] = ["zc.buildout==6.0.1", "zc.recipe.egg==6.0.0"];
const UV: &str = "0.13.9";

/// Whom installations of eggs are compared with, and the Python that all install for.
#[derive(Debug, Clone)]
pub struct EggPeers {
    /// A Python of a virtual environment.
    pub python: PathBuf,
    /// The `buildout` program, beside its recipe for eggs.
    pub buildout: PathBuf,
    /// The `uv` program.
    pub uv: PathBuf,
}

impl EggPeers {
    /// Returns the peers installed below `directory`, and installs there those that are missing.
    ///
    /// # Errors
    /// No Python, no network, or no place on the disk.
    pub fn install(directory: &Path) -> Result<Self, PeerError> {
        let requirements = EGG_RECIPE.map(ToOwned::to_owned);
        let label = "zc.buildout 6.0.1 with zc.recipe.egg";
        let buildout = install(directory, "zc.recipe.egg-6.0.0", label, &requirements)?;
        let requirements = [format!("uv=={UV}")];
        let uv = install(directory, &format!("uv-{UV}"), "uv", &requirements)?;
        Ok(EggPeers {
            python: buildout.join("bin/python"),
            buildout: buildout.join("bin/buildout"),
            uv: uv.join("bin/uv"),
        })
    }
}

/// Returns the virtual environment of a name, with packages from PyPI; makes it if it is missing.
fn install(
    directory: &Path,
    name: &str,
    peer: &str,
    requirements: &[String],
) -> Result<PathBuf, PeerError> {
    let environment = directory.join(name);
    // Written last: an environment without it is what an interrupted installation left.
    let complete = environment.join("complete");
    if !complete.exists() {
        if environment.exists() {
            fs::remove_dir_all(&environment)
                .map_err(file_error("remove directory", &environment))?;
        }
        fs::create_dir_all(directory).map_err(file_error("create directory", directory))?;
        let mut create = Command::new("python3");
        create.args(["-m", "venv"]).arg(&environment);
        run(peer, "create a virtual environment", &mut create)?;
        let mut install = Command::new(environment.join("bin/python"));
        install
            .args(["-m", "pip", "install", "--quiet"])
            .arg("--disable-pip-version-check")
            .args(requirements);
        run(peer, "install from PyPI", &mut install)?;
        fs::write(&complete, "").map_err(file_error("write", &complete))?;
    }
    Ok(environment)
}

fn run(peer: &str, step: &'static str, command: &mut Command) -> Result<(), PeerError> {
    let output = command.output().map_err(|source| PeerError::Python {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    if output.status.success() {
        return Ok(());
    }
    // `venv` complains on standard output, pip on standard error.
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    Err(PeerError::Install {
        peer: peer.to_owned(),
        step,
        output: lines[lines.len().saturating_sub(5)..].join("\n"),
    })
}

fn file_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PeerError {
    let path = path.to_owned();
    move |source| PeerError::File { verb, path, source }
}
