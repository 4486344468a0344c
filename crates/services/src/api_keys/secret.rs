//! The secrets of keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use blazz_domain::random;
use sha2::{Digest as _, Sha256};

/// What every secret begins with, so that scanners find a leaked one.
const PREFIX: &str = "blz_";
/// The prefix and 32 bytes in base64.
const LENGTH: usize = PREFIX.len() + 43;

/// A new secret.
pub(super) fn new() -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random::bytes::<32>()))
}

/// Whether a text has the shape of a secret.
pub(super) fn is_one(text: &str) -> bool {
    text.len() == LENGTH && text.starts_with(PREFIX)
}

/// Its last four characters.
pub(super) fn hint(secret: &str) -> String {
    secret.chars().skip(LENGTH - 4).collect()
}

/// A plain hash will do: a secret of 256 random bits cannot be guessed, so it needs no slow one.
pub(super) fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}
