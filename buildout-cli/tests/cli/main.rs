//! Tests of the built `buildout` command: exit codes, streams and what is left
//! on disk.

mod arguments;
mod commands;
mod dialect;
mod differences;
mod documents;
mod log;
mod mistakes;
mod remote;
mod shared;
mod signals;
mod site;
