//! What phones say: texts, replies, reactions and files, put together as WhatsApp's own apps do, and read again.

mod file;

use std::sync::Arc;

use serde::Deserialize;
use whatsapp_rust::buffa::MessageField;
use whatsapp_rust::wacore::download::MediaType;
use whatsapp_rust::waproto::whatsapp as wa;

pub use self::file::{FileToSend, Image};
use crate::account::{Account, acquaint};
use crate::chat::Chat;
use crate::error::EmulatorError;
use crate::phone::{self, Known, Outgoing, attachment};
use crate::script::find;
use crate::server::Server;
use crate::{entropy, groups, status};

/// The longest text or caption that a phone sends, in bytes.
const LONGEST_TEXT: usize = 65_536;
/// The longest emoji, in bytes: families of several people take some dozens.
const LONGEST_EMOJI: usize = 64;

/// A message that a phone shall send.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Content {
    /// What it says.
    #[serde(flatten)]
    pub kind: ContentKind,
    /// The id of the message of the same chat that it answers; not for reactions.
    #[serde(default)]
    pub reply_to: Option<String>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// A text of 1 to 65,536 bytes.
    Text(String),
    /// A reaction to a message of the same chat.
    Reaction(ReactionTo),
    /// An image, encrypted and put on the emulator's media host.
    Image(Image),
    /// A video.
    Video(FileToSend),
    /// Audio, or a voice note.
    Audio(FileToSend),
    /// Any file.
    Document(FileToSend),
    /// A sticker.
    Sticker(FileToSend),
}

impl From<ContentKind> for Content {
    fn from(kind: ContentKind) -> Self {
        Self { kind, reply_to: None }
    }
}

/// A reaction that a phone shall send.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReactionTo {
    /// The message that it is about.
    pub id: String,
    /// The emoji; empty takes an earlier reaction back.
    pub emoji: String,
}

/// Sends a message from a phone to another account, into a group, or to its status; returns its id.
pub(crate) async fn send(
    server: &Arc<Server>,
    phone: &str,
    to: &str,
    content: Content,
    id: Option<String>,
) -> Result<String, EmulatorError> {
    let account = find(server, phone)?;
    let to = Chat::find(server, to)?;
    let id = id.unwrap_or_else(|| format!("3A{}", entropy::hexadecimal::<9>()));
    if id.is_empty() || id.len() > 128 || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(EmulatorError::BadRequest("an id has 1 to 128 visible ASCII characters".into()));
    }
    let message = message(server, &account, &to, content)?;
    let jid = to.jid();
    let sent = match to {
        Chat::Account(to) => {
            acquaint(&account, &to);
            phone::send(server, &account, Outgoing { id: id.clone(), to, message }).await
        }
        Chat::Group(group) => {
            if !group.may_write(&account) {
                return Err(EmulatorError::Refused("the phone may not write to that group".into()));
            }
            let audience = groups::audience(&group.accounts(server));
            phone::send_to_many(server, &account, &jid, id.clone(), message, &audience).await
        }
        Chat::Status => {
            let audience = groups::audience(&status::viewers(server, &account));
            phone::send_to_many(server, &account, &jid, id.clone(), message, &audience).await
        }
    };
    sent.map_err(|error| EmulatorError::Internal(format!("{error:#}")))?;
    Ok(id)
}

/// The decrypted file of the newest message with that id, and its MIME type.
pub(crate) fn media(server: &Server, phone: &str, id: &str) -> Result<(String, Vec<u8>), EmulatorError> {
    let account = find(server, phone)?;
    let message = account.phone.inbox().message(id).ok_or(EmulatorError::UnknownMessage)?;
    let file = attachment::file_of(&message).ok_or(EmulatorError::NoMedia)?;
    let plain = attachment::open(&server.media, &file)?;
    Ok((file.mimetype, plain))
}

fn message(
    server: &Server,
    account: &Account,
    to: &Chat,
    content: Content,
) -> Result<wa::Message, EmulatorError> {
    let Content { kind, reply_to } = content;
    let context = reply_to.map(|id| quote(server, account, to, &id)).transpose()?;
    match kind {
        ContentKind::Text(text) => text_message(text, context),
        ContentKind::Reaction(_) if context.is_some() => {
            Err(EmulatorError::BadRequest("a reaction is no reply: it names its message itself".into()))
        }
        ContentKind::Reaction(reaction) => reaction_message(server, account, to, reaction),
        ContentKind::Image(image) => file::message(server, MediaType::Image, image.into(), context),
        ContentKind::Video(video) => file::message(server, MediaType::Video, video, context),
        ContentKind::Audio(audio) => file::message(server, MediaType::Audio, audio, context),
        ContentKind::Document(document) => file::message(server, MediaType::Document, document, context),
        ContentKind::Sticker(sticker) => file::message(server, MediaType::Sticker, sticker, context),
    }
}

fn text_message(text: String, context: Option<wa::ContextInfo>) -> Result<wa::Message, EmulatorError> {
    if text.is_empty() || text.len() > LONGEST_TEXT {
        return Err(EmulatorError::BadRequest(format!("a text has 1 to {LONGEST_TEXT} bytes")));
    }
    let Some(context) = context else {
        return Ok(wa::Message { conversation: Some(text), ..Default::default() });
    };
    let extended = wa::message::ExtendedTextMessage {
        text: Some(text),
        context_info: MessageField::some(context),
        ..Default::default()
    };
    Ok(wa::Message { extended_text_message: MessageField::some(extended), ..Default::default() })
}

fn reaction_message(
    server: &Server,
    account: &Account,
    to: &Chat,
    reaction: ReactionTo,
) -> Result<wa::Message, EmulatorError> {
    if reaction.emoji.len() > LONGEST_EMOJI {
        return Err(EmulatorError::BadRequest(format!("an emoji has at most {LONGEST_EMOJI} bytes")));
    }
    let known = known(account, to, &reaction.id)?;
    // The key is written as the reacting account sees the chat; in a group it names the author.
    let author = server.accounts.by_number(&known.author).filter(|_| !matches!(to, Chat::Account(_)));
    let key = wa::MessageKey {
        remote_jid: Some(to.jid().to_string()),
        participant: author.map(|author| author.lid_jid(0).to_string()),
        from_me: Some(known.is_own),
        id: Some(reaction.id),
    };
    let reaction = wa::message::ReactionMessage {
        key: MessageField::some(key),
        text: Some(reaction.emoji),
        sender_timestamp_ms: Some(server.seconds().saturating_mul(1000)),
        ..Default::default()
    };
    Ok(wa::Message { reaction_message: MessageField::some(reaction), ..Default::default() })
}

/// What a reply says of the message that it answers.
fn quote(server: &Server, account: &Account, to: &Chat, id: &str) -> Result<wa::ContextInfo, EmulatorError> {
    let known = known(account, to, id)?;
    let author = server.accounts.by_number(&known.author);
    Ok(wa::ContextInfo {
        stanza_id: Some(id.to_owned()),
        participant: author.map(|author| author.lid_jid(0).to_string()),
        quoted_message: MessageField::some(known.message),
        ..Default::default()
    })
}

fn known(account: &Account, to: &Chat, id: &str) -> Result<Known, EmulatorError> {
    account.phone.inbox().known(&account.number, &to.key(), id).ok_or(EmulatorError::UnknownMessage)
}
