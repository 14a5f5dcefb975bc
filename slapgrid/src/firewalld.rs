//! firewalld, through its own program: what is asked and changed is its
//! permanent configuration, which it takes all at once when it is told to.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use buildout_core::exec::command::{Command, SHELL};
use buildout_core::exec::outcome::Outcome;
use buildout_core::exec::output::StreamKind;

use crate::child::{Unfinished, error_chain, run_within};
use crate::configuration::FirewallConfiguration;
use crate::log::Logger;
use crate::node::Node;

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a firewalld that has just been started is waited for.
const WAITING: Duration = Duration::from_secs(30);

/// The pause between two attempts to reach it.
const PAUSE: Duration = Duration::from_millis(200);

/// With these codes `firewall-cmd` says that it did not reach firewalld, or
/// D-Bus.
const OUT_OF_REACH: [Outcome; 2] = [Outcome::Exited(252), Outcome::Exited(36)];

/// How much of an output is kept.
const OUTPUT_LIMIT: usize = 16 * 1024;

/// Has partitions change the firewall one after the other: a `reload_config_cmd`
/// that starts firewalld anew would make the calls of others fail.
#[derive(Debug, Default)]
pub struct FirewallTurn {
    /// Whether firewalld was waited for in vain.
    is_absent: Mutex<bool>,
}

/// firewalld does not do it. The texts are upstream's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FirewallError {
    /// It cannot be asked, or refuses.
    #[error("Failed to run firewalld rule {command}\n{text}")]
    Refused {
        /// What was tried.
        command: String,
        /// What it said.
        text: String,
    },
    /// It does not take what was changed.
    #[error("Failed to load firewalld rules with command {command}.\n{text}")]
    Reload {
        /// What was tried.
        command: String,
        /// What it said.
        text: String,
    },
}

/// firewalld, for the one whose turn it is.
pub(crate) struct Firewalld<'a> {
    node: &'a Node,
    configuration: &'a FirewallConfiguration,
    log: &'a Logger,
    is_absent: MutexGuard<'a, bool>,
}

/// What a call came to.
struct Answer {
    outcome: Outcome,
    /// What it wrote on standard output, trimmed.
    answer: String,
    /// All it wrote.
    text: String,
}

impl<'a> Firewalld<'a> {
    /// Waits for its turn.
    pub(crate) fn of(
        node: &'a Node,
        configuration: &'a FirewallConfiguration,
        log: &'a Logger,
    ) -> Self {
        let turn = node.firewall_turn.is_absent.lock();
        Firewalld {
            node,
            configuration,
            log,
            is_absent: turn.unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Asks a question that is answered `yes` or `no`.
    pub(crate) fn ask(&mut self, words: &[&str]) -> Result<bool, FirewallError> {
        let answer = self.call(words)?;
        match &*answer.answer {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(self.refused(words, answer.text)),
        }
    }

    /// Changes something.
    pub(crate) fn change(&mut self, words: &[&str]) -> Result<(), FirewallError> {
        let answer = self.call(words)?;
        if answer.outcome.is_success() {
            return Ok(());
        }
        Err(self.refused(words, answer.text))
    }

    /// Has it take what was changed, as `[firewall]` says.
    pub(crate) fn reload_as_configured(&mut self) -> Result<(), FirewallError> {
        let Some(command) = &self.configuration.reload_command else {
            return self.reload();
        };
        let failed = |text: String| FirewallError::Reload {
            command: command.clone(),
            text,
        };
        match self.run(command, &[]) {
            Ok(answer) if answer.outcome.is_success() => Ok(()),
            Ok(answer) => Err(failed(answer.text)),
            Err(text) => Err(failed(text)),
        }
    }

    /// Has it take what was changed.
    pub(crate) fn reload(&mut self) -> Result<(), FirewallError> {
        self.change(&["--reload"])
    }

    /// Calls `firewall_cmd` with some more words, patiently if firewalld may
    /// be about to come up.
    fn call(&mut self, words: &[&str]) -> Result<Answer, FirewallError> {
        let script = format!("{} \"$@\"", self.configuration.command);
        let begin = Instant::now();
        loop {
            let answer = self.run(&script, words);
            let answer = answer.map_err(|text| self.refused(words, text))?;
            let is_absent = OUT_OF_REACH.contains(&answer.outcome);
            let may_come = !*self.is_absent && begin.elapsed() < WAITING;
            if !is_absent || !may_come || self.node.cancellation.is_cancelled() {
                *self.is_absent = is_absent;
                return Ok(answer);
            }
            sleep(PAUSE);
        }
    }

    fn refused(&self, words: &[&str], text: String) -> FirewallError {
        FirewallError::Refused {
            command: format!("{} {}", self.configuration.command, words.join(" ")),
            text,
        }
    }

    /// Runs a script of the configuration with these words as its arguments.
    fn run(&self, script: &str, words: &[&str]) -> Result<Answer, String> {
        self.log.debug(format!("Running: {script} {words:?}"));
        let arguments = ["-c", script, SHELL].into_iter();
        let command = Command::new(
            SHELL,
            arguments.chain(words.iter().copied()),
            &self.node.configuration.instance_root,
            self.node.surroundings.environment.clone(),
        );
        let (mut answer, mut text) = (String::new(), String::new());
        let mut collect = |stream: StreamKind, line: &[u8]| {
            let line = format!("{}\n", String::from_utf8_lossy(line));
            if text.len() + line.len() > OUTPUT_LIMIT {
                return;
            }
            text.push_str(&line);
            if stream == StreamKind::Stdout {
                answer.push_str(&line);
            }
        };
        let cancellation = &self.node.cancellation;
        let finished = run_within(&command, &mut collect, cancellation, Some(PATIENCE));
        match finished {
            Ok(finished) => Ok(Answer {
                outcome: finished.outcome,
                answer: answer.trim().to_owned(),
                text: text.trim().to_owned(),
            }),
            Err(Unfinished::TimedOut(limit)) => {
                Err(format!("killed after {} seconds", limit.as_secs()))
            }
            Err(Unfinished::Cancelled) => Err("cancelled".to_owned()),
            Err(Unfinished::Failed(error)) => Err(error_chain(&error)),
        }
    }
}
