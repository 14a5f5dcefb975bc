//! The engine with recipes of the tests' own: what runs do, what handles do
//! across threads, and how resolution scales.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bridge;
mod construction;
mod foreign;
mod handles;
mod interrupted;
mod parallel;
mod plan;
mod reinstall;
mod scale;
mod scenarios;
mod scripted;
mod site;
