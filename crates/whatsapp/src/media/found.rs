//! What a message says of its file.

use blazz_domain::media::{self, MAX_CAPTION_BYTES, UNKNOWN_MIME};
use blazz_domain::{Attachment, Media, MediaFailure, MediaKind, MediaState, MessageContent};
use whatsapp_rust::prelude::wa;

use super::record::is_good_path;
use crate::content::cut;

/// What a message says of its file, and how it is fetched.
#[derive(Debug)]
pub(crate) struct FoundFile<'a> {
    pub(crate) kind: MediaKind,
    pub(crate) mime_type: String,
    pub(crate) filename: Option<String>,
    pub(crate) sha256: Option<String>,
    pub(crate) size: Option<u64>,
    caption: Option<&'a str>,
    voice: bool,
    /// Path, key and the digest of what lies there; `None` when the message does not say them, as one that is to be seen on the phone only.
    pub(crate) reference: Option<FileReference<'a>>,
}

/// Where a file is and what opens it.
#[derive(Debug)]
pub(crate) struct FileReference<'a> {
    pub(crate) direct_path: &'a str,
    pub(crate) media_key: &'a [u8],
    pub(crate) file_enc_sha256: &'a [u8],
}

impl FoundFile<'_> {
    /// The message's content: the file is still to be fetched, or cannot be.
    pub(crate) fn content(self) -> MessageContent {
        let is_there = self.reference.is_some();
        let media = Media {
            state: if is_there { MediaState::Pending } else { MediaState::Failed },
            id: None,
            mime_type: self.mime_type,
            size: self.size,
            sha256: self.sha256,
            filename: self.filename,
            error: (!is_there).then_some(MediaFailure::Unavailable),
        };
        let caption = self.caption.map(|caption| cut(caption, MAX_CAPTION_BYTES).to_owned());
        MessageContent::with_file(self.kind, Attachment { caption, voice: self.voice, media })
    }
}

/// The messages with files are types of their own that share these fields.
macro_rules! found {
    ($file:ident, $kind:expr, $caption:expr, $filename:expr, $voice:expr) => {
        FoundFile {
            kind: $kind,
            mime_type: mime_type($file.mimetype.as_deref()),
            filename: $filename.and_then(media::filename),
            sha256: $file.file_sha256.as_deref().filter(|hash| hash.len() == 32).map(hex::encode),
            size: $file.file_length,
            caption: $caption.filter(|caption| !caption.is_empty()),
            voice: $voice,
            reference: reference(
                $file.direct_path.as_deref(),
                $file.media_key.as_deref(),
                $file.file_enc_sha256.as_deref(),
            ),
        }
    };
}

/// The file of a message, if it is of a kind that has one.
pub(crate) fn found_file(base: &wa::Message) -> Option<FoundFile<'_>> {
    const NONE: Option<&str> = None;
    if let Some(file) = base.image_message.as_option() {
        return Some(found!(file, MediaKind::Image, file.caption.as_deref(), NONE, false));
    }
    if let Some(file) = base.video_message.as_option().or(base.ptv_message.as_option()) {
        return Some(found!(file, MediaKind::Video, file.caption.as_deref(), NONE, false));
    }
    if let Some(file) = base.audio_message.as_option() {
        return Some(found!(file, MediaKind::Audio, NONE, NONE, file.ptt.unwrap_or_default()));
    }
    if let Some(file) = base.document_message.as_option() {
        let filename = file.file_name.as_deref().or(file.title.as_deref());
        return Some(found!(file, MediaKind::Document, file.caption.as_deref(), filename, false));
    }
    if let Some(file) = base.sticker_message.as_option() {
        return Some(found!(file, MediaKind::Sticker, NONE, NONE, false));
    }
    None
}

fn mime_type(told: Option<&str>) -> String {
    told.and_then(media::essence).unwrap_or_else(|| UNKNOWN_MIME.to_owned())
}

fn reference<'a>(
    direct_path: Option<&'a str>,
    media_key: Option<&'a [u8]>,
    file_enc_sha256: Option<&'a [u8]>,
) -> Option<FileReference<'a>> {
    Some(FileReference {
        direct_path: direct_path.filter(|path| is_good_path(path))?,
        media_key: media_key.filter(|key| key.len() == 32)?,
        file_enc_sha256: file_enc_sha256.filter(|hash| hash.len() == 32)?,
    })
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::prelude::MessageField;

    use super::*;
    use crate::content::content;

    fn wrapped(message: wa::Message) -> MessageField<wa::message::FutureProofMessage> {
        MessageField::some(wa::message::FutureProofMessage { message: MessageField::some(message) })
    }

    fn document(path: Option<&str>) -> wa::Message {
        let document = wa::message::DocumentMessage {
            mimetype: Some("Application/PDF; x=y".to_owned()),
            file_name: Some("../terms.pdf".to_owned()),
            caption: Some("read this".to_owned()),
            direct_path: path.map(str::to_owned),
            media_key: Some(vec![1; 32]),
            file_sha256: Some(vec![2; 32]),
            file_enc_sha256: Some(vec![3; 32]),
            file_length: Some(7),
            ..Default::default()
        };
        wa::Message { document_message: MessageField::some(document), ..Default::default() }
    }

    #[test]
    fn a_file_is_pending_with_what_its_sender_says_of_it() {
        let message = document(Some("/v/document/x"));
        let wrapped =
            wa::Message { document_with_caption_message: wrapped(message.clone()), ..Default::default() };
        for message in [message, wrapped] {
            let Some(MessageContent::Document(Attachment { caption, voice: false, media })) =
                content(&message)
            else {
                panic!("it is a document")
            };
            assert_eq!(caption.as_deref(), Some("read this"));
            assert_eq!((media.state, media.id, media.error), (MediaState::Pending, None, None));
            assert_eq!((media.mime_type.as_str(), media.size), ("application/pdf", Some(7)));
            assert_eq!(media.filename.as_deref(), Some("terms.pdf"));
            assert_eq!(media.sha256, Some("02".repeat(32)));
        }
    }

    #[test]
    fn a_file_that_cannot_be_fetched_has_failed_at_once() {
        for path in [None, Some("@evil.example/x"), Some("")] {
            let content = content(&document(path)).unwrap();
            let (_, attachment) = content.file().unwrap();
            assert_eq!(attachment.media.state, MediaState::Failed, "{path:?}");
            assert_eq!(attachment.media.error, Some(MediaFailure::Unavailable));
        }
    }
}
