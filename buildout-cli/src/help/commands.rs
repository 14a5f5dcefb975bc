//! The commands described, each with its own options.

use clap::{Arg, ArgAction, Command, ValueHint};

/// Returns the description of every command that works.
pub(super) fn all() -> Vec<Command> {
    vec![
        plain(
            "install",
            "Install, update and uninstall parts as the profile says (the default)",
        )
        .arg(names("PART", "Only these, with what they refer to; nothing is uninstalled")),
        plain(
            "init",
            "Write a profile and make the directories",
        )
        .arg(names(
            "REQUIREMENT",
            "Distributions that the profile installs, with an interpreter `bin/py` that has them",
        )),
        plain("bootstrap", "Make the directories"),
        plain("annotate", "Show every value and where it comes from")
            .arg(names("SECTION", "Only these"))
            .arg(format(&["text", "json"]))
            .after_help(
                "Values are shown as they are written: before macros (`<=`) and references are\n\
                 replaced. `buildout -v annotate` shows the history of each.",
            ),
        plain(
            "plan",
            "Show what a run would do and why, without changing anything; exit code 2 if it would do something",
        )
        .arg(names("PART", "As for install"))
        .arg(format(&["text", "json"])),
        plain(
            "why",
            "Show why a part was installed last, and what is done with it next",
        )
        .arg(Arg::new("PART").required(true).help("The part"))
        .arg(format(&["text", "json"])),
        query(),
        graph(),
        plain(
            "shell",
            "Enter the directory of a part's build, in its environment",
        )
        .arg(Arg::new("PART").required(true).help("The part"))
        .arg(
            Arg::new("COMMAND")
                .num_args(1..)
                .last(true)
                .help("What is run there instead of a shell"),
        )
        .after_help(
            "There is something to enter after a failure, and after a success if the part has\n\
             `keep-compile-dir = true`.",
        ),
        plain(
            "check",
            "Look for what installed parts use and should not: foreign rpaths,\n\
             libraries that are not found, scripts with a foreign interpreter",
        )
        .arg(names("PART", "Only these"))
        .arg(format(&["text", "json"])),
        shared(),
        plain(
            "fetch",
            "Bring everything that an offline run needs into the caches",
        )
        .arg(names("PART", "Only for these"))
        .after_help(
            "The caches are those that `download-cache` and `extends-cache` in [buildout] name.\n\
             `buildout --offline` works with what is there, and tells all that is not.",
        ),
        plain(
            "lock",
            "Record profiles and downloads with their checksums in buildout.lock",
        )
        .arg(
            Arg::new("upgrade")
                .long("upgrade")
                .value_name("NAME")
                .action(ArgAction::Append)
                .help("Record anew what a URL, the file name at its end, or a part stands for"),
        )
        .after_help("`buildout --locked` fails if anything is not as it is recorded."),
        recipes(),
        plain("completions", "Print a completion script").arg(
            Arg::new("SHELL")
                .required(true)
                .value_parser(["bash", "elvish", "fish", "powershell", "zsh"]),
        ),
    ]
}

fn plain(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .about(about)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::SetTrue)
                .help("Show this help"),
        )
}

fn names(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).num_args(0..).help(help)
}

fn format(formats: &'static [&'static str]) -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(formats.to_vec())
        .help("The form of the answer; the first one unless given")
}

fn query() -> Command {
    plain("query", "Show the value of [SECTION:]OPTION")
        .arg(Arg::new("KEY").help("[SECTION:]OPTION; the section is [buildout] unless given"))
        .arg(
            Arg::new("resolved")
                .long("resolved")
                .action(ArgAction::SetTrue)
                .help("After macros and substitution; with --format json and no key, all sections"),
        )
        .arg(format(&["text", "json"]))
}

fn graph() -> Command {
    plain(
        "graph",
        "Draw which part needs which, and what a run would do to each",
    )
    .arg(names("PART", "Only these, with all that they need"))
    .arg(format(&["dot", "mermaid", "svg"]))
    .arg(
        Arg::new("sections")
            .long("sections")
            .action(ArgAction::SetTrue)
            .help("Show sections without a recipe, too"),
    )
    .arg(
        Arg::new("output")
            .short('o')
            .value_name("FILE")
            .value_hint(ValueHint::FilePath)
            .help("Write FILE; its extension can choose the format"),
    )
}

fn recipes() -> Command {
    plain(
        "recipes",
        "List the built-in recipes, or document one with its options",
    )
    .arg(Arg::new("RECIPE").help("The one to document"))
    .arg(format(&["text", "json", "markdown"]))
    .arg(
        Arg::new("output")
            .short('o')
            .value_name("DIRECTORY")
            .value_hint(ValueHint::DirPath)
            .help("Write the pages of all recipes in Markdown"),
    )
}

fn shared() -> Command {
    let directories = || {
        Arg::new("DIRECTORY")
            .num_args(0..)
            .value_hint(ValueHint::DirPath)
            .help("Where they are; [buildout] shared-part-list unless given")
    };
    let root = || {
        Arg::new("root")
            .long("root")
            .value_name("DIR")
            .value_hint(ValueHint::DirPath)
            .action(ArgAction::Append)
            .help("A buildout that did not register, such as one of Python")
    };
    let list = plain("list", "Show the shared parts and who uses them")
        .arg(format(&["text", "json"]))
        .arg(root())
        .arg(directories());
    let verify =
        plain("verify", "Check that shared parts are as they were built").arg(directories());
    let garbage = plain("gc", "Remove the shared parts that nobody uses")
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Only tell what would be removed"),
        )
        .arg(
            Arg::new("older-than")
                .long("older-than")
                .value_name("DAYS")
                .help("Keep what was built later"),
        )
        .arg(
            Arg::new("unregistered")
                .long("unregistered")
                .action(ArgAction::SetTrue)
                .help("Also remove what no buildout of this program ever used"),
        )
        .arg(root())
        .arg(directories())
        .after_help(GARBAGE);
    plain("shared", "List, verify or gc (clean up) shared parts")
        .subcommand_required(true)
        .subcommands([list, verify, garbage])
}

const GARBAGE: &str = "\
It knows the buildouts that this program ran. What it never used itself, such as
parts that only Python buildouts built and use, stays unless --unregistered is
given. Name the directories of Python buildouts with --root, so that what they
use stays.";
