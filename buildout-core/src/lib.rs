//! The build engine: profile language, resolution, plan, state, downloads and
//! the recipe API.
#![warn(missing_docs)]

pub mod calendar;
pub mod check;
pub mod configuration;
pub mod dialect;
pub mod event;
pub mod exec;
pub mod extends;
pub mod fetch;
mod glob;
pub mod host;
pub mod lock;
pub mod profile;
pub mod python;
pub mod recipe;
pub mod redaction;
pub mod resolve;
pub mod run;
pub mod state;
pub mod store;
pub mod symbols;
pub mod value;
