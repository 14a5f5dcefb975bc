//! The command line described, for `--help` and completion scripts. The
//! grammar itself is upstream's and is parsed in [`crate::arguments`]; clap
//! could not, but it renders this well.

use clap::{Arg, ArgAction, Command};

/// Returns the help text.
pub(crate) fn text() -> String {
    command_line().render_long_help().to_string()
}

/// Describes options and commands.
pub(crate) fn command_line() -> Command {
    Command::new("buildout")
        .about("Builds and configures software from a profile, and nothing twice.")
        .override_usage("buildout [OPTIONS] [ASSIGNMENTS] [COMMAND [ARGUMENTS]]")
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(options())
        .subcommands(commands())
        .after_long_help(
            "Assignments override options of the profile: `section:option=value`, or\n\
             `option=value` for [buildout]; `option+=value` adds lines. They may be mixed\n\
             with options. Of several assignments to one option the greatest value wins.\n\
             \n\
             Examples:\n  \
             buildout                                install what ./buildout.cfg describes\n  \
             buildout -c software.cfg install zlib   install one part\n  \
             buildout -v annotate zlib               how each value of [zlib] came to be\n  \
             buildout query --resolved zlib:url      a value after substitution\n  \
             buildout shell zlib                     look into a build that failed\n\
             \n\
             Shared parts are in the directories of [buildout] shared-part-list, or in those\n\
             given. `shared gc` removes the ones that no buildout uses any more; it knows\n\
             the buildouts that this program ran. What it never used itself, such as parts\n\
             that only Python buildouts built and use, stays unless --unregistered is given.\n\
             Name the directories of Python buildouts with --root, so that what they use\n\
             stays:\n  \
             buildout shared list [--format json] [--root DIR]... [DIRECTORY...]\n  \
             buildout shared verify [DIRECTORY...]\n  \
             buildout shared gc [--dry-run] [--older-than DAYS] [--unregistered]\n                     \
             [--root DIR]... [DIRECTORY...]\n\
             \n\
             Exit codes: 0 success, 1 failure, 2 `plan` finds something to do, 130 interrupted, 143 terminated; a recipe may\n\
             end the run with a code of its own.",
        )
}

fn flag(id: &'static str, short: char, help: &'static str) -> Arg {
    Arg::new(id)
        .short(short)
        .action(ArgAction::SetTrue)
        .help(help)
}

fn options() -> Vec<Arg> {
    vec![
        Arg::new("file")
            .short('c')
            .value_name("FILE")
            .value_hint(clap::ValueHint::FilePath)
            .help("The profile, a path or a URL [default: buildout.cfg]"),
        Arg::new("dialect")
            .long("dialect")
            .value_name("DIALECT")
            .value_parser(["slapos", "upstream"])
            .hide_possible_values(true)
            .help("The language of the profile: slapos (default) or upstream, which is zc.buildout 6.0.1"),
        Arg::new("python")
            .long("python")
            .value_name("PATH")
            .value_hint(clap::ValueHint::ExecutablePath)
            .help("The Python that conditions are evaluated for [default: python3 on PATH]"),
        Arg::new("progress")
            .long("progress")
            .value_name("WHEN")
            .value_parser(["auto", "never"])
            .hide_possible_values(true)
            .help("Show progress: auto (default), a live view on a terminal and a summary of longer runs, or never; also BUILDOUT_PROGRESS"),
        Arg::new("events")
            .long("events")
            .value_name("FILE")
            .value_hint(clap::ValueHint::FilePath)
            .help("Write what happens as JSON lines; to stdout with -"),
        Arg::new("trace")
            .long("trace")
            .value_name("FILE")
            .value_hint(clap::ValueHint::FilePath)
            .help("Write when each part ran, for ui.perfetto.dev or chrome://tracing"),
        flag("verbose", 'v', "Tell more; may be repeated").action(ArgAction::Count),
        flag("quiet", 'q', "Tell less; may be repeated").action(ArgAction::Count),
        flag("offline", 'o', "Offline: no network (buildout:offline=true)").long("offline"),
        Arg::new("locked")
            .long("locked")
            .action(ArgAction::SetTrue)
            .help("Fail if profiles or downloads are not what buildout.lock records"),
        flag("online", 'O', "Not offline, whatever the profile says"),
        flag("newest", 'n', "Look for newer versions (buildout:newest=true)"),
        flag("not-newest", 'N', "Do not look for newer versions (buildout:newest=false)"),
        flag("no-user-defaults", 'U', "Do not read the user's ~/.buildout/default.cfg"),
        Arg::new("timeout")
            .short('t')
            .value_name("SECONDS")
            .help("How long a socket may be silent"),
        Arg::new("jobs")
            .short('j')
            .long("jobs")
            .value_name("N")
            .help("How many jobs may run at once, compilers started by make included (buildout:jobs) [default: BUILDOUT_JOBS, or the number of processors]"),
        Arg::new("keep-going")
            .long("keep-going")
            .action(ArgAction::SetTrue)
            .help("If a part fails, go on with all that do not need it (buildout:on-failure=continue)"),
        Arg::new("on-failure")
            .long("on-failure")
            .value_name("WHAT")
            .value_parser(["finish", "kill", "continue"])
            .hide_possible_values(true)
            .help("If a part fails: finish what runs (default), kill it, or continue with all that do not need it"),
        Arg::new("no-wait")
            .long("no-wait")
            .action(ArgAction::SetTrue)
            .help("Fail if another run is at work in the directory (buildout:run-lock=fail)"),
        flag("debug", 'D', "Show failures with all their causes and a backtrace"),
        Arg::new("help")
            .short('h')
            .long("help")
            .action(ArgAction::SetTrue)
            .help("Show this help"),
        Arg::new("version")
            .long("version")
            .action(ArgAction::SetTrue)
            .help("Show the version"),
    ]
}

