//! The revision of a profile that is in a git checkout, noted in the release so
//! that the same can be built again.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use buildout_core::exec::command::Command;
use buildout_core::exec::output::StreamKind;

use crate::clock::log_time;
use crate::files::{FileError, failed_to, replace_file};
use crate::node::Node;

/// Appends the revision to the release's profile, if it is another one than the
/// last line says (`_note_git_revision`).
pub(super) fn note(
    node: &Node,
    url: &str,
    profile: &Path,
    owner: Option<(u32, u32)>,
) -> Result<(), FileError> {
    let Some(revision) = revision_of(node, url) else {
        return Ok(());
    };
    let mut text = fs::read_to_string(profile).map_err(failed_to("read", profile))?;
    if text
        .lines()
        .last()
        .is_some_and(|line| line.contains(&revision))
    {
        return Ok(());
    }
    let time = log_time(SystemTime::now());
    text.push_str(&format!("# {time} git revision: {revision}\n"));
    replace_file(profile, text.as_bytes(), 0o644, owner)
}

/// Asks git; a profile that is in no checkout has no revision.
fn revision_of(node: &Node, url: &str) -> Option<String> {
    let path = Path::new(url);
    if !path.is_absolute() || !path.exists() {
        return None;
    }
    let arguments = ["describe", "--all", "--long", "--dirty"];
    let environment = node.surroundings.environment.clone();
    let command = Command::new("git", arguments, path.parent()?, environment);
    let mut output = String::new();
    let mut collect = |stream: StreamKind, line: &[u8]| {
        if stream == StreamKind::Stdout {
            output.push_str(&String::from_utf8_lossy(line));
        }
    };
    let finished = command.run(&mut collect, &node.cancellation).ok()?;
    let revision = output.trim();
    (finished.outcome.is_success() && !revision.is_empty()).then(|| revision.to_owned())
}
