//! Plugins of a release whose Python is 2.7, as older releases pin it: the
//! host's text is Python 2's, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use slap::test_master::{made_once, peers_of};

use crate::plugins::{assert_same, forget_caches, left};
use crate::site::{NodeSite, by_ordinary_user};
use crate::toolbox::{Toolbox, prepare, write_promise};

/// The last version of virtualenv that Python 2.7 runs.
const VIRTUALENV: &str = "virtualenv==20.15.1";

/// slapos.core with what its promises import, in the last versions for Python
/// 2.7. It asks for more, of which not all has such a version any more.
const REQUIREMENTS: [&str; 31] = [
    "slapos.core==1.22.1",
    "attrs==21.4.0",
    "certifi==2021.10.8",
    "chardet==4.0.0",
    "configparser==4.0.2",
    "contextlib2==0.6.0.post1",
    "enum34==1.1.10",
    "functools32==3.2.3.post2",
    "idna==2.10",
    "importlib-metadata==2.1.3",
    "importlib-resources==3.3.1",
    "ipaddress==1.0.23",
    "jsonschema==3.2.0",
    "lxml==4.9.4",
    "netaddr==0.10.1",
    "pathlib2==2.3.7.post1",
    "psutil==5.9.8",
    "pyrsistent==0.16.1",
    "requests==2.27.1",
    "scandir==1.10.0",
    "selectors34==1.2",
    "singledispatch==3.7.0",
    "six==1.17.0",
    "subprocess32==3.5.4",
    "typing==3.10.0.0",
    "uritemplate==3.0.1",
    "urllib3==1.26.20",
    "xml-marshaller==1.0.2",
    "zc.buildout==2.13.8",
    "zipp==1.2.0",
    "zope.interface==5.4.0",
];

/// Has slapos.core check the promises of the current directory. Its own script
/// for that needs a command line of which not all is there for Python 2.7.
const LAUNCHER: &str = "
import logging, os, sys
from slapos.grid.promise import PromiseLauncher
here = os.getcwd()
folder = lambda name: os.path.join(here, name)
logging.basicConfig(level=logging.INFO)
PromiseLauncher(logger=logging.getLogger(), config={
  'promise-folder': folder('etc/plugin'),
  'legacy-promise-folder': folder('etc/promise'),
  'promise-timeout': 20,
  'partition-folder': here,
  'log-folder': folder('.slapgrid/promise/log'),
  'master-url': sys.argv[1],
  'partition-id': 'slappart0',
  'computer-id': 'local',
  'force': sys.argv[2] == 'test',
  'check-anomaly': sys.argv[2] == 'anomaly',
}).run()
";

/// Plugins by their names, with what they sense by.
const PLUGINS: [(&str, &str); 5] = [
    ("good", "self.logger.info(u'all is w\\xe9ll')"),
    (
        "bad",
        "self.logger.error('one')\nself.logger.error(u'tw\\xf6')",
    ),
    ("raises", "raise ValueError(u'no l\\xfcck')"),
    ("silent", "os._exit(3)"),
    (
        "prints",
        "os.write(1, b'\\xff\\xfe bytes\\n')\nprint(self.getConfig('partition-id'))\nself.logger.info(repr(self.getConfig('computer-id')))",
    ),
];

/// Returns what promises left with results as documents: Python 2 writes the
/// members of a dictionary in any order.
fn left_as_documents(partition: &Path) -> BTreeMap<String, String> {
    let mut left = left(partition);
    for (name, text) in &mut left {
        if name.starts_with("result/") {
            let document: Value = serde_json::from_str(&text.replace(": T", ": 0")).expect(text);
            *text = document.to_string();
        }
    }
    left
}

/// Finds Python 2.7: pyenv's, or `python2.7` of the `PATH`.
fn python_2() -> PathBuf {
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let of_pyenv = versions.into_iter().flatten().flatten();
    let of_pyenv = of_pyenv.map(|version| version.path().join("bin/python2.7"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let of_path: Vec<PathBuf> = std::env::split_paths(&path)
        .map(|directory| directory.join("python2.7"))
        .collect();
    let works = |python: &PathBuf| {
        let output = Command::new(python).arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    };
    let found = of_pyenv.chain(of_path).find(works);
    found.expect("Python 2.7 is needed, from pyenv or on the PATH")
}

/// Installs slapos.core for Python 2.7 from PyPI, if it is not there.
fn installed() -> Toolbox {
    let peers = peers_of(env!("CARGO_TARGET_TMPDIR"));
    let environment = made_once(&peers, "python-2.7-core-1.22.1", |environment| {
        let python = python_2();
        // It has no venv of its own.
        let maker = tempfile::tempdir().expect("a temporary directory can be made");
        let target = maker.path().to_string_lossy();
        pip_install(&python, &["--target", &target, VIRTUALENV]);
        let mut command = Command::new(&python);
        command.env("PYTHONPATH", maker.path());
        run(command
            .args(["-m", "virtualenv", "--quiet"])
            .arg(environment));
        let words = [&["--no-deps"][..], &REQUIREMENTS].concat();
        pip_install(&environment.join("bin/python"), &words);
        Ok(())
    });
    Toolbox::of_environment(environment.unwrap_or_else(|error| panic!("{error}")))
}

fn pip_install(python: &Path, words: &[&str]) {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "install", "--quiet"]);
    run(command.arg("--disable-pip-version-check").args(words));
}

fn run(command: &mut Command) {
    let output = command.output().expect("Python can be run");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {text}");
}

#[test]
fn promises_of_python_2_leave_what_slapos_core_leaves() {
    let toolbox = installed();
    let site = NodeSite::ordinary(1);
    prepare(&site, Some(&toolbox), 1);
    let partition = site.partition(0);
    for (name, sense) in PLUGINS {
        let text = toolbox.sensing(sense);
        write_promise(&site, &partition, &format!("{name}.py"), &text);
    }
    let mut theirs = Vec::new();
    for kind in ["test", "anomaly"] {
        let mut command = by_ordinary_user(&toolbox.python());
        command
            .args(["-c", LAUNCHER, site.master.url(), kind])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .current_dir(&partition)
            .stdin(Stdio::null());
        let output = command.output().expect("Python can be run");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("PromiseError"), "{text}");
        theirs.push(left_as_documents(&partition));
        forget_caches(&partition);
    }
    fs::remove_dir_all(partition.join(".slapgrid")).expect("the site is ours");

    let text = site.run("node promise").expect(2);
    assert!(
        text.contains("Promise 'bad.py' failed with output: one\ntwö"),
        "{text}"
    );
    assert!(text.contains("\u{fffd}\u{fffd} bytes"), "{text}");
    assert_same(&left_as_documents(&partition), &theirs[0]);
    let before = site.wanted(0).timestamp();
    fs::write(
        partition.join(".timestamp"),
        before.as_deref().unwrap_or_default(),
    )
    .expect("the site is ours");
    forget_caches(&partition);
    let text = site.run("node instance").expect(0);
    assert!(
        text.contains("Bang with message 'Promise bad is failing'."),
        "{text}"
    );
    assert_same(&left_as_documents(&partition), &theirs[1]);
    assert_ne!(site.wanted(0).timestamp(), before);
}
