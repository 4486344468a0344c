//! Files that phones send: sealed, put on the media host, and described by a message of their kind.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Deserializer};
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::wacore::download::MediaType;
use whatsapp_rust::waproto::whatsapp as wa;

use super::LONGEST_TEXT;
use crate::error::EmulatorError;
use crate::phone::attachment::{self, Uploaded};
use crate::server::Server;

/// The largest file that a phone sends, in bytes: WhatsApp's own limit for images.
const LARGEST_FILE: usize = 16 * 1024 * 1024;

/// An image that a phone shall send.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Image {
    /// The file, 1 byte to 16 MiB; base64 in JSON.
    #[serde(deserialize_with = "base64")]
    pub data: Vec<u8>,
    /// What stands below it.
    #[serde(default)]
    pub caption: Option<String>,
    /// `image/jpeg` when nothing is said.
    #[serde(default)]
    pub mimetype: Option<String>,
}

/// Another file that a phone shall send.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct FileToSend {
    /// The file, 1 byte to 16 MiB; base64 in JSON.
    #[serde(deserialize_with = "base64")]
    pub data: Vec<u8>,
    /// What stands below it; audio and stickers have nothing there.
    #[serde(default)]
    pub caption: Option<String>,
    /// What its kind usually is when nothing is said.
    #[serde(default)]
    pub mimetype: Option<String>,
    /// Its name; only of documents.
    #[serde(default)]
    pub filename: Option<String>,
    /// Whether audio is a voice note.
    #[serde(default)]
    pub voice: bool,
}

impl From<Image> for FileToSend {
    fn from(Image { data, caption, mimetype }: Image) -> Self {
        Self { data, caption, mimetype, filename: None, voice: false }
    }
}

fn base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)
}

/// The messages with files are types of their own that share these fields.
macro_rules! described {
    ($kind:ident, $file:ident, $context:ident, { $($field:ident: $value:expr),* $(,)? }) => {
        MessageField::some(wa::message::$kind {
            url: Some($file.url),
            direct_path: Some($file.uploaded.direct_path),
            mimetype: Some($file.mimetype),
            media_key: Some($file.uploaded.media_key),
            media_key_timestamp: Some($file.at),
            file_sha256: Some($file.uploaded.file_sha256),
            file_enc_sha256: Some($file.uploaded.file_enc_sha256),
            file_length: $file.length,
            context_info: $context.map(MessageField::some).unwrap_or_default(),
            $($field: $value,)*
            ..Default::default()
        })
    };
}

struct Described {
    url: String,
    uploaded: Uploaded,
    mimetype: String,
    at: i64,
    length: Option<u64>,
}

pub(super) fn message(
    server: &Server,
    kind: MediaType,
    file: FileToSend,
    context: Option<wa::ContextInfo>,
) -> Result<wa::Message, EmulatorError> {
    let FileToSend { data, caption, mimetype, filename, voice } = file;
    if data.is_empty() || data.len() > LARGEST_FILE {
        return Err(EmulatorError::BadRequest(format!("a file has 1 to {LARGEST_FILE} bytes")));
    }
    if caption.as_ref().is_some_and(|caption| caption.len() > LONGEST_TEXT) {
        return Err(EmulatorError::BadRequest(format!("a caption has at most {LONGEST_TEXT} bytes")));
    }
    let uploaded = attachment::seal(&server.media, &data, kind)?;
    let file = Described {
        url: server.media_url(&uploaded.direct_path),
        uploaded,
        mimetype: mimetype.unwrap_or_else(|| usual_type(kind).to_owned()),
        at: server.seconds(),
        length: u64::try_from(data.len()).ok(),
    };
    let mut message = wa::Message::default();
    match kind {
        MediaType::Video => {
            message.video_message = described!(VideoMessage, file, context, { caption: caption })
        }
        MediaType::Audio => {
            message.audio_message = described!(AudioMessage, file, context, { ptt: Some(voice) })
        }
        MediaType::Document => {
            message.document_message = described!(DocumentMessage, file, context, {
                caption: caption, title: filename.clone(), file_name: filename,
            });
        }
        MediaType::Sticker => message.sticker_message = described!(StickerMessage, file, context, {}),
        _ => message.image_message = described!(ImageMessage, file, context, { caption: caption }),
    }
    Ok(message)
}

fn usual_type(kind: MediaType) -> &'static str {
    match kind {
        MediaType::Video => "video/mp4",
        MediaType::Audio => "audio/ogg; codecs=opus",
        MediaType::Document => "application/octet-stream",
        MediaType::Sticker => "image/webp",
        _ => "image/jpeg",
    }
}
