//! Conditional section headers.

/// A condition that cannot be evaluated, and where it fails.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct ConditionError {
    /// Byte offset into the expression as it stands in the profile.
    pub offset: usize,
    /// What is wrong there.
    pub problem: String,
}
