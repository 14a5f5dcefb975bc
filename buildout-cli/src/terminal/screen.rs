//! Text that scrolls above a live area, in as few writes as possible.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::frame::{TICK, TerminalSize};
use super::line::{Line, Style};
use crate::Streams;
use crate::surroundings::Terminal;

/// Terminals that know these show what is between them at once; others ignore
/// them.
const BEGIN_UPDATE: &str = "\u{1b}[?2026h";
const END_UPDATE: &str = "\u{1b}[?2026l";

/// Between these, a line that is too long is cut and not broken: the terminal
/// may have become narrower a moment ago.
const CUT_LINES: &[u8] = b"\x1b[?7l";
const BREAK_LINES: &[u8] = b"\x1b[?7h";

const ERASE_LINE_END: &str = "\u{1b}[K";
const ERASE_BELOW: &str = "\u{1b}[J";

/// The shortest time between two writes.
const PAUSE: Duration = Duration::from_millis(40);

/// Returns the lines of the live area.
type Live = Box<dyn Fn(TerminalSize, Style) -> Vec<Line> + Send>;

/// A terminal that a thread keeps up to date until it is closed.
pub(crate) struct Screen {
    shared: Arc<Shared>,
    painter: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    out: Arc<Mutex<dyn Write + Send>>,
    terminal: Terminal,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Text to scroll that is not written yet.
    text: Vec<u8>,
    /// Whether there is something to draw.
    stale: bool,
    closed: bool,
    area: Area,
}

