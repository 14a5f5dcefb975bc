//! Unpacking tar archives.

use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tar::{Archive, Entry, EntryType};

use super::tree::{Attributes, ContentError, EntryPath, Tree};
use super::{SkipReason, UnpackError};

/// Bytes that headers, long names and extended headers of one entry may take.
/// The tar crate reads them into memory, whatever size they announce.
const METADATA_LIMIT: u64 = 1 << 20;

/// Unpacks all entries. Bytes after the archive's end are left unread.
pub(super) fn unpack(
    archive: &Path,
    reader: impl Read,
    tree: &mut Tree<'_>,
) -> Result<(), UnpackError> {
    let allowance = Rc::new(Cell::new(METADATA_LIMIT));
    let mut unpacked = Archive::new(Metered {
        reader,
        allowance: Rc::clone(&allowance),
    });
    let mut entries = unpacked
        .entries()
        .map_err(|source| UnpackError::corrupt(archive, source))?;
    loop {
        allowance.set(METADATA_LIMIT);
        let entry = match entries.next() {
            None => return Ok(()),
            Some(Ok(entry)) => entry,
            Some(Err(_)) if allowance.get() == 0 => {
                return Err(UnpackError::MetadataTooLarge {
                    limit: METADATA_LIMIT,
                });
            }
            Some(Err(source)) => return Err(tar_error(archive, source)),
        };
        allowance.set(u64::MAX);
        unpack_entry(archive, entry, tree)?;
    }
}

fn unpack_entry<R: Read>(
    archive: &Path,
    mut entry: Entry<'_, R>,
    tree: &mut Tree<'_>,
) -> Result<(), UnpackError> {
    let kind = entry.header().entry_type();
    // Made by `git archive` to hold a commit; nothing to unpack.
    if kind.is_pax_global_extensions() {
        return drain(archive, &mut entry);
    }
    tree.count_entry()?;
    tree.check_announced(entry.size())?;
    let name = entry.path_bytes().into_owned();
    let path = match tree.entry_path(&name)? {
        Ok(path) => path,
        Err(reason) => {
            tree.skip(&name, reason);
            return drain(archive, &mut entry);
        }
    };
    let attributes = attributes(archive, &name, &mut entry)?;
    match kind {
        EntryType::Directory => tree.directory(&path, attributes)?,
        // Tar programs older than POSIX mark a directory only by its name.
        EntryType::Regular if name.ends_with(b"/") => tree.directory(&path, attributes)?,
        _ if path.is_empty() => tree.skip(&name, SkipReason::EmptyName),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            return unpack_file(archive, &path, attributes, &mut entry, tree);
        }
        EntryType::Symlink => {
            let target = entry.link_name_bytes().unwrap_or_default();
            tree.symlink(&path, &target)?;
        }
        EntryType::Link => {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            match tree.entry_path(&target)? {
                Err(_) => tree.skip(&name, SkipReason::LinkTargetOutside),
                Ok(target) => tree.hard_link(&path, &target)?,
            }
        }
        EntryType::Fifo => tree.skip(&name, SkipReason::Fifo),
        EntryType::Char | EntryType::Block => tree.skip(&name, SkipReason::Device),
        _ => tree.skip(&name, SkipReason::OtherKind),
    }
    drain(archive, &mut entry)
}

fn unpack_file<R: Read>(
    archive: &Path,
    path: &EntryPath,
    attributes: Attributes,
    entry: &mut Entry<'_, R>,
    tree: &mut Tree<'_>,
) -> Result<(), UnpackError> {
    let announced = entry.size();
    match tree.file(path, attributes, entry) {
        Ok(size) if size == announced => Ok(()),
        // The tar crate ends an entry silently where the archive ends.
        Ok(_) => Err(UnpackError::Truncated {
            path: archive.to_owned(),
        }),
        Err(ContentError::Read(source)) => Err(tar_error(archive, source)),
        Err(ContentError::Unpack(error)) => Err(error),
    }
}

/// Reads what is left of an entry, so that the next header can be metered.
fn drain<R: Read>(archive: &Path, entry: &mut Entry<'_, R>) -> Result<(), UnpackError> {
    io::copy(entry, &mut io::sink())
        .map(drop)
        .map_err(|source| tar_error(archive, source))
}

/// Reads mode and time, and refuses what the tar crate would misread.
fn attributes<R: Read>(
    archive: &Path,
    name: &[u8],
    entry: &mut Entry<'_, R>,
) -> Result<Attributes, UnpackError> {
    let header = entry.header();
    let mode = header.mode().ok();
    let mut modified = header
        .mtime()
        .ok()
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    let extensions = entry
        .pax_extensions()
        .map_err(|source| tar_error(archive, source))?;
    for extension in extensions.into_iter().flatten() {
        let extension = extension.map_err(|source| tar_error(archive, source))?;
        match extension.key_bytes() {
            b"mtime" => modified = pax_time(extension.value_bytes()).or(modified),
            key if key.starts_with(b"GNU.sparse.") => {
                return Err(UnpackError::UnsupportedEntry {
                    path: archive.to_owned(),
                    entry: String::from_utf8_lossy(name).into_owned(),
                    detail: "it is a sparse file in pax format".to_owned(),
                });
            }
            _ => {}
        }
    }
    Ok(Attributes { mode, modified })
}

/// Reads decimal seconds with an optional fraction and sign.
fn pax_time(text: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut duration = Duration::from_secs(seconds.parse().ok()?);
    let mut unit = 100_000_000;
    for digit in fraction.chars().take(9) {
        duration += Duration::from_nanos(u64::from(digit.to_digit(10)?) * unit);
        unit /= 10;
    }
    match sign {
        1 => SystemTime::UNIX_EPOCH.checked_add(duration),
        _ => SystemTime::UNIX_EPOCH.checked_sub(duration),
    }
}

/// The tar crate reports an early end as an error of no particular kind.
fn tar_error(archive: &Path, source: io::Error) -> UnpackError {
    if source.to_string() == "failed to read entire block" {
        return UnpackError::Truncated {
            path: archive.to_owned(),
        };
    }
    UnpackError::corrupt(archive, source)
}

/// Passes on at most as many bytes as the shared allowance says.
struct Metered<R> {
    reader: R,
    allowance: Rc<Cell<u64>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = self.allowance.get();
        if allowed == 0 {
            return Err(io::Error::other("too much metadata"));
        }
        let length = usize::try_from(allowed)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let count = self.reader.read(&mut buffer[..length])?;
        self.allowance.set(allowed - count as u64);
        Ok(count)
    }
}
