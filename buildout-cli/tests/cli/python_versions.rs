//! Each Python that is supported runs recipes, builds source distributions and runs the
//! scripts of eggs.

use crate::pythons::{make_source_of_saying, python, shared_cache};
use crate::site::TestSite;

const PROFILE: &str = "
[buildout]
parts = script said
find-links = ${:directory}/links
versions = versions

[versions]
setuptools = 80.9.0
saying = 1.0

[script]
recipe = zc.recipe.egg
eggs = saying

[said]
recipe = saying
output = ${buildout:directory}/out
";

fn works_with_python(minor: u32) {
    let python = python(minor).unwrap_or_else(|| {
        panic!("Python 3.{minor} is needed, from pyenv or on the PATH");
    });
    let site = TestSite::new(PROFILE).variable("XDG_CACHE_HOME", &shared_cache());
    make_source_of_saying(&site);
    let line = ["--python", &*python.to_string_lossy()];
    let outcome = site.run(&line);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let name = format!("python 3.{minor}");
    assert_eq!(site.read("out"), name);
    let script = site.path("bin/saying");
    let said = site.run_program(&script.to_string_lossy(), &[]).output();
    assert_eq!(said, format!("{name}\n"));
    let egg = format!("site/eggs/saying-1.0-py3.{minor}-");
    let tree = site.tree();
    assert!(tree.iter().any(|line| line.starts_with(&egg)), "{tree:?}");
    let again = site.run(&line).output();
    assert_eq!(again, "Updating script.\nUpdating said.\n");
}

#[test]
fn python_3_9_works() {
    works_with_python(9);
}

#[test]
fn python_3_10_works() {
    works_with_python(10);
}

#[test]
fn python_3_11_works() {
    works_with_python(11);
}

#[test]
fn python_3_12_works() {
    works_with_python(12);
}

#[test]
fn python_3_13_works() {
    works_with_python(13);
}
