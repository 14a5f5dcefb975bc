//! Tests of the built `buildout` command: exit codes, streams and what is left
//! on disk.

mod arguments;
mod commands;
mod dialect;
mod differences;
mod documents;
mod graph;
mod log;
mod mistakes;
mod remote;
mod reports;
mod shared;
mod signals;
mod site;
mod terminal;
