//! The signature of an answer. It covers the signature of the request, so it can answer no other one, and needs neither a nonce
//! nor a window of its own.

use super::{LABEL, Malformed, SignatureInput, Signed, SigningKey, TAG, push_line, push_params};

const COVERED: &str = r#"("@status" "content-digest" "signature";req)"#;

/// Everything that an answer's signature covers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseParts<'a> {
    pub(crate) status: u16,
    pub(crate) content_digest: &'a str,
    /// The `signature` field of the request that it answers.
    pub(crate) request_signature: &'a str,
}

/// Why an answer's signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Forged {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("it is signed with another key")]
    Key,
    #[error("its signature does not fit")]
    Signature,
}

impl ResponseParts<'_> {
    fn base(&self, params: &str) -> String {
        let mut base = String::with_capacity(512);
        push_line(&mut base, "\"@status\"", &self.status.to_string());
        push_line(&mut base, "\"content-digest\"", self.content_digest);
        push_line(&mut base, "\"signature\";req", self.request_signature);
        push_params(&mut base, params);
        base
    }

    /// Signs it at `created` (Unix seconds).
    pub(crate) fn sign(&self, key: &SigningKey, created: i64) -> Signed {
        let key_id = key.id();
        let input = format!(r#"{LABEL}{COVERED};created={created};keyid="{key_id}";tag="{TAG}""#);
        let params = input.strip_prefix(LABEL).unwrap_or_default();
        let signature = key.sign(&self.base(params));
        Signed { input, signature }
    }

    /// Whether `key` signed it.
    pub(crate) fn verify(&self, key: &SigningKey, input: &str, signature: &str) -> Result<(), Forged> {
        let input = SignatureInput::parse(input, COVERED)?;
        if input.key_id != key.id() {
            return Err(Forged::Key);
        }
        if key.verifies(&self.base(input.params), signature) { Ok(()) } else { Err(Forged::Signature) }
    }
}
