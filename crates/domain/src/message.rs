//! Messages: their content, ids and the ladder that their status climbs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{AccountId, ConversationId, MessageId};
use crate::media::{Attachment, MediaKind};
use crate::phone::PhoneNumber;
use crate::random;
use crate::reference::{Quote, Reaction};

/// The most bytes a text message may have. WhatsApp's own clients cut at 65,536 characters.
pub const MAX_TEXT_BYTES: usize = 65_536;

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The contact wrote it.
    Inbound,
    /// The account wrote it: through Blazz, or on its phone or another linked device.
    Outbound,
}

/// How far a message has come. Ranks climb; `failed` yields to whatever proves it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    /// Stored, waiting to be sent.
    Queued,
    /// Handed to the session.
    Sending,
    /// It will not be sent any more, and nothing shows that it was.
    Failed,
    /// Attempts are exhausted after one that may have reached WhatsApp.
    Uncertain,
    /// WhatsApp's server has it.
    Sent,
    /// The contact's device has it.
    Delivered,
    /// The contact has read it.
    Read,
    /// The contact has played it (voice and video notes).
    Played,
    /// An inbound message that Blazz has stored.
    Received,
}

impl MessageStatus {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::Failed,
        Self::Uncertain,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Played,
        Self::Received,
    ];

    /// The place on the ladder: an update is applied only when it raises the rank.
    #[must_use]
    pub const fn rank(self) -> i16 {
        match self {
            Self::Received => 0,
            Self::Queued => 10,
            Self::Sending => 20,
            Self::Failed => 30,
            Self::Uncertain => 35,
            Self::Sent => 40,
            Self::Delivered => 50,
            Self::Read => 60,
            Self::Played => 70,
        }
    }

    /// Whether the sender is done with it: nothing will be tried again.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Queued | Self::Sending)
    }

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Received => "received",
        }
    }
}

impl FromStr for MessageStatus {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|s| s.as_str() == text).ok_or(UnknownName)
    }
}

impl Direction {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

impl FromStr for Direction {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Inbound, Self::Outbound].into_iter().find(|d| d.as_str() == text).ok_or(UnknownName)
    }
}

/// The name is none of the known ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

/// What a message says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MessageContent {
    /// Plain text.
    Text {
        /// The text, UTF-8, at most [`MAX_TEXT_BYTES`].
        #[schema(examples("Hello!"))]
        text: String,
    },
    /// A reaction to another message of the conversation. It also stands in that message's `reactions`.
    Reaction {
        /// The message it is on; `null` when that is not stored here.
        #[serde(default)]
        message_id: Option<MessageId>,
        /// WhatsApp's id of the message it is on.
        provider_message_id: ProviderMessageId,
        /// The emoji; empty takes an earlier reaction back.
        #[schema(examples("👍"))]
        emoji: String,
    },
    /// A picture.
    Image(Attachment),
    /// A video.
    Video(Attachment),
    /// Audio, or a voice note.
    Audio(Attachment),
    /// Any file.
    Document(Attachment),
    /// A sticker.
    Sticker(Attachment),
    /// A kind that this version stores but does not yet explain; the name is the protocol's field.
    Unsupported {
        /// The protocol's name of the kind, such as `pollCreationMessage`.
        #[schema(examples("pollCreationMessage"))]
        original: String,
    },
}

impl MessageContent {
    /// The stable name of the kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Text { .. } => "text",
            Self::Reaction { .. } => "reaction",
            Self::Image(_) => MediaKind::Image.as_str(),
            Self::Video(_) => MediaKind::Video.as_str(),
            Self::Audio(_) => MediaKind::Audio.as_str(),
            Self::Document(_) => MediaKind::Document.as_str(),
            Self::Sticker(_) => MediaKind::Sticker.as_str(),
            Self::Unsupported { .. } => "unsupported",
        }
    }

    /// A message with a file.
    #[must_use]
    pub const fn with_file(kind: MediaKind, attachment: Attachment) -> Self {
        match kind {
            MediaKind::Image => Self::Image(attachment),
            MediaKind::Video => Self::Video(attachment),
            MediaKind::Audio => Self::Audio(attachment),
            MediaKind::Document => Self::Document(attachment),
            MediaKind::Sticker => Self::Sticker(attachment),
        }
    }

    /// Its file, and what it is shown as.
    #[must_use]
    pub const fn file(&self) -> Option<(MediaKind, &Attachment)> {
        match self {
            Self::Image(attachment) => Some((MediaKind::Image, attachment)),
            Self::Video(attachment) => Some((MediaKind::Video, attachment)),
            Self::Audio(attachment) => Some((MediaKind::Audio, attachment)),
            Self::Document(attachment) => Some((MediaKind::Document, attachment)),
            Self::Sticker(attachment) => Some((MediaKind::Sticker, attachment)),
            Self::Text { .. } | Self::Reaction { .. } | Self::Unsupported { .. } => None,
        }
    }

    /// Whether it is a message in its own right, which moves its conversation up: a reaction is not.
    #[must_use]
    pub const fn is_news(&self) -> bool {
        !matches!(self, Self::Reaction { .. })
    }

    /// The text that a list of conversations shows for it.
    #[must_use]
    pub fn preview(&self) -> String {
        match self {
            Self::Text { text } => text.chars().take(120).collect(),
            Self::Reaction { emoji, .. } => emoji.clone(),
            Self::Unsupported { .. } => String::new(),
            Self::Image(file)
            | Self::Video(file)
            | Self::Audio(file)
            | Self::Document(file)
            | Self::Sticker(file) => {
                let words = file.caption.as_deref().or(file.media.filename.as_deref());
                words.unwrap_or_default().chars().take(120).collect()
            }
        }
    }
}

