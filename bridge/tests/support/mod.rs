//! Recipes in Python for the tests: those of directories, found by name.
#![allow(dead_code, reason = "each test binary uses its own selection")]

#[path = "../../../recipes/tests/support/mod.rs"]
mod site;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_bridge::{Distribution, Distributions, PythonRecipes, Search};
use buildout_core::recipe::{PartRun, PlannedDistributions, RecipeError, Registry};

#[allow(unused_imports, reason = "each test binary uses its own selection")]
pub(crate) use site::{ROOT, TestSite};

/// Distributions of directories such as `site-packages`: whatever is asked
/// for, each directory is visible as a whole.
pub(crate) struct DirectoryDistributions(pub(crate) Vec<PathBuf>);

impl Distributions for DirectoryDistributions {
    fn require(
        &self,
        requirements: &[String],
        search: &Search,
        _: &PartRun<'_>,
    ) -> Result<Vec<Distribution>, RecipeError> {
        let mut found = Vec::new();
        for requirement in requirements {
            let name = requirement.split(['=', '<', '>', ' ']).next().unwrap_or("");
            if name == "zc.buildout" {
                continue;
            }
            let distribution = self.0.iter().find_map(|directory| find(directory, name));
            found.push(distribution.ok_or_else(|| {
                assert!(!search.allow_hosts.is_empty(), "{search:?}");
                RecipeError::user(format!("Couldn't find a distribution for '{requirement}'."))
            })?);
        }
        // What they need is beside them.
        for directory in &self.0 {
            found.push(Distribution {
                name: "other".to_owned(),
                version: "0".to_owned(),
                location: directory.clone(),
                links: None,
            });
        }
        Ok(found)
    }

    /// All of them are there.
    fn plan(
        &self,
        _: &[String],
        _: &Search,
        _: &PartRun<'_>,
    ) -> Result<PlannedDistributions, RecipeError> {
        Ok(PlannedDistributions::default())
    }
}

fn find(directory: &Path, name: &str) -> Option<Distribution> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    for entry in fs::read_dir(directory).ok()?.flatten() {
        let file = entry.file_name().into_string().ok()?;
        let Some((stem, _)) = file.rsplit_once(".dist-info") else {
            continue;
        };
        let (found, version) = stem.rsplit_once('-')?;
        if plain(found) == plain(name) {
            return Some(Distribution {
                name: name.to_owned(),
                version: version.to_owned(),
                location: directory.to_owned(),
                links: None,
            });
        }
    }
    None
}

/// Returns the built-in recipes and those in Python of some directories; the
/// recipes that `bridged` names are the Python ones also if they are built in.
pub(crate) fn registry(directories: Vec<PathBuf>, bridged: &str) -> Registry {
    let native = buildout_recipes::registry();
    let names = native
        .descriptors()
        .iter()
        .map(|found| found.name)
        .collect();
    let distributions = Arc::new(DirectoryDistributions(directories));
    let python = PythonRecipes::new(distributions).proposing(names);
    let first = if bridged.is_empty() {
        Registry::default()
    } else {
        Registry::default().with(Arc::new(python.only(bridged)))
    };
    first
        .with(Arc::new(buildout_recipes::NativeRecipes::new()))
        .with(Arc::new(python))
}

/// The Python that runs recipes.
pub(crate) fn python() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|directory| directory.join("python3"));
    found
        .find(|python| python.is_file())
        .expect("Python is needed by these tests")
}

/// A site with the distribution `mini`, whose recipes are the classes of
/// `module`, and whose other entry points are what `groups` lists.
pub(crate) fn mini_site(profile: &str, module: &str, entry_points: &str) -> TestSite {
    mini_site_with(&python().to_string_lossy(), profile, module, entry_points)
}

/// The same with another Python.
pub(crate) fn mini_site_with(
    python: &str,
    profile: &str,
    module: &str,
    entry_points: &str,
) -> TestSite {
    let site = TestSite::with_profile(profile).assign("buildout", "executable", python);
    site.write(
        "../eggs/mini-1.0.dist-info/METADATA",
        "Name: mini\nVersion: 1.0\n",
    );
    site.write("../eggs/mini-1.0.dist-info/entry_points.txt", entry_points);
    site.write("../eggs/mini.py", module);
    let eggs = site.root().join("eggs");
    site.registry(move || registry(vec![eggs.clone()], ""))
}
