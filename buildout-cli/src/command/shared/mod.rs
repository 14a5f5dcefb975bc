//! `shared list|verify|gc [DIRECTORY...]`: the stores of shared parts.

mod garbage;
mod list;
mod options;
mod verify;

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use buildout_core::extends::join;
use buildout_core::store::directories;

use self::options::{Options, Task};
use super::{Context, SessionKind};
use crate::Stop;
use crate::log::PlainLog;

pub(super) fn run(context: &Context<'_>, words: &[String]) -> Result<(), Stop> {
    let options = Options::parse(words)?;
    let stores = if options.directories.is_empty() {
        Stores::of_profile(context)?
    } else {
        Stores::named(context, &options.directories)?
    };
    match options.task {
        Task::List => list::run(context, &options, &stores),
        Task::Verify => verify::run(context, &stores),
        Task::CollectGarbage => garbage::run(context, &options, &stores),
    }
}

/// The directories of shared parts that a command works on.
struct Stores {
    /// Each once, by its real path.
    real: Vec<PathBuf>,
    /// As they are written, if that differs.
    spelt: Vec<PathBuf>,
}

impl Stores {
    /// Takes the directories of `[buildout] shared-part-list` that exist:
    /// recipes pass over the others as well.
    fn of_profile(context: &Context<'_>) -> Result<Self, Stop> {
        let log = PlainLog::new(context.streams, true);
        let (base, list) =
            context.with_session(&log, SessionKind::Look, |_, session, settings| {
                let list = session.get_stored("buildout", "shared-part-list")?;
                Ok((settings.directory.clone(), list.unwrap_or_default()))
            })?;
        let listed = directories(&list);
        if listed.is_empty() {
            return Err(
                Stop::message("The profile has no directories of shared parts.").with_hint(
                    "set `shared-part-list` in [buildout], or name directories: `buildout shared list DIRECTORY`",
                ),
            );
        }
        let paths = listed.into_iter().map(|path| base.join(path));
        Self::of_paths(paths.filter(|path| path.exists()))
    }

    /// Takes directories of the command line, which must exist.
    fn named(context: &Context<'_>, names: &[String]) -> Result<Self, Stop> {
        let base = &context.surroundings.working_directory;
        Self::of_paths(
            names
                .iter()
                .map(|name| PathBuf::from(join(base, name, false))),
        )
    }

    fn of_paths(paths: impl Iterator<Item = PathBuf>) -> Result<Self, Stop> {
        let mut stores = Stores {
            real: Vec::new(),
            spelt: Vec::new(),
        };
        for path in paths {
            let real = fs::canonicalize(&path).map_err(|error| {
                Stop::message(format!("failed to resolve `{}`: {error}", path.display()))
            })?;
            if !real.is_dir() {
                return Err(Stop::message(format!(
                    "`{}` is not a directory",
                    path.display()
                )));
            }
            if real != path {
                stores.spelt.push(path);
            }
            if !stores.real.contains(&real) {
                stores.real.push(real);
            }
        }
        Ok(stores)
    }

    /// Returns all directories, as they are and as they are written.
    fn all_spellings(&self) -> Vec<PathBuf> {
        self.real.iter().chain(&self.spelt).cloned().collect()
    }
}

fn stop(error: impl Error) -> Stop {
    Stop::message(error.to_string())
}

/// Shows a number of bytes as people read it, with the number itself.
fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut unit = None;
    let mut divisor: u64 = 1;
    for name in UNITS {
        if bytes / divisor < 1024 {
            break;
        }
        divisor *= 1024;
        unit = Some(name);
    }
    match unit {
        None => format!("{bytes} bytes"),
        Some(unit) => {
            let tenths = (bytes % divisor) * 10 / divisor;
            format!("{}.{tenths} {unit} ({bytes} bytes)", bytes / divisor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::bytes_text;

    #[test]
    fn bytes_are_shown_in_the_greatest_unit() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB (1024 bytes)"),
            (1_048_575, "1023.9 KiB (1048575 bytes)"),
            (1_610_612_736, "1.5 GiB (1610612736 bytes)"),
            (u64::MAX, "16777215.9 TiB (18446744073709551615 bytes)"),
        ] {
            assert_eq!(bytes_text(bytes), text);
        }
    }
}
