//! Uploaded media, kept as the ciphertext that clients send.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// The largest upload.
pub(crate) const LARGEST_UPLOAD: usize = 64 * 1024 * 1024;
/// What all uploads together may take.
const CAPACITY: usize = 1024 * 1024 * 1024;

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
