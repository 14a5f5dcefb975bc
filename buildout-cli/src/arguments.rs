//! The command line, in upstream's grammar.
//!
//! Options and assignments may be mixed; the first word that is neither is the
//! command, and everything after it belongs to the command. Long options of
//! our own (`--dialect`, `--offline`) are accepted where upstream would report
//! an invalid option.

use std::borrow::Cow;

use buildout_core::configuration::{Assignment, BUILDOUT_SECTION};
use buildout_core::dialect::DialectName;

use crate::help;

/// The profile that is read if none is named.
const DEFAULT_PROFILE: &str = "buildout.cfg";

/// The option that `-v` and `-q` stand for.
const VERBOSITY: &str = "verbosity";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// What to do.
    pub request: Request,
    /// The profile, a path or URL.
    pub profile: String,
    /// Assignments, those that flags stand for included.
    pub assignments: Vec<Assignment>,
    /// Whether the user's `default.cfg` is read.
    pub user_defaults: bool,
    /// Whether failures are shown with all their causes.
    pub debug: bool,
    /// The dialect, if asked for.
    pub dialect: Option<DialectName>,
    /// The Python that profiles are evaluated for, if named.
    pub python: Option<String>,
    /// How progress is shown, if asked for.
    pub progress: Option<Progress>,
    /// The file that events are written to; `-` for standard output.
    pub events: Option<String>,
    /// The file that a trace is written to.
    pub trace: Option<String>,
    /// Whether the run must be what the lock file records.
    pub locked: bool,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// On a terminal by a live view; a summary ends longer runs.
    Auto,
    /// Not at all: the log is zc.buildout's.
    Never,
}

impl Progress {
    /// Reads the value of `--progress`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "auto" => Some(Progress::Auto),
            "never" => Some(Progress::Never),
            _ => None,
        }
    }
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Show the help.
    Help,
    /// Show the help of a command, which has these arguments.
    CommandHelp(&'static str, Vec<String>),
    /// Show the version.
    Version,
    /// Run a command with its arguments.
    Command(CommandName, Vec<String>),
}

/// The commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandName {
    /// Install, update and uninstall parts.
    Install,
    /// Make a profile and what a run needs.
    Init,
    /// Make what a run needs.
    Bootstrap,
    /// Show where values come from.
    Annotate,
    /// Show what a run would do, and why.
    Plan,
    /// Show one value.
    Query,
    /// Show why a part was and will be installed.
    Why,
    /// Draw the graph of parts.
    Graph,
    /// Enter the environment of a part's commands.
    Shell,
    /// Look for what an installed part should not use.
    Check,
    /// List, check and clean up shared parts.
    Shared,
    /// Bring everything that an offline run needs into the caches.
    Fetch,
    /// Record what the profile resolves to.
    Lock,
    /// List and document the built-in recipes.
    Recipes,
    /// Print a completion script.
    Completions,
    /// Run a `setup.py`; needs Python.
    Setup,
    /// Run a `setup.py`; needs Python.
    Runsetup,
}

