//! Tests of the built `buildout` command: exit codes, streams and what is left
//! on disk.

mod arguments;
mod commands;
mod dialect;
mod differences;
mod documents;
mod downloads;
mod failed_build;
mod graph;
mod hermetic;
mod lock;
mod log;
mod mistakes;
mod python_phases;
mod python_recipes;
mod python_versions;
mod pythons;
mod recipe_mistakes;
mod recipes;
mod remote;
mod reports;
mod repositories;
mod shared;
mod signals;
mod site;
mod terminal;
