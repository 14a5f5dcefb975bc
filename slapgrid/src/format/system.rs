//! The programs of the system that users and addresses are made by.

use std::process::{Command, Stdio};

use super::FormatError;
use crate::log::Logger;

/// Runs programs of the system, and tells of them.
pub(super) struct System<'a> {
    pub(super) log: &'a Logger,
}

impl System<'_> {
    /// Runs a program, and returns what it wrote.
    ///
    /// # Errors
    ///
    /// It is not there, or fails.
    pub(super) fn run(&self, program: &'static str, words: &[&str]) -> Result<String, FormatError> {
        let shown = format!("{program} {}", words.join(" "));
        self.log.debug(format!("Running: {shown}"));
        let failed = |text: String| FormatError::Program {
            command: shown.clone(),
            text,
        };
        let output = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        if output.status.success() {
            return Ok(text);
        }
        Err(failed(text.trim().to_owned()))
    }
}