impl CommandName {
    /// Every command, with its name.
    pub const ALL: [(&'static str, CommandName); 17] = [
        ("install", CommandName::Install),
        ("init", CommandName::Init),
        ("bootstrap", CommandName::Bootstrap),
        ("annotate", CommandName::Annotate),
        ("plan", CommandName::Plan),
        ("query", CommandName::Query),
        ("why", CommandName::Why),
        ("graph", CommandName::Graph),
        ("shell", CommandName::Shell),
        ("check", CommandName::Check),
        ("shared", CommandName::Shared),
        ("fetch", CommandName::Fetch),
        ("lock", CommandName::Lock),
        ("recipes", CommandName::Recipes),
        ("completions", CommandName::Completions),
        ("setup", CommandName::Setup),
        ("runsetup", CommandName::Runsetup),
    ];

    fn parse(name: &str) -> Option<(&'static str, Self)> {
        Self::ALL.into_iter().find(|(known, _)| *known == name)
    }

    /// Tells whether a word that looks like an option, and is none of the command, is a mistake
    /// here. The others find that out themselves, or take any word for a name, as upstream has it.
    fn refuses_unknown_options(self) -> bool {
        matches!(
            self,
            CommandName::Plan
                | CommandName::Why
                | CommandName::Fetch
                | CommandName::Check
                | CommandName::Shell
        )
    }
}

/// What is wrong with a command line. The texts are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// An unknown option.
    #[error("Invalid option {0}")]
    InvalidOption(String),
    /// An unknown long option, of which upstream tells the dashes only.
    #[error("Invalid option --")]
    InvalidLongOption(String),
    /// An unknown option after a command.
    #[error("Invalid option {option} for {command}")]
    InvalidCommandOption {
        /// The command.
        command: &'static str,
        /// The option.
        option: String,
    },
    /// `-c` without a file.
    #[error("No file name specified for option {0}")]
    NoFile(String),
    /// `-t` without a number.
    #[error("No timeout value specified for option {0}")]
    NoTimeout(String),
    /// `-t` with something else than a number.
    #[error("Timeout value must be numeric {0}")]
    TimeoutNotNumeric(String),
    /// A long option of ours without its value.
    #[error("No value specified for option {0}")]
    NoValue(String),
    /// A long option of ours with an unusable value.
    #[error("Invalid value for option {option}: {value}")]
    InvalidValue {
        /// The option.
        option: String,
        /// The value.
        value: String,
    },
    /// An assignment with more than one colon, or without a name.
    #[error("Invalid option: {0}")]
    InvalidAssignment(String),
    /// An unknown command.
    #[error("invalid command: {0}")]
    InvalidCommand(String),
    /// An option about a run, of a command that runs nothing.
    #[error("Option {0} works with the command install only")]
    NothingRuns(&'static str),
}

impl ArgumentError {
    /// Returns advice.
    pub fn hint(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            ArgumentError::InvalidAssignment(_) => {
                "assignments look like `section:option=value` or `option=value`"
            }
            ArgumentError::InvalidValue { option, .. } if option == "--progress" => {
                "`--progress` is `auto` or `never`"
            }
            ArgumentError::InvalidValue { .. } => "`--dialect` is `slapos` or `upstream`",
            ArgumentError::InvalidLongOption(word) => {
                let like = match help::near_option(word) {
                    Some(near) => format!("; there is `{near}`"),
                    None => ", and `buildout --help` lists them".to_owned(),
                };
                return Cow::Owned(format!("there is no option `{word}`{like}"));
            }
            ArgumentError::InvalidCommandOption { command, .. } => {
                return Cow::Owned(format!(
                    "`buildout {command} --help` lists its options; those of `buildout` itself \
                     come before the command"
                ));
            }
            _ => "`buildout --help` lists options and commands",
        })
    }
}

