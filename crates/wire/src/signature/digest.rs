//! `content-digest` (RFC 9530), `sha-256` alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The field for a body.
pub(crate) fn content_digest(body: &[u8]) -> String {
    digest_field(&Sha256::digest(body).into())
}

/// The field for a body with this SHA-256.
pub(crate) fn digest_field(sha256: &[u8; 32]) -> String {
    let mut field = String::with_capacity(54);
    field.push_str("sha-256=:");
    STANDARD.encode_string(sha256, &mut field);
    field.push(':');
    field
}

/// Whether `field` is the digest of `body`, in exactly the spelling of [`content_digest`]. Not a secret: sender and receiver both
/// know the body.
pub(crate) fn is_digest_of(field: &str, body: &[u8]) -> bool {
    field == content_digest(body)
}

/// The digest of a body that comes in pieces.
#[derive(Clone, Default)]
pub(crate) struct RunningDigest(Sha256);

impl RunningDigest {
    pub(crate) fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// Whether `field` is the digest of everything so far.
    pub(crate) fn is(self, field: &str) -> bool {
        field == digest_field(&self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9530, appendix D: the digest of `{"hello": "world"}` and a line feed.
    #[test]
    fn digests_as_the_rfc_does() {
        let body = b"{\"hello\": \"world\"}\n";
        let field = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(content_digest(body), field);
        assert!(is_digest_of(field, body));
        assert!(!is_digest_of(field, b"{\"hello\": \"World\"}\n"));
        assert!(!is_digest_of(&format!("{field}, md5=:AAAA:"), body));
        let mut running = RunningDigest::default();
        body.chunks(5).for_each(|piece| running.update(piece));
        assert!(running.clone().is(field));
        running.update(b".");
        assert!(!running.is(field));
    }
}
