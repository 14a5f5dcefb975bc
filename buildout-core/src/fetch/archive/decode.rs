//! Decompressors, all of which read concatenated streams to their end.

use std::io::{self, BufRead, Read};

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::UnpackLimits;
use super::format::Compression;

/// Returns a reader of the decompressed bytes.
pub(super) fn decoder<R: BufRead + 'static>(
    compression: Compression,
    raw: R,
    limits: &UnpackLimits,
) -> io::Result<Box<dyn Read>> {
    Ok(match compression {
        Compression::None => Box::new(raw),
        Compression::Gzip => Box::new(Members::<GzDecoder<R>>::new(raw)),
        Compression::Bzip2 => Box::new(Members::<BzDecoder<R>>::new(raw)),
        Compression::Xz => {
            let kibibytes = u32::try_from(limits.decoder_memory / 1024).unwrap_or(u32::MAX);
            Box::new(lzma_rust2::XzReader::new_mem_limit(raw, true, kibibytes))
        }
        Compression::Lzip => Box::new(lzma_rust2::LzipReader::new(raw)),
        Compression::Zstandard => Box::new(ZstandardReader::new(raw, limits.decoder_memory)?),
    })
}

/// Says whether a decoder tells damage from foreign bytes after its input, so
/// that reading it to the end can be a check.
///
/// Some servers and devices pad files; Python never looks behind the archive.
pub(super) fn ignores_trailing_bytes(compression: Compression) -> bool {
    matches!(compression, Compression::Gzip | Compression::Bzip2)
}

/// A decoder of one member of a file that may have several.
trait Member: Read + Sized {
    /// First bytes of each member.
    const MAGIC: &'static [u8];
    type Raw: BufRead;
    fn start(raw: Self::Raw) -> Self;
    fn into_raw(self) -> Self::Raw;
}

impl<R: BufRead> Member for GzDecoder<R> {
    const MAGIC: &'static [u8] = b"\x1f\x8b";
    type Raw = R;
    fn start(raw: R) -> Self {
        Self::new(raw)
    }
    fn into_raw(self) -> R {
        self.into_inner()
    }
}

impl<R: BufRead> Member for BzDecoder<R> {
    const MAGIC: &'static [u8] = b"BZh";
    type Raw = R;
    fn start(raw: R) -> Self {
        Self::new(raw)
    }
    fn into_raw(self) -> R {
        self.into_inner()
    }
}

/// Reads members until something else follows, as gzip and bzip2 do. The
/// decoders' own readers of several members fail there.
struct Members<D> {
    /// Absent after the last member.
    current: Option<D>,
}

impl<D: Member> Members<D> {
    fn new(raw: D::Raw) -> Self {
        Self {
            current: Some(D::start(raw)),
        }
    }
}

impl<D: Member> Read for Members<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(current) = &mut self.current {
            let count = current.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            if let Some(finished) = self.current.take() {
                let mut raw = finished.into_raw();
                let head = raw.fill_buf()?;
                let length = head.len().min(D::MAGIC.len());
                if length > 0 && head[..length] == D::MAGIC[..length] {
                    self.current = Some(D::start(raw));
                }
            }
        }
        Ok(0)
    }
}

/// Reads all frames of a Zstandard file; the decoder below reads one.
struct ZstandardReader<R: BufRead> {
    /// Absent after the last frame.
    frame: Option<StreamingDecoder<R, FrameDecoder>>,
    window_limit: u64,
}

impl<R: BufRead> ZstandardReader<R> {
    fn new(raw: R, window_limit: u64) -> io::Result<Self> {
        Ok(Self {
            frame: next_frame(raw, window_limit)?,
            window_limit,
        })
    }
}

/// Starts the next frame, skipping those that hold no data.
fn next_frame<R: BufRead>(
    mut raw: R,
    window_limit: u64,
) -> io::Result<Option<StreamingDecoder<R, FrameDecoder>>> {
    loop {
        let magic = match raw.fill_buf()? {
            [] => return Ok(None),
            [first, ..] => *first,
        };
        // Skippable frames are 0x184D2A50 to 0x184D2A5F, little-endian, then
        // their length.
        if magic & 0xf0 != 0x50 {
            return StreamingDecoder::new_with_max_window_size(raw, window_limit)
                .map(Some)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()));
        }
        let mut head = [0; 8];
        raw.read_exact(&mut head)?;
        if head[1..4] != [0x2a, 0x4d, 0x18] {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "unknown data between Zstandard frames",
            ));
        }
        let length = u64::from(u32::from_le_bytes([head[4], head[5], head[6], head[7]]));
        let skipped = io::copy(&mut (&mut raw).take(length), &mut io::sink())?;
        if skipped < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

impl<R: BufRead> Read for ZstandardReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(frame) = &mut self.frame {
            let count = frame.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            if let Some(frame) = self.frame.take() {
                self.frame = next_frame(frame.into_inner(), self.window_limit)?;
            }
        }
        Ok(0)
    }
}
