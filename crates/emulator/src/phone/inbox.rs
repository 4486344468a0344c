//! What the phone decrypted, which receipts it got, and what it sent: kept for the script to look at.

use std::collections::{HashMap, VecDeque};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use blazz_domain::Timestamp;
use serde::{Deserialize, Serialize};
use whatsapp_rust::buffa::Message as _;
use whatsapp_rust::waproto::whatsapp as wa;

use super::details::{Attachment, Reaction};
use super::history::Past;
use super::send::SentMessage;

/// Messages, receipts and sent messages that a phone keeps; the oldest go first.
const LIMIT: usize = 200_000;
/// Presence and typing that a phone keeps; the oldest go first.
const SIGNAL_LIMIT: usize = 1000;
/// Sent messages that can still be sent again when a device asks.
const SENT_LIMIT: usize = 4096;

/// A message as a phone decrypted it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneMessage {
    /// The id that its sender gave it.
    pub id: String,
    /// The sender's number, digits only.
    pub from: String,
    /// The sender's device: 0 is a phone.
    pub from_device: u16,
    /// Whom it was sent to: this phone's number, or the peer's for a copy of what a companion of this account sent.
    pub to: String,
    /// The chat of many that it was sent into: the address of a group, or `status@broadcast`. `to` is the same then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// What it is: `text`, `image`, `reaction`, … (the protobuf field, without `_message`).
    pub kind: String,
    /// The text or caption, or the emoji of a reaction; empty when there is none.
    pub body: String,
    /// The message that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What it reacts to, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaction: Option<Reaction>,
    /// Its file, as the message describes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<Attachment>,
    /// When it was sent and when it was read.
    pub times: Times,
    /// How often a stanza with this id and sender reached the phone with a payload for it. Never hidden, never corrected.
    pub arrivals: u32,
    /// The decrypted protobuf (`Message`), base64.
    pub raw: String,
}

/// The times of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// When the server took it.
    pub sent_at: Timestamp,
    /// When the phone decrypted it first.
    pub received_at: Timestamp,
}

/// A receipt that a phone got for what its account sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneReceipt {
    /// The message.
    pub id: String,
    /// Who confirms, digits only.
    pub from: String,
    /// Which of the peer's devices.
    pub from_device: u16,
    /// The chat of many that the message is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// `delivered`, `inactive`, `read`, `played`, ….
    #[serde(rename = "type")]
    pub kind: String,
    /// When it came.
    pub at: Timestamp,
}

/// A message of a chat, found by its id.
pub(crate) struct Known {
    /// Did this account send it?
    pub(crate) is_own: bool,
    /// Who wrote it, by number.
    pub(crate) author: String,
    pub(crate) message: wa::Message,
}

/// Presence or typing that a phone saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneSignal {
    /// Whose, digits only.
    pub from: String,
    /// The group that somebody types in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// `available`, `unavailable`, `composing`, `recording` or `paused`.
    pub state: String,
    /// When the other was online last, for `unavailable` and when its privacy shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
    /// When it came.
    pub at: Timestamp,
}

/// What a phone keeps.
#[derive(Default)]
pub(crate) struct Inbox {
    messages: Vec<PhoneMessage>,
    /// Place in `messages` by sender and id.
    places: HashMap<(String, String), usize>,
    receipts: Vec<PhoneReceipt>,
    signals: VecDeque<PhoneSignal>,
    sent: Vec<SentMessage>,
    /// What the script says was written before; `None` while the phone has no history to hand over.
    history: Option<Vec<Past>>,
    /// Which receipts the phone has sent, by sender, id and kind.
    confirmed: std::collections::HashSet<(String, String, String)>,
}

impl Inbox {
    /// Counts an arrival of a message that is there already; `false` when it is not.
    pub(super) fn arrived_again(&mut self, from: &str, id: &str) -> bool {
        let Some(place) = self.places.get(&(from.to_owned(), id.to_owned())) else { return false };
        let Some(message) = self.messages.get_mut(*place) else { return false };
        message.arrivals = message.arrivals.saturating_add(1);
        true
    }

    /// Keeps a message, or counts its arrival.
    pub(super) fn keep(&mut self, message: PhoneMessage) {
        if self.arrived_again(&message.from, &message.id) || self.messages.len() >= LIMIT {
            return;
        }
        self.places.insert((message.from.clone(), message.id.clone()), self.messages.len());
        self.messages.push(message);
    }

