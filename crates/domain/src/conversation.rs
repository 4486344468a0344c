//! Conversations and the contacts they are held with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{AccountId, ContactId, ConversationId};
use crate::jid::Jid;
use crate::phone::PhoneNumber;

/// A person or group as tenants see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Its WhatsApp address: by phone number where that is known.
    pub jid: Jid,
    /// Its phone number, where it is known.
    pub phone: Option<PhoneNumber>,
    /// The name it shows, where it is known.
    pub name: Option<String>,
}

/// The thread of one account with one contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The account that holds it.
    pub account_id: AccountId,
    /// With whom.
    pub contact: Contact,
    /// The text of its last message, cut to 120 characters.
    pub last_message_preview: Option<String>,
    /// When its last message was sent.
    pub last_message_at: Option<Timestamp>,
    /// Inbound messages since the account last wrote or read.
    pub unread: i32,
    /// When it began.
    pub created_at: Timestamp,
}
