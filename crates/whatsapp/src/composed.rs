//! A message to send, as the protocol writes it.

use std::sync::Arc;

use blazz_domain::{Attachment, MediaKind, MessageContent, Reference, Timestamp};
use whatsapp_rust::Client;
use whatsapp_rust::Jid as EngineJid;
use whatsapp_rust::prelude::{MessageBuilderExt as _, MessageField, wa};
use whatsapp_rust::wacore::proto_helpers::{build_quote_context_with_info, build_reaction_message};
use whatsapp_rust::wacore_binary::JidExt as _;

use crate::media::Uploaded;

/// The message; `None` for what cannot be sent: a reaction to nothing, or a kind that is only received.
pub(crate) fn compose(
    client: &Arc<Client>,
    to: &EngineJid,
    content: &MessageContent,
    about: Option<&Reference>,
    uploaded: Option<&Uploaded>,
    now: Timestamp,
) -> Option<wa::Message> {
    match (content, about) {
        (MessageContent::Text { text }, None) => Some(wa::Message::text(text)),
        (MessageContent::Text { text }, Some(about)) => {
            Some(wa::Message::text_with_context(text, context(client, to, about)?))
        }
        (MessageContent::Reaction { emoji, .. }, Some(about)) => {
            Some(build_reaction_message(key(to, about), emoji, now.as_datetime().timestamp_millis()))
        }
        (MessageContent::Reaction { .. }, None) | (MessageContent::Unsupported { .. }, _) => None,
        (content, about) => {
            let (kind, attachment) = content.file()?;
            let context = about.map(|about| context(client, to, about).map(MessageField::some));
            let context = context.unwrap_or_else(|| Some(MessageField::default()))?;
            Some(with_file(kind, attachment, uploaded?, context))
        }
    }
}

/// What a reply says of the message that it answers.
fn context(client: &Arc<Client>, to: &EngineJid, about: &Reference) -> Option<wa::ContextInfo> {
    let author = author(client, about)?;
    Some(build_quote_context_with_info(about.id.0.as_str(), &author, to, to, &quoted(&about.content)))
}

/// The messages with files are types of their own that share these fields.
macro_rules! file {
    ($kind:ident, $attachment:ident, $uploaded:ident, $context:ident, { $($field:ident: $value:expr),* $(,)? }) => {
        MessageField::some(wa::message::$kind {
            url: Some($uploaded.url.clone()),
            direct_path: Some($uploaded.direct_path.clone()),
            mimetype: Some($attachment.media.mime_type.clone()),
            media_key: Some($uploaded.media_key.to_vec()),
            media_key_timestamp: Some($uploaded.media_key_timestamp),
            file_sha256: Some($uploaded.file_sha256.to_vec()),
            file_enc_sha256: Some($uploaded.file_enc_sha256.to_vec()),
            file_length: Some($uploaded.file_length),
            context_info: $context,
            $($field: $value,)*
            ..Default::default()
        })
    };
}

/// A message with a file that lies on the media hosts. Previews are left out: they would have to be made of the decoded file.
fn with_file(
    kind: MediaKind,
    attachment: &Attachment,
    uploaded: &Uploaded,
    context: MessageField<wa::ContextInfo>,
) -> wa::Message {
    let caption = attachment.caption.clone();
    let sidecar = uploaded.streaming_sidecar.clone();
    let mut message = wa::Message::default();
    match kind {
        MediaKind::Image => {
            message.image_message = file!(ImageMessage, attachment, uploaded, context, { caption: caption });
        }
        MediaKind::Video => {
            message.video_message = file!(VideoMessage, attachment, uploaded, context, {
                caption: caption, streaming_sidecar: sidecar,
            });
        }
        MediaKind::Audio => {
            let mut audio = file!(AudioMessage, attachment, uploaded, context, {
                ptt: Some(attachment.voice), streaming_sidecar: sidecar,
            });
            if let Some(audio) = audio.as_option_mut()
                && attachment.media.mime_type == "audio/ogg"
            {
                // Phones play a voice note only when it says what is in it.
                audio.mimetype = Some("audio/ogg; codecs=opus".to_owned());
            }
            message.audio_message = audio;
        }
        MediaKind::Document => {
            let name = attachment.media.filename.clone();
            message.document_message = file!(DocumentMessage, attachment, uploaded, context, {
                caption: caption, title: name.clone(), file_name: name,
            });
        }
        MediaKind::Sticker => {
            message.sticker_message = file!(StickerMessage, attachment, uploaded, context, {});
        }
    }
    message
}

/// Which message is meant. Only in a group its author has to be named (`waproto`, `message MessageKey`).
fn key(to: &EngineJid, about: &Reference) -> wa::MessageKey {
    let author = about.sender.as_ref().filter(|_| to.is_group());
    wa::MessageKey {
        remote_jid: Some(to.to_string()),
        from_me: Some(about.from_me),
        id: Some(about.id.0.clone()),
        participant: author.map(|jid| jid.as_str().to_owned()),
    }
}

fn author(client: &Arc<Client>, about: &Reference) -> Option<EngineJid> {
    match &about.sender {
        Some(jid) => jid.as_str().parse().ok(),
        None => client.pn().map(|own| own.to_non_ad()),
    }
}

/// What a reply repeats of the message that it answers. Receivers that know it show their own copy.
fn quoted(content: &MessageContent) -> wa::Message {
    match content {
        MessageContent::Text { text } => wa::Message::text(text),
        other => other.file().map(|(kind, attachment)| quoted_file(kind, attachment)).unwrap_or_default(),
    }
}

/// The words of a message with a file; the file itself stays with the message that is answered.
fn quoted_file(kind: MediaKind, attachment: &Attachment) -> wa::Message {
    let (caption, mimetype) = (attachment.caption.clone(), Some(attachment.media.mime_type.clone()));
    let file_name = attachment.media.filename.clone();
    let mut message = wa::Message::default();
    match kind {
        MediaKind::Image => {
            let image = wa::message::ImageMessage { caption, mimetype, ..Default::default() };
            message.image_message = MessageField::some(image);
        }
        MediaKind::Video => {
            let video = wa::message::VideoMessage { caption, mimetype, ..Default::default() };
            message.video_message = MessageField::some(video);
        }
        MediaKind::Audio => {
            let audio = wa::message::AudioMessage { mimetype, ..Default::default() };
            message.audio_message = MessageField::some(audio);
        }
        MediaKind::Document => {
            let document =
                wa::message::DocumentMessage { caption, mimetype, file_name, ..Default::default() };
            message.document_message = MessageField::some(document);
        }
        MediaKind::Sticker => {
            let sticker = wa::message::StickerMessage { mimetype, ..Default::default() };
            message.sticker_message = MessageField::some(sticker);
        }
    }
    message
}
