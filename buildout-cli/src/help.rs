//! The command line described, for `--help` and completion scripts. The
//! grammar itself is upstream's and is parsed in [`crate::arguments`]; clap
//! could not, but it renders this well.

mod commands;

use buildout_core::resolve::nearest;
use clap::{Arg, ArgAction, Command};

/// Returns the help text.
pub(crate) fn text() -> String {
    command_line().render_long_help().to_string()
}

/// Returns the help text of a command, or of the task of it that is its first word.
/// Nothing is described of commands that only upstream has.
pub(crate) fn command_text(name: &str, words: &[String]) -> Option<String> {
    let mut described = command_line().find_subcommand(name)?.clone();
    let mut called = format!("buildout {name}");
    if let Some(task) = words.first()
        && let Some(found) = described.find_subcommand(task).cloned()
    {
        called = format!("{called} {task}");
        described = found;
    }
    Some(described.bin_name(called).render_help().to_string())
}

/// Returns the first word that looks like an option and is none of the command.
pub(crate) fn unknown_option<'w>(name: &str, words: &'w [String]) -> Option<&'w str> {
    let line = command_line();
    let described = line.find_subcommand(name)?;
    let known = |word: &str| {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        let is_it = |argument: &&Arg| {
            let long = argument.get_long().map(|long| format!("--{long}"));
            let short = argument.get_short().map(|short| format!("-{short}"));
            long.as_deref() == Some(name) || short.as_deref() == Some(name)
        };
        described.get_arguments().any(|argument| is_it(&argument))
    };
    let own = words.iter().take_while(|word| *word != "--");
    let mut options = own.filter(|word| word.len() > 1 && word.starts_with('-'));
    options.find(|word| !known(word)).map(String::as_str)
}

/// Returns the long option of the program that is most like `word`, which is none.
pub(crate) fn near_option(word: &str) -> Option<String> {
    let name = word.trim_start_matches('-').split('=').next()?;
    let options = options();
    let names = options.iter().filter_map(Arg::get_long);
    Some(format!("--{}", nearest(name, names)?))
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
        .subcommands(commands::all())
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
             `buildout COMMAND --help` tells more about a command.\n\
             \n\
             Exit codes: 0 success, 1 failure, 2 `plan` finds something to do, 130 interrupted,\n\
             143 terminated; a recipe may end the run with a code of its own.",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::CommandName;

    #[test]
    fn the_description_is_consistent() {
        command_line().debug_assert();
    }

    #[test]
    fn options_of_a_command_are_known_until_two_dashes() {
        let unknown = |command: &str, words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            unknown_option(command, &words).map(ToOwned::to_owned)
        };
        assert_eq!(unknown("plan", &["a", "--format=json", "-"]), None);
        assert_eq!(unknown("plan", &["a", "-v"]).as_deref(), Some("-v"));
        assert_eq!(unknown("shell", &["a", "--", "ls", "-l"]), None);
        assert_eq!(unknown("setup", &["-l"]), None);
        assert_eq!(near_option("--key-going").as_deref(), Some("--keep-going"));
        assert_eq!(near_option("--xyz"), None);
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
