//! Distributions that the program brings, in place of those of an index.
//!
//! Recipes in Python require `zc.buildout`, and so does what SlapOS installs:
//! the package that it gets is the interface of the engine, under the name and
//! the version that the profile pins.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use buildout_core::dialect::{Dialect, DialectName};
use buildout_core::recipe::RecipeError;
use buildout_eggs::distribution::{Distribution, DistributionKind};
use buildout_eggs::metadata::Metadata;
use buildout_eggs::name::canonical_name;
use buildout_eggs::version::Pins;

use super::tools::{PIP, SETUPTOOLS, WHEEL};
use crate::system_error::failed;

/// What marks the versions of SlapOS's fork, which no index has.
const FORK: &str = "+slapos";

/// A distribution of the program's own.
#[derive(Clone, Debug)]
pub struct OwnDistribution {
    /// The name.
    pub name: &'static str,
    /// The version in each dialect, where the profile pins none.
    pub version: fn(&Dialect) -> &'static str,
    /// What it requires.
    pub requires: &'static [&'static str],
    /// The files: paths and contents.
    pub files: &'static [(&'static str, &'static str)],
}

/// Returns pins that hold for recipes in Python, the profile's own first:
/// exact ones for what the program brings, and setuptools that still has
/// `pkg_resources`.
pub(super) fn pins(
    own: &[OwnDistribution],
    versions: &[(String, String)],
    dialect: &Dialect,
) -> Pins {
    let profile = Pins::new(versions.iter().map(|(name, pin)| (&**name, &**pin)));
    let mut all: Vec<(&str, &str)> = Vec::new();
    for (name, pin) in versions {
        let is_own = own
            .iter()
            .any(|own| canonical_name(own.name) == canonical_name(name));
        if !is_own {
            all.push((name, pin));
        }
    }
    let exact: Vec<(&str, String)> = own
        .iter()
        .map(|own| (own.name, own.pinned(&profile, dialect)))
        .collect();
    all.extend(exact.iter().map(|(name, pin)| (*name, &**pin)));
    let setuptools = format!("{}:whl", SETUPTOOLS.1);
    if !matches!(profile.get(SETUPTOOLS.0), Ok(Some(_))) {
        all.push((SETUPTOOLS.0, &setuptools));
    }
    Pins::new(all)
}

/// Returns the pins of a profile, and those of what zc.buildout itself consists of where the
/// profile has none: that need not be picked, since it is there.
pub(super) fn pins_besides(
    own: &[OwnDistribution],
    versions: &[(String, String)],
    dialect: &Dialect,
) -> Pins {
    let profile = Pins::new(versions.iter().map(|(name, pin)| (&**name, &**pin)));
    let is_pinned = |name: &str| profile.text(&canonical_name(name)).is_some();
    let tools = [PIP, SETUPTOOLS, WHEEL];
    let tools = tools.into_iter().filter(|(name, _)| !is_pinned(name));
    let own = own.iter().filter(|own| own.exact(&profile).is_none());
    let own = own.map(|own| (own.name, (own.version)(dialect)));
    let given = versions.iter().map(|(name, pin)| (&**name, &**pin));
    Pins::new(given.chain(tools).chain(own))
}

/// Returns the dialects whose versions may stand in for what the program brings: the one
/// in force first, and others if the profile pins none. What recipes call is the same.
pub(super) fn stand_ins(
    own: &[OwnDistribution],
    versions: &[(String, String)],
    dialect: &Dialect,
) -> Vec<Dialect> {
    let profile = Pins::new(versions.iter().map(|(name, pin)| (&**name, &**pin)));
    // The configuration itself has conditions for them, which all versions fulfil.
    if own.iter().any(|own| own.exact(&profile).is_some()) {
        return vec![dialect.clone()];
    }
    let others = [DialectName::Upstream, DialectName::Slapos];
    let others = others.into_iter().filter(|name| *name != dialect.name);
    std::iter::once(dialect.clone())
        .chain(others.map(Dialect::named))
        .collect()
}

/// Tells whether an error is about what the program brings.
pub(super) fn is_about(own: &[OwnDistribution], error: &RecipeError) -> bool {
    let text = error.to_string();
    own.iter().any(|own| text.contains(own.name))
}

