//! From a merged configuration to the values that recipes see: macros,
//! references, and the names of what went wrong. Pure; the engine's
//! [`Session`](crate::run::Session) drives it.

mod error;
mod macros;
mod reference;
mod section;
mod suggestion;

pub use error::{Doing, ResolveProblem};
pub(crate) use macros::Macros;
pub use reference::{Reference, ReferenceError, next_reference, parse_reference};
pub use section::{OptionMap, Section};
pub use suggestion::nearest;
