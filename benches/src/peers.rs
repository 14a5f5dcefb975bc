//! The reference implementations: zc.buildout in virtual environments of its own.

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
        "failed to {step} for zc.buildout {version}: {output}\n(the peers are installed from PyPI, \
         which needs the network once; `--skip-peers` does without them)"
    )]
    Install {
        /// The release.
        version: &'static str,
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
        let environment = directory.join(format!("zc.buildout-{}", self.version));
        let program = environment.join("bin/buildout");
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
            self.run("create a virtual environment", &mut create)?;
            let mut install = Command::new(environment.join("bin/python"));
            install
                .args(["-m", "pip", "install", "--quiet"])
                .arg("--disable-pip-version-check")
                .arg(format!("zc.buildout=={}", self.version))
                .args(self.requirements);
            self.run("install from PyPI", &mut install)?;
            fs::write(&complete, "").map_err(file_error("write", &complete))?;
        }
        Ok(Peer {
            release: self,
            program,
        })
    }

    fn run(&self, step: &'static str, command: &mut Command) -> Result<(), PeerError> {
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
            version: self.version,
            step,
            output: lines[lines.len().saturating_sub(5)..].join("\n"),
        })
    }
}

fn file_error(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PeerError {
    let path = path.to_owned();
    move |source| PeerError::File { verb, path, source }
}
