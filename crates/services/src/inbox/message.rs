//! One message in: from a contact, or written by the account on another of its devices.

use blazz_database::conversations::Touch;
use blazz_database::messages::{self, MessageRow};
use blazz_database::{Conn, conversations, early_receipts};
use blazz_domain::jid::JidKind;
use blazz_domain::media;
use blazz_domain::message::MAX_TEXT_BYTES;
use blazz_domain::reference::MAX_EMOJI_BYTES;
use blazz_domain::{
    Attachment, Direction, ErrorCode, EventPayload, Media, MediaState, Message, MessageContent, MessageId,
    MessageStatus, Quote, SessionMessage,
};

use super::entry::Intake;
use super::thread::{self, Thread};
use crate::ServiceError;
use crate::messages::{ME, about, reactions};

/// The most bytes of an id that a sender chose.
const MAX_ID_BYTES: usize = 128;

/// The most characters kept of what a quoted message says.
const MAX_PREVIEW_CHARS: usize = 120;

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
    let row = pointed(conn, row, &thread).await?;
    let Some(mut row) = messages::insert(conn, &row).await? else { return Ok(vec![]) };
    if row.content.is_news() {
        conversations::touch(conn, workspace_id, thread.conversation_id, touch(message, &row)).await?;
    }
    if message.from_me {
        row = with_early_receipt(conn, row).await?;
    }
    let mut payloads = thread.created_event(conn, workspace_id).await?;
    let reacted = reactions::apply(conn, &row, message.sent_at).await?;
    let message_view = Message::from(row);
    payloads.push(match message_view.direction {
        Direction::Inbound => EventPayload::MessageReceived(message_view),
        Direction::Outbound => EventPayload::MessageCreated(message_view),
    });
    payloads.extend(reacted);
    Ok(payloads)
}

fn check(message: &SessionMessage) -> Result<(), ServiceError> {
    let reacted_to = match &message.content {
        MessageContent::Reaction { provider_message_id, .. } => Some(provider_message_id),
        _ => None,
    };
    let answered = message.reply_to.as_ref().map(|quote| &quote.provider_message_id);
    let mut ids = [Some(&message.id), reacted_to, answered].into_iter().flatten();
    if ids.any(|id| id.0.is_empty() || id.0.len() > MAX_ID_BYTES || id.0.chars().any(char::is_control)) {
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
        reply_to: message.reply_to.as_ref().map(storable_quote),
        reactions: vec![],
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
        MessageContent::Text { text } => MessageContent::Text { text: plain(text, MAX_TEXT_BYTES) },
        MessageContent::Reaction { provider_message_id, emoji, .. } => MessageContent::Reaction {
            message_id: None,
            provider_message_id: provider_message_id.clone(),
            emoji: plain(emoji, MAX_EMOJI_BYTES),
        },
        MessageContent::Image(_)
        | MessageContent::Video(_)
        | MessageContent::Audio(_)
        | MessageContent::Document(_)
        | MessageContent::Sticker(_) => match content.file() {
            Some((kind, attachment)) => MessageContent::with_file(kind, storable_file(attachment)),
            None => content.clone(),
        },
        MessageContent::Unsupported { original } => MessageContent::Unsupported {
            original: original.chars().filter(|c| !c.is_control()).take(100).collect(),
        },
    }
}

/// Nothing is stored yet, whatever the session says.
fn storable_file(attachment: &Attachment) -> Attachment {
    let Media { state, mime_type, size, sha256, filename, error, .. } = attachment.media.clone();
    let is_failed = state == MediaState::Failed;
    let is_hash = |hash: &String| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let media = Media {
        state: if is_failed { MediaState::Failed } else { MediaState::Pending },
        id: None,
        mime_type: media::essence(&mime_type).unwrap_or_else(|| media::UNKNOWN_MIME.to_owned()),
        size: size.filter(|size| i64::try_from(*size).is_ok()),
        sha256: sha256.filter(is_hash),
        filename: filename.as_deref().and_then(media::filename),
        error: error.filter(|_| is_failed),
    };
    let caption = attachment.caption.as_deref().map(|caption| plain(caption, media::MAX_CAPTION_BYTES));
    Attachment { caption, voice: attachment.voice, media }
}

/// Which message it was is looked up here; the session only knows WhatsApp's id.
fn storable_quote(quote: &Quote) -> Quote {
    let preview = plain(&quote.preview, MAX_TEXT_BYTES).chars().take(MAX_PREVIEW_CHARS).collect();
    Quote { message_id: None, provider_message_id: quote.provider_message_id.clone(), preview }
}

fn plain(text: &str, max_bytes: usize) -> String {
    text.get(..text.floor_char_boundary(max_bytes)).unwrap_or_default().replace('\0', "\u{fffd}")
}

/// The message, with the ids of those that it answers or reacts to, where they are stored here.
async fn pointed(conn: &mut Conn, mut row: MessageRow, thread: &Thread) -> Result<MessageRow, ServiceError> {
    if let MessageContent::Reaction { provider_message_id: id, emoji, .. } = &row.content {
        let target = about::find_by_provider_id(conn, &row, thread, id).await?;
        row.content = MessageContent::Reaction {
            message_id: target.map(|target| target.id),
            provider_message_id: id.clone(),
            emoji: emoji.clone(),
        };
    }
    if let Some(mut quote) = row.reply_to.take() {
        let target = about::find_by_provider_id(conn, &row, thread, &quote.provider_message_id).await?;
        quote.message_id = target.map(|target| target.id);
        row.reply_to = Some(quote);
    }
    Ok(row)
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
    let Some(row) = raised else { return Ok(vec![]) };
    let reacted = reactions::apply(conn, &row, message.sent_at).await?;
    Ok(reacted.into_iter().chain([EventPayload::MessageStatusUpdated(Message::from(row))]).collect())
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
