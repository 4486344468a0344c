//! One HMAC key and the name it goes by.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::LABEL;

/// The key of one speaker, ready for use.
pub(crate) struct SigningKey {
    id: String,
    // Has the padded key absorbed already, so that a clone saves two of the four compressions.
    mac: Hmac<Sha256>,
}

impl SigningKey {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
    pub(crate) fn new(id: String, key: &[u8]) -> Self {
        Self { id, mac: Hmac::new_from_slice(key).expect("HMAC takes keys of every length") }
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The `signature` field over `base`.
    pub(crate) fn sign(&self, base: &str) -> String {
        let mut mac = self.mac.clone();
        mac.update(base.as_bytes());
        let mut field = String::with_capacity(54);
        field.push_str(LABEL);
        field.push(':');
        STANDARD.encode_string(mac.finalize().into_bytes(), &mut field);
        field.push(':');
        field
    }

    /// Whether `field` is this key's `signature` field over `base`; the comparison takes the same time wherever they differ.
    pub(crate) fn verifies(&self, base: &str, field: &str) -> bool {
        let Some(encoded) = field
            .strip_prefix(LABEL)
            .and_then(|rest| rest.strip_prefix(':'))
            .and_then(|rest| rest.strip_suffix(':'))
        else {
            return false;
        };
        // 32 bytes are 44 characters; the decoder wants room for 33.
        let mut signature = [0; 33];
        let Ok(32) = STANDARD.decode_slice(encoded, &mut signature) else {
            return false;
        };
        let mut mac = self.mac.clone();
        mac.update(base.as_bytes());
        signature.get(..32).is_some_and(|signature| mac.verify_slice(signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{push_line, push_params};
    use super::*;

    /// RFC 9421, appendix B.2.5, with the appendix's own label.
    #[test]
    fn signs_as_the_rfc_does() {
        let secret = STANDARD
            .decode(
                "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
            )
            .unwrap();
        let key = SigningKey::new("test-shared-secret".into(), &secret);
        let mut base = String::new();
        push_line(&mut base, "\"date\"", "Tue, 20 Apr 2021 02:07:55 GMT");
        push_line(&mut base, "\"@authority\"", "example.com");
        push_line(&mut base, "\"content-type\"", "application/json");
        let params = r#"("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#;
        push_params(&mut base, params);

        let field = key.sign(&base);
        assert_eq!(field, "blazz=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:");
        assert!(key.verifies(&base, &field));
        assert!(!key.verifies(&base.replace("2021", "2022"), &field));
    }

    #[test]
    fn only_the_one_spelling_of_a_signature_counts() {
        let key = SigningKey::new("k".into(), &[7; 32]);
        let field = key.sign("base");
        assert!(key.verifies("base", &field));
        for other in [
            "".to_owned(),
            "blazz=::".to_owned(),
            field.replace("blazz=", "other="),
            format!("{field}, other=:AAAA:"),
            format!("{field};a"),
            field.replace("=:", ":"),
            field.to_uppercase(),
            format!(" {field}"),
            "blazz=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:".to_owned(),
            "blazz=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:".to_owned(),
        ] {
            assert!(!key.verifies("base", &other), "{other}");
        }
        assert!(!SigningKey::new("k".into(), &[8; 32]).verifies("base", &field));
    }
}
