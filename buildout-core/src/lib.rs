//! The build engine: profile language, resolution, plan, state, downloads and
//! the recipe API.
//!
//! It is made to be embedded: it prints nothing, changes neither the current
//! directory nor the environment of the process, and knows only what it is
//! given. Any number of runs can be at work in one process, each in a directory
//! of its own. The recipes that the program `buildout` has built in are those of
//! `buildout_recipes::registry()`.
//!
//! # Asking a profile
//!
//! A [`Configuration`](configuration::Configuration) is what `annotate` shows:
//! all files of a profile, merged, each value with its origin. A
//! [`Session`](run::Session) over it resolves references.
//!
//! ```
//! use std::sync::Arc;
//!
//! use buildout_core::configuration::{Configuration, ConfigurationRequest};
//! use buildout_core::dialect::{Dialect, DialectName};
//! use buildout_core::event::NoEvents;
//! use buildout_core::exec::cancel::CancellationToken;
//! use buildout_core::fetch::{ClientOptions, HttpClient, IgnoreEvents, ProfileFiles, Transport};
//! use buildout_core::host::HostFacts;
//! use buildout_core::profile::syntax::ConditionalHeader;
//! use buildout_core::python::PythonProbe;
//! use buildout_core::recipe::{Environment, Registry, RunServices};
//! use buildout_core::run::{ConstructionPolicy, Session, SessionOptions};
//!
//! # let place = tempfile::tempdir()?;
//! # let directory = place.path();
//! let base = "[app]\nport = 80\nurl = http://localhost:${:port}/\n";
//! std::fs::write(directory.join("base.cfg"), base)?;
//! let profile = "[buildout]\nextends = base.cfg\n[app:linux]\nport = 8080\n";
//! std::fs::write(directory.join("buildout.cfg"), profile)?;
//!
//! // What is known of the world: how profiles are read, and what conditions
//! // such as `linux` see. Python is started only if one asks for it.
//! let working_directory = directory.to_str().ok_or("not UTF-8")?;
//! let temporary_directory = std::env::temp_dir();
//! let environment = Environment::new();
//! let transport: Arc<dyn Transport> = Arc::new(HttpClient::new(ClientOptions::default()));
//! let files = ProfileFiles::new(
//!     working_directory,
//!     &temporary_directory,
//!     Arc::clone(&transport),
//!     Arc::new(IgnoreEvents),
//! );
//! let python = PythonProbe::of_search_path("/usr/bin");
//! let host = HostFacts::new(environment.clone(), Arc::new(python));
//! let dialect = Dialect::named(DialectName::Upstream);
//! let conditions = |header: &ConditionalHeader<'_>| host.decide(header, &dialect);
//!
//! let configuration = Configuration::load(ConfigurationRequest {
//!     profile: Some("buildout.cfg".to_owned()),
//!     working_directory,
//!     home_directory: None,
//!     user_defaults: None,
//!     assignments: Vec::new(),
//!     executable: "/usr/bin/python3",
//!     loader: &files,
//!     conditions: &conditions,
//!     dialect: dialect.clone(),
//! })?;
//! let url = configuration.option("app", "url").ok_or("no URL")?;
//! assert_eq!(&*url.value, "http://localhost:${:port}/");
//!
//! let services = RunServices::new(
//!     directory.to_owned(),
//!     temporary_directory,
//!     0o022,
//!     environment,
//!     transport,
//!     Arc::new(NoEvents),
//!     CancellationToken::new(),
//! );
//! let session = Session::new(SessionOptions {
//!     configuration: &configuration,
//!     registry: Registry::default(),
//!     services: &services,
//!     conditions: &conditions,
//!     construct: ConstructionPolicy::PureOnly,
//! });
//! let url = session.get_stored("app", "url")?.ok_or("no URL")?;
//! assert_eq!(&*url, "http://localhost:8080/");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Running it
//!
//! A session whose policy is [`All`](run::ConstructionPolicy::All), with the
//! [`BuildoutSettings`](run::BuildoutSettings) that `[buildout]` has, is what
//! [`install`](run::install) takes; [`Plan::new`](run::Plan::new) tells before
//! what that would do, and why. What happens goes to an
//! [`EventSink`](event::EventSink). A
//! [`CancellationToken`](exec::cancel::CancellationToken) ends the run from any
//! thread, with the commands that it started: what was finished stays, and the
//! next run goes on from there; [`Failure::is_cancelled`](run::Failure::is_cancelled)
//! tells it from other failures. A [`Provider`](recipe::Provider) adds recipes
//! ([`recipe`]). `recipes/tests/embedding.rs` does all of it.
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
