//! The options of a build of C extensions.

use buildout_core::extends::join;
use buildout_core::profile::python_text::{split_lines, strip};
use buildout_core::recipe::{Construction, RecipeError};

/// Options passed on as they are.
const PLAIN: [&str; 9] = [
    "define",
    "undef",
    "libraries",
    "link-objects",
    "debug",
    "force",
    "compiler",
    "swig-cpp",
    "swig-opts",
];

/// Makes a path of a list an absolute one.
type Placed<'p> = &'p dyn Fn(&str) -> String;

/// What the loader itself replaces in a run path.
const RPATH_SPECIAL: [&str; 6] = [
    "$ORIGIN",
    "$LIB",
    "$PLATFORM",
    "${ORIGIN}",
    "${LIB}",
    "${PLATFORM}",
];

/// Reads the options and writes back what became of lists of paths, as
/// upstream does.
///
/// # Errors
///
/// An option cannot be resolved.
pub(super) fn read_build_ext(
    part: &Construction<'_>,
) -> Result<Vec<(String, String)>, RecipeError> {
    let directory = part.buildout_option("directory")?.unwrap_or_default();
    let absolute = |path: &str| join(&directory, path, false);
    let in_run_path = |path: &str| match RPATH_SPECIAL.iter().any(|name| path.starts_with(name)) {
        true => path.to_owned(),
        false => absolute(path),
    };
    let mut options = Vec::new();
    let lists: [(&str, Placed<'_>); 3] = [
        ("include-dirs", &absolute),
        ("library-dirs", &absolute),
        ("rpath", &in_run_path),
    ];
    for (name, place) in lists {
        let Some(value) = part.option(name)? else {
            continue;
        };
        let lines = split_lines(strip(&value)).into_iter().map(strip);
        let paths: Vec<String> = lines.filter(|line| !line.is_empty()).map(place).collect();
        let joined = paths.join(":");
        part.set(name, &joined)?;
        options.push((name.to_owned(), joined));
    }
    if let Some(swig) = part.option("swig")?.filter(|swig| !swig.is_empty()) {
        let swig = absolute(&swig);
        part.set("swig", &swig)?;
        options.push(("swig".to_owned(), swig));
    }
    for name in PLAIN {
        if let Some(value) = part.option(name)? {
            options.push((name.to_owned(), value.to_string()));
        }
    }
    Ok(options)
}
