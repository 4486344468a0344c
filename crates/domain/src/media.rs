//! Files: what a message carries beside its words, and what a workspace has stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::MediaId;
use crate::message::UnknownName;

/// The most bytes of an image, a video or audio. Source: WhatsApp's own limits for them.
pub const MAX_PLAYED_BYTES: u64 = 16 << 20;
/// The most bytes of any file, unless the operator says otherwise. Source: WhatsApp's limit for documents sent by its business API.
pub const MAX_FILE_BYTES: u64 = 100 << 20;
/// The most bytes of a caption.
pub const MAX_CAPTION_BYTES: usize = 4096;
/// The most characters of a file's name.
pub const MAX_FILENAME_CHARS: usize = 255;
/// The most characters of a MIME type.
pub const MAX_MIME_CHARS: usize = 127;
/// The type of bytes of which nothing is known.
pub const UNKNOWN_MIME: &str = "application/octet-stream";

/// A stored file of a workspace.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MediaFile {
    /// Its id.
    pub id: MediaId,
    /// What it is, as its sender says or its bytes tell.
    #[schema(examples("image/png"))]
    pub mime_type: String,
    /// Its length in bytes.
    #[schema(examples(48_213))]
    pub size: u64,
    /// The SHA-256 of its bytes, in hex.
    #[schema(examples("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))]
    pub sha256: String,
    /// Its name, where it has one.
    #[schema(examples("terms.pdf"))]
    pub filename: Option<String>,
    /// When it was stored.
    pub created_at: Timestamp,
}

/// What WhatsApp shows a file as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A moving one.
    Video,
    /// Something to hear; a voice note when it was recorded for the message.
    Audio,
    /// Any file.
    Document,
    /// A sticker, in WebP.
    Sticker,
}

impl MediaKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Image, Self::Video, Self::Audio, Self::Document, Self::Sticker];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Sticker => "sticker",
        }
    }

    /// Whether a file of this type can be sent as this kind.
    #[must_use]
    pub fn takes(self, mime_type: &str) -> bool {
        let family = mime_type.split('/').next().unwrap_or_default();
        match self {
            Self::Image => family == "image",
            Self::Video => family == "video",
            Self::Audio => family == "audio",
            Self::Sticker => mime_type == "image/webp",
            Self::Document => true,
        }
    }
}

impl FromStr for MediaKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownName)
    }
}

/// What a message of one of the kinds with a file says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// What stands below it.
    #[serde(default)]
    #[schema(examples("The new price list"))]
    pub caption: Option<String>,
    /// Whether it was recorded for the message: only audio can be.
    #[serde(default)]
    pub voice: bool,
    /// The file.
    pub media: Media,
}

/// The file of a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Media {
    /// Whether its bytes can be had.
    pub state: MediaState,
    /// Under which id; `null` until it is stored.
    #[serde(default)]
    pub id: Option<MediaId>,
    /// What it is, as its sender says.
    #[schema(examples("image/jpeg"))]
    pub mime_type: String,
    /// Its length in bytes, where its sender says it.
    #[serde(default)]
    pub size: Option<u64>,
    /// The SHA-256 of its bytes, in hex, where its sender says it.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Its name, where it has one.
    #[serde(default)]
    pub filename: Option<String>,
    /// Why it could not be stored.
    #[serde(default)]
    pub error: Option<MediaFailure>,
}

/// Whether the bytes of a message's file can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaState {
    /// Not yet: they are being fetched from WhatsApp.
    Pending,
    /// Yes, under the media's id.
    Stored,
    /// No, and they will not be.
    Failed,
}

/// Why the file of a received message could not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MediaFailure {
    /// WhatsApp has it no longer.
    Expired,
    /// It is larger than this installation takes.
    TooLarge,
    /// What WhatsApp has is not what the message says.
    Damaged,
    /// It could not be fetched in a day of trying.
    Unavailable,
}

// Names and captions must not reach a log through `{:?}`.
impl fmt::Debug for MediaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaFile({}, {}, {} bytes)", self.id, self.mime_type, self.size)
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Media({:?}, {:?}, {:?} bytes)", self.state, self.id, self.size)
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.media)
    }
}

/// A MIME type as it is kept: `type/subtype` in lower case, parameters left out; `None` for what is none.
#[must_use]
pub fn essence(mime_type: &str) -> Option<String> {
    let essence = mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |part: &str| {
        let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        !part.is_empty() && part.bytes().all(is_one)
    };
    let (family, kind) = essence.split_once('/')?;
    (essence.len() <= MAX_MIME_CHARS && is_token(family) && is_token(kind)).then_some(essence)
}

/// A file's name as it is kept: without folders and control characters; `None` when nothing is left.
#[must_use]
pub fn filename(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !c.is_control()).take(MAX_FILENAME_CHARS).collect();
    let kept = kept.trim();
    (!kept.is_empty() && kept != "." && kept != "..").then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_lose_their_parameters_and_nonsense_is_none() {
        assert_eq!(essence("Audio/OGG; codecs=opus").as_deref(), Some("audio/ogg"));
        assert_eq!(essence("application/vnd.ms-excel").as_deref(), Some("application/vnd.ms-excel"));
        for bad in ["", "image", "image/", "/png", "image/p ng", "image/png/x", "ü/x", "text/\r\nx"] {
            assert_eq!(essence(bad), None, "{bad:?}");
        }
        assert_eq!(essence(&format!("a/{}", "b".repeat(200))), None);
    }

    #[test]
    fn names_lose_their_folders() {
        assert_eq!(filename("terms.pdf").as_deref(), Some("terms.pdf"));
        assert_eq!(filename("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(filename("C:\\dir\\a b.txt").as_deref(), Some("a b.txt"));
        assert_eq!(filename("a\r\nb\0").as_deref(), Some("ab"));
        for bad in ["", " ", "..", "a/", "\n"] {
            assert_eq!(filename(bad), None, "{bad:?}");
        }
        assert_eq!(filename(&"é".repeat(500)).unwrap().chars().count(), MAX_FILENAME_CHARS);
    }

    #[test]
    fn a_kind_takes_its_own_types() {
        let takes = |mime: &str| -> Vec<_> {
            MediaKind::ALL.into_iter().filter(|kind| kind.takes(mime)).map(MediaKind::as_str).collect()
        };
        assert_eq!(takes("image/png"), ["image", "document"]);
        assert_eq!(takes("image/webp"), ["image", "document", "sticker"]);
        assert_eq!(takes("video/mp4"), ["video", "document"]);
        assert_eq!(takes("audio/ogg"), ["audio", "document"]);
        assert_eq!(takes("application/pdf"), ["document"]);
        for kind in MediaKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }

    #[test]
    fn debug_hides_names_and_captions() {
        let media = Media {
            state: MediaState::Pending,
            id: None,
            mime_type: "image/png".into(),
            size: Some(3),
            sha256: None,
            filename: Some("secret.png".into()),
            error: None,
        };
        let shown = format!("{:?}", Attachment { caption: Some("secret".into()), voice: false, media });
        assert!(!shown.contains("secret"), "{shown}");
    }
}
