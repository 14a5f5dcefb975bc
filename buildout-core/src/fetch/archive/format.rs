//! Telling formats by their first bytes.

use std::fmt;

/// Bytes needed to tell all formats: one tar header.
pub(super) const HEAD_SIZE: usize = 512;

/// The compression of a tar archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// None.
    None,
    /// gzip, also in several members.
    Gzip,
    /// bzip2, also in several streams.
    Bzip2,
    /// xz, also in several streams.
    Xz,
    /// lzip, also in several members.
    Lzip,
    /// Zstandard, also in several frames.
    Zstandard,
}

impl fmt::Display for Compression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "nothing",
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Lzip => "lzip",
            Self::Zstandard => "zstd",
        })
    }
}

/// A format that can be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArchiveFormat {
    /// tar.
    Tar(Compression),
    /// zip, which is also the format of wheels, eggs and jars.
    Zip,
    /// No archive, but a directory, which is copied.
    Directory,
}

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detected {
    Tar,
    Compressed(Compression),
    Zip,
    Refused(&'static str),
    Unknown,
}

pub(super) fn detect(head: &[u8]) -> Detected {
    const MAGIC: &[(&[u8], Detected)] = &[
        (b"\x1f\x8b", Detected::Compressed(Compression::Gzip)),
        (b"BZh", Detected::Compressed(Compression::Bzip2)),
        (b"\xfd7zXZ\0", Detected::Compressed(Compression::Xz)),
        (b"LZIP", Detected::Compressed(Compression::Lzip)),
        (
            b"\x28\xb5\x2f\xfd",
            Detected::Compressed(Compression::Zstandard),
        ),
        (b"PK\x03\x04", Detected::Zip),
        (b"PK\x05\x06", Detected::Zip),
        (b"Rar!\x1a\x07", Detected::Refused("RAR")),
        (b"7z\xbc\xaf\x27\x1c", Detected::Refused("7z")),
        (b"\x1f\x9d", Detected::Refused("compress (.Z)")),
        (b"\x5d\0\0", Detected::Refused("lzma")),
        (b"!<arch>\n", Detected::Refused("ar (.deb)")),
        (b"xar!", Detected::Refused("xar")),
        (b"MSCF", Detected::Refused("cabinet")),
    ];
    // The name of a tar's first entry may look like any other format.
    if is_tar_header(head) {
        return Detected::Tar;
    }
    MAGIC
        .iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map_or(Detected::Unknown, |(_, detected)| *detected)
}

/// Says whether a block is the first of a tar archive, empty ones included.
///
/// The header's checksum is what all tar dialects have in common.
fn is_tar_header(head: &[u8]) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    if head.len() < HEAD_SIZE {
        return false;
    }
    let head = &head[..HEAD_SIZE];
    if head.iter().all(|byte| *byte == 0) {
        return true;
    }
    let digits = head[CHECKSUM]
        .iter()
        .skip_while(|byte| **byte == b' ')
        .take_while(|byte| matches!(byte, b'0'..=b'7'));
    let stored = digits.fold(0u32, |sum, digit| {
        sum.wrapping_mul(8).wrapping_add(u32::from(digit - b'0'))
    });
    let sum: u32 = head
        .iter()
        .enumerate()
        .map(|(index, byte)| match CHECKSUM.contains(&index) {
            true => u32::from(b' '),
            false => u32::from(*byte),
        })
        .sum();
    stored == sum
}
