//! What a session tells: the durable facts that pass through its outbox, and its state as heartbeats carry it.

use serde::{Deserialize, Serialize};

use crate::account::{AccountState, StateReason};
use crate::clock::Timestamp;
use crate::id::MediaId;
use crate::jid::Jid;
use crate::lease::StateNumber;
use crate::media::MediaFailure;
use crate::message::{MessageContent, ProviderMessageId};
use crate::phone::PhoneNumber;
use crate::reference::Quote;

/// A fact that must reach the API exactly as it happened: one outbox entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "few exist at a time, and most are messages")]
pub enum SessionEvent {
    /// A message arrived, or was sent from the phone or another linked device (`from_me`).
    Message(SessionMessage),
    /// A contact's device says what became of messages that we sent.
    Receipt(SessionReceipt),
    /// What became of the file of a message that arrived; always after the message.
    Media(SessionMedia),
}

/// A person's or group's address as far as the session knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The address the protocol used, without device.
    pub jid: Jid,
    /// The phone number behind it, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// The linked id (`…@lid`) behind it, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lid: Option<Jid>,
}

/// A message as the session saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionMessage {
    /// The chat it belongs to.
    pub chat: Address,
    /// Who wrote it: the chat itself in a 1:1 chat, a participant in a group, the account itself when `from_me`.
    pub sender: Address,
    /// Whether the account wrote it, on another of its devices.
    pub from_me: bool,
    /// The id its sender gave it.
    pub id: ProviderMessageId,
    /// The name that the sender shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_name: Option<String>,
    /// What it says.
    pub content: MessageContent,
    /// The message that it answers, by WhatsApp's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Quote>,
    /// When it was sent, by WhatsApp's clock, to the second.
    pub sent_at: Timestamp,
}

/// How far a receipt says that messages have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    /// The contact's device has them.
    Delivered,
    /// The contact has read them.
    Read,
    /// The contact has played them.
    Played,
}

/// A receipt for messages that the account sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReceipt {
    /// The chat the messages are in.
    pub chat: Address,
    /// Whose receipt it is.
    pub sender: Address,
    /// The messages.
    pub ids: Vec<ProviderMessageId>,
    /// How far they have come.
    pub kind: ReceiptKind,
    /// When, by WhatsApp's clock, to the second.
    pub at: Timestamp,
}

/// What became of the file of a message. The message is known by its id, who wrote it and what it says of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionMedia {
    /// The id that the message's sender gave it.
    pub id: ProviderMessageId,
    /// Whether the account wrote it, on another of its devices.
    pub from_me: bool,
    /// The SHA-256 of the file in hex, as the message says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: MediaOutcome,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum MediaOutcome {
    /// The API has it.
    Stored {
        /// Under this id.
        media_id: MediaId,
    },
    /// It cannot be had.
    Failed {
        /// Why.
        reason: MediaFailure,
    },
}

/// Where a session stands, as its node reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReport {
    /// Its state.
    pub state: AccountState,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<StateReason>,
    /// Since when, by the node's clock.
    pub since: Timestamp,
    /// Orders reports; a lower one than the last applied is ignored.
    pub number: StateNumber,
    /// The linked number; absent while not linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// The linked id of the account itself; absent while not linked or not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lid: Option<Jid>,
}

/// A QR code to show, and until when it can be scanned.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QrCode {
    /// The text that the code encodes. Whoever scans it links their number: treat it as a secret.
    pub text: String,
    /// When it runs out; another follows until the round ends.
    pub expires_at: Timestamp,
    /// When the round ends; after that a start asks for a new one.
    pub round_ends_at: Timestamp,
}

impl std::fmt::Debug for QrCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "QrCode(until {})", self.expires_at)
    }
}

/// A code to type into the phone that is to be linked, instead of scanning a QR code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingCode {
    /// Eight letters and digits. Whoever types it into that phone links the number: treat it as a secret.
    pub code: String,
    /// When it runs out.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for PairingCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PairingCode(until {})", self.expires_at)
    }
}

/// What became of one send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum SendOutcome {
    /// WhatsApp's server acknowledged the message.
    Acknowledged {
        /// When, by WhatsApp's clock where it said so, else by the node's.
        at: Timestamp,
    },
    /// WhatsApp's server refused the message; trying again does not help.
    Refused {
        /// The server's error code.
        code: u32,
    },
    /// Nothing was written: the session is not connected just now.
    NotConnected,
    /// It may have been written, but no acknowledgement came in time. A retry reuses the id.
    Unacknowledged,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_its_shape_on_the_wire() {
        let address = Address {
            jid: "15550000002@s.whatsapp.net".parse().unwrap(),
            phone: Some("+15550000002".parse().unwrap()),
            lid: None,
        };
        let event = SessionEvent::Message(SessionMessage {
            chat: address.clone(),
            sender: address,
            from_me: false,
            id: ProviderMessageId("3EB0AA".into()),
            push_name: None,
            content: MessageContent::Text { text: "hi".into() },
            reply_to: None,
            sent_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        });
        let json = serde_json::json!({
            "type": "message",
            "chat": {"jid": "15550000002@s.whatsapp.net", "phone": "+15550000002"},
            "sender": {"jid": "15550000002@s.whatsapp.net", "phone": "+15550000002"},
            "from_me": false,
            "id": "3EB0AA",
            "content": {"kind": "text", "text": "hi"},
            "sent_at": "2026-01-02T03:04:05.000000Z",
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), json);
        assert_eq!(serde_json::from_value::<SessionEvent>(json).unwrap(), event);
    }
}
