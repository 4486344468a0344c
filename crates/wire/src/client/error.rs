//! What can become of a call.

use crate::problem::Problem;

/// Why a call gave no result. The variants differ in what the caller may assume about the other side.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The other side understood and refused, signed: nothing was done, or the problem says what.
    #[error("refused with {}: {}", .0.code, .0.detail.as_deref().unwrap_or(&.0.title))]
    Refused(Problem),
    /// No connection came about: the request was surely not received.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// The request may have been received, and done: a time-out, a broken connection, or an intermediary's 5xx.
    #[error("interrupted: {0}")]
    Interrupted(String),
    /// Something answered that the other side did not sign for this request, or that cannot be read; or it says that it did not
    /// believe the request. The request may have been received, and done.
    #[error("not a valid answer: {0}")]
    BadAnswer(String),
}
