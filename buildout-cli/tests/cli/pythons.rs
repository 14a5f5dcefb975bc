//! The Pythons of the machine, and a distribution to try them with.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::site::TestSite;

/// The minor versions of Python 3 that are supported.
pub(crate) const MINORS: [u32; 5] = [9, 10, 11, 12, 13];

/// Finds Python 3 of a minor version: one of pyenv's, or `python3.MINOR` of the
/// `PATH`.
pub(crate) fn python(minor: u32) -> Option<PathBuf> {
    let of_pyenv = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".pyenv")))
        .map(|root| root.join("versions"));
    let versions = of_pyenv.and_then(|versions| std::fs::read_dir(versions).ok());
    let mut candidates: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin/python3"))
        .collect();
    candidates.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    candidates.extend(std::env::split_paths(&path).flat_map(|directory| {
        [
            directory.join(format!("python3.{minor}")),
            directory.join("python3"),
        ]
    }));
    candidates
        .into_iter()
        .find(|python| python.is_file() && minor_of(python) == Some(minor))
}

/// Asks a Python 3 for its minor version; nothing if it does not answer.
fn minor_of(python: &Path) -> Option<u32> {
    let ask = "import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else '')";
    let output = Command::new(python).args(["-I", "-c", ask]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Returns two Pythons of different minor versions: the one that the command finds on
/// the `PATH`, and another one.
///
/// # Panics
///
/// There are no two.
pub(crate) fn two_pythons() -> [(u32, PathBuf); 2] {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let host = std::env::split_paths(&path)
        .map(|directory| directory.join("python3"))
        .find_map(|python| Some((minor_of(&python)?, python)))
        .expect("a `python3` on the PATH");
    let other = MINORS.into_iter().rev().filter(|minor| *minor != host.0);
    let other = other
        .filter_map(|minor| Some((minor, python(minor)?)))
        .next()
        .expect("a second Python 3, of pyenv or as `python3.MINOR`, which this test needs");
    [host, other]
}

/// Where tests keep what all of them fetch for builds.
pub(crate) fn shared_cache() -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let cache = target.expect("the target directory").join("peers/cache");
    cache.to_string_lossy().into_owned()
}

/// A program that says which Python runs it, and a recipe that writes it down.
const SAYING: &str = "\
import sys

NAME = 'python 3.%d' % sys.version_info[1]


def main():
    print(NAME)


class Recipe:
    def __init__(self, buildout, name, options):
        self.options = options
        options['constructed-by'] = NAME

    def install(self):
        with open(self.options['output'], 'w') as file:
            file.write(NAME)
        return self.options['output']

    def update(self):
        pass
";

const SETUP: &str = "\
from setuptools import setup

setup(
    name='saying',
    version='1.0',
    py_modules=['saying'],
    entry_points={
        'console_scripts': ['saying=saying:main'],
        'zc.buildout': ['default=saying:Recipe'],
    },
)
";

const ENTRY_POINTS: &str = "\
[console_scripts]
saying = saying:main
[zc.buildout]
default = saying:Recipe
";

const METADATA: &str = "Metadata-Version: 2.1\nName: saying\nVersion: 1.0\n";

/// Makes the source distribution `saying` 1.0 in `links`.
pub(crate) fn make_source_of_saying(site: &TestSite) {
    site.write("saying-1.0/saying.py", SAYING);
    site.write("saying-1.0/setup.py", SETUP);
    site.write("saying-1.0/PKG-INFO", METADATA);
    shell(
        site,
        "mkdir -p links && tar czf links/saying-1.0.tar.gz saying-1.0",
    );
}

/// Makes the wheel of `saying` 1.0 in `links`, which is quicker to install.
pub(crate) fn make_wheel_of_saying(site: &TestSite) {
    let wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let record = "saying.py,,\nsaying-1.0.dist-info/METADATA,,\n\
                  saying-1.0.dist-info/WHEEL,,\nsaying-1.0.dist-info/entry_points.txt,,\n\
                  saying-1.0.dist-info/RECORD,,\n";
    site.write("wheel/saying.py", SAYING);
    for (name, text) in [
        ("METADATA", METADATA),
        ("WHEEL", wheel),
        ("entry_points.txt", ENTRY_POINTS),
        ("RECORD", record),
    ] {
        site.write(&format!("wheel/saying-1.0.dist-info/{name}"), text);
    }
    shell(
        site,
        "mkdir -p links && cd wheel && \
         python3 -m zipfile -c ../links/saying-1.0-py3-none-any.whl saying.py saying-1.0.dist-info",
    );
}

fn shell(site: &TestSite, line: &str) {
    let made = site.run_program("/bin/sh", &["-c", line]);
    assert_eq!(made.code, Some(0), "{made:?}");
}
