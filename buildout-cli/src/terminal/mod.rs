//! The view of a run on a terminal: the log scrolls, and below it a live area
//! shows the parts at work and the downloads.
//!
//! The area is drawn by hand rather than with a library of progress bars:
//! scrolled text and area are one write and one synchronised update, lines that
//! did not change are not written, and what is drawn is a pure function of the
//! timeline of the run, which tests compare ([`frame`]).

mod frame;
mod line;
mod screen;
mod view;

pub use frame::TerminalSize;
pub(crate) use frame::frame;
pub use line::Style;
pub(crate) use line::{Line, Paint, width};
pub(crate) use screen::Screen;
pub(crate) use view::TerminalView;
