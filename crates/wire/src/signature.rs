//! HTTP message signatures (RFC 9421) as the hop uses them: `hmac-sha256`, one signature labelled `blazz`, exactly one list of
//! covered components per kind of message. Whatever is written otherwise, even if the RFC would allow it, is refused: the only
//! speakers are the two halves of this crate.

mod digest;
mod input;
mod key;
mod request;
mod response;

pub(crate) use digest::{RunningDigest, content_digest, digest_field, is_digest_of};
pub(crate) use input::{Malformed, SignatureInput};
pub(crate) use key::SigningKey;
pub(crate) use request::{RequestParts, Signed};
pub(crate) use response::ResponseParts;

/// The header fields, in lower case.
pub(crate) mod field {
    pub(crate) const CONTENT_TYPE: &str = "content-type";
    pub(crate) const CONTENT_DIGEST: &str = "content-digest";
    pub(crate) const SIGNATURE: &str = "signature";
    pub(crate) const SIGNATURE_INPUT: &str = "signature-input";
    pub(crate) const FROM: &str = "blazz-from";
    pub(crate) const TO: &str = "blazz-to";
    pub(crate) const LEASE: &str = "blazz-lease";
}

/// The dictionary key of the one signature, with the sign that follows it.
const LABEL: &str = "blazz=";
/// Keeps a signature that somebody else made over the same fields for another purpose from counting here.
const TAG: &str = "blazz";

/// One line of a signature base, with its line feed.
fn push_line(base: &mut String, component: &str, value: &str) {
    for part in [component, ": ", value, "\n"] {
        base.push_str(part);
    }
}

/// The last line of a signature base; it ends without a line feed.
fn push_params(base: &mut String, params: &str) {
    base.push_str("\"@signature-params\": ");
    base.push_str(params);
}
