//! The options of all entry points, documented.

use buildout_core::recipe::{
    ConstructionKind, Descriptor, Footprint, OptionDocumentation, ResultDocumentation, UpdateKind,
};

/// Makes the documentation of options.
macro_rules! options {
    ($($name:literal, $default:expr, $summary:literal;)*) => {
        &[$(OptionDocumentation {
            name: $name,
            default: $default,
            summary: $summary,
        }),*]
    };
}

const SCRIPTS: &[OptionDocumentation] = options! {
    "eggs", Some("the name of the part"), "Requirements, one on each line: a project, with extras, conditions on its version and a marker if need be.";
    "find-links", Some("${buildout:find-links}"), "Pages, directories and files where distributions are looked for besides the index.";
    "index", Some("${buildout:index}"), "The index of distributions.";
    "scripts", Some("all of the eggs asked for"), "Which scripts are made: `NAME`, or `NAME=FILE` to give it another name. If it is there and empty, nothing is made at all.";
    "entry-points", Some(""), "Scripts that no egg declares: `NAME=module:attribute`.";
    "interpreter", Some(""), "The name of a Python that has the eggs on its path.";
    "dependent-scripts", Some("false"), "Whether the scripts of required eggs are made, too.";
    "extra-paths", Some(""), "Paths after those of the eggs, one on each line, seen from the buildout directory.";
    "initialization", Some(""), "Python text that scripts run before they import anything.";
    "arguments", Some(""), "Python text between the parentheses of the call in scripts.";
    "relative-paths", Some("${buildout:relative-paths}, else false"), "Whether scripts find the eggs from where they are, so that the buildout directory can be moved.";
    "EGG-patches", Some(""), "Patches for the source of EGG: `FILE`, or `URL#DIGEST`, one on each line. Its pin then ends in `+SlapOSPatchedNNN`.";
    "EGG-patch-options", Some("-p0"), "Options of the program that patches EGG.";
    "EGG-patch-binary", Some("patch"), "The program that patches EGG.";
    "EGG-patch-revision", Some("the number of patches"), "NNN of the version of the patched EGG.";
};

const EGGS: &[OptionDocumentation] = options! {
    "eggs", Some("the name of the part"), "Requirements, one on each line: a project, with extras, conditions on its version and a marker if need be.";
    "find-links", Some("${buildout:find-links}"), "Pages, directories and files where distributions are looked for besides the index.";
    "index", Some("${buildout:index}"), "The index of distributions.";
    "EGG-patches", Some(""), "Patches for the source of EGG: `FILE`, or `URL#DIGEST`, one on each line. Its pin then ends in `+SlapOSPatchedNNN`.";
    "EGG-patch-options", Some("-p0"), "Options of the program that patches EGG.";
    "EGG-patch-binary", Some("patch"), "The program that patches EGG.";
    "EGG-patch-revision", Some("the number of patches"), "NNN of the version of the patched EGG.";
};

const CUSTOM: &[OptionDocumentation] = options! {
    "egg", Some("the name of the part"), "The requirement to build from source.";
    "eggs", Some(""), "The old name of `egg`.";
    "find-links", Some("${buildout:find-links}"), "Pages, directories and files where source archives are looked for besides the index.";
    "index", Some("${buildout:index}"), "The index of distributions.";
    "environment", Some(""), "A section whose options are variables of the build, or `NAME = value` lines. `%(NAME)s` is the value before.";
    "setup-eggs", Some(""), "Requirements that the build needs, one on each line. Where others are taken for them, it is built anew.";
    "include-dirs", Some(""), "Directories of header files, one on each line, seen from the buildout directory.";
    "library-dirs", Some(""), "Directories of libraries, one on each line, seen from the buildout directory.";
    "rpath", Some(""), "Directories where libraries are looked for when the extension is loaded; `$ORIGIN` and its kin stay as they are.";
    "libraries", Some(""), "Libraries to link with.";
    "define", Some(""), "Macros of the C preprocessor.";
    "undef", Some(""), "Macros of the C preprocessor that are not to be defined.";
    "link-objects", Some(""), "Object files to link with.";
    "debug", Some(""), "Whether to build with debugging information.";
    "force", Some(""), "Whether to build everything anew.";
    "compiler", Some(""), "The kind of compiler.";
    "swig", Some(""), "The program swig, seen from the buildout directory.";
    "swig-cpp", Some(""), "Whether swig makes C++.";
    "swig-opts", Some(""), "Options of swig.";
    "patches", Some(""), "Patches for the source: `FILE`, or `URL#DIGEST`, one on each line. The pin then ends in `+SlapOSPatchedNNN`.";
    "patch-options", Some("-p0"), "Options of the program that patches.";
    "patch-binary", Some("patch"), "The program that patches.";
    "patch-revision", Some("the number of patches"), "NNN of the version of what is patched.";
};