impl OwnDistribution {
    /// Returns the version that the profile pins, if it is a single one.
    fn exact<'p>(&self, profile: &'p Pins) -> Option<&'p str> {
        let pin = profile.get(&canonical_name(self.name)).ok().flatten();
        pin.and_then(|pin| pin.version())
    }

    /// Tells whether the version that is pinned is that of a dialect.
    pub(super) fn is_default(&self, profile: &Pins, dialect: &Dialect) -> bool {
        self.exact(profile) == Some((self.version)(dialect))
    }

    fn pinned(&self, profile: &Pins, dialect: &Dialect) -> String {
        let version = self.exact(profile);
        version.map_or_else(|| (self.version)(dialect).to_owned(), ToOwned::to_owned)
    }

    /// Tells whether the profile pins a version that no index has.
    pub(super) fn is_forked(&self, profile: &Pins) -> bool {
        let version = self.exact(profile);
        version.is_some_and(|version| version.contains(FORK))
    }

    /// Returns the distribution that is going to be there.
    ///
    /// # Errors
    ///
    /// What it says about itself is not understood: a bug.
    pub(super) fn distribution(
        &self,
        directory: &Path,
        profile: &Pins,
        dialect: &Dialect,
    ) -> Result<Distribution, RecipeError> {
        let headers = self.headers(&self.pinned(profile, dialect));
        let metadata = Metadata::of_headers(&headers, Path::new(self.name));
        let metadata = metadata.map_err(|error| RecipeError::internal("ValueError", error))?;
        let place = directory.join(self.name);
        Ok(Distribution::new(DistributionKind::Egg, place, metadata))
    }

    /// Makes the egg in a directory unless it is there; returns its path.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) fn make(
        &self,
        directory: &Path,
        profile: &Pins,
        dialect: &Dialect,
        python: &str,
    ) -> Result<PathBuf, RecipeError> {
        let version = self.pinned(profile, dialect);
        let escaped = version.replace('-', "_");
        let name = self.name.replace('-', "_");
        let egg = directory.join(format!("{name}-{escaped}-py{python}.egg"));
        let files = self.all_files(&version);
        if !is_current(&egg, &files) {
            write(directory, &egg, &files).map_err(failed("make the egg", &egg))?;
        }
        Ok(egg)
    }

    fn headers(&self, version: &str) -> String {
        let mut headers = format!(
            "Metadata-Version: 2.1\nName: {}\nVersion: {version}\n",
            self.name
        );
        for required in self.requires {
            headers.push_str(&format!("Requires-Dist: {required}\n"));
        }
        headers
    }

    fn all_files(&self, version: &str) -> Vec<(String, String)> {
        let headers = self.headers(version);
        let mut requires = self.requires.join("\n");
        requires.push('\n');
        let files = self.files.iter();
        let mut all: Vec<(String, String)> = files
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        for (path, text) in [
            ("PKG-INFO", &*headers),
            ("requires.txt", &*requires),
            ("top_level.txt", "zc\n"),
            ("not-zip-safe", "\n"),
        ] {
            all.push((format!("EGG-INFO/{path}"), text.to_owned()));
        }
        all
    }
}

fn is_current(egg: &Path, files: &[(String, String)]) -> bool {
    files
        .iter()
        .all(|(path, text)| fs::read_to_string(egg.join(path)).is_ok_and(|found| found == *text))
}

fn write(directory: &Path, egg: &Path, files: &[(String, String)]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let staged = tempfile::Builder::new()
        .prefix(".own-")
        .tempdir_in(directory)?;
    let place = staged.path().join("egg");
    for (path, text) in files {
        let path = place.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, text)?;
    }
    if egg.symlink_metadata().is_ok() {
        // That of another version of this program.
        fs::rename(egg, staged.path().join("old"))?;
    }
    fs::rename(&place, egg)
}

/// Returns the version of `zc.recipe.egg` that goes with a zc.buildout.
pub fn recipe_egg_version(dialect: &Dialect) -> &'static str {
    match dialect.name {
        DialectName::Upstream => "6.0.0",
        DialectName::Slapos => "2.0.7",
    }
}
