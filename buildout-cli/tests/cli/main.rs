//! Tests of the built `buildout` command: exit codes, streams and what is left
//! on disk.

mod arguments;
mod commands;
mod dialect;
mod differences;
mod documents;
mod downloads;
mod lock;
mod log;
mod mistakes;
mod remote;
mod signals;
mod site;
