//! The real promises of slapos.toolbox, with the real slapos.core that runs
//! them: what releases have.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use slap::test_master::{peers_of, virtual_environment};

use crate::site::{NodeSite, by_ordinary_user};

/// An environment with slapos.toolbox, as the Python of a release.
pub(crate) struct Toolbox {
    environment: PathBuf,
}

impl Toolbox {
    /// Installs slapos.toolbox with a version of slapos.core from PyPI, if it
    /// is not there.
    pub(crate) fn installed(core: &str) -> Self {
        let core_requirement = format!("slapos.core=={core}");
        let environment = virtual_environment(
            &peers_of(env!("CARGO_TARGET_TMPDIR")),
            &format!("slapos.toolbox-0.170-core-{core}"),
            &[
                &core_requirement,
                "slapos.toolbox==0.170",
                "slapos.libnetworkcache==0.30",
                "zc.buildout==3.3",
                "setuptools==75.8.2",
            ],
        )
        .unwrap_or_else(|error| panic!("{error}"));
        Self::of_environment(environment)
    }

    /// Returns what is installed in an environment.
    pub(crate) fn of_environment(environment: PathBuf) -> Self {
        Toolbox { environment }
    }

    pub(crate) fn python(&self) -> PathBuf {
        self.environment.join("bin/python")
    }

    /// Returns the directory of its distributions.
    pub(crate) fn site_packages(&self) -> PathBuf {
        let lib = fs::read_dir(self.environment.join("lib")).expect("it is installed");
        let python = lib.flatten().next().expect("it has a Python").path();
        python.join("site-packages")
    }

    /// Returns the text of a plugin as `slapos.cookbook:promise.plugin` writes
    /// it, with its extra configuration as a literal of Python.
    pub(crate) fn plugin(&self, module: &str, configuration: &str) -> String {
        self.code(&format!(
            "extra_config_dict = {configuration}\n\nfrom slapos.promise.plugin.{module} import RunPromise\n"
        ))
    }

    /// Returns a plugin of its own, which senses by this code.
    pub(crate) fn sensing(&self, sense: &str) -> String {
        let sense = sense.replace('\n', "\n    ");
        self.code(&format!(
            "import os, subprocess, time
from zope.interface import implementer
from slapos.grid.promise import interface
from slapos.grid.promise.generic import GenericPromise

@implementer(interface.IPromise)
class RunPromise(GenericPromise):
  def sense(self):
    {sense}
"
        ))
    }

    fn code(&self, code: &str) -> String {
        let path = self.site_packages();
        format!(
            "import sys\n\nsys.path[0:0] = (\n  '{}',\n  )\n\n{code}",
            path.display()
        )
    }

    /// Has slapos.core itself check the promises of a partition, as its node
    /// does in the release's Python; returns the exit code and what it said.
    pub(crate) fn run(&self, site: &NodeSite, partition: &Path, words: &str) -> (i32, String) {
        let runner = self
            .site_packages()
            .join("slapos/grid/promise/runpromises.py");
        let folder = |name: &str| partition.join(name).display().to_string();
        let mut command = by_ordinary_user(&self.python());
        command
            .arg(runner)
            .args(["--promise-folder", &folder("etc/plugin")])
            .args(["--legacy-promise-folder", &folder("etc/promise")])
            .args(["--partition-folder", &partition.display().to_string()])
            .args(["--log-folder", &folder(".slapgrid/promise/log")])
            .args(["--master-url", site.master.url()])
            .args(["--partition-id", "slappart0", "--computer-id", "local"])
            .args(words.split_whitespace())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .current_dir(partition)
            .stdin(Stdio::null());
        outcome(&mut command)
    }
}

fn outcome(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("Python can be run");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code().unwrap_or(-1), text)
}

/// Makes an instance without parts in each of so many partitions, of a release
/// whose Python is that of the toolbox.
pub(crate) fn prepare(site: &NodeSite, toolbox: Option<&Toolbox>, instances: usize) {
    site.run("node format --now").expect(0);
    let url = site.profile("plain/software.cfg", "[buildout]\nparts =\n");
    site.run(&format!("supply {url} local")).expect(0);
    site.run("node software").expect(0);
    let release = site.release(&url);
    let instance = release.join("instance.cfg");
    fs::write(&instance, "[buildout]\nparts =\n").expect("the site is ours");
    site.give(&instance);
    if let Some(toolbox) = toolbox {
        let text = format!("#!{}\n", toolbox.python().display());
        fs::write(release.join("bin/buildout"), text).expect("the site is ours");
    }
    for number in 0..instances {
        site.run(&format!("request instance{number} {url}"))
            .expect(0);
    }
    site.run("node instance").expect(0);
}

/// Writes a promise of a partition: a plugin if its name ends with `.py`, else a
/// script of the shell.
pub(crate) fn write_promise(site: &NodeSite, partition: &Path, name: &str, text: &str) {
    let (folder, text) = match name.ends_with(".py") {
        true => ("etc/plugin", text.to_owned()),
        false => ("etc/promise", format!("#!/bin/sh\n{text}\n")),
    };
    let folder = partition.join(folder);
    for directory in [partition.join("etc"), folder.clone()] {
        fs::create_dir_all(&directory).expect("the site is ours");
        site.give(&directory);
    }
    let path = folder.join(name);
    fs::write(&path, text).expect("the site is ours");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    site.give(&path);
}
