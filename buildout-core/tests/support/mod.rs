//! What integration tests share. Include with `mod support;`.
#![allow(dead_code, reason = "each test binary uses its own selection")]

pub(crate) mod peers;
