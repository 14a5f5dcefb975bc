//! Recipes in Python from PyPI, by name.

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
