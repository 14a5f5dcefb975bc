//! Python distributions: which ones a profile asks for, where they come from,
//! and how they become eggs.
//!
//! It does what `zc.buildout.easy_install` and, below it, `pkg_resources` and
//! setuptools' `package_index` do. Nothing here runs at import of a recipe: the
//! environment, directories and the identity of Python are given as data.
#![warn(missing_docs)]

pub mod default_index;
pub mod develop;
pub mod distribution;
pub mod index;
pub mod installed;
pub mod log;
pub mod marker;
pub mod metadata;
pub mod name;
pub mod pinned;
pub mod requirement;
pub mod resolve;
pub mod script;
pub mod settings;
pub mod source;
pub mod supply;
pub mod version;
pub mod wheel;
