//! A conversation is read: nothing in it is unread any more, and its writers will be told.

use std::collections::BTreeMap;

use blazz_database::messages::{self, MessageRow};
use blazz_database::{Conn, DatabaseError, conversations};
use blazz_domain::{
    Conversation, ConversationId, Direction, EventPayload, MessageId, ProviderMessageId, WorkspaceId,
};
use blazz_jobs::{EnqueueOptions, enqueue};
use blazz_wire::node_api::MAX_READ_IDS;
use blazz_wire::request_id::RequestId;

use super::TellReadJob;
use crate::messages::wake;
use crate::{ServiceError, Services, events};

/// How many messages one call looks back.
const WINDOW: u32 = 1000;

/// Notes that the account has read a conversation, to its end or up to a message, and stores what tells the writers. It looks at
/// the latest 1,000 messages; of older ones nobody is told.
///
/// # Errors
/// When the workspace has no such conversation, or the conversation no such message.
pub async fn read(
    services: &Services,
    workspace_id: WorkspaceId,
    id: ConversationId,
    up_to: Option<MessageId>,
    request_id: &RequestId,
) -> Result<Conversation, ServiceError> {
    let (conversation, has_jobs) = events::record(services, workspace_id, async |conn| {
        let unread_before = lock(conn, workspace_id, id).await?;
        check_message(conn, workspace_id, id, up_to).await?;
        let latest = messages::list_of_conversation(conn, workspace_id, id, None, WINDOW).await?;
        let unread = latest.into_iter().filter(is_unread);
        let (seen, newer): (Vec<_>, Vec<_>) =
            unread.partition(|message| up_to.is_none_or(|last| message.id <= last));
        let unread_after = unread_before.min(i32::try_from(newer.len()).unwrap_or(i32::MAX));
        let has_jobs = note(services, conn, &seen, request_id).await?;
        if unread_after != unread_before {
            conversations::set_unread(conn, workspace_id, id, unread_after).await?;
        }
        let found = conversations::find(conn, workspace_id, id).await?;
        let conversation = Conversation::from(found.ok_or_else(not_found)?);
        let changed = unread_after != unread_before;
        let payload = changed.then(|| EventPayload::ConversationUpdated(conversation.clone()));
        Ok(((conversation, has_jobs), payload.into_iter().collect()))
    })
    .await?;
    if has_jobs {
        wake(services);
    }
    Ok(conversation)
}

fn not_found() -> ServiceError {
    ServiceError::not_found("conversation")
}

/// Locks the conversation; gives how many messages of it are unread.
async fn lock(conn: &mut Conn, workspace_id: WorkspaceId, id: ConversationId) -> Result<i32, ServiceError> {
    match conversations::lock(conn, workspace_id, id).await {
        Ok(row) => Ok(row.unread),
        Err(DatabaseError::NotFound) => Err(not_found()),
        Err(error) => Err(error.into()),
    }
}

async fn check_message(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    id: ConversationId,
    up_to: Option<MessageId>,
) -> Result<(), ServiceError> {
    let Some(up_to) = up_to else { return Ok(()) };
    let found = messages::find(conn, workspace_id, up_to).await?;
    match found.filter(|message| message.conversation_id == id) {
        Some(_) => Ok(()),
        None => Err(ServiceError::not_found("message of this conversation")),
    }
}

/// Whether it is news from a contact that the account has not read. Nobody is told that a reaction was.
fn is_unread(message: &MessageRow) -> bool {
    message.direction == Direction::Inbound && message.read_at.is_none() && message.content.is_news()
}

/// Notes that messages of one conversation were read, with the jobs that tell their writers; says whether there are any.
async fn note(
    services: &Services,
    conn: &mut Conn,
    seen: &[MessageRow],
    request_id: &RequestId,
) -> Result<bool, ServiceError> {
    let Some(first) = seen.first() else { return Ok(false) };
    let now = services.clock.now();
    let ids: Vec<MessageId> = seen.iter().map(|message| message.id).collect();
    messages::set_read(conn, first.workspace_id, &ids, now).await?;
    let mut by_sender: BTreeMap<&str, Vec<ProviderMessageId>> = BTreeMap::new();
    for message in seen {
        by_sender.entry(&message.sender).or_default().push(message.provider_message_id.clone());
    }
    for (sender, ids) in by_sender {
        for ids in ids.chunks(MAX_READ_IDS) {
            let job = TellReadJob {
                workspace_id: first.workspace_id,
                account_id: first.account_id,
                conversation_id: first.conversation_id,
                sender: sender.to_owned(),
                ids: ids.to_vec(),
                read_at: now,
                request_id: request_id.to_string(),
            };
            enqueue(conn, services.clock.as_ref(), &job, EnqueueOptions::default()).await?;
        }
    }
    Ok(true)
}