impl Arguments {
    /// Parses a command line, without the program's name.
    ///
    /// # Errors
    ///
    /// See [`ArgumentError`].
    pub fn parse(arguments: &[String]) -> Result<Self, ArgumentError> {
        let mut parsed = Arguments {
            request: Request::Command(CommandName::Install, Vec::new()),
            profile: DEFAULT_PROFILE.to_owned(),
            assignments: Vec::new(),
            user_defaults: true,
            debug: false,
            dialect: None,
            python: None,
            progress: None,
            events: None,
            trace: None,
            locked: false,
        };
        let mut verbosity = 0;
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if let Some(long) = word.strip_prefix("--") {
                if parsed.long_option(word, long, &mut words)? {
                    return Ok(parsed);
                }
            } else if let Some(flags) = word.strip_prefix('-') {
                if parsed.flags(word, flags, &mut verbosity, &mut words)? {
                    return Ok(parsed);
                }
            } else if let Some((name, value)) = word.split_once('=') {
                parsed.assignments.push(assignment(word, name, value)?);
            } else if word.is_empty() {
                return Err(ArgumentError::InvalidAssignment(String::new()));
            } else {
                let (name, command) = CommandName::parse(word)
                    .ok_or_else(|| ArgumentError::InvalidCommand(word.clone()))?;
                let rest = words.cloned().collect();
                parsed.request = command_request(name, command, rest)?;
                if matches!(parsed.request, Request::CommandHelp(..)) {
                    return Ok(parsed);
                }
                break;
            }
        }
        if verbosity != 0 {
            let value = verbosity.to_string();
            parsed
                .assignments
                .push(Assignment::buildout(VERBOSITY, value));
        }
        if !matches!(parsed.request, Request::Command(CommandName::Install, _)) {
            for (option, value) in [("--events", &parsed.events), ("--trace", &parsed.trace)] {
                if value.is_some() {
                    return Err(ArgumentError::NothingRuns(option));
                }
            }
        }
        Ok(parsed)
    }

    /// Returns the words by which another command sees the same configuration.
    pub fn configuration_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut option = |name: &str, value: &str| {
            words.extend([name.to_owned(), value.to_owned()]);
        };
        if self.profile != DEFAULT_PROFILE {
            option("-c", &self.profile);
        }
        if let Some(dialect) = self.dialect {
            option("--dialect", dialect.as_str());
        }
        if let Some(python) = &self.python {
            option("--python", python);
        }
        if !self.user_defaults {
            words.push("-U".to_owned());
        }
        let is_about_values = |assignment: &&Assignment| {
            !(assignment.section == BUILDOUT_SECTION && assignment.option == VERBOSITY)
        };
        words.extend(self.assignments.iter().filter(is_about_values).map(
            |Assignment {
                 section,
                 option,
                 value,
             }| format!("{section}:{option}={value}"),
        ));
        words
    }

    /// Takes a long option; tells whether it ends the command line.
    fn long_option(
        &mut self,
        word: &str,
        long: &str,
        words: &mut std::slice::Iter<'_, String>,
    ) -> Result<bool, ArgumentError> {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        let option = format!("--{name}");
        let mut take = || {
            value
                .clone()
                .or_else(|| words.next().cloned())
                .ok_or_else(|| ArgumentError::NoValue(option.clone()))
        };
        match name {
            "help" if value.is_none() => {
                self.request = Request::Help;
                return Ok(true);
            }
            "version" if value.is_none() => {
                self.request = Request::Version;
                return Ok(true);
            }
            "dialect" => {
                let value = take()?;
                let dialect = DialectName::parse(&value);
                self.dialect = Some(dialect.ok_or(ArgumentError::InvalidValue { option, value })?);
            }
            "python" => self.python = Some(take()?),
            "jobs" => {
                let value = take()?;
                self.assign("jobs", value);
            }
            "on-failure" => {
                let value = take()?;
                self.assign("on-failure", value);
            }
            "keep-going" if value.is_none() => self.assign("on-failure", "continue".to_owned()),
            "no-wait" if value.is_none() => self.assign("run-lock", "fail".to_owned()),
            "progress" => {
                let value = take()?;
                let progress = Progress::parse(&value);
                self.progress =
                    Some(progress.ok_or(ArgumentError::InvalidValue { option, value })?);
            }
            "events" => self.events = Some(take()?),
            "trace" => self.trace = Some(take()?),
            "locked" if value.is_none() => self.locked = true,
            "offline" if value.is_none() => {
                let offline = Assignment::buildout("offline", "true");
                self.assignments.push(offline);
            }
            _ => {
                return Err(ArgumentError::InvalidLongOption(word.to_owned()));
            }
        }
        Ok(false)
    }

    fn assign(&mut self, option: &str, value: String) {
        self.assignments.push(Assignment::buildout(option, value));
    }

    /// Takes a group of short flags; tells whether it ends the command line.
    fn flags(
        &mut self,
        word: &str,
        flags: &str,
        verbosity: &mut i64,
        words: &mut std::slice::Iter<'_, String>,
    ) -> Result<bool, ArgumentError> {
        for (index, flag) in flags.char_indices() {
            let rest = &flags[index + flag.len_utf8()..];
            let mut set = |option: &str, value: &str| {
                self.assignments.push(Assignment::buildout(option, value));
            };
            match flag {
                'v' => *verbosity += 10,
                'q' => *verbosity -= 10,
                'U' => self.user_defaults = false,
                'o' => set("offline", "true"),
                'O' => set("offline", "false"),
                'n' => set("newest", "true"),
                'N' => set("newest", "false"),
                'D' => self.debug = true,
                'h' | 'W' | 'A' => {
                    self.request = Request::Help;
                    return Ok(true);
                }
                'j' if !rest.is_empty() => {
                    set("jobs", rest);
                    break;
                }
                'j' => {
                    let jobs = words.next();
                    let option = || ArgumentError::NoValue("-j".to_owned());
                    set("jobs", jobs.ok_or_else(option)?);
                }
                'c' if !rest.is_empty() => {
                    rest.clone_into(&mut self.profile);
                    break;
                }
                'c' => {
                    let file = words.next();
                    file.ok_or_else(|| ArgumentError::NoFile(word.to_owned()))?
                        .clone_into(&mut self.profile);
                }
                't' => {
                    let timeout = words
                        .next()
                        .ok_or_else(|| ArgumentError::NoTimeout(word.to_owned()))?;
                    if timeout.trim().parse::<i64>().is_err() {
                        return Err(ArgumentError::TimeoutNotNumeric(word.to_owned()));
                    }
                    set("socket-timeout", timeout);
                    // Upstream drops what follows in the group.
                    break;
                }
                other => return Err(ArgumentError::InvalidOption(format!("-{other}"))),
            }
        }
        Ok(false)
    }
}

