//! Conditional section headers.
