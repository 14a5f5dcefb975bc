//! The identity of the Python a profile is evaluated for.

#[cfg(test)]
pub(crate) mod reference;
