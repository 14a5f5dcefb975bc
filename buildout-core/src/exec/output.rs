//! Lines of output, on their way to a sink and kept for error reports.

use std::collections::VecDeque;

/// Longer lines are delivered in pieces of this many bytes, so that a program which never ends a
/// line cannot fill the memory.
pub const MAXIMUM_LINE_BYTES: usize = 64 * 1024;

/// Which stream a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Where the output of a child process goes.
///
/// Lines of one stream arrive in order. The two streams are separate pipes, so how their lines
/// interleave is what was seen, not necessarily what was done.
pub trait OutputSink {
    /// Takes one line, without its newline and in whatever encoding the program uses. The last
    /// line of a stream also arrives if it has no newline. Called on the thread which runs the
    /// command: a slow sink slows the program down.
    fn line(&mut self, stream: StreamKind, line: &[u8]);
}

impl<F: FnMut(StreamKind, &[u8])> OutputSink for F {
    fn line(&mut self, stream: StreamKind, line: &[u8]) {
        self(stream, line);
    }
}

/// One kept line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLine {
    /// The stream it came from.
    pub stream: StreamKind,
    /// The line without its newline.
    pub bytes: Vec<u8>,
}

/// The last lines of a process's output, both streams together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputTail {
    lines: VecDeque<OutputLine>,
    limit: usize,
    dropped: u64,
}

impl OutputTail {
    /// Makes an empty tail which keeps up to `limit` lines.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Returns the kept lines, oldest first.
    pub fn lines(&self) -> impl ExactSizeIterator<Item = &OutputLine> {
        self.lines.iter()
    }

    /// Returns how many lines came before the kept ones.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn push(&mut self, stream: StreamKind, line: &[u8]) {
        let mut bytes = Vec::new();
        if self.lines.len() >= self.limit {
            self.dropped += 1;
            // The oldest line's memory serves again.
            match self.lines.pop_front() {
                Some(oldest) => bytes = oldest.bytes,
                None => return,
            }
        }
        bytes.clear();
        bytes.extend_from_slice(line);
        self.lines.push_back(OutputLine { stream, bytes });
    }
}

/// Cuts the bytes of one stream into lines.
#[derive(Debug)]
pub(super) struct LineCutter {
    stream: StreamKind,
    partial: Vec<u8>,
}

impl LineCutter {
    pub(super) fn new(stream: StreamKind) -> Self {
        Self {
            stream,
            partial: Vec::new(),
        }
    }

    /// Takes bytes and passes on the lines they complete.
    pub(super) fn take(&mut self, bytes: &[u8], sink: &mut dyn OutputSink, tail: &mut OutputTail) {
        let mut rest = bytes;
        while let Some(next) = rest.first() {
            // Only now is it certain that the full piece is not a whole line.
            if self.partial.len() == MAXIMUM_LINE_BYTES && *next != b'\n' {
                self.pass(&[], sink, tail);
            }
            let space = MAXIMUM_LINE_BYTES - self.partial.len();
            let window = &rest[..rest.len().min(space + 1)];
            match window.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    self.pass(&window[..end], sink, tail);
                    rest = &rest[end + 1..];
                }
                None => {
                    let (piece, after) = rest.split_at(rest.len().min(space));
                    self.partial.extend_from_slice(piece);
                    rest = after;
                }
            }
        }
    }

    /// Passes on a last line without a newline.
    pub(super) fn finish(&mut self, sink: &mut dyn OutputSink, tail: &mut OutputTail) {
        if !self.partial.is_empty() {
            self.pass(&[], sink, tail);
        }
    }

    fn pass(&mut self, end: &[u8], sink: &mut dyn OutputSink, tail: &mut OutputTail) {
        let line = if self.partial.is_empty() {
            end
        } else {
            self.partial.extend_from_slice(end);
            &self.partial
        };
        sink.line(self.stream, line);
        tail.push(self.stream, line);
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_depend_on_how_the_bytes_arrive() {
        let long = "x".repeat(MAXIMUM_LINE_BYTES);
        let text = format!("a\n\nbc\n{long}\n{long}yz\nend");
        let expected = ["a", "", "bc", &long, &long, "yz", "end"];
        for step in [1, 2, 3, 7, 65535, 65536, 65537, text.len()] {
            let mut lines = Vec::new();
            let mut sink = |_: StreamKind, line: &[u8]| lines.push(line.to_vec());
            let mut tail = OutputTail::new(2);
            let mut cutter = LineCutter::new(StreamKind::Stdout);
            for bytes in text.as_bytes().chunks(step) {
                cutter.take(bytes, &mut sink, &mut tail);
            }
            cutter.finish(&mut sink, &mut tail);
            assert!(lines.iter().eq(expected.map(str::as_bytes)), "{step}");
            assert!(
                tail.lines()
                    .map(|line| &line.bytes[..])
                    .eq([b"yz", &b"end"[..]])
            );
            assert_eq!(tail.dropped(), 5);
        }
    }

    #[test]
    fn a_tail_of_no_lines_keeps_none() {
        let mut tail = OutputTail::new(0);
        tail.push(StreamKind::Stderr, b"x");
        assert_eq!((tail.lines().len(), tail.dropped()), (0, 1));
    }
}
