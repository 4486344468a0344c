//! What it takes to fetch the file of a received message, kept until it is fetched.

use std::fmt;

use blazz_domain::{MediaKind, ProviderMessageId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use whatsapp_rust::download::DownloadParams;

use super::media_type;

/// What a message says of its file, with the key that opens it. It never leaves the session's directory.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRecord {
    /// The message's id.
    pub id: ProviderMessageId,
    /// Whether the account wrote it, on another of its devices.
    pub from_me: bool,
    /// What it is shown as.
    pub kind: MediaKind,
    /// Its MIME type, as its sender says.
    pub mime_type: String,
    /// Its name, where it has one.
    pub filename: Option<String>,
    /// The SHA-256 of its bytes in hex, where its sender says it.
    pub sha256: Option<String>,
    /// Its length in bytes, where its sender says it.
    pub size: Option<u64>,
    /// When its message was taken in.
    pub received_at: Timestamp,
    pub(crate) direct_path: String,
    pub(crate) media_key: String,
    pub(crate) file_enc_sha256: String,
}

impl MediaRecord {
    /// Under which name it is kept: the same for the same message of the same sender.
    #[must_use]
    pub fn key(chat: &str, sender: &str, id: &ProviderMessageId) -> String {
        let mut digest = Sha256::new();
        for part in [chat, sender, id.0.as_str()] {
            digest.update(part);
            digest.update([0]);
        }
        hex::encode(digest.finalize())
    }

    /// As the engine wants to hear it; `None` when it is damaged.
    pub(crate) fn parameters(&self) -> Option<DownloadParams> {
        let sha256 = self.sha256.as_deref().map(hex::decode).transpose().ok()?.unwrap_or_default();
        Some(DownloadParams::encrypted(
            self.direct_path.as_str(),
            &hex::decode(&self.media_key).ok()?,
            &sha256,
            &hex::decode(&self.file_enc_sha256).ok()?,
            self.size.unwrap_or_default(),
            media_type(self.kind),
        ))
    }
}

// It holds a key.
impl fmt::Debug for MediaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaRecord({}, {}, {:?} bytes)", self.id, self.kind.as_str(), self.size)
    }
}

/// Whether a path that a peer gave leads to a file on the media host and nowhere else: the engine puts it right behind the host's name.
pub(crate) fn is_good_path(path: &str) -> bool {
    path.starts_with('/')
        && path.len() <= 2048
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_change_the_host() {
        assert!(is_good_path("/v/t62.7118-24/12345_n.enc?ccb=11-4&oh=01"));
        for bad in ["", "v/x", "@evil.example/v", ".evil.example/", "/a b", "/\\evil", "/ü", "/a\r\nx"] {
            assert!(!is_good_path(bad), "{bad:?}");
        }
    }

    #[test]
    fn keys_tell_senders_and_chats_apart() {
        let id = ProviderMessageId("A".into());
        let one = MediaRecord::key("a", "b", &id);
        assert_eq!(one, MediaRecord::key("a", "b", &id));
        assert_ne!(one, MediaRecord::key("ab", "", &id));
        assert_ne!(one, MediaRecord::key("a", "c", &id));
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
