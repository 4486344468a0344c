//! The signature of a request.

use super::{LABEL, SigningKey, TAG, push_line, push_params};

const COVERED: &str =
    r#"("@method" "@path" "@query" "content-type" "content-digest" "blazz-from" "blazz-to")"#;
const COVERED_WITH_LEASE: &str =
    r#"("@method" "@path" "@query" "content-type" "content-digest" "blazz-from" "blazz-to" "blazz-lease")"#;

/// Everything of a request that its signature covers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestParts<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Without its question mark.
    pub(crate) query: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) content_digest: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) lease: Option<&'a str>,
}

/// The two fields that a signature consists of.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    /// `signature-input`.
    pub(crate) input: String,
    /// `signature`.
    pub(crate) signature: String,
}

impl RequestParts<'_> {
    /// The one list that a request of this kind must cover: with the lease exactly when it has one.
    pub(crate) fn covered(&self) -> &'static str {
        if self.lease.is_some() { COVERED_WITH_LEASE } else { COVERED }
    }

    /// The signature base (RFC 9421, section 2.5), ending in `params`.
    pub(crate) fn base(&self, params: &str) -> String {
        let mut base = String::with_capacity(1024);
        push_line(&mut base, "\"@method\"", self.method);
        push_line(&mut base, "\"@path\"", self.path);
        base.push_str("\"@query\": ?");
        base.push_str(self.query);
        base.push('\n');
        push_line(&mut base, "\"content-type\"", self.content_type);
        push_line(&mut base, "\"content-digest\"", self.content_digest);
        push_line(&mut base, "\"blazz-from\"", self.from);
        push_line(&mut base, "\"blazz-to\"", self.to);
        if let Some(lease) = self.lease {
            push_line(&mut base, "\"blazz-lease\"", lease);
        }
        push_params(&mut base, params);
        base
    }

    /// Signs it at `created` (Unix seconds).
    pub(crate) fn sign(&self, key: &SigningKey, created: i64, nonce: &str) -> Signed {
        let covered = self.covered();
        let key_id = key.id();
        let input =
            format!(r#"{LABEL}{covered};created={created};nonce="{nonce}";keyid="{key_id}";tag="{TAG}""#);
        let params = input.strip_prefix(LABEL).unwrap_or_default();
        let signature = key.sign(&self.base(params));
        Signed { input, signature }
    }
}
