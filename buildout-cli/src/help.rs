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
             buildout query --resolved zlib:url      a value after substitution\n\
             \n\
             Exit codes: 0 success, 1 failure, 130 interrupted, 143 terminated; a recipe may\n\
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

fn commands() -> Vec<Command> {
    let format = || {
        Arg::new("format")
            .long("format")
            .value_name("FORMAT")
            .value_parser(["text", "json"])
    };
    let names = |name: &'static str| Arg::new(name).num_args(0..);
    let plain = |name: &'static str, about: &'static str| {
        Command::new(name).about(about).disable_help_flag(true)
    };
    vec![
        plain(
            "install",
            "Install, update and uninstall parts as the profile says (the default)",
        )
        .arg(names("part")),
        plain("init", "Write an empty profile and make the directories"),
        plain("bootstrap", "Make the directories"),
        plain("annotate", "Show every value and where it comes from")
            .arg(names("section"))
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
