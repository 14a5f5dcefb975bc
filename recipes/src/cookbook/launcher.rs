//! Scripts that do more than execute a command: upstream's `generic_exec`.
//!
//! Upstream writes Python scripts that need its own packages. Ours are shell scripts where a shell
//! can do it, and else Python scripts that need no package: a private file system must be mounted
//! and the command executed without another program in between, and redirected output must go on
//! while its files are replaced.

use std::collections::BTreeMap;

use buildout_core::exec::shell_quote::quote;
use buildout_core::value::{Dict, Value};

use super::shell_script::Script;

/// The program of the Python scripts, after their settings.
const PROGRAM: &str = include_str!("launcher.py");

/// A command, and what is to be done before it is executed and while it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launcher {
    /// The command, a path, and its first arguments.
    pub(crate) arguments: Vec<String>,
    /// Variables of its environment.
    pub(crate) variables: BTreeMap<String, String>,
    /// A signal that it ignores at first.
    pub(crate) ignored_signal: Option<String>,
    /// Files to wait for.
    pub(crate) awaited_files: Vec<String>,
    /// The file for the number of its process; if one is running already, that is an error.
    pub(crate) pidfile: Option<String>,
    /// Whether it asks slapos.core for a processor of its own.
    pub(crate) reserves_cpu: bool,
    /// Size and path of file systems that only it sees.
    pub(crate) private_file_systems: Vec<(String, String)>,
    /// Where its output goes.
    pub(crate) redirection: Option<Redirection>,
}

/// Files for the output of a command, which are opened anew upon a signal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redirection {
    /// What the command is sent then.
    pub(crate) signal: Option<String>,
    /// The file for its standard output.
    pub(crate) stdout: Option<String>,
    /// The file for its standard error.
    pub(crate) stderr: Option<String>,
}

impl Launcher {
    /// Tells whether there is nothing to do but to set variables, ignore a signal and execute, for
    /// which upstream writes a shell script as well.
    pub(crate) fn is_plain(&self) -> bool {
        self.awaited_files.is_empty()
            && self.pidfile.is_none()
            && !self.reserves_cpu
            && !self.needs_python()
    }

    /// Tells whether a shell is not enough.
    pub(crate) fn needs_python(&self) -> bool {
        !self.private_file_systems.is_empty() || self.redirection.is_some()
    }

    /// Returns the shell script, without what [needs Python](Self::needs_python).
    pub(crate) fn shell_script(&self) -> String {
        let mut script = Script::new();
        if let Some(signal) = &self.ignored_signal {
            script.ignore_signal(signal);
        }
        if let Some(pidfile) = &self.pidfile {
            script.run_before(&self.take_pidfile(pidfile));
        }
        if self.reserves_cpu {
            script.run_before(RESERVE_CPU);
        }
        if !self.awaited_files.is_empty() {
            let files: Vec<_> = self.awaited_files.iter().map(|file| quote(file)).collect();
            script.run_before(&format!(
                "for file in {}; do\n{WAIT}done\n",
                files.join(" ")
            ));
        }
        // A shell exports only what it could name itself. That is upstream's own trouble where it
        // writes a shell script.
        let exports = |name: &str| self.is_plain() || is_shell_name(name);
        let mut arguments = Vec::new();
        for (name, value) in &self.variables {
            if exports(name) {
                script.set_variable(name, value);
            } else {
                arguments.push(format!("{name}={value}"));
            }
        }
        if !arguments.is_empty() {
            arguments.insert(0, "env".to_owned());
        }
        arguments.extend(self.arguments.iter().cloned());
        script.executing(&arguments)
    }

    /// The commands that write the file with the number of the process, unless the process that
    /// has the number now has the words of the command among its own.
    fn take_pidfile(&self, pidfile: &str) -> String {
        // The words are compared as lines: `tr` exchanges the ends of words with those of lines.
        let mut words = "\n".to_owned();
        for argument in &self.arguments {
            words.push_str(&argument.replace('\n', "\u{1}"));
            words.push('\n');
        }
        format!(
            "pidfile={}\nwords={}\n{TAKE_PIDFILE}",
            quote(pidfile),
            quote(&words)
        )
    }

    /// Returns the Python script, which does everything.
    pub(crate) fn python_script(&self, interpreter: &str) -> String {
        let texts = |texts: &[String]| {
            Value::List(
                texts
                    .iter()
                    .map(|text| Value::string(text.as_str()))
                    .collect(),
            )
        };
        let text = |text: &Option<String>| match text {
            Some(text) => Value::string(text.as_str()),
            None => Value::None,
        };
        let mut variables = Dict::new();
        for (name, value) in &self.variables {
            // A text can always be a key.
            let _ = variables.insert(Value::string(name.as_str()), Value::string(value.as_str()));
        }
        let file_systems = self.private_file_systems.iter().map(|(size, path)| {
            Value::Tuple(vec![
                Value::string(size.as_str()),
                Value::string(path.as_str()),
            ])
        });
        let redirection = match &self.redirection {
            None => Value::None,
            Some(to) => Value::Tuple(vec![text(&to.signal), text(&to.stdout), text(&to.stderr)]),
        };
        let settings = [
            ("ARGUMENTS", texts(&self.arguments)),
            ("VARIABLES", Value::Dict(variables)),
            ("IGNORED_SIGNAL", text(&self.ignored_signal)),
            ("AWAITED_FILES", texts(&self.awaited_files)),
            ("PIDFILE", text(&self.pidfile)),
            ("RESERVES_CPU", Value::Bool(self.reserves_cpu)),
            ("PRIVATE_FILE_SYSTEMS", Value::List(file_systems.collect())),
            ("REDIRECTION", redirection),
        ];
        let mut script = format!("#!{interpreter}\n");
        for (name, value) in settings {
            script.push_str(&format!("{name} = {}\n", value.repr()));
        }
        script.push_str(PROGRAM);
        script
    }
}

fn is_shell_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// What follows the variables `pidfile` and `words`. A program that has changed its own title may
/// have separated the words by spaces.
const TAKE_PIDFILE: &str = r#"newline='
'
pid=$(cat "$pidfile" 2>/dev/null | tr -d '[:space:]')
case $pid in
  ''|*[!0-9]*) ;;
  *)
    running=$(tr '\0\n' '\n\001' 2>/dev/null <"/proc/$pid/cmdline" || :; echo .)
    case $running in
      *"$newline"*"$newline".) running=${running%.} ;;
      *) running=$(printf '%s' "${running%.}" | tr ' ' '\n')$newline ;;
    esac
    case $newline$running in
      *"$words"*)
        echo "Already running with pid $pid." >&2
        exit 1
        ;;
    esac
    ;;
esac
trap 'rm -f "$pidfile"' EXIT
printf '%s' $$ >"$pidfile"
"#;

const RESERVE_CPU: &str = r#"home=${HOME-$(getent passwd "$(id -u)" | cut -d: -f6)}
echo $$ >>"$home/.slapos-cpu-exclusive"
"#;

/// The loop for `$file`. Links count whether they lead anywhere or not.
const WAIT: &str = r#"  while [ ! -e "$file" ] && [ ! -L "$file" ]; do
    sleep 1
  done
"#;
