//! What is known about the recipe without running it.

use buildout_core::recipe::{
    ConstructionKind, Descriptor, Footprint, OptionDocumentation, ResultDocumentation, UpdateKind,
};

use crate::download::{ALTERNATE_URL, MD5SUM, OFFLINE, SHA256, SHA512, SHARED};

/// Looking for a shared part only reads, so construction is pure. The commands
/// of a part may do anything, but what they are for is in its options: those
/// name the location and whatever the build uses, which orders it.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "slapos.recipe.cmmi",
    summary: "Compiles and installs software: configure, make, make install.",
    behaviour_version: 1,
    construction: ConstructionKind::Pure,
    footprint: Footprint::Commands,
    update: UpdateKind::Runs,
    options: &OPTIONS,
};

/// The options that the recipe sets.
pub(super) const RESULTS: &[ResultDocumentation] = &[
    ResultDocumentation {
        name: "location",
        summary: "The directory of the part.",
    },
    ResultDocumentation {
        name: "prefix",
        summary: "Where the software is installed: the location, if the profile says nothing else.",
    },
    ResultDocumentation {
        name: "compile-directory",
        summary: "Where it is built.",
    },
];

const fn option(
    name: &'static str,
    default: &'static str,
    summary: &'static str,
) -> OptionDocumentation {
    OptionDocumentation {
        name,
        default: Some(default),
        summary,
    }
}

const OPTIONS: [OptionDocumentation; 27] = [
    option(
        "url",
        "",
        "The archive to build: a URL or a path; `#sha256=DIGITS` may follow. Either this or `path` is needed.",
    ),
    option(
        "path",
        "",
        "A directory to build in, in place of an archive.",
    ),
    MD5SUM,
    SHA256,
    SHA512,
    ALTERNATE_URL,
    OFFLINE,
    option(
        "strip-top-level-dir",
        "false",
        "Whether the contents of the archive's only directory take its place. It is entered anyway.",
    ),
    SHARED,
    option(
        "location",
        "@@LOCATION@@",
        "Where the part is installed. Cannot be chosen: write the default to refer to it by `${:location}`.",
    ),
    option(
        "prefix",
        "@@LOCATION@@",
        "Where the software is to be installed.",
    ),
    option(
        "environment",
        "",
        "Variables for the commands, `NAME = VALUE` on lines, or the name of a section; `%(NAME)s` is the value that NAME had before.",
    ),
    option(
        "patches",
        "",
        "Patches to apply, as `URL` or `URL#MD5`, separated by space.",
    ),
    option("patch-binary", "patch", "The program that applies patches."),
    option("patch-options", "-p0", "Its options."),
    option(
        "pre-configure",
        "",
        "A shell command, before configuration.",
    ),
    option(
        "configure-command",
        "./configure --prefix=\"%(prefix)s\"",
        "The shell command that configures; `--prefix` is added only to the default, unless `configure-options` have it.",
    ),
    option("configure-options", "", "Options of that command."),
    option("pre-build", "", "A shell command, before make."),
    option(
        "make-binary",
        "make",
        "The program that builds; without it, nothing is made.",
    ),
    option("make-options", "", "Its options."),
    option("pre-install", "", "A shell command, before installation."),
    option(
        "make-targets",
        "install",
        "What is made to install; with a `configure-command`, the default gets `prefix=` as well.",
    ),
    option("post-install", "", "A shell command, after installation."),
    option(
        "promises",
        "",
        "Files that must exist in the end, one on each line; a warning tells of one that does not.",
    ),
    option(
        "keep-compile-dir",
        "${buildout:keep-compile-dir}",
        "Whether the directory of the build stays: `true` or `false`.",
    ),
    option(
        "pre-configure-hook",
        "",
        "Not supported, like `pre-make-hook` and `post-make-hook`: a function in Python.",
    ),
];
