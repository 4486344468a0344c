//! One message in: from a contact, or written by the account on another of its devices.

use blazz_database::conversations::Touch;
use blazz_database::messages::{self, MessageRow};
use blazz_database::{Conn, conversations, early_receipts};
use blazz_domain::jid::JidKind;
use blazz_domain::message::MAX_TEXT_BYTES;
use blazz_domain::{
    Direction, ErrorCode, EventPayload, Message, MessageContent, MessageId, MessageStatus, SessionMessage,
};

use super::entry::Intake;
use super::thread::{self, Thread};
use crate::ServiceError;
use crate::messages::ME;

/// The most bytes of an id that a sender chose.
const MAX_ID_BYTES: usize = 128;

/// Whether it belongs to a conversation. Status updates, broadcasts and channels do not.
pub(super) fn is_ours(message: &SessionMessage) -> bool {
    matches!(message.chat.jid.kind(), JidKind::Phone | JidKind::Lid | JidKind::Group)
}

/// The name that the contact shows. What comes with the account's own messages is the account's name.
pub(super) fn contact_name(message: &SessionMessage) -> Option<&str> {
    message.push_name.as_deref().filter(|_| !message.from_me)
}

pub(super) async fn take(
    intake: &Intake<'_>,
    conn: &mut Conn,
    message: &SessionMessage,
) -> Result<Vec<EventPayload>, ServiceError> {
    if !is_ours(message) {
        return Ok(vec![]);
    }
    check(message)?;
    let (workspace_id, account_id) = (intake.lease.workspace_id, intake.lease.account_id);
    let name = contact_name(message).filter(|_| message.sender.jid == message.chat.jid);
    let thread = thread::open(intake.services, conn, workspace_id, account_id, &message.chat, name).await?;
    conversations::lock(conn, workspace_id, thread.conversation_id).await?;
    let row = row(intake, conn, message, &thread).await?;
    if let Some(known) = find_known(conn, &row, &thread).await? {
        return known_already(intake, conn, message, known).await;
    }
    let Some(mut row) = messages::insert(conn, &row).await? else { return Ok(vec![]) };
    let touch = touch(message, &row);
    conversations::touch(conn, workspace_id, thread.conversation_id, touch).await?;
    if message.from_me {
        row = with_early_receipt(conn, row).await?;
    }
    let mut payloads = thread.created_event(conn, workspace_id).await?;
    let message_view = Message::from(row);
    payloads.push(match message_view.direction {
        Direction::Inbound => EventPayload::MessageReceived(message_view),
        Direction::Outbound => EventPayload::MessageCreated(message_view),
    });
    Ok(payloads)
}

fn check(message: &SessionMessage) -> Result<(), ServiceError> {
    let id = &message.id.0;
    if id.is_empty() || id.len() > MAX_ID_BYTES || id.chars().any(char::is_control) {
        return Err(ServiceError::refused(ErrorCode::InvalidRequest, "the message's id is not one"));
    }
    Ok(())
}

async fn row(
    intake: &Intake<'_>,
    conn: &mut Conn,
    message: &SessionMessage,
    thread: &Thread,
) -> Result<MessageRow, ServiceError> {
    let from_me = message.from_me;
    Ok(MessageRow {
        id: MessageId::new(),
        workspace_id: intake.lease.workspace_id,
        account_id: intake.lease.account_id,
        conversation_id: thread.conversation_id,
        direction: if from_me { Direction::Outbound } else { Direction::Inbound },
        sender: sender(intake, conn, message, thread).await?,
        provider_message_id: message.id.clone(),
        contact_phone: thread.contact_phone.clone(),
        content: storable(&message.content),
        status: if from_me { MessageStatus::Sent } else { MessageStatus::Received },
        error: None,
        created_at: message.sent_at,
        sent_at: Some(message.sent_at),
        delivered_at: None,
        read_at: None,
        expires_at: None,
    })
}

/// Who wrote it, once identity is resolved: the account, the contact of the thread, or a member of the group.
async fn sender(
    intake: &Intake<'_>,
    conn: &mut Conn,
    message: &SessionMessage,
    thread: &Thread,
) -> Result<String, ServiceError> {
    if message.from_me {
        return Ok(ME.to_owned());
    }
    if message.chat.jid.kind() != JidKind::Group {
        return Ok(thread.contact_id.to_string());
    }
    let name = contact_name(message);
    let member =
        thread::meet(intake.services, conn, intake.lease.workspace_id, &message.sender, name).await?;
    Ok(member.contact.id.to_string())
}

/// PostgreSQL cannot store U+0000; a peer can send it, and longer texts than its own clients let through.
fn storable(content: &MessageContent) -> MessageContent {
    match content {
        MessageContent::Text { text } => {
            let end = text.floor_char_boundary(MAX_TEXT_BYTES);
            MessageContent::Text { text: text.get(..end).unwrap_or_default().replace('\0', "\u{fffd}") }
        }
        MessageContent::Unsupported { original } => MessageContent::Unsupported {
            original: original.chars().filter(|c| !c.is_control()).take(100).collect(),
        },
    }
}

fn touch(message: &SessionMessage, row: &MessageRow) -> Touch {
    let (preview, at) = (row.content.preview(), message.sent_at);
    if message.from_me { Touch::Written { preview, at } } else { Touch::Received { preview, at } }
}

/// The message as it came before, if it did: from the same sender, in this conversation or in that of another contact which the same person
/// is known as.
async fn find_known(
    conn: &mut Conn,
    row: &MessageRow,
    thread: &Thread,
) -> Result<Option<MessageRow>, ServiceError> {
    let same_id =
        messages::list_by_provider_id(conn, row.workspace_id, row.account_id, &row.provider_message_id)
            .await?;
    let aliases: Vec<String> = thread.aliases.iter().map(ToString::to_string).collect();
    let is_same = |known: &MessageRow| {
        let here = known.conversation_id == row.conversation_id && known.sender == row.sender;
        here || aliases.contains(&known.sender)
    };
    Ok(same_id.into_iter().find(is_same))
}

/// A message that came before changes nothing; only seeing our own come back proves that it was sent.
async fn known_already(
    intake: &Intake<'_>,
    conn: &mut Conn,
    message: &SessionMessage,
    known: MessageRow,
) -> Result<Vec<EventPayload>, ServiceError> {
    if !message.from_me {
        return Ok(vec![]);
    }
    let workspace_id = intake.lease.workspace_id;
    let raised =
        messages::raise_status(conn, workspace_id, known.id, MessageStatus::Sent, message.sent_at, None)
            .await?;
    Ok(raised.map(|row| EventPayload::MessageStatusUpdated(Message::from(row))).into_iter().collect())
}

/// A receipt may have come before the message that it is about.
async fn with_early_receipt(conn: &mut Conn, row: MessageRow) -> Result<MessageRow, ServiceError> {
    let early =
        early_receipts::take(conn, row.workspace_id, row.account_id, &row.provider_message_id).await?;
    let Some(early) = early else { return Ok(row) };
    let raised = messages::raise_status(conn, row.workspace_id, row.id, early.status, early.at, None).await?;
    Ok(raised.unwrap_or(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_cannot_take_is_replaced_and_cut() {
        let text = |text: &str| MessageContent::Text { text: text.to_owned() };
        assert_eq!(storable(&text("a\0b")), text("a\u{fffd}b"));
        let MessageContent::Text { text } = storable(&text(&"ü".repeat(MAX_TEXT_BYTES))) else { panic!() };
        assert_eq!(text.len(), MAX_TEXT_BYTES);
    }
}
