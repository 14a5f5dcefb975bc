//! What can be wrong with a template before it is rendered.

/// Something that is no template, or none that is supported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxProblem {
    /// The line, from 1.
    pub(crate) line: u32,
    /// Jinja2's text, or a name of what is not supported.
    pub(crate) message: String,
    pub(crate) kind: ProblemKind,
}

/// The sorts of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// Jinja2 refuses it too.
    Syntax,
    /// Jinja2 refuses it too, as a name of a filter or test, or an assignment.
    Assertion,
    /// Jinja2 has it.
    Unsupported,
}

impl SyntaxProblem {
    pub(super) fn error(line: u32, message: impl Into<String>) -> Self {
        SyntaxProblem {
            line,
            message: message.into(),
            kind: ProblemKind::Syntax,
        }
    }

    pub(super) fn assertion(line: u32, message: impl Into<String>) -> Self {
        SyntaxProblem {
            line,
            message: message.into(),
            kind: ProblemKind::Assertion,
        }
    }

    pub(super) fn unsupported(line: u32, what: impl Into<String>) -> Self {
        SyntaxProblem {
            line,
            message: what.into(),
            kind: ProblemKind::Unsupported,
        }
    }
}
