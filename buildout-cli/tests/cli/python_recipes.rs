//! Recipes in Python from PyPI, by name.

use crate::pythons::shared_cache;
use crate::site::TestSite;

const PINS: &str = "
[versions]
setuptools = 80.9.0
hexagonit.recipe.download = 1.7.1
plone.recipe.command = 1.1
collective.recipe.template = 3.0.0
six = 1.17.0
slapos.recipe.build = 0.66
";

#[test]
fn recipes_are_installed_from_pypi_and_run() {
    let site = TestSite::new(format!(
        "[buildout]
parts = fetched command snippet text
allow-picked-versions = false
bridge-recipes = plone.recipe.command collective.recipe.template

[fetched]
recipe = hexagonit.recipe.download
url = file://${{buildout:directory}}/buildout.cfg
download-only = true

[command]
recipe = plone.recipe.command
command = echo made > made
location = made
stop-on-error = true

[snippet]
recipe = slapos.recipe.build
init = options['word'] = 'computed'
install =
  import os
  os.mkdir(location)

[text]
recipe = collective.recipe.template
inline = ${{snippet:word}} in ${{snippet:location}}
output = ${{buildout:directory}}/text
{PINS}"
    ));
    let outcome = site.run(&[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(
        outcome.stdout.contains("Got plone.recipe.command 1.1.\n"),
        "{outcome:?}"
    );
    assert!(
        site.path("parts/fetched/buildout.cfg").exists() && site.path("parts/snippet").exists()
    );
    assert_eq!(site.read("made"), "made\n");
    assert_eq!(
        site.read("text"),
        format!("computed in {}", site.path("parts/snippet").display())
    );
    let record = site.read(".installed.cfg");
    assert!(record.contains("__buildout_signature__ = native:plone.recipe.command:default:0-plone-recipe-command-1.1-"), "{record}");
    // What they import as zc.buildout is ours, and needs no network.
    let tree = site.tree().join("\n");
    assert!(
        tree.contains("eggs/zc.buildout-3.0.1-py") && tree.contains("zc/buildout/_engine.py"),
        "{tree}"
    );

    // Offline, nothing is looked for any more.
    let outcome = site.run(&["-o"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(
        outcome.stdout,
        "Updating fetched.\nUpdating command.\nUpdating snippet.\nUpdating text.\n"
    );

    // Another version is another recipe.
    let profile = site.read("buildout.cfg");
    site.write(
        "buildout.cfg",
        profile.replace(
            "collective.recipe.template = 3.0.0",
            "collective.recipe.template = 2.2",
        ),
    );
    let outcome = site.run(&[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.contains("Installing text.\n"), "{outcome:?}");
    assert!(
        !outcome.stdout.contains("Installing fetched.\n"),
        "{outcome:?}"
    );
}

#[test]
fn a_recipe_in_python_that_is_not_there_is_told() {
    let site = TestSite::new(format!(
        "[buildout]\nparts = a\n\n[a]\nrecipe = hexagonit.recipe.download\nurl = x\n{PINS}"
    ));
    for (line, expected) in [
        (
            &["-o"][..],
            "Error: We don't have a distribution for hexagonit.recipe.download==1.7.1\nand can't install one in offline (no-install) mode.\n",
        ),
        (
            &["--python", "/nowhere/python3"][..],
            "Error: failed to run `/nowhere/python3` to find out about Python\n",
        ),
    ] {
        let outcome = site.run(line);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains(expected), "{outcome:?}");
        assert!(
            outcome
                .stderr
                .contains("recipe = hexagonit.recipe.download\n"),
            "{outcome:?}"
        );
    }
}

#[test]
fn recipes_that_need_other_versions_of_zc_buildout_run() {
    let site = TestSite::new(
        "[buildout]
parts = tests commands
develop = package

[versions]
setuptools = 80.9.0
zc.recipe.testrunner = 5.0
zope.testrunner = 8.3
zope.interface = 8.7
zope.exceptions = 6.0
collective.recipe.cmd = 1.0.0

# It requires zc.recipe.egg 6, and the dialect is that of zc.buildout 3.
[tests]
recipe = zc.recipe.testrunner
eggs = package
defaults = ['-v']

[commands]
recipe = collective.recipe.cmd
on_install = true
cmds = echo made > ${buildout:directory}/made
",
    )
    .variable("XDG_CACHE_HOME", &shared_cache())
    .file(
        "package/setup.py",
        "from setuptools import setup\nsetup(name='package', version='1', packages=['package'])\n",
    )
    .file("package/package/__init__.py", "")
    .file(
        "package/package/tests.py",
        "import unittest\nclass Tests(unittest.TestCase):\n    def test(self):\n        pass\n",
    );
    let outcome = site.run(&[]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(site.read("made"), "made\n");
    let script = site.path("bin/tests");
    let tests = site.run_program(&script.to_string_lossy(), &[]);
    assert!(
        tests.code == Some(0) && tests.stdout.contains("Ran 1 tests with 0 failures"),
        "{tests:?}"
    );
}

#[test]
fn mr_developer_has_checkouts_used_instead_of_pinned_versions() {
    let site = TestSite::new(
        "[buildout]
parts = program
extensions = mr.developer
auto-checkout = package
# What zc.buildout itself consists of need not be pinned.
allow-picked-versions = false

[versions]
mr.developer = 3.0.0
packaging = 25.0
platformdirs = 4.5.1
package = 7.0

[sources]
package = git file://${buildout:directory}/repository branch=main

[program]
recipe = zc.recipe.egg
eggs = package
",
    )
    .variable("XDG_CACHE_HOME", &shared_cache())
    .file(
        "repository/setup.py",
        "from setuptools import setup\n\
         setup(name='package', version='1', py_modules=['package'],\n\
         entry_points={'console_scripts': ['program=package:main']})\n",
    )
    .file(
        "repository/package.py",
        "def main():\n    print('checkout')\n",
    );
    let line = "cd repository && git init -q -b main . && git add . && \
                git -c user.name=a -c user.email=a@b commit -qm first";
    let made = site.run_program("/bin/sh", &["-c", line]);
    assert_eq!(made.code, Some(0), "{made:?}");
    for _ in 0..2 {
        let outcome = site.run(&[]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let script = site.path("bin/program");
        let said = site.run_program(&script.to_string_lossy(), &[]).output();
        assert_eq!(said, "checkout\n");
    }
    // What it makes for itself.
    assert!(site.path("bin/develop").exists(), "{:?}", site.tree());
}
