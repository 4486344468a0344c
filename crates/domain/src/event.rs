//! The event log: immutable facts of a workspace, numbered without gaps.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::Account;
use crate::clock::Timestamp;
use crate::conversation::Conversation;
use crate::id::{AccountId, EventId};
use crate::message::Message;

/// What happened, with the object as it stood right after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum EventPayload {
    /// An account was created.
    #[serde(rename = "account.created")]
    AccountCreated(Account),
    /// An account's name changed.
    #[serde(rename = "account.updated")]
    AccountUpdated(Account),
    /// An account's session changed its state.
    #[serde(rename = "account.state.updated")]
    AccountStateUpdated(Account),
    /// An account was deleted.
    #[serde(rename = "account.deleted")]
    AccountDeleted(Account),
    /// A conversation began.
    #[serde(rename = "conversation.created")]
    ConversationCreated(Conversation),
    /// A conversation was read.
    #[serde(rename = "conversation.updated")]
    ConversationUpdated(Conversation),
    /// A message to send was stored, or one that the account wrote on another device was seen.
    #[serde(rename = "message.created")]
    MessageCreated(Message),
    /// A message from a contact was stored.
    #[serde(rename = "message.received")]
    MessageReceived(Message),
    /// A message climbed the ladder of statuses.
    #[serde(rename = "message.status.updated")]
    MessageStatusUpdated(Message),
    /// Somebody reacted to a message, thought better of it or took it back.
    #[serde(rename = "message.reactions.updated")]
    MessageReactionsUpdated(Message),
    /// The file of a message can be had.
    #[serde(rename = "message.media.stored")]
    MessageMediaStored(Message),
    /// The file of a message could not be stored, and will not be.
    #[serde(rename = "message.media.failed")]
    MessageMediaFailed(Message),
}

impl EventPayload {
    /// The stable name of what happened.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AccountCreated(_) => "account.created",
            Self::AccountUpdated(_) => "account.updated",
            Self::AccountStateUpdated(_) => "account.state.updated",
            Self::AccountDeleted(_) => "account.deleted",
            Self::ConversationCreated(_) => "conversation.created",
            Self::ConversationUpdated(_) => "conversation.updated",
            Self::MessageCreated(_) => "message.created",
            Self::MessageReceived(_) => "message.received",
            Self::MessageStatusUpdated(_) => "message.status.updated",
            Self::MessageReactionsUpdated(_) => "message.reactions.updated",
            Self::MessageMediaStored(_) => "message.media.stored",
            Self::MessageMediaFailed(_) => "message.media.failed",
        }
    }

    /// The account it is about.
    #[must_use]
    pub const fn account_id(&self) -> AccountId {
        match self {
            Self::AccountCreated(account)
            | Self::AccountUpdated(account)
            | Self::AccountStateUpdated(account)
            | Self::AccountDeleted(account) => account.id,
            Self::ConversationCreated(conversation) | Self::ConversationUpdated(conversation) => {
                conversation.account_id
            }
            Self::MessageCreated(message)
            | Self::MessageReceived(message)
            | Self::MessageStatusUpdated(message)
            | Self::MessageReactionsUpdated(message)
            | Self::MessageMediaStored(message)
            | Self::MessageMediaFailed(message) => message.account_id,
        }
    }
}

/// One entry of the event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Its place in the workspace's log: 1, 2, 3 … without gaps.
    pub sequence: i64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The account it is about.
    pub account_id: AccountId,
    /// What happened.
    #[serde(flatten)]
    pub payload: EventPayload,
}
