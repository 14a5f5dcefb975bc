//! `slapos.extension.strip`: takes symbols out of what the buildout compiled.
//!
//! Follows Debian's dh_strip, as upstream does: shared libraries by name,
//! programs by mode. Which of them have symbols is read from the files
//! themselves; upstream asks the program `file`. Upstream goes over shared
//! libraries a second time, which changes nothing more.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use buildout_core::exec::command::{Command, CommandError};
use buildout_core::exec::failure::CommandFailure;
use buildout_core::exec::output::StreamKind;
use buildout_core::profile::python_text::split_lines;
use buildout_core::recipe::{Extension, ExtensionRun, RecipeError, RecipeErrorKind};

use crate::system_error::failed;

/// What strip is told for every file.
const SECTIONS: [&str; 2] = ["--remove-section=.comment", "--remove-section=.note"];

/// The extension.
pub(super) struct Strip;

/// How a file is stripped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Library,
    Program,
}

impl Extension for Strip {
    fn finish(&self, run: &ExtensionRun<'_>) -> Result<(), RecipeError> {
        let services = run.services();
        let print = |text: &str| services.print(&Arc::from("slapos.extension.strip"), text);
        print("Stripping binaries ...");
        let option = |name: &str| -> Result<Option<Arc<str>>, RecipeError> {
            Ok(run.buildout().get("buildout", name)?)
        };
        let program = option("strip-binary")?.filter(|program| !program.is_empty());
        let program = program.unwrap_or_else(|| Arc::from("strip"));
        let kept = option("do-not-strip-path")?.unwrap_or_default();
        let kept: Vec<PathBuf> = split_lines(&kept).into_iter().map(PathBuf::from).collect();
        let mut found = Vec::new();
        collect(&services.directory, &kept, &mut found)?;
        // Libraries before programs, as upstream does it.
        found.sort_by_key(|(kind, path)| (*kind == Kind::Program, path.clone()));
        for (kind, path) in found {
            let mut arguments: Vec<OsString> = SECTIONS.map(OsString::from).to_vec();
            if kind == Kind::Library {
                arguments.push("--strip-unneeded".into());
            }
            arguments.push(path.clone().into());
            let directory = services.directory.clone();
            let command = Command::new(&*program, arguments, directory, services.environment());
            let result = with_write_permission(&path, || {
                let mut sink = |_: StreamKind, line: &[u8]| print(&String::from_utf8_lossy(line));
                command.run(&mut sink, &services.cancellation)
            })?;
            let problem = match result {
                Ok(finished) if finished.outcome.is_success() => continue,
                Ok(finished) => CommandFailure::new(&command, finished).python_text(),
                Err(error @ CommandError::Cancelled { .. }) => {
                    return Err(RecipeError::new(RecipeErrorKind::Cancelled, error));
                }
                Err(error) => CommandFailure::new(&command, error).python_text(),
            };
            // Upstream tells and ends there, without failing.
            print(&format!("Command failed: {problem}"));
            return Ok(());
        }
        print("Done.");
        Ok(())
    }
}

/// Collects the files below a directory that have symbols.
fn collect(
    top: &Path,
    kept: &[PathBuf],
    found: &mut Vec<(Kind, PathBuf)>,
) -> Result<(), RecipeError> {
    let mut left = vec![top.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).map_err(failed("read", &directory))? {
            let path = entry.map_err(failed("read", &directory))?.path();
            let Ok(metadata) = path.symlink_metadata() else {
                continue;
            };
            if metadata.is_dir() {
                left.push(path);
            } else if metadata.is_file() && !kept.contains(&path) {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let kind = if is_library_name(&name) {
                    Kind::Library
                } else if metadata.permissions().mode() & 0o100 != 0 {
                    Kind::Program
                } else {
                    continue;
                };
                if has_symbols(&path) {
                    found.push((kind, path));
                }
            }
        }
    }
    Ok(())
}

/// Tells whether a name is that of a shared library: `*.so`, `*.so.1`, `*.cmxs`.
fn is_library_name(name: &str) -> bool {
    let has_version = name
        .match_indices(".so.")
        .any(|(at, _)| at + ".so.".len() < name.len());
    name.ends_with(".so") || name.ends_with(".cmxs") || has_version
}

/// Tells whether a file is a program or shared library in the format ELF that
/// has a table of symbols, which `file` calls "not stripped". A file that cannot
/// be read has none.
fn has_symbols(path: &Path) -> bool {
    let mut magic = [0; 4];
    let is_elf = File::open(path)
        .and_then(|mut file| file.read_exact(&mut magic))
        .is_ok_and(|()| magic == *b"\x7fELF");
    is_elf && fs::read(path).is_ok_and(|bytes| elf_has_symbols(&bytes).unwrap_or(false))
}

fn elf_has_symbols(bytes: &[u8]) -> Option<bool> {
    const EXECUTABLE: u64 = 2;
    const SHARED: u64 = 3;
    const SYMBOL_TABLE: u64 = 2;
    let is_wide = *bytes.get(4)? == 2;
    let is_little = *bytes.get(5)? == 1;
    let number = |at: usize, size: usize| -> Option<u64> {
        let field = bytes.get(at..at.checked_add(size)?)?;
        let shift = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
        Some(match is_little {
            true => field.iter().rev().fold(0, shift),
            false => field.iter().fold(0, shift),
        })
    };
    let kind = number(16, 2)?;
    if kind != EXECUTABLE && kind != SHARED {
        return Some(false);
    }
    // Where the section headers are, how large, and how many.
    let (start, size, count) = match is_wide {
        true => (number(40, 8)?, number(58, 2)?, number(60, 2)?),
        false => (number(32, 4)?, number(46, 2)?, number(48, 2)?),
    };
    for index in 0..count {
        let header = usize::try_from(start.checked_add(index * size)?).ok()?;
        if number(header.checked_add(4)?, 4)? == SYMBOL_TABLE {
            return Some(true);
        }
    }
    Some(false)
}

/// Runs `work` while the owner of a file may write to it.
fn with_write_permission<T>(path: &Path, work: impl FnOnce() -> T) -> Result<T, RecipeError> {
    let mode = fs::metadata(path)
        .map_err(failed("examine", path))?
        .permissions()
        .mode();
    let set = |mode: u32| {
        fs::set_permissions(path, Permissions::from_mode(mode))
            .map_err(failed("set the mode of", path))
    };
    let is_read_only = mode & 0o200 == 0;
    if is_read_only {
        set(mode | 0o200)?;
    }
    let result = work();
    if is_read_only {
        set(mode)?;
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::is_library_name;

    #[test]
    fn libraries_are_known_by_their_names() {
        for (name, expected) in [
            ("libz.so", true),
            ("libz.so.1.2", true),
            ("plugin.cmxs", true),
            ("libz.so.", false),
            ("soda", false),
            ("libz.a", false),
        ] {
            assert_eq!(is_library_name(name), expected, "{name}");
        }
    }
}
