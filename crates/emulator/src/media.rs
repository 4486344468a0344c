//! Uploaded media, kept as the ciphertext that clients send.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The largest upload.
pub(crate) const LARGEST_UPLOAD: usize = 128 * 1024 * 1024;
/// What all uploads together may take.
const CAPACITY: usize = 1024 * 1024 * 1024;

/// What a path of a blob ends in: its SHA-256, base64url.
pub(crate) fn token_of(blob: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(blob))
}

/// Is this the token of that blob? Clients differ in padding.
pub(crate) fn is_token_of(token: &str, blob: &[u8]) -> bool {
    token.trim_end_matches('=') == token_of(blob)
}

/// Blobs by path.
#[derive(Default)]
pub(crate) struct MediaStore {
    state: Mutex<Blobs>,
}

#[derive(Default)]
struct Blobs {
    by_path: HashMap<String, Bytes>,
    size: usize,
}

impl MediaStore {
    /// Keeps a blob; `false` when there is no room.
    pub(crate) fn put(&self, path: &str, blob: Bytes) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.size.saturating_add(blob.len()) > CAPACITY {
            return false;
        }
        state.size += blob.len();
        if let Some(before) = state.by_path.insert(path.to_owned(), blob) {
            state.size -= before.len();
        }
        true
    }

    /// Forgets the blob at a path.
    pub(crate) fn remove(&self, path: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(blob) = state.by_path.remove(path) {
            state.size -= blob.len();
        }
    }

    /// The blob at a path.
    pub(crate) fn get(&self, path: &str) -> Option<Bytes> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).by_path.get(path).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_digest_with_or_without_padding() {
        let token = token_of(b"ciphertext");
        for written in [token.clone(), format!("{token}=")] {
            assert!(is_token_of(&written, b"ciphertext"), "{written}");
            assert!(!is_token_of(&written, b"another"), "{written}");
        }
        assert!(!is_token_of("", b"ciphertext"));
    }
}
