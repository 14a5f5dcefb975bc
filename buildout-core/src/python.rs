//! The identity of the Python a profile is evaluated for.
