//! Safe unpacking of archives: tar (plain or compressed with gzip, bzip2, xz,
//! lzip or zstd), zip, and plain directories.
//!
//! The format is told by the first bytes, never by the name. Whatever an
//! archive contains, nothing outside the destination is created, changed or
//! linked to, no file gets a set-user-ID bit, and the limits of
//! [`UnpackLimits`] hold. Compatible with slapos.recipe.build's
//! `download-unpacked`, whose rules come from setuptools' `archive_util` and
//! Python's `tarfile`.

mod decode;
mod error;
mod format;
mod strip;
mod tar_format;
#[cfg(test)]
mod tests;
mod tree;
mod zip_format;

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

pub use error::UnpackError;
pub use format::{ArchiveFormat, Compression};

use super::copy::{copy_contents, failed};
use format::Detected;

/// Decompressed bytes looked at behind the end of a tar archive. Programs pad
/// archives to 10 KiB, unless told otherwise.
const MAXIMUM_PADDING: u64 = 1 << 20;

/// What to do with a directory that holds everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StripTopLevel {
    /// Put its contents in its place, if the root has exactly one entry and
    /// that is a directory (`strip-top-level-dir` unset).
    #[default]
    Auto,
    /// Do so, or fail if the root has not exactly one entry that is a
    /// directory (`strip-top-level-dir = true`).
    Force,
    /// Keep it (`strip-top-level-dir = false`).
    Never,
}

/// Bounds against archives made to exhaust the machine.
///
/// The defaults are far above any source archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of all unpacked files together; 100 GiB.
    pub total_bytes: u64,
    /// Entries of the archive; 5 million.
    pub entries: u64,
    /// Bytes of one name in the archive, or of a link's target; 4096.
    pub path_length: usize,
    /// Components of one name; 256.
    pub nesting: usize,
    /// Bytes a decompressor may allocate for its window; 2 GiB.
    pub decoder_memory: u64,
}

impl Default for UnpackLimits {
    fn default() -> Self {
        Self {
            total_bytes: 100 << 30,
            entries: 5_000_000,
            path_length: 4096,
            nesting: 256,
            decoder_memory: 2 << 30,
        }
    }
}

/// How an archive is unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnpackOptions {
    /// What to do with a lone top-level directory.
    pub strip_top_level: StripTopLevel,
    /// Bounds.
    pub limits: UnpackLimits,
}

/// Why an entry was left out; upstream does so without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// The name is absolute.
    AbsoluteName,
    /// The name has a `..` component.
    ParentComponent,
    /// The name is empty, and the entry is no directory.
    EmptyName,
    /// A hard link to an absolute name or one with a `..` component.
    LinkTargetOutside,
    /// A character or block device.
    Device,
    /// A named pipe.
    Fifo,
    /// Another kind of entry, such as a socket or a volume label.
    OtherKind,
}

/// An entry that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedEntry {
    /// Its name; bytes that are no UTF-8 are replaced.
    pub name: String,
    /// Why.
    pub reason: SkipReason,
}

/// What was unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackSummary {
    /// The archive's format.
    pub format: ArchiveFormat,
    /// Entries in the archive; for a directory, 0.
    pub entries: u64,
    /// Bytes of the files' contents; for a directory, 0.
    pub bytes: u64,
    /// Entries left out.
    pub skipped: Vec<SkippedEntry>,
    /// Name of the top-level directory that was replaced by its contents.
    pub stripped: Option<PathBuf>,
}

