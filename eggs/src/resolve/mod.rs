//! Which distributions satisfy a list of requirements.

mod supply;

pub use supply::{Order, Supply, SupplyError};
