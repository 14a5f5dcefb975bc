//! The words after `shared`.

use std::time::Duration;

use crate::Stop;
use crate::command::Format;

const DAY: u64 = 24 * 60 * 60;

/// What is to be done with shared parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    List,
    Verify,
    CollectGarbage,
}

impl Task {
    const ALL: [(&'static str, Task); 3] = [
        ("list", Task::List),
        ("verify", Task::Verify),
        ("gc", Task::CollectGarbage),
    ];
}

/// The words, understood.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) task: Task,
    /// `--format`, of `list`.
    pub(super) format: Format,
    /// `--dry-run`, of `gc`.
    pub(super) dry_run: bool,
    /// `--unregistered`, of `gc`.
    pub(super) unregistered: bool,
    /// `--older-than`, of `gc`.
    pub(super) older_than: Option<Duration>,
    /// `--root`, of `list` and `gc`.
    pub(super) roots: Vec<String>,
    pub(super) directories: Vec<String>,
}

impl Options {
    pub(super) fn parse(words: &[String]) -> Result<Self, Stop> {
        let mut words = words.iter();
        let name = words.next().map_or("", String::as_str);
        let task = Task::ALL.iter().find(|(known, _)| *known == name);
        let Some((_, task)) = task else {
            return Err(
                Stop::message("The shared command requires list, verify or gc.")
                    .with_hint("`buildout shared list` shows the shared parts and who uses them"),
            );
        };
        let mut options = Options {
            task: *task,
            format: Format::Text,
            dry_run: false,
            unregistered: false,
            older_than: None,
            roots: Vec::new(),
            directories: Vec::new(),
        };
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                options.directories.push(word.clone());
                continue;
            }
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let mut take = || {
                let value = value.clone().or_else(|| words.next().cloned());
                value
                    .ok_or_else(|| Stop::message(format!("No value specified for option {option}")))
            };
            match (option, task) {
                ("--format", Task::List) => options.format = Format::parse(&take()?)?,
                ("--root", Task::List | Task::CollectGarbage) => options.roots.push(take()?),
                ("--older-than", Task::CollectGarbage) => {
                    options.older_than = Some(days(&take()?)?);
                }
                ("--dry-run", Task::CollectGarbage) if value.is_none() => options.dry_run = true,
                ("--unregistered", Task::CollectGarbage) if value.is_none() => {
                    options.unregistered = true;
                }
                _ => {
                    return Err(
                        Stop::message(format!("Invalid option {word} for shared {name}"))
                            .with_hint("`buildout --help` lists the options"),
                    );
                }
            }
        }
        Ok(options)
    }
}

/// Reads `--older-than`, a number of days.
fn days(text: &str) -> Result<Duration, Stop> {
    let seconds = text
        .parse()
        .ok()
        .and_then(|days: u64| days.checked_mul(DAY));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        Stop::message(format!("Invalid value for option --older-than: {text}"))
            .with_hint("`--older-than` is a number of days")
    })
}
