//! What whoever meets an error code can do about it: the second half of the catalogue of errors.

use crate::error_code::ErrorCode;

impl ErrorCode {
    /// What to do about it, in a sentence or two.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::MalformedJson => "Send a JSON body; the detail names the line and column.",
            Self::InvalidRequest => "Correct the field that the detail names.",
            Self::InvalidPhone => "Send the number in E.164 form, such as +15550000001.",
            Self::InvalidCursor => {
                "Pass `next` of the page before exactly as it was given, or begin without a cursor."
            }
            Self::InvalidIdempotencyKey => {
                "Send 1 to 255 printable ASCII characters; a UUID is a good choice."
            }
            Self::BodyTooLarge => "Send less: the route's limit is in its description.",
            Self::UnsupportedMediaType => "Send the `Content-Type` that the route documents.",
            Self::NotAcceptable => "Ask for one of the types that the route documents, or send no `Accept`.",
            Self::Unauthorized => "Send `Authorization: Bearer` with a key that is valid.",
            Self::WrongKeyKind => {
                "Use a workspace's key on routes of a workspace and the operator's key on the operator's."
            }
            Self::KeyExpired => "Use another key; who may manage keys can rotate one before it expires.",
            Self::KeyRevoked => "Use another key.",
            Self::MissingScope => "Use a key that has the scope which the detail names.",
            Self::RateLimited => {
                "Wait as long as `Retry-After` says, then send the same request again; the `RateLimit` header tells how much is left."
            }
            Self::MessageNotFound => {
                "Check the id, and that the key belongs to the workspace that owns the message."
            }
            Self::MediaNotFound => "Check the id, and upload the file again if it was deleted.",
            Self::MediaNotSendable => "Send it as what it is, or as a document.",
            Self::WrongConversation => "Answer and react in the conversation that the message belongs to.",
            Self::AlreadyLinked => {
                "Nothing is to be done; to link another number, log the session out first."
            }
            Self::PairingRefused => {
                "Check the number, and that it is registered with WhatsApp; or link by QR code."
            }
            Self::PairingRateLimited => "Wait some minutes before the next code, or link by QR code.",
            Self::ProxyFailed => {
                "Correct the account's proxy, or take it away; its `state_reason` says what is wrong."
            }
            Self::ProfileRefused => {
                "Correct what was sent: a picture must be a square JPEG, best of 640 pixels."
            }
            Self::RouteNotFound => "Compare the path with the reference; paths have no slash at their end.",
            Self::MethodNotAllowed => "Use one of the methods in the `Allow` header.",
            Self::NotFound => "Check the id, and that the key belongs to the workspace that owns the object.",
            Self::AccountNotFound => {
                "Check the id, and that the key belongs to the workspace that owns the account."
            }
            Self::AccountNotLinked => "Start the session and link a phone, then send again.",
            Self::AccountLoggedOut => "Start the session and link the phone anew, then send again.",
            Self::SessionNotRunning => "Start the session.",
            Self::QrNotAvailable => "Start the session; one that is linked already needs no code.",
            Self::StorageMissing => {
                "Ask the operator: the session's directory must be brought back, or the account linked anew after a logout."
            }
            Self::IdempotencyKeyReused => {
                "Use a new key for a new request; repeat a request with the very same body."
            }
            Self::Conflict => "Read the object again and decide from its state.",
            Self::LogReplaced => {
                "The database was restored: read the lists again and follow the events from the beginning."
            }
            Self::EventsPruned => "Read the lists again and follow the events from where the log begins now.",
            Self::NoCapacity => "Try again later; the operator must add a node, or room on one.",
            Self::NodeUnreachable => {
                "Try again in a few seconds; with an `Idempotency-Key` a message is never sent twice."
            }
            Self::StaleLease => "Between Blazz's own processes only: the newer holder is right.",
            Self::Superseded => "Between Blazz's own processes only: an older process of this node must end.",
            Self::NotRegistered => "Between Blazz's own processes only: the node registers and tries again.",
            Self::BadSignature => {
                "Between Blazz's own processes only: compare fleet secret, node id and the clocks of both machines."
            }
            Self::Unavailable => "Try again after `Retry-After`.",
            Self::Internal => "Try again once; if it stays, tell the operator the `request_id`.",
            Self::MessageExpired => "Send it again if it is still worth it.",
            Self::MessageRefused => "Do not repeat it as it is: WhatsApp will refuse it again.",
            Self::AttemptsExhausted => "It may have arrived: look before sending it again.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_in_sentences() {
        for code in ErrorCode::ALL {
            for text in [code.meaning(), code.advice()] {
                assert!(
                    text.ends_with('.') && text.chars().next().is_some_and(char::is_uppercase),
                    "{code}: {text}"
                );
            }
        }
    }
}
