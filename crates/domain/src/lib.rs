//! The words of Blazz: ids, phone numbers, states and their legal moves, event payloads, error codes.
//!
//! No I/O, no async, no framework. Everything above speaks in these types.

pub mod account;
pub mod audit;
pub mod clock;
pub mod conversation;
mod error_advice;
pub mod error_code;
pub mod event;
pub mod id;
pub mod jid;
pub mod lease;
pub mod message;
pub mod node;
pub mod page;
pub mod phone;
pub mod random;
pub mod reference;
pub mod scope;
pub mod session;

pub use account::{Account, AccountState, Desired, Provider, StateReason};
pub use audit::Actor;
pub use clock::{Clock, SystemClock, Timestamp};
pub use conversation::{Contact, Conversation};
pub use error_code::ErrorCode;
pub use event::{Event, EventPayload};
pub use id::{
    AccountId, ApiKeyId, AuditEntryId, ContactId, ConversationId, EventId, JobId, MessageId, OutboxId,
    RejectedEventId, WorkspaceId,
};
pub use jid::Jid;
pub use lease::{Epoch, Incarnation, Lease, StateNumber};
pub use message::{Direction, Message, MessageContent, MessageStatus, ProviderMessageId};
pub use node::NodeId;
pub use page::Page;
pub use phone::PhoneNumber;
pub use reference::{Quote, Reaction, Reference};
pub use scope::{Grants, GrantsError, Scope};
pub use session::{
    Address, PairingCode, QrCode, ReceiptKind, SendOutcome, SessionEvent, SessionMessage, SessionReceipt,
    SessionReport,
};