/// Unpacks an archive into a directory, which must be empty or missing.
///
/// Modes (without set-ID and sticky bits) and, for tar, modification times are
/// kept, those of directories too (upstream's change when entries follow);
/// owners are not. An entry for the root itself (`./`) changes nothing, for the
/// destination is the caller's. A symlink is made as it is, but nothing is ever
/// written through one: an entry below a symlink is an error.
///
/// # Errors
///
/// See [`UnpackError`]. The destination then holds what had been unpacked; the
/// caller, who made it for this purpose, removes it.
pub fn unpack(
    archive: &Path,
    destination: &Path,
    options: &UnpackOptions,
) -> Result<UnpackSummary, UnpackError> {
    fs::create_dir_all(destination).map_err(failed("create", destination))?;
    let mut existing = fs::read_dir(destination).map_err(failed("read", destination))?;
    if existing.next().is_some() {
        return Err(UnpackError::DestinationNotEmpty {
            path: destination.to_owned(),
        });
    }
    let is_directory = fs::metadata(archive)
        .map_err(failed("open", archive))?
        .is_dir();
    if is_directory {
        let tree = copy_contents(archive, destination)?;
        let skipped = tree.left_out.iter().map(|path| SkippedEntry {
            name: path.to_string_lossy().into_owned(),
            reason: SkipReason::OtherKind,
        });
        let mut summary = UnpackSummary::new(ArchiveFormat::Directory);
        summary.skipped.extend(skipped);
        summary.stripped = strip::strip(archive, destination, options.strip_top_level)?;
        tree.finish(destination, summary.stripped.as_deref())?;
        return Ok(summary);
    }
    unpack_file(archive, destination, options)
}

fn unpack_file(
    archive: &Path,
    destination: &Path,
    options: &UnpackOptions,
) -> Result<UnpackSummary, UnpackError> {
    let mut file = File::open(archive).map_err(failed("open", archive))?;
    let mut head = Vec::with_capacity(format::HEAD_SIZE);
    (&mut file)
        .take(format::HEAD_SIZE as u64)
        .read_to_end(&mut head)
        .map_err(failed("read", archive))?;
    let mut tree = tree::Tree::new(destination, options.limits);
    let format = match format::detect(&head) {
        Detected::Tar => {
            let reader = BufReader::with_capacity(tree::BLOCK_SIZE, file);
            tar_format::unpack(archive, Cursor::new(head).chain(reader), &mut tree)?;
            ArchiveFormat::Tar(Compression::None)
        }
        Detected::Compressed(compression) => {
            let raw = BufReader::with_capacity(tree::BLOCK_SIZE, Cursor::new(head).chain(file));
            let decoder = decode::decoder(compression, raw, &options.limits)
                .map_err(|source| UnpackError::corrupt(archive, source))?;
            unpack_decoded(archive, compression, decoder, &mut tree)?;
            ArchiveFormat::Tar(compression)
        }
        Detected::Refused(kind) => {
            return Err(UnpackError::UnsupportedFormat {
                path: archive.to_owned(),
                kind,
            });
        }
        // A zip archive may follow foreign bytes, such as a program that
        // unpacks it: its directory is at the end.
        detected @ (Detected::Zip | Detected::Unknown) => {
            let looks_like_zip = detected == Detected::Zip;
            zip_format::unpack(archive, file, looks_like_zip, &mut tree)?;
            ArchiveFormat::Zip
        }
    };
    let mut summary = tree.summary(format);
    summary.stripped = strip::strip(archive, destination, options.strip_top_level)?;
    tree.finish_directories(summary.stripped.as_deref())?;
    Ok(summary)
}

fn unpack_decoded(
    archive: &Path,
    compression: Compression,
    decoder: Box<dyn Read>,
    tree: &mut tree::Tree<'_>,
) -> Result<(), UnpackError> {
    let mut reader = BufReader::with_capacity(tree::BLOCK_SIZE, decoder);
    let mut head = Vec::with_capacity(format::HEAD_SIZE);
    let result = (&mut reader)
        .take(format::HEAD_SIZE as u64)
        .read_to_end(&mut head);
    result.map_err(|source| UnpackError::corrupt(archive, source))?;
    if !matches!(format::detect(&head), Detected::Tar) {
        return Err(UnpackError::NotTarInside {
            path: archive.to_owned(),
            compression,
        });
    }
    tar_format::unpack(archive, Cursor::new(head).chain(&mut reader), tree)?;
    if decode::ignores_trailing_bytes(compression) {
        // A checksum follows the padding after the archive's end. Without it,
        // damage may go unnoticed: the bytes that are left can be valid too.
        io::copy(&mut reader.take(MAXIMUM_PADDING), &mut io::sink())
            .map_err(|source| UnpackError::corrupt(archive, source))?;
    }
    Ok(())
}

impl UnpackSummary {
    fn new(format: ArchiveFormat) -> Self {
        Self {
            format,
            entries: 0,
            bytes: 0,
            skipped: Vec::new(),
            stripped: None,
        }
    }
}

/// Says whether an error means that the input ended too early.
fn is_truncation(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}
