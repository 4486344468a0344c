//! The words of Blazz: ids, phone numbers, states and their legal moves, event payloads, error codes.
//!
//! No I/O, no async, no framework. Everything above speaks in these types.

pub mod account;
pub mod audit;
pub mod client_version;
pub mod clock;
pub mod conversation;
mod error_advice;
pub mod error_code;
pub mod event;
pub mod id;
pub mod jid;
pub mod lease;
pub mod media;
pub mod message;
pub mod node;
pub mod page;
pub mod phone;
pub mod profile;
pub mod proxy;
pub mod random;
pub mod reference;
pub mod scope;
pub mod session;
pub mod session_settings;

pub use account::{Account, AccountState, Desired, Provider, StateReason};
pub use audit::Actor;
pub use client_version::{ClientVersion, VersionSource};
pub use clock::{Clock, SystemClock, Timestamp};
pub use conversation::{Contact, Conversation};
pub use error_code::ErrorCode;
pub use event::{Event, EventPayload};
pub use id::{
    AccountId, ApiKeyId, AuditEntryId, ContactId, ConversationId, EventId, JobId, MediaId, MessageId,
    OutboxId, RejectedEventId, WorkspaceId,
};
pub use jid::Jid;
pub use lease::{Epoch, Incarnation, Lease, StateNumber};
pub use media::{Attachment, Media, MediaFailure, MediaFile, MediaKind, MediaState};
pub use message::{Direction, Message, MessageContent, MessageStatus, ProviderMessageId};
pub use node::NodeId;
pub use page::Page;
pub use phone::PhoneNumber;
pub use profile::{Profile, ProfileChange};
pub use proxy::{Proxy, ProxyKind, ProxyView};
pub use reference::{Quote, Reaction, Reference};
pub use scope::{Grants, GrantsError, Scope};
pub use session::{
    Address, MediaOutcome, PairingCode, QrCode, ReceiptKind, SendOutcome, SessionEvent, SessionMedia,
    SessionMessage, SessionReceipt, SessionReport,
};
pub use session_settings::SessionSettings;