    pub(super) fn keep_receipt(&mut self, receipt: PhoneReceipt) {
        if self.receipts.len() < LIMIT {
            self.receipts.push(receipt);
        }
    }

    pub(super) fn keep_signal(&mut self, signal: PhoneSignal) {
        if self.signals.len() >= SIGNAL_LIMIT {
            self.signals.pop_front();
        }
        self.signals.push_back(signal);
    }

    pub(crate) fn signals(&self) -> Vec<PhoneSignal> {
        self.signals.iter().cloned().collect()
    }

    pub(super) fn keep_sent(&mut self, sent: SentMessage) {
        if self.sent.len() >= SENT_LIMIT {
            self.sent.drain(..SENT_LIMIT / 2);
        }
        self.sent.push(sent);
    }

    pub(super) fn sent(&self, id: &str) -> Option<SentMessage> {
        self.sent.iter().rev().find(|sent| sent.id == id).cloned()
    }

    /// The newest message with that id that the phone decrypted.
    pub(crate) fn message(&self, id: &str) -> Option<wa::Message> {
        self.messages.iter().rev().find(|message| message.id == id).and_then(decode)
    }

    /// A message of the chat between this account and a peer, or of a chat of many, by whomever.
    pub(crate) fn known(&self, own: &str, peer: &str, id: &str) -> Option<Known> {
        let sent = self.sent.iter().rev().find(|sent| sent.id == id && sent.to == peer && !sent.is_peer);
        if let Some(sent) = sent {
            return Some(Known { is_own: true, author: own.to_owned(), message: sent.message.clone() });
        }
        let received = self.messages.iter().rev().find(|message| {
            let is_here = match message.group.as_deref() {
                Some(group) => group == peer,
                None => message.from == peer || (message.from == own && message.to == peer),
            };
            message.id == id && is_here
        })?;
        let author = received.from.clone();
        Some(Known { is_own: author == own, author, message: decode(received)? })
    }

    /// Gives the phone a past.
    pub(super) fn keep_history(&mut self, history: Vec<Past>) {
        self.history = Some(history);
    }

    /// Everything that a new companion may be told, oldest first; `None` when the phone has no history to hand over.
    pub(super) fn history(&self, own: &str) -> Option<Vec<Past>> {
        let mut past = self.history.clone()?;
        past.extend(self.sent.iter().filter(|sent| !sent.is_peer).map(|sent| Past {
            chat: sent.to.clone(),
            author: own.to_owned(),
            id: sent.id.clone(),
            at: sent.at,
            message: sent.message.clone(),
        }));
        past.extend(self.messages.iter().filter(|message| message.kind != "protocol").filter_map(
            |received| {
                let peer = if received.from == own { &received.to } else { &received.from };
                Some(Past {
                    chat: received.group.as_ref().unwrap_or(peer).clone(),
                    author: received.from.clone(),
                    id: received.id.clone(),
                    at: received.times.sent_at.unix_seconds(),
                    message: decode(received)?,
                })
            },
        ));
        past.sort_by_key(|message| message.at);
        Some(past)
    }

    /// Remembers that a receipt goes out; `false` when it went before.
    pub(super) fn confirm(&mut self, from: &str, id: &str, kind: &str) -> bool {
        self.confirmed.insert((from.to_owned(), id.to_owned(), kind.to_owned()))
    }

    pub(crate) fn messages(&self) -> Vec<PhoneMessage> {
        self.messages.clone()
    }

    /// The messages of one sender in the chat with it, or in a chat of many, oldest first.
    pub(super) fn messages_from(&self, from: &str, group: Option<&str>) -> Vec<PhoneMessage> {
        let is_asked = |message: &&PhoneMessage| message.from == from && message.group.as_deref() == group;
        self.messages.iter().filter(is_asked).cloned().collect()
    }

    pub(crate) fn receipts(&self) -> Vec<PhoneReceipt> {
        self.receipts.clone()
    }
}

/// The protobuf as the API shows it.
pub(super) fn raw(message: &wa::Message) -> String {
    BASE64_STANDARD.encode(message.encode_to_vec())
}

fn decode(message: &PhoneMessage) -> Option<wa::Message> {
    wa::Message::decode_from_slice(&BASE64_STANDARD.decode(&message.raw).ok()?).ok()
}
