//! The thread that a message belongs to: its contact and its conversation, created where they are new.

use blazz_database::contacts::{self, Met, NewContact};
use blazz_database::messages::MessageRow;
use blazz_database::{Conn, conversations};
use blazz_domain::jid::JidKind;
use blazz_domain::{
    AccountId, Address, ContactId, Conversation, ConversationId, EventPayload, PhoneNumber, WorkspaceId,
};

use crate::{ServiceError, Services};

/// The most characters kept of a name that a contact shows.
const MAX_NAME_CHARS: usize = 100;

/// A conversation, found or begun.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) account_id: AccountId,
    pub(crate) conversation_id: ConversationId,
    pub(crate) contact_id: ContactId,
    pub(crate) contact_phone: Option<PhoneNumber>,
    /// Other contacts that the same person is known as.
    pub(crate) aliases: Vec<ContactId>,
    is_new: bool,
}

/// The thread of an account with whoever has this address.
pub(crate) async fn open(
    services: &Services,
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    account_id: AccountId,
    address: &Address,
    name: Option<&str>,
) -> Result<Thread, ServiceError> {
    let Met { contact, aliases } = meet(services, conn, workspace_id, address, name).await?;
    let now = services.clock.now();
    let (conversation, is_new) =
        conversations::upsert(conn, workspace_id, account_id, contact.id, now).await?;
    Ok(Thread {
        account_id,
        conversation_id: conversation.id,
        contact_id: contact.id,
        contact_phone: contact.phone,
        aliases,
        is_new,
    })
}

/// The contact with this address, known from now on by everything that the address says.
pub(crate) async fn meet(
    services: &Services,
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    address: &Address,
    name: Option<&str>,
) -> Result<Met, ServiceError> {
    let new = described(address, name);
    Ok(contacts::upsert_by_address(conn, workspace_id, new, services.clock.now()).await?)
}

fn described(address: &Address, name: Option<&str>) -> NewContact {
    NewContact {
        jid: address.jid.clone(),
        phone: address.phone.clone().or_else(|| address.jid.phone_number()),
        lid: address
            .lid
            .clone()
            .or_else(|| Some(address.jid.clone()).filter(|jid| jid.kind() == JidKind::Lid)),
        name: name.and_then(shown_name),
    }
}

impl Thread {
    /// Whether a message belongs to it: it stands in it, or in that of another contact which the same person is known as.
    pub(crate) fn holds(&self, message: &MessageRow) -> bool {
        let is_same_person = || {
            let by_number = self.contact_phone.is_some() && message.contact_phone == self.contact_phone;
            by_number || self.aliases.iter().any(|alias| message.sender == alias.to_string())
        };
        message.account_id == self.account_id
            && (message.conversation_id == self.conversation_id || is_same_person())
    }

    /// The event of a conversation that has just begun, as it stands now.
    pub(crate) async fn created_event(
        &self,
        conn: &mut Conn,
        workspace_id: WorkspaceId,
    ) -> Result<Vec<EventPayload>, ServiceError> {
        if !self.is_new {
            return Ok(vec![]);
        }
        let row = conversations::find(conn, workspace_id, self.conversation_id).await?;
        Ok(row.map(Conversation::from).map(EventPayload::ConversationCreated).into_iter().collect())
    }
}

/// Contacts choose their names freely; a store and a log line do not take everything.
fn shown_name(name: &str) -> Option<String> {
    let name: String = name.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_and_cleaned() {
        assert_eq!(shown_name(" Ann\u{0}a\n ").as_deref(), Some("Anna"));
        assert_eq!(shown_name("\u{7}  "), None);
        assert_eq!(shown_name(&"é".repeat(500)).unwrap().chars().count(), MAX_NAME_CHARS);
    }
}