const DEVELOP: &[OptionDocumentation] = options! {
    "setup", None, "The checkout, or its `setup.py`, seen from the buildout directory.";
    "environment", Some(""), "A section whose options are variables of the build, or `NAME = value` lines. `%(NAME)s` is the value before.";
    "setup-eggs", Some(""), "Requirements that the build needs, one on each line. Where others are taken for them, it is built anew.";
    "include-dirs", Some(""), "Directories of header files, one on each line, seen from the buildout directory.";
    "library-dirs", Some(""), "Directories of libraries, one on each line, seen from the buildout directory.";
    "rpath", Some(""), "Directories where libraries are looked for when the extension is loaded; `$ORIGIN` and its kin stay as they are.";
    "libraries", Some(""), "Libraries to link with.";
    "define", Some(""), "Macros of the C preprocessor.";
    "undef", Some(""), "Macros of the C preprocessor that are not to be defined.";
    "link-objects", Some(""), "Object files to link with.";
    "debug", Some(""), "Whether to build with debugging information.";
    "force", Some(""), "Whether to build everything anew.";
    "compiler", Some(""), "The kind of compiler.";
    "swig", Some(""), "The program swig, seen from the buildout directory.";
    "swig-cpp", Some(""), "Whether swig makes C++.";
    "swig-opts", Some(""), "Options of swig.";
};

/// Makes the documentation of the options that a recipe sets.
macro_rules! results {
    ($($name:literal, $summary:literal;)*) => {
        &[$(ResultDocumentation {
            name: $name,
            summary: $summary,
        }),*]
    };
}

/// What all parts with `eggs` set.
pub(super) const EGGS_RESULTS: &[ResultDocumentation] = results! {
    "eggs-directory", "That of `[buildout]`.";
    "develop-eggs-directory", "That of `[buildout]`.";
};

/// What parts with scripts set.
pub(super) const SCRIPTS_RESULTS: &[ResultDocumentation] = results! {
    "eggs-directory", "That of `[buildout]`.";
    "develop-eggs-directory", "That of `[buildout]`.";
    "bin-directory", "That of `[buildout]`.";
    "buildout-directory", "The buildout directory, if paths are relative to it.";
};

/// Describes the entry points that make scripts.
pub(super) fn script_descriptors() -> Vec<Descriptor> {
    [
        "zc.recipe.egg",
        "zc.recipe.egg:script",
        "zc.recipe.egg:scripts",
    ]
    .into_iter()
    .map(|name| Descriptor {
        name,
        summary: "Installs Python distributions with what they require, and makes their scripts.",
        options: SCRIPTS,
        ..EGGS_DESCRIPTOR
    })
    .collect()
}

/// Describes `:eggs`.
pub(super) const EGGS_DESCRIPTOR: Descriptor = Descriptor {
    name: "zc.recipe.egg:eggs",
    summary: "Installs Python distributions with what they require.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Declared,
    update: UpdateKind::Runs,
    options: EGGS,
};

/// Describes `:custom`.
pub(super) const CUSTOM_DESCRIPTOR: Descriptor = Descriptor {
    name: "zc.recipe.egg:custom",
    summary: "Builds a Python distribution from its source, with options for its C extensions.",
    footprint: Footprint::Commands,
    options: CUSTOM,
    ..EGGS_DESCRIPTOR
};

/// Describes `:develop`.
pub(super) const DEVELOP_DESCRIPTOR: Descriptor = Descriptor {
    name: "zc.recipe.egg:develop",
    summary: "Makes a checkout a develop egg, with options for its C extensions.",
    footprint: Footprint::Commands,
    options: DEVELOP,
    ..EGGS_DESCRIPTOR
};
