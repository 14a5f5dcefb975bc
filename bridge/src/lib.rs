//! Recipes in Python: what no built-in recipe does, the real recipe does.
//!
//! [`PythonRecipes`] is a provider of recipes for the engine. It finds the
//! distribution that a profile names ([`Distributions`]), starts one Python
//! process for each interpreter and run, and has it construct and run the
//! recipe. Over a private connection, calls nest both ways: the process asks
//! for sections, which has the engine construct other recipes, perhaps in the
//! same process.
//!
//! In that process `zc.buildout` and `zc.recipe.egg` are modules of ours, whose
//! sources are in `python/`; all else is the code of the distributions.
#![warn(missing_docs)]

mod bridge;
mod changes;
mod desk;
mod distributions;
mod download;
mod entry_points;
mod extensions;
mod failure;
mod frame;
mod interpreter;
mod message;
mod process;
mod pump;
mod recipe;
mod sources;

pub use bridge::PythonRecipes;
pub use distributions::{Distribution, Distributions, Purpose, Search};
pub use recipe::DESCRIPTOR;
pub use sources::{ZC_BUILDOUT, ZC_RECIPE_EGG};
