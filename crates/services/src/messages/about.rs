//! The message that another one is about: the one it answers, or reacts to.

use blazz_database::messages::{self, MessageRow};
use blazz_database::{Conn, contacts};
use blazz_domain::{
    Attachment, ErrorCode, Jid, MessageContent, MessageId, ProviderMessageId, Quote, Reference, WorkspaceId,
};

use super::store::ME;
use crate::ServiceError;
use crate::inbox::thread::Thread;

/// The most characters of a text that a reply repeats: message and quote together fit into one call to the node.
const MAX_QUOTED_CHARS: usize = 1024;

/// The message that a request to send wants to answer or to react to.
///
/// # Errors
/// `message_not_found` when the workspace has none of this id, `wrong_conversation` when it is in another one.
pub(super) async fn find(
    conn: &mut Conn,
    workspace_id: WorkspaceId,
    thread: &Thread,
    id: MessageId,
) -> Result<MessageRow, ServiceError> {
    let Some(message) = messages::find(conn, workspace_id, id).await? else {
        let detail = "no message of this workspace has this id";
        return Err(ServiceError::refused(ErrorCode::MessageNotFound, detail));
    };
    if !thread.holds(&message) {
        let detail = "only a message of the conversation with the recipient can be answered or reacted to";
        return Err(ServiceError::refused(ErrorCode::WrongConversation, detail));
    }
    if !message.content.is_news() {
        let detail = "a reaction cannot be answered or reacted to";
        return Err(ServiceError::refused(ErrorCode::InvalidRequest, detail));
    }
    Ok(message)
}

/// The message of a thread that WhatsApp knows by this id; the oldest where there are several.
pub(crate) async fn find_by_provider_id(
    conn: &mut Conn,
    like: &MessageRow,
    thread: &Thread,
    id: &ProviderMessageId,
) -> Result<Option<MessageRow>, ServiceError> {
    let same_id = messages::list_by_provider_id(conn, like.workspace_id, like.account_id, id).await?;
    Ok(same_id.into_iter().find(|message| thread.holds(message) && message.content.is_news()))
}

/// The message quoted.
pub(super) fn quote(message: &MessageRow) -> Quote {
    Quote {
        message_id: Some(message.id),
        provider_message_id: message.provider_message_id.clone(),
        preview: message.content.preview(),
    }
}

/// What the node has to know of the message that this one is about.
pub(super) async fn reference(
    conn: &mut Conn,
    message: &MessageRow,
    chat: &Jid,
) -> Result<Option<Reference>, ServiceError> {
    let id = match (&message.content, &message.reply_to) {
        (MessageContent::Reaction { message_id, .. }, _) => *message_id,
        (_, Some(quote)) => quote.message_id,
        (_, None) => None,
    };
    let Some(id) = id else { return Ok(None) };
    let Some(about) = messages::find(conn, message.workspace_id, id).await? else { return Ok(None) };
    let from_me = about.sender == ME;
    let sender = if from_me { None } else { Some(author(conn, &about, chat).await?) };
    let content = excerpt(about.content);
    Ok(Some(Reference { id: about.provider_message_id, from_me, sender, content }))
}

/// A reply repeats the beginning of a long text; whoever has the message shows it from their own copy.
fn excerpt(content: MessageContent) -> MessageContent {
    match content {
        MessageContent::Text { text } => {
            MessageContent::Text { text: text.chars().take(MAX_QUOTED_CHARS).collect() }
        }
        other => match other.file() {
            Some((kind, attachment)) => {
                let caption = attachment.caption.as_deref();
                let caption = caption.map(|caption| caption.chars().take(MAX_QUOTED_CHARS).collect());
                MessageContent::with_file(kind, Attachment { caption, ..attachment.clone() })
            }
            None => other,
        },
    }
}

/// Who wrote an inbound message: the chat itself, or a member of the group.
async fn author(conn: &mut Conn, message: &MessageRow, chat: &Jid) -> Result<Jid, ServiceError> {
    let Ok(contact_id) = message.sender.parse() else { return Ok(chat.clone()) };
    let contact = contacts::find(conn, message.workspace_id, blazz_domain::ContactId(contact_id)).await?;
    Ok(contact.map_or_else(|| chat.clone(), |contact| contact.jid))
}
