//! The error body of every HTTP answer of Blazz, public and internal (RFC 9457, `application/problem+json`).

use blazz_domain::ErrorCode;
use serde::{Deserialize, Serialize};

/// The content type of a problem.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong, for programs (`code`) and for people (`title`, `detail`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Where the code is explained: a reference that is resolved against the API's address.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The stable name.
    pub code: ErrorCode,
    /// A short sentence that goes with the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this very request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The id under which the logs know this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem of `status` and `code`, with the code's own title.
    #[must_use]
    pub fn new(status: u16, code: ErrorCode) -> Self {
        Self { kind: None, code, title: code.title().to_owned(), status, detail: None, request_id: None }
    }

    /// The same with the page that explains its code, for answers to people outside.
    #[must_use]
    pub fn explained(mut self) -> Self {
        self.kind = Some(format!("/docs/errors#{}", self.code));
        self
    }

    /// The same with a detail.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}
