//! Frames: the length of a payload in four bytes, the highest first, and the
//! payload.

use std::io::{self, Write};

/// The longest payload that is taken from a process, in bytes.
pub(crate) const LONGEST_FRAME: usize = 512 * 1024 * 1024;

const HEADER: usize = 4;

/// A process announced a frame that is longer than [`LONGEST_FRAME`].
#[derive(Debug, thiserror::Error)]
#[error("a message of {0} bytes is too long")]
pub(crate) struct TooLong(usize);

/// Writes a frame.
pub(crate) fn write_frame(stream: &mut impl Write, payload: &[u8]) -> io::Result<()> {
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= LONGEST_FRAME)
        .ok_or_else(|| io::Error::other(TooLong(payload.len())))?;
    let mut frame = Vec::with_capacity(HEADER + payload.len());
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    stream.write_all(&frame)
}

/// Puts frames together from what comes in.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    received: Vec<u8>,
}

impl FrameReader {
    /// Takes what came in.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.received.extend(bytes);
    }

    /// Returns the next payload, once it is complete.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let Some(header) = self.received.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*header) as usize;
        if length > LONGEST_FRAME {
            return Err(TooLong(length));
        }
        if self.received.len() < HEADER + length {
            return Ok(None);
        }
        let rest = self.received.split_off(HEADER + length);
        let mut payload = std::mem::replace(&mut self.received, rest);
        payload.drain(..HEADER);
        Ok(Some(payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_arrive_in_any_pieces() {
        let mut stream = Vec::new();
        for payload in ["one", "", "three"] {
            write_frame(&mut stream, payload.as_bytes()).unwrap();
        }
        for size in [1, 2, 5, stream.len()] {
            let mut reader = FrameReader::default();
            let mut payloads = Vec::new();
            for piece in stream.chunks(size) {
                reader.take(piece);
                while let Some(payload) = reader.next().unwrap() {
                    payloads.push(String::from_utf8(payload).unwrap());
                }
            }
            assert_eq!(payloads, ["one", "", "three"]);
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_not_waited_for() {
        let mut reader = FrameReader::default();
        reader.take(&u32::MAX.to_be_bytes());
        assert!(reader.next().is_err());
    }
}
