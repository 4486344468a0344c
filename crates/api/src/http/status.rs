//! Which HTTP status goes with which error code.

use actix_web::http::StatusCode;
use blazz_domain::ErrorCode;

/// The status of an answer that carries `code`.
pub(crate) const fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::MalformedJson
        | ErrorCode::InvalidRequest
        | ErrorCode::InvalidPhone
        | ErrorCode::InvalidCursor
        | ErrorCode::InvalidIdempotencyKey => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized | ErrorCode::KeyExpired | ErrorCode::KeyRevoked | ErrorCode::BadSignature => {
            StatusCode::UNAUTHORIZED
        }
        ErrorCode::WrongKeyKind | ErrorCode::MissingScope => StatusCode::FORBIDDEN,
        ErrorCode::RouteNotFound
        | ErrorCode::NotFound
        | ErrorCode::AccountNotFound
        | ErrorCode::MessageNotFound
        | ErrorCode::MediaNotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        ErrorCode::AccountNotLinked
        | ErrorCode::AccountLoggedOut
        | ErrorCode::SessionNotRunning
        | ErrorCode::QrNotAvailable
        | ErrorCode::AlreadyLinked
        | ErrorCode::PairingRefused
        | ErrorCode::ProfileRefused
        | ErrorCode::ProxyFailed
        | ErrorCode::StorageMissing
        | ErrorCode::Conflict
        | ErrorCode::LogReplaced
        | ErrorCode::StaleLease
        | ErrorCode::Superseded
        | ErrorCode::NotRegistered
        | ErrorCode::MessageExpired
        | ErrorCode::MessageRefused
        | ErrorCode::AttemptsExhausted => StatusCode::CONFLICT,
        ErrorCode::PairingRateLimited | ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::EventsPruned => StatusCode::GONE,
        ErrorCode::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::IdempotencyKeyReused | ErrorCode::WrongConversation | ErrorCode::MediaNotSendable => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ErrorCode::NoCapacity | ErrorCode::NodeUnreachable | ErrorCode::Unavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_keeps_its_status() {
        let table: Vec<_> =
            ErrorCode::ALL.iter().map(|c| format!("{} {c}", status_of(*c).as_u16())).collect();
        let expected = [
            "400 malformed_json",
            "400 invalid_request",
            "400 invalid_phone",
            "400 invalid_cursor",
            "400 invalid_idempotency_key",
            "413 body_too_large",
            "415 unsupported_media_type",
            "406 not_acceptable",
            "401 unauthorized",
            "401 key_expired",
            "401 key_revoked",
            "403 missing_scope",
            "403 wrong_key_kind",
            "429 rate_limited",
            "404 route_not_found",
            "405 method_not_allowed",
            "404 not_found",
            "404 account_not_found",
            "404 message_not_found",
            "422 wrong_conversation",
            "404 media_not_found",
            "422 media_not_sendable",
            "409 account_not_linked",
            "409 account_logged_out",
            "409 session_not_running",
            "409 qr_not_available",
            "409 already_linked",
            "409 pairing_refused",
            "429 pairing_rate_limited",
            "409 proxy_failed",
            "409 profile_refused",
            "409 storage_missing",
            "422 idempotency_key_reused",
            "409 conflict",
            "409 log_replaced",
            "410 events_pruned",
            "503 no_capacity",
            "503 node_unreachable",
            "409 stale_lease",
            "409 superseded",
            "409 not_registered",
            "401 bad_signature",
            "503 unavailable",
            "500 internal",
            "409 message_expired",
            "409 message_refused",
            "409 attempts_exhausted",
        ];
        assert_eq!(table, expected);
    }
}
