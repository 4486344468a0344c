//! What a call on a session can fail with, and the problem that the API hears.

use blazz_domain::{ErrorCode, StateReason};
use blazz_session_store::StoreError;
use blazz_whatsapp::{PairingError, ProfileError};
use blazz_wire::problem::Problem;

/// Why a session's call was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The caller's grant is not the one the session runs under.
    #[error("the lease is not the current one")]
    StaleLease,
    /// The node does not run the session.
    #[error("the session is not running")]
    NotRunning,
    /// The session waits for no scan.
    #[error("there is no QR code to show")]
    NoQr,
    /// There is nothing to link.
    #[error("the session is linked already")]
    AlreadyLinked,
    /// WhatsApp was asked for pairing codes too often.
    #[error("{0}")]
    PairingRateLimited(String),
    /// WhatsApp gives no pairing code.
    #[error("{0}")]
    PairingRefused(String),
    /// WhatsApp did not answer.
    #[error("{0}")]
    PairingUnanswered(String),
    /// The session's proxy is in the way.
    #[error("the session's proxy is in the way: {}", .0.as_str())]
    ProxyFailed(StateReason),
    /// The account has no picture.
    #[error("the account has no picture")]
    NoPicture,
    /// WhatsApp does not take the profile.
    #[error("{0}")]
    ProfileRefused(String),
    /// WhatsApp did not answer.
    #[error("{0}")]
    ProfileUnanswered(String),
    /// The call makes no sense.
    #[error("{0}")]
    Invalid(&'static str),
    /// The session was linked once, and its directory is gone.
    #[error("the session's directory is missing")]
    StorageMissing,
    /// The session's directory cannot be used.
    #[error("the session's directory cannot be used: {0}")]
    Storage(String),
    /// WhatsApp could not be told of the logout.
    #[error("the logout did not reach WhatsApp: {0}")]
    LogoutFailed(String),
    /// The call names more than it may.
    #[error("the call names too many messages")]
    TooMany,
    /// The node runs as many sessions as it may.
    #[error("the node is full")]
    NoCapacity,
    /// The node is not ready for calls, or no longer.
    #[error("the node {0}")]
    NodeBusy(&'static str),
    /// The session did not do it in time.
    #[error("the session did not answer in time")]
    TimedOut,
}

impl Fault {
    /// The stable code and its HTTP status.
    #[must_use]
    pub const fn code(&self) -> (u16, ErrorCode) {
        match self {
            Self::StaleLease => (409, ErrorCode::StaleLease),
            Self::NotRunning => (409, ErrorCode::SessionNotRunning),
            Self::NoQr => (409, ErrorCode::QrNotAvailable),
            Self::AlreadyLinked => (409, ErrorCode::AlreadyLinked),
            Self::PairingRateLimited(_) => (429, ErrorCode::PairingRateLimited),
            Self::PairingRefused(_) => (409, ErrorCode::PairingRefused),
            Self::TooMany => (400, ErrorCode::InvalidRequest),
            Self::ProxyFailed(_) => (409, ErrorCode::ProxyFailed),
            Self::NoPicture => (404, ErrorCode::NotFound),
            Self::ProfileRefused(_) => (409, ErrorCode::ProfileRefused),
            Self::Invalid(_) => (400, ErrorCode::InvalidRequest),
            Self::StorageMissing => (409, ErrorCode::StorageMissing),
            Self::NoCapacity => (503, ErrorCode::NoCapacity),
            Self::Storage(_)
            | Self::LogoutFailed(_)
            | Self::PairingUnanswered(_)
            | Self::ProfileUnanswered(_)
            | Self::NodeBusy(_)
            | Self::TimedOut => (503, ErrorCode::Unavailable),
        }
    }

    /// The problem to answer with.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (status, code) = self.code();
        Problem::new(status, code).with_detail(self.to_string())
    }
}

impl From<PairingError> for Fault {
    fn from(error: PairingError) -> Self {
        let detail = error.to_string();
        match error {
            PairingError::NotReady => Self::NotRunning,
            PairingError::RateLimited => Self::PairingRateLimited(detail),
            PairingError::Refused(_) => Self::PairingRefused(detail),
            _ => Self::PairingUnanswered(detail),
        }
    }
}

impl From<ProfileError> for Fault {
    fn from(error: ProfileError) -> Self {
        let detail = error.to_string();
        match error {
            ProfileError::NotConnected => Self::NotRunning,
            ProfileError::NoPicture => Self::NoPicture,
            ProfileError::Refused(_) => Self::ProfileRefused(detail),
            _ => Self::ProfileUnanswered(detail),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing => Self::StorageMissing,
            StoreError::StaleEpoch { .. } => Self::StaleLease,
            other => Self::Storage(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_status_and_code() {
        let table = [
            (Fault::StaleLease, 409, "stale_lease"),
            (Fault::NotRunning, 409, "session_not_running"),
            (Fault::NoQr, 409, "qr_not_available"),
            (Fault::AlreadyLinked, 409, "already_linked"),
            (Fault::PairingRateLimited("slow".into()), 429, "pairing_rate_limited"),
            (Fault::PairingRefused("no".into()), 409, "pairing_refused"),
            (Fault::PairingUnanswered("silence".into()), 503, "unavailable"),
            (Fault::ProxyFailed(StateReason::ProxyRefused), 409, "proxy_failed"),
            (Fault::NoPicture, 404, "not_found"),
            (Fault::ProfileRefused("no".into()), 409, "profile_refused"),
            (Fault::ProfileUnanswered("silence".into()), 503, "unavailable"),
            (Fault::Invalid("no"), 400, "invalid_request"),
            (Fault::StorageMissing, 409, "storage_missing"),
            (Fault::Storage("full".into()), 503, "unavailable"),
            (Fault::LogoutFailed("offline".into()), 503, "unavailable"),
            (Fault::TooMany, 400, "invalid_request"),
            (Fault::NoCapacity, 503, "no_capacity"),
            (Fault::NodeBusy("stops"), 503, "unavailable"),
            (Fault::TimedOut, 503, "unavailable"),
        ];
        for (fault, status, code) in table {
            let problem = fault.problem();
            assert_eq!((problem.status, problem.code.as_str()), (status, code));
            assert_eq!(problem.detail, Some(fault.to_string()));
        }
    }
}
