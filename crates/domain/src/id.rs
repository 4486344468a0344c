//! Public ids: UUIDv7, one type per thing, so that a conversation's id cannot be passed for an account's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = Uuid, examples("019c1f7e-3c52-7e21-9a56-0f2a8c9d1e10"))]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id; ids made later sort after it.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a default id would be a fresh id by accident")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// A tenant.
    WorkspaceId;
    /// One WhatsApp number of a workspace.
    AccountId;
    /// A person or group that a workspace talks with.
    ContactId;
    /// The thread of one account with one contact.
    ConversationId;
    /// One message, inbound or outbound.
    MessageId;
    /// A stored file of a workspace.
    MediaId;
    /// An immutable fact of a workspace.
    EventId;
    /// An API key (its public half).
    ApiKeyId;
    /// A unit of background work.
    JobId;
    /// One opening of a session's outbox; minted anew each time, so two outboxes can never share a key.
    OutboxId;
    /// An outbox entry that the API could not take.
    RejectedEventId;
    /// An entry of the audit log.
    AuditEntryId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_birth_and_survive_text() {
        let ids: Vec<MessageId> = (0..100).map(|_| MessageId::new()).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids[0].to_string().parse::<MessageId>().unwrap(), ids[0]);
        assert!("not an id".parse::<MessageId>().is_err());
    }
}