fn format() -> Arg {
    Arg::new("format")
        .long("format")
        .value_name("FORMAT")
        .value_parser(["text", "json"])
}

fn plain(name: &'static str, about: &'static str) -> Command {
    Command::new(name).about(about).disable_help_flag(true)
}

fn shared_commands() -> Vec<Command> {
    let directories = || {
        Arg::new("directory")
            .num_args(0..)
            .value_hint(clap::ValueHint::DirPath)
    };
    let root = || {
        Arg::new("root")
            .long("root")
            .value_name("DIR")
            .value_hint(clap::ValueHint::DirPath)
            .action(ArgAction::Append)
            .help("A buildout that did not register, such as one of Python")
    };
    vec![
        plain("list", "Show the shared parts and who uses them")
            .arg(format())
            .arg(root())
            .arg(directories()),
        plain("verify", "Check that shared parts are as they were built").arg(directories()),
        plain("gc", "Remove the shared parts that nobody uses")
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
            .arg(directories()),
    ]
}

fn commands() -> Vec<Command> {
    let names = |name: &'static str| Arg::new(name).num_args(0..);
    vec![
        plain(
            "install",
            "Install, update and uninstall parts as the profile says (the default)",
        )
        .arg(names("part")),
        plain(
            "init",
            "Write a profile and make the directories; with requirements, install an interpreter `py` that has them",
        )
        .arg(names("requirement")),
        plain("bootstrap", "Make the directories"),
        plain("annotate", "Show every value and where it comes from")
            .arg(names("section"))
            .arg(format()),
        plain(
            "plan",
            "Show what a run would do and why, without changing anything; exit code 2 if it would do something",
        )
        .arg(names("part"))
        .arg(format()),
        plain("why", "Show why a part was installed last, and what is done with it next")
            .arg(names("part"))
            .arg(format()),
        plain("query", "Show the value of [SECTION:]OPTION")
            .arg(names("key"))
            .arg(
                Arg::new("resolved")
                    .long("resolved")
                    .action(ArgAction::SetTrue)
                    .help("After macros and substitution; with --format json and no key, all sections"),
            )
            .arg(format()),
        plain("graph", "Draw which part needs which, and what a run would do to each")
            .arg(names("part"))
            .arg(
                Arg::new("format")
                    .long("format")
                    .value_name("FORMAT")
                    .value_parser(["dot", "mermaid", "svg"]),
            )
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
                    .value_hint(clap::ValueHint::FilePath)
                    .help("Write FILE; its extension can choose the format"),
            ),
        plain(
            "shell",
            "Enter the directory of a part's build, in its environment",
        )
        .arg(Arg::new("part").required(true))
        .arg(Arg::new("command").num_args(1..).last(true)),
        plain(
            "check",
            "Look for what installed parts use and should not: foreign rpaths,\n\
             libraries that are not found, scripts with a foreign interpreter",
        )
        .arg(names("part"))
        .arg(format()),
        plain("shared", "List, verify or gc (clean up) shared parts; see below")
            .subcommands(shared_commands()),
        plain(
            "fetch",
            "Bring everything that an offline run needs into the caches",
        )
        .arg(names("part")),
        plain("lock", "Record profiles and downloads with their checksums in buildout.lock").arg(
            Arg::new("upgrade")
                .long("upgrade")
                .value_name("NAME")
                .action(ArgAction::Append)
                .help("Record anew what a URL, the file name at its end, or a part stands for"),
        ),
        plain("recipes", "List the built-in recipes, or document one with its options")
            .arg(Arg::new("recipe"))
            .arg(
                Arg::new("format")
                    .long("format")
                    .value_name("FORMAT")
                    .value_parser(["text", "json", "markdown"]),
            )
            .arg(
                Arg::new("output")
                    .short('o')
                    .value_name("DIRECTORY")
                    .value_hint(clap::ValueHint::DirPath)
                    .help("Write the pages of all recipes in Markdown"),
            ),
        plain("completions", "Print a completion script").arg(Arg::new("shell").value_parser([
            "bash",
            "elvish",
            "fish",
            "powershell",
            "zsh",
        ])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::CommandName;

    #[test]
    fn the_description_is_consistent() {
        command_line().debug_assert();
    }

    #[test]
    fn the_help_names_every_command_that_works() {
        let text = text();
        for (name, command) in CommandName::ALL {
            let works = !matches!(command, CommandName::Setup | CommandName::Runsetup);
            assert_eq!(text.contains(&format!("\n  {name}")), works, "{name}");
        }
    }
}
