//! The programs of the system that users and addresses are made by.

use std::process::{Command, Stdio};

use super::error::FormatError;
use crate::log::Logger;

/// Runs programs of the system, and tells of them.
pub(super) struct System<'a> {
    pub(super) log: &'a Logger,
    /// Whether what would change something is only told.
    pub(super) dry_run: bool,
}

impl System<'_> {
    /// Runs a program that changes something.
    ///
    /// # Errors
    ///
    /// It is not there, or fails.
    pub(super) fn run(&self, program: &'static str, words: &[&str]) -> Result<(), FormatError> {
        if self.dry_run {
            self.log
                .info(format!("Would run: {program} {}", words.join(" ")));
            return Ok(());
        }
        self.log
            .debug(format!("Running: {program} {}", words.join(" ")));
        self.ask(program, words).map(drop)
    }

    /// Runs a program that changes nothing, and returns what it wrote.
    ///
    /// # Errors
    ///
    /// It is not there, or fails.
    pub(super) fn ask(&self, program: &'static str, words: &[&str]) -> Result<String, FormatError> {
        let failed = |text: String| FormatError::Program {
            command: format!("{program} {}", words.join(" ")),
            text,
        };
        let output = Command::new(program)
            .args(words)
            // What is read of it is English.
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(failed(format!("{text}{errors}").trim().to_owned()))
    }
}
