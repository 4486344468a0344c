//! What the script can see of a message: its kind, its text, what it answers or reacts to, its file.

use serde::{Deserialize, Serialize};
use whatsapp_rust::waproto::whatsapp as wa;

use super::attachment;

/// A reaction, as its sender wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The message that it is about.
    pub id: String,
    /// The emoji; empty when an earlier reaction is taken back.
    pub emoji: String,
    /// Does the reacting account say that it wrote that message itself?
    pub from_me: bool,
}

/// A file, as its message describes it. The bytes are at `/phones/{phone}/messages/{id}/media`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its MIME type.
    pub mimetype: String,
    /// Its length in bytes, decrypted.
    pub size: u64,
    /// The SHA-256 of its decrypted bytes, in hex.
    #[serde(default)]
    pub sha256: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// Is it a voice note?
    #[serde(default)]
    pub voice: bool,
}

/// The kind and the text of a message.
pub(super) fn describe(message: &wa::Message) -> (&'static str, String) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    if let Some(body) = &message.conversation {
        return ("text", body.clone());
    }
    if let Some(extended) = message.extended_text_message.as_option() {
        return ("text", text(&extended.text));
    }
    if let Some(image) = message.image_message.as_option() {
        return ("image", text(&image.caption));
    }
    if let Some(video) = message.video_message.as_option() {
        return ("video", text(&video.caption));
    }
    if let Some(document) = message.document_message.as_option() {
        return ("document", text(&document.caption));
    }
    if let Some(reaction) = message.reaction_message.as_option() {
        return ("reaction", text(&reaction.text));
    }
    let others = [
        ("audio", message.audio_message.is_set()),
        ("sticker", message.sticker_message.is_set()),
        ("contact", message.contact_message.is_set()),
        ("location", message.location_message.is_set()),
        ("poll", message.poll_creation_message.is_set() || message.poll_creation_message_v3.is_set()),
        ("protocol", message.protocol_message.is_set()),
    ];
    let kind = others.into_iter().find_map(|(kind, is_set)| is_set.then_some(kind));
    (kind.unwrap_or("other"), String::new())
}

/// The message that a message answers.
pub(super) fn reply_to(message: &wa::Message) -> Option<String> {
    let contexts = [
        message.extended_text_message.as_option().map(|text| &text.context_info),
        message.image_message.as_option().map(|image| &image.context_info),
        message.video_message.as_option().map(|video| &video.context_info),
        message.audio_message.as_option().map(|audio| &audio.context_info),
        message.document_message.as_option().map(|document| &document.context_info),
        message.sticker_message.as_option().map(|sticker| &sticker.context_info),
    ];
    let context = contexts.into_iter().flatten().find_map(|context| context.as_option())?;
    // A context without a quoted message serves mentions, previews and timers.
    context.quoted_message.is_set().then(|| context.stanza_id.clone()).flatten()
}

/// What a message reacts to.
pub(super) fn reaction(message: &wa::Message) -> Option<Reaction> {
    let reaction = message.reaction_message.as_option()?;
    let key = reaction.key.as_option()?;
    Some(Reaction {
        id: key.id.clone().unwrap_or_default(),
        emoji: reaction.text.clone().unwrap_or_default(),
        from_me: key.from_me.unwrap_or_default(),
    })
}

/// The file of a message.
pub(super) fn media(message: &wa::Message) -> Option<Attachment> {
    let file = attachment::file_of(message)?;
    let sha256 = file.file_sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(Attachment {
        mimetype: file.mimetype,
        size: file.size,
        sha256,
        filename: file.filename,
        voice: file.voice,
    })
}
