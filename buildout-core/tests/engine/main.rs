//! The engine with recipes of the tests' own: what runs do, what handles do
//! across threads, and how resolution scales.

mod bridge;
mod construction;
mod foreign;
mod handles;
mod reinstall;
mod scale;
mod scenarios;
mod scripted;
mod site;