impl Screen {
    /// Takes the terminal that `out` writes to.
    pub(crate) fn open(out: Arc<Mutex<dyn Write + Send>>, terminal: Terminal, live: Live) -> Self {
        let shared = Arc::new(Shared {
            out,
            terminal,
            state: Mutex::new(State {
                text: Vec::new(),
                stale: false,
                closed: false,
                area: Area::default(),
            }),
            changed: Condvar::new(),
        });
        let painter = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.paint_until_closed(&live))
        };
        Screen {
            shared,
            painter: Mutex::new(Some(painter)),
        }
    }

    /// Returns streams whose text scrolls above the live area; standard error
    /// only if it is the same terminal.
    pub(crate) fn streams(&self, original: &Streams) -> Streams {
        let scrolling: Arc<Mutex<dyn Write + Send>> =
            Arc::new(Mutex::new(Scrolling(Arc::clone(&self.shared))));
        Streams {
            stderr: if self.shared.terminal.carries_stderr {
                Arc::clone(&scrolling)
            } else {
                Arc::clone(&original.stderr)
            },
            stdout: scrolling,
        }
    }

    /// Makes a line scroll above the live area.
    pub(crate) fn print(&self, line: &Line) {
        let text = line.render(self.shared.terminal.style);
        let mut state = self.shared.lock();
        state.text.extend_from_slice(text.as_bytes());
        state.text.push(b'\n');
        self.shared.wake(&mut state);
    }

    /// Lets the live area be drawn again soon.
    pub(crate) fn refresh(&self) {
        self.shared.wake(&mut self.shared.lock());
    }

    /// Writes what is left and removes the live area.
    pub(crate) fn close(&self) {
        {
            let mut state = self.shared.lock();
            state.closed = true;
            self.shared.wake(&mut state);
        }
        let painter = self
            .painter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(painter) = painter {
            // A panic of the painter was reported by itself.
            let _ = painter.join();
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: &mut State) {
        state.stale = true;
        self.changed.notify_one();
    }

    fn write(&self, bytes: &[u8]) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A terminal that has gone away is no failure of the run.
        let _ = out.write_all(bytes);
        let _ = out.flush();
    }

    fn paint_until_closed(&self, live: &Live) {
        let style = self.terminal.style;
        loop {
            let painted = Instant::now();
            let mut state = self.lock();
            let closed = state.closed;
            let size = self.terminal.size();
            let lines = if closed {
                Vec::new()
            } else {
                live(size, style)
            };
            let whole = match closed {
                true => state.text.len(),
                // The rest of a line follows.
                false => state
                    .text
                    .iter()
                    .rposition(|b| *b == b'\n')
                    .map_or(0, |end| end + 1),
            };
            let text: Vec<u8> = state.text.drain(..whole).collect();
            state.stale = false;
            let update = state.area.update(&text, &lines, size.columns, style);
            let idle = lines.is_empty();
            drop(state);
            if !update.is_empty() {
                self.write(&update);
            }
            if closed {
                return;
            }
            std::thread::sleep(PAUSE.saturating_sub(painted.elapsed()));
            let mut state = self.lock();
            while !state.stale && !state.closed {
                if idle {
                    let woken = self.changed.wait(state);
                    state = woken.unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                let left = TICK.saturating_sub(painted.elapsed());
                if left.is_zero() {
                    break;
                }
                let woken = self.changed.wait_timeout(state, left);
                state = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

/// A stream whose text scrolls above the live area.
struct Scrolling(Arc<Shared>);

impl Write for Scrolling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock();
        state.text.extend_from_slice(bytes);
        self.0.wake(&mut state);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The live area as it was drawn last; the cursor is at the start of its last
/// line.
#[derive(Default)]
struct Area {
    /// Each line with its width.
    drawn: Vec<(String, usize)>,
    columns: usize,
}

impl Area {
    /// Returns what to write so that `text`, of whole lines, scrolls and
    /// `lines` are the live area; nothing if that is so.
    fn update(&mut self, text: &[u8], lines: &[Line], columns: usize, style: Style) -> Vec<u8> {
        let new: Vec<(String, usize)> = lines
            .iter()
            .map(|line| (line.render(style), line.width()))
            .collect();
        let resized = columns != self.columns;
        if text.is_empty() && new == self.drawn && !(resized && !new.is_empty()) {
            return Vec::new();
        }
        let mut update = String::from(BEGIN_UPDATE);
        if self.drawn.is_empty() {
            // The cursor is where the area begins.
        } else {
            update.push('\r');
            match self.rows_above_cursor(columns) {
                0 => {}
                rows => update.push_str(&format!("\u{1b}[{rows}A")),
            }
        }
        let fresh = resized || !text.is_empty();
        let mut update = update.into_bytes();
        if fresh && !self.drawn.is_empty() {
            update.extend_from_slice(ERASE_BELOW.as_bytes());
        }
        update.extend_from_slice(text);
        if !text.is_empty() && !text.ends_with(b"\n") {
            update.push(b'\n');
        }
        if !new.is_empty() {
            update.extend_from_slice(CUT_LINES);
        }
        for (number, (line, _)) in new.iter().enumerate() {
            if number > 0 {
                update.push(b'\n');
            }
            let old = self.drawn.get(number).filter(|_| !fresh);
            if old.is_none_or(|(old, _)| old != line) {
                update.extend_from_slice(line.as_bytes());
                if old.is_some() {
                    update.extend_from_slice(ERASE_LINE_END.as_bytes());
                }
            }
        }
        if !fresh && new.len() < self.drawn.len() {
            if !new.is_empty() {
                // Below the last line, and back.
                update.extend_from_slice(b"\n");
            }
            update.extend_from_slice(ERASE_BELOW.as_bytes());
            if !new.is_empty() {
                update.extend_from_slice(b"\x1b[A");
            }
        }
        if !new.is_empty() {
            update.extend_from_slice(BREAK_LINES);
            update.push(b'\r');
        }
        update.extend_from_slice(END_UPDATE.as_bytes());
        self.drawn = new;
        self.columns = columns;
        update
    }

    /// How far the area begins above the cursor. Terminals that became
    /// narrower have broken the lines.
    fn rows_above_cursor(&self, columns: usize) -> usize {
        let above = self.drawn.split_last().map_or(&[][..], |(_, above)| above);
        above
            .iter()
            .map(|(_, width)| match columns {
                0 => 1,
                columns => width.div_ceil(columns).max(1),
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Paint;
    use super::*;

    fn lines(texts: &[&str]) -> Vec<Line> {
        let line = |text: &&str| Line::new().with(Paint::Plain, *text);
        texts.iter().map(line).collect()
    }

    fn update(area: &mut Area, text: &str, live: &[&str], columns: usize) -> String {
        let update = area.update(text.as_bytes(), &lines(live), columns, Style::PLAIN);
        let update = String::from_utf8(update).unwrap();
        if update.is_empty() {
            return update;
        }
        let inner = update.strip_prefix(BEGIN_UPDATE);
        let inner = inner.and_then(|update| update.strip_suffix(END_UPDATE));
        let inner = inner.unwrap().replace('\u{1b}', "^");
        inner.replace("^[?7l", "<").replace("^[?7h", ">")
    }

    #[test]
    fn only_what_changed_is_written() {
        let mut area = Area::default();
        assert_eq!(update(&mut area, "", &[], 80), "");
        assert_eq!(update(&mut area, "one\n", &[], 80), "one\n");
        assert_eq!(update(&mut area, "", &["a", "b", "c"], 80), "<a\nb\nc>\r");
        assert_eq!(update(&mut area, "", &["a", "b", "c"], 80), "");
        assert_eq!(
            update(&mut area, "", &["a", "B", "c"], 80),
            "\r^[2A<\nB^[K\n>\r"
        );
        assert_eq!(update(&mut area, "", &["a"], 80), "\r^[2A<\n^[J^[A>\r");
        assert_eq!(update(&mut area, "two\n", &["a"], 80), "\r^[Jtwo\n<a>\r");
        assert_eq!(update(&mut area, "", &["a", "b"], 80), "\r<\nb>\r");
        assert_eq!(update(&mut area, "rest", &[], 80), "\r^[1A^[Jrest\n");
        assert_eq!(update(&mut area, "", &[], 80), "");
    }

    #[test]
    fn broken_lines_are_found_again() {
        let mut area = Area::default();
        update(&mut area, "", &["123456", "1234", ""], 80);
        assert_eq!(
            update(&mut area, "", &["123", "12"], 4),
            "\r^[3A^[J<123\n12>\r"
        );
        assert_eq!(update(&mut area, "", &["1", "2"], 80), "\r^[1A^[J<1\n2>\r");
        assert_eq!(update(&mut area, "", &[], 0), "\r^[1A^[J");
    }
}
