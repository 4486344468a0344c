//! The stable codes that errors carry, everywhere.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! codes {
    ($($(#[doc = $meaning:literal])* $name:ident = $text:tt, $title:literal;)*) => {
        /// A stable name for what went wrong. Programs switch on it; texts beside it may change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
        pub enum ErrorCode {
            $($(#[doc = $meaning])* #[serde(rename = $text)] $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// A short sentence for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means, for the catalogue of errors.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning),*),)* }.trim()
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson = "malformed_json", "The body is not valid JSON";
    /// A field is missing, of the wrong type or out of range.
    InvalidRequest = "invalid_request", "The request is not valid";
    /// A phone number is not one.
    InvalidPhone = "invalid_phone", "Not a phone number";
    /// A cursor was not made by this API.
    InvalidCursor = "invalid_cursor", "The cursor is not valid";
    /// The `Idempotency-Key` header is not 1–255 printable ASCII characters.
    InvalidIdempotencyKey = "invalid_idempotency_key", "The idempotency key is not valid";
    /// The body is larger than the route takes.
    BodyTooLarge = "body_too_large", "The body is too large";
    /// The body's content type is not the one the route takes.
    UnsupportedMediaType = "unsupported_media_type", "The content type is not supported";
    /// None of the accepted types can be produced.
    NotAcceptable = "not_acceptable", "No acceptable representation";
    /// No key, or one that is not valid.
    Unauthorized = "unauthorized", "A valid key is needed";
    /// A key whose time is over.
    KeyExpired = "key_expired", "The key has expired";
    /// A key that was revoked.
    KeyRevoked = "key_revoked", "The key was revoked";
    /// A good key that may not do this.
    MissingScope = "missing_scope", "The key lacks a scope";
    /// A good key of the wrong kind.
    WrongKeyKind = "wrong_key_kind", "This route needs another kind of key";
    /// The quota of the workspace or of the key is used up, or the caller's address has come with too many keys that open nothing.
    RateLimited = "rate_limited", "Too many requests";
    /// No such route.
    RouteNotFound = "route_not_found", "No such route";
    /// The route exists, but not with this method.
    MethodNotAllowed = "method_not_allowed", "The method is not allowed here";
    /// No such object in the caller's workspace.
    NotFound = "not_found", "Not found";
    /// No such account in the caller's workspace.
    AccountNotFound = "account_not_found", "No such account";
    /// No such message in the caller's workspace.
    MessageNotFound = "message_not_found", "No such message";
    /// The message to answer or to react to belongs to another conversation.
    WrongConversation = "wrong_conversation", "The message belongs to another conversation";
    /// No such file in the caller's workspace.
    MediaNotFound = "media_not_found", "No such file";
    /// The file cannot be sent as what the request wants it to be.
    MediaNotSendable = "media_not_sendable", "The file cannot be sent as this";
    /// The account was never linked to a phone.
    AccountNotLinked = "account_not_linked", "The account is not linked to a phone";
    /// The account's link to its phone is gone.
    AccountLoggedOut = "account_logged_out", "The account was logged out";
    /// The session is not running.
    SessionNotRunning = "session_not_running", "The session is not running";
    /// The session does not wait for a scan.
    QrNotAvailable = "qr_not_available", "There is no QR code to show";
    /// The account is linked to a phone already.
    AlreadyLinked = "already_linked", "The account is linked already";
    /// WhatsApp gives no pairing code for the number.
    PairingRefused = "pairing_refused", "WhatsApp gives no pairing code";
    /// WhatsApp has been asked for pairing codes too often.
    PairingRateLimited = "pairing_rate_limited", "Too many pairing codes";
    /// The session cannot reach WhatsApp, because its proxy is in the way.
    ProxyFailed = "proxy_failed", "The proxy is in the way";
    /// WhatsApp does not take the profile or its picture.
    ProfileRefused = "profile_refused", "WhatsApp refused the profile";
    /// The session's directory is gone or unreadable.
    StorageMissing = "storage_missing", "The session's storage is missing";
    /// The key was used before, for another body.
    IdempotencyKeyReused = "idempotency_key_reused", "The idempotency key was used for another request";
    /// The state of the object does not allow it.
    Conflict = "conflict", "The state of the object does not allow this";
    /// The event log was replaced since the cursor was made.
    LogReplaced = "log_replaced", "The event log was replaced";
    /// The events at the cursor have been pruned.
    EventsPruned = "events_pruned", "The events at this cursor are gone";
    /// No node can take the session.
    NoCapacity = "no_capacity", "No session node has room";
    /// The node that holds the session does not answer.
    NodeUnreachable = "node_unreachable", "The session's node does not answer";
    /// The lease under which a call was made is not the current one.
    StaleLease = "stale_lease", "The lease is not the current one";
    /// A newer start of the same node has registered.
    Superseded = "superseded", "A newer start of this node has registered";
    /// The caller's incarnation is not known: it must register.
    NotRegistered = "not_registered", "The node is not registered";
    /// The signed hop: the request's signature is missing, wrong, too old, replayed or for somebody else.
    BadSignature = "bad_signature", "The signature is not valid";
    /// Something that Blazz needs is not there just now.
    Unavailable = "unavailable", "Temporarily unavailable";
    /// A fault on our side; the log knows more.
    Internal = "internal", "Internal error";
    /// A message's time ran out before it could be sent.
    MessageExpired = "message_expired", "The message expired before it could be sent";
    /// WhatsApp's server refused the message.
    MessageRefused = "message_refused", "WhatsApp refused the message";
    /// All attempts are used up.
    AttemptsExhausted = "attempts_exhausted", "All attempts are used up";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_match_their_json() {
        let names: HashSet<_> = ErrorCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(names.len(), ErrorCode::ALL.len());
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
