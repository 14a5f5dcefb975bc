//! Unpacking zip archives.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

use super::tree::{Attributes, BLOCK_SIZE, ContentError, Tree};
use super::{SkipReason, UnpackError};

/// The bits of a Unix mode that tell the kind of a file.
const KIND: u32 = 0o170_000;
const FIFO: u32 = 0o010_000;
const CHARACTER_DEVICE: u32 = 0o020_000;
const DIRECTORY: u32 = 0o040_000;
const BLOCK_DEVICE: u32 = 0o060_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;

/// Unpacks all entries, in the order of the directory at the archive's end.
///
/// As setuptools does, modes are applied where the archive has some, and times
/// are not (zip has local times of an unknown zone). Symlinks become symlinks,
/// as with Info-ZIP; setuptools writes their target into a file.
///
/// `looks_like_zip` tells a damaged archive from something else.
pub(super) fn unpack(
    archive: &Path,
    file: File,
    looks_like_zip: bool,
    tree: &mut Tree<'_>,
) -> Result<(), UnpackError> {
    let mut unpacked = ZipArchive::new(ReadAhead::new(file)).map_err(|error| match error {
        ZipError::InvalidArchive(_) if !looks_like_zip => UnpackError::Unrecognized {
            path: archive.to_owned(),
        },
        other => entry_error(archive, "?", other),
    })?;
    for index in 0..unpacked.len() {
        tree.count_entry()?;
        let entry = unpacked
            .by_index(index)
            .map_err(|error| entry_error(archive, &format!("number {index}"), error))?;
        unpack_entry(archive, entry, tree)?;
    }
    Ok(())
}

/// A file that is read in large blocks. A seek to a place in the present block
/// keeps it, where that of a [`BufReader`] would have it read again: there are two
/// for each entry.
struct ReadAhead {
    reader: BufReader<File>,
    position: u64,
}

impl ReadAhead {
    fn new(file: File) -> Self {
        ReadAhead {
            reader: BufReader::with_capacity(BLOCK_SIZE, file),
            position: 0,
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for ReadAhead {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(target) => Some(target),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(_) => {
                self.position = self.reader.seek(to)?;
                return Ok(self.position);
            }
        };
        let signed = |position: u64| i64::try_from(position).ok();
        let offset = target.and_then(|target| Some(signed(target)? - signed(self.position)?));
        let (Some(target), Some(offset)) = (target, offset) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        self.reader.seek_relative(offset)?;
        self.position = target;
        Ok(target)
    }
}

fn unpack_entry<R: Read>(
    archive: &Path,
    mut entry: ZipFile<'_, R>,
    tree: &mut Tree<'_>,
) -> Result<(), UnpackError> {
    // Decoded from UTF-8 or, as the standard says, from code page 437.
    let name = entry
        .name()
        .map_err(|error| entry_error(archive, "?", error))?
        .into_owned();
    tree.check_announced(entry.size())?;
    let path = match tree.entry_path(name.as_bytes())? {
        Ok(path) => path,
        Err(reason) => {
            tree.skip(name.as_bytes(), reason);
            return Ok(());
        }
    };
    // As setuptools, which does not ask which system made the archive.
    let mode = entry.external_attributes() >> 16;
    let attributes = Attributes {
        mode: (mode & 0o777 != 0).then_some(mode),
        modified: None,
    };
    if name.ends_with('/') || mode & KIND == DIRECTORY {
        return tree.directory(&path, attributes);
    }
    if path.is_empty() {
        tree.skip(name.as_bytes(), SkipReason::EmptyName);
        return Ok(());
    }
    match mode & KIND {
        0 | REGULAR => match tree.file(&path, attributes, &mut entry) {
            Ok(_) => Ok(()),
            Err(ContentError::Read(source)) => Err(UnpackError::corrupt(archive, source)),
            Err(ContentError::Unpack(error)) => Err(error),
        },
        SYMLINK => {
            let limit = tree.limits().path_length as u64 + 1;
            let mut target = Vec::new();
            entry
                .take(limit)
                .read_to_end(&mut target)
                .map_err(|source| UnpackError::corrupt(archive, source))?;
            tree.symlink(&path, &target)
        }
        kind => {
            let reason = match kind {
                FIFO => SkipReason::Fifo,
                CHARACTER_DEVICE | BLOCK_DEVICE => SkipReason::Device,
                _ => SkipReason::OtherKind,
            };
            tree.skip(name.as_bytes(), reason);
            Ok(())
        }
    }
}

fn entry_error(archive: &Path, entry: &str, error: ZipError) -> UnpackError {
    match error {
        ZipError::UnsupportedArchive(detail) => UnpackError::UnsupportedEntry {
            path: archive.to_owned(),
            entry: entry.to_owned(),
            detail: detail.to_string(),
        },
        ZipError::Io(source) => UnpackError::corrupt(archive, source),
        other => UnpackError::Corrupt {
            path: archive.to_owned(),
            source: io::Error::other(other),
        },
    }
}