// Bodies must not reach a log through `{:?}`.
impl fmt::Debug for MessageContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { text } => write!(f, "Text({} bytes)", text.len()),
            Self::Reaction { provider_message_id, .. } => write!(f, "Reaction(to {provider_message_id})"),
            Self::Unsupported { original } => write!(f, "Unsupported({original})"),
            Self::Image(file)
            | Self::Video(file)
            | Self::Audio(file)
            | Self::Document(file)
            | Self::Sticker(file) => write!(f, "{}({file:?})", self.kind()),
        }
    }
}

/// The id under which WhatsApp knows a message. Chosen by its sender; unique only per chat and sender.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, examples("3EB0A1B2C3D4E5F60718"))]
pub struct ProviderMessageId(pub String);

impl ProviderMessageId {
    /// A new id in the shape that WhatsApp Web chooses: `3EB0` and 18 upper-case hex digits.
    ///
    /// Source: the ids that whatsapp-rust 0.7.0 sends.
    #[must_use]
    pub fn generate() -> Self {
        use std::fmt::Write as _;
        let mut id = String::from("3EB0");
        for byte in random::bytes::<9>() {
            let _ = write!(id, "{byte:02X}");
        }
        Self(id)
    }
}

impl fmt::Display for ProviderMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message as tenants see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The account that sent or received it.
    pub account_id: AccountId,
    /// The thread it belongs to.
    pub conversation_id: ConversationId,
    /// Who wrote it.
    pub direction: Direction,
    /// WhatsApp's id of it.
    pub provider_message_id: ProviderMessageId,
    /// The contact's number, where it is known.
    pub contact_phone: Option<PhoneNumber>,
    /// What it says.
    pub content: MessageContent,
    /// The message that it answers.
    #[serde(default)]
    pub reply_to: Option<Quote>,
    /// What people think of it: the latest reaction of each, in the order in which they came.
    #[serde(default)]
    pub reactions: Vec<Reaction>,
    /// How far it has come.
    pub status: MessageStatus,
    /// Why it failed: a stable code.
    pub error: Option<String>,
    /// When it was created: stored for sending, or written by its sender.
    pub created_at: Timestamp,
    /// When WhatsApp's server had it.
    pub sent_at: Option<Timestamp>,
    /// When the contact's device had it.
    pub delivered_at: Option<Timestamp>,
    /// When it was read: by the contact, or an inbound one by the account.
    pub read_at: Option<Timestamp>,
    /// When it stops being worth sending.
    pub expires_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_climb_as_the_ladder_says() {
        use MessageStatus::{Delivered, Failed, Played, Queued, Read, Sending, Sent, Uncertain};
        let ladder = [Queued, Sending, Failed, Uncertain, Sent, Delivered, Read, Played];
        assert!(ladder.iter().map(|s| s.rank()).is_sorted_by(|a, b| a < b));
        for status in MessageStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }

    #[test]
    fn generated_ids_look_like_whatsapp_web_and_differ() {
        let (a, b) = (ProviderMessageId::generate(), ProviderMessageId::generate());
        assert!(a.0.starts_with("3EB0") && a.0.len() == 22 && a.0.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_ne!(a, b);
    }

    #[test]
    fn a_message_in_an_event_from_before_reactions_is_still_read() {
        let json = serde_json::json!({
            "id": MessageId::new(), "account_id": AccountId::new(), "conversation_id": ConversationId::new(),
            "direction": "inbound", "provider_message_id": "3EB0", "contact_phone": null,
            "content": { "kind": "text", "text": "hi" }, "status": "received", "error": null,
            "created_at": "2026-01-02T03:04:05Z", "sent_at": null, "delivered_at": null, "read_at": null,
            "expires_at": null,
        });
        let message: Message = serde_json::from_value(json).unwrap();
        assert!(message.reactions.is_empty() && message.reply_to.is_none());
    }

    #[test]
    fn debug_hides_the_text() {
        assert_eq!(format!("{:?}", MessageContent::Text { text: "secret".into() }), "Text(6 bytes)");
    }
}