/// What a command with its words asks for.
fn command_request(
    name: &'static str,
    command: CommandName,
    words: Vec<String>,
) -> Result<Request, ArgumentError> {
    let own = words.iter().take_while(|word| *word != "--");
    let is_described = !matches!(command, CommandName::Setup | CommandName::Runsetup);
    if is_described && own.into_iter().any(|word| word == "--help" || word == "-h") {
        return Ok(Request::CommandHelp(name, words));
    }
    if command.refuses_unknown_options()
        && let Some(option) = help::unknown_option(name, &words)
    {
        let option = option.to_owned();
        return Err(ArgumentError::InvalidCommandOption {
            command: name,
            option,
        });
    }
    Ok(Request::Command(command, words))
}

/// Takes `section:option` apart; a bare option belongs to `[buildout]`.
fn assignment(word: &str, name: &str, value: &str) -> Result<Assignment, ArgumentError> {
    let (section, option) = match name.split_once(':') {
        None => ("buildout", name),
        Some(split) => split,
    };
    let assignment = Assignment {
        section: section.trim().to_owned(),
        option: option.trim().to_owned(),
        value: value.trim().to_owned(),
    };
    if option.contains(':') || assignment.option.is_empty() {
        return Err(ArgumentError::InvalidAssignment(word.to_owned()));
    }
    Ok(assignment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Arguments, ArgumentError> {
        let words: Vec<String> = line.iter().map(ToString::to_string).collect();
        Arguments::parse(&words)
    }

    fn assigned(line: &[&str]) -> Vec<(String, String, String)> {
        let arguments = parse(line).unwrap();
        arguments
            .assignments
            .into_iter()
            .map(|a| (a.section, a.option, a.value))
            .collect()
    }

    #[test]
    fn flags_group_and_mix_with_assignments() {
        let arguments = parse(&["-vvNc", "x.cfg", "a:b = 1", "-U", "install", "p", "-q"]).unwrap();
        assert_eq!(arguments.profile, "x.cfg");
        assert!(!arguments.user_defaults);
        assert_eq!(
            arguments.request,
            Request::Command(CommandName::Install, vec!["p".into(), "-q".into()])
        );
        let triple = |s: &str, o: &str, v: &str| (s.into(), o.into(), v.into());
        assert_eq!(
            assigned(&["-vvNcx.cfg", "a:b = 1", "c+=2"]),
            [
                triple("buildout", "newest", "false"),
                triple("a", "b", "1"),
                triple("buildout", "c+", "2"),
                triple("buildout", "verbosity", "20"),
            ]
        );
    }

    #[test]
    fn another_command_sees_the_same_configuration() {
        for line in [
            &["install"][..],
            &["-vvNc", "my profile.cfg", "a:b = 1 2", "c+=2", "-q", "-U"],
            &[
                "--dialect=upstream",
                "--python",
                "/usr/bin/python3",
                "a:-b=$x",
            ],
        ] {
            let arguments = parse(line).unwrap();
            let words = arguments.configuration_words();
            let again = Arguments::parse(&words).unwrap();
            let about_values = |arguments: &Arguments| {
                let mut assignments = arguments.assignments.clone();
                assignments.retain(|assignment| assignment.option != VERBOSITY);
                assignments
            };
            assert_eq!(about_values(&again), about_values(&arguments), "{words:?}");
            assert_eq!(
                (
                    again.profile,
                    again.dialect,
                    again.python,
                    again.user_defaults
                ),
                (
                    arguments.profile,
                    arguments.dialect,
                    arguments.python,
                    arguments.user_defaults
                ),
            );
        }
        assert_eq!(parse(&["-v"]).unwrap().configuration_words(), [""; 0]);
    }

    #[test]
    fn mistakes_have_upstream_texts() {
        let cases: &[(&[&str], &str)] = &[
            (&["-x"], "Invalid option -x"),
            (&["-vz"], "Invalid option -z"),
            (&["--foo"], "Invalid option --"),
            (&["-c"], "No file name specified for option -c"),
            (&["-vt"], "No timeout value specified for option -vt"),
            (&["-t", "x"], "Timeout value must be numeric -t"),
            (&["bogus"], "invalid command: bogus"),
            (&[""], "Invalid option: "),
            (&["a:b:c=d"], "Invalid option: a:b:c=d"),
            (&["=x"], "Invalid option: =x"),
            (&["--dialect", "x"], "Invalid value for option --dialect: x"),
            (&["--progress=x"], "Invalid value for option --progress: x"),
            (&["--trace"], "No value specified for option --trace"),
            (
                &["--events", "-", "annotate"],
                "Option --events works with the command install only",
            ),
        ];
        for (line, text) in cases {
            assert_eq!(parse(line).unwrap_err().to_string(), *text, "{line:?}");
        }
    }
}
