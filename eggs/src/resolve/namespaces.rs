//! Packages that several distributions share in the old way.

use std::fs;

use crate::distribution::Distribution;

/// Tells whether a distribution imports `pkg_resources` for the sake of a
/// shared package, and so needs setuptools. Keeps `dist_needs_pkg_resources`.
pub(super) fn needs_pkg_resources(distribution: &Distribution) -> bool {
    distribution
        .metadata()
        .namespace_packages
        .iter()
        .any(|package| {
            let mut path = distribution.location().to_owned();
            path.extend(package.split('.'));
            path.push("__init__.py");
            // What is no text does not do so either.
            fs::read_to_string(&path)
                .is_ok_and(|source| source.contains("pkg_resources") && !source.contains("pkgutil"))
        })
}
