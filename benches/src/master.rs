//! Masters to measure nodes with: one that answers at once, and a clock in front
//! of a real one.

mod clock;
mod document;
mod replay;
mod request;

pub use clock::MasterClock;
pub use document::computer_document;
pub use replay::ReplayServer;
