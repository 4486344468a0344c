//! How a use case fails: with a code that the caller can act on, for lack of something, or by a fault of ours.

use blazz_bus::BusError;
use blazz_database::DatabaseError;
use blazz_domain::ErrorCode;
use blazz_media::MediaError;

/// Why a use case did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The caller can act on it.
    #[error("{code}: {detail}")]
    Code {
        /// The stable name.
        code: ErrorCode,
        /// What is wrong with this very request. May be shown to the tenant.
        detail: String,
    },
    /// Something that Blazz needs is not there just now; the same call may work in a moment.
    #[error("temporarily unavailable")]
    Unavailable(#[source] anyhow::Error),
    /// A fault of ours. The source is for the log, never for the caller.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

impl ServiceError {
    /// A failure that the caller can act on.
    pub fn refused(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::Code { code, detail: detail.into() }
    }

    /// The stable name that goes into the answer.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Code { code, .. } => *code,
            Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }

    pub(crate) fn account_not_found() -> Self {
        Self::refused(ErrorCode::AccountNotFound, "no account of this workspace has this id")
    }

    pub(crate) fn media_not_found() -> Self {
        Self::refused(ErrorCode::MediaNotFound, "no file of this workspace has this id")
    }

    pub(crate) fn file_too_large(limit: u64) -> Self {
        Self::refused(ErrorCode::BodyTooLarge, format!("a file may have at most {limit} bytes"))
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::refused(ErrorCode::NotFound, format!("no {what} of this workspace has this id"))
    }
}

impl From<DatabaseError> for ServiceError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::Unavailable(_) => Self::Unavailable(error.into()),
            other => Self::Internal(other.into()),
        }
    }
}

impl From<MediaError> for ServiceError {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::TooLarge { limit } => Self::file_too_large(limit),
            MediaError::NotFound => Self::media_not_found(),
            other => Self::Internal(other.into()),
        }
    }
}

impl From<BusError> for ServiceError {
    fn from(error: BusError) -> Self {
        Self::Unavailable(error.into())
    }
}
