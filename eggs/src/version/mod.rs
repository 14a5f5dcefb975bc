//! Versions of distributions, and conditions on them.
//!
//! A version is one of PEP 440. What zc.buildout 6.0.1 and 3.0.1 know of other
//! versions is that they fit nothing: the setuptools below them dropped the
//! order of `LegacyVersion`.

mod pin;
mod specifiers;

pub use buildout_core::python::version::Version;
pub use pin::{InvalidPin, Pin, Pins, patch_marker};
pub use specifiers::{Specifiers, VersionSpecifier};
