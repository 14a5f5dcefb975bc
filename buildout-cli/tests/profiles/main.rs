//! The ready profiles and the commands of the README, run by the built program.
//!
//! Everything is real: gcc and make compile real tarballs, nginx serves on loopback. The tarballs
//! come from Debian through `profiles/fetch-sources` and are kept in `target/sources`; if they cannot
//! be had, the test of the release fails and says so. The release with OpenSSL takes too long for
//! every run: `profiles/check-tls` builds and asks it.

mod checkout;
mod hello;
mod readme;
mod release;
mod server;
mod site;
mod sources;
mod store;
mod tree;
mod web;
mod web_watched;
