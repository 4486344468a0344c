//! Why a request is not believed. For the debug log alone: the caller learns only that it is not.

use crate::signature::Malformed;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the field {0} is missing, repeated or not visible ASCII")]
    Field(&'static str),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the nonce is missing or has another length than 16–64")]
    Nonce,
    #[error("the key is unknown here")]
    UnknownKey,
    #[error("the signature does not fit")]
    Signature,
    #[error("it is from or for somebody else")]
    Parties,
    #[error("it was signed too long ago, or in the future")]
    Window,
    #[error("it was signed before this process started")]
    BeforeStart,
    #[error("it was played before")]
    Replayed,
    #[error("the body has another digest")]
    Digest,
    #[error("the route needs a lease")]
    LeaseMissing,
    #[error("the path is escaped")]
    EscapedPath,
}
