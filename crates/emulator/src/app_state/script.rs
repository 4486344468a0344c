//! What a script does with a phone's settings: it looks at them, and changes those of a chat or a contact.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};
use whatsapp_rust::buffa::{Message as _, MessageField};
use whatsapp_rust::wacore::appstate::schemas::{self, Schema};
use whatsapp_rust::waproto::whatsapp as wa;
use whatsapp_rust::waproto::whatsapp::sync_action_value as action;

use crate::account::Account;
use crate::chat::Chat;
use crate::emulator::Emulator;
use crate::error::EmulatorError;
use crate::notifications;
use crate::script::find;
use crate::server::Server;

/// The longest name of a contact, in characters.
const LONGEST_NAME: usize = 100;

/// A setting as the phone has it, by whichever device it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneSetting {
    /// The collection that it is in.
    pub collection: String,
    /// What it is about: the kind, then usually a chat's address.
    pub index: Vec<String>,
    /// Archived, pinned, muted, or read: is it?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<bool>,
    /// The name of a contact, or the account's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The decrypted protobuf (`SyncActionValue`), base64.
    pub raw: String,
}

/// A setting that a phone shall change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingChange {
    /// `archive`, `pin`, `mute`, `read` or `contact`.
    pub action: String,
    /// The number of the other, or a group's address.
    pub chat: String,
    /// Is it so, or no longer? Not for `contact`.
    #[serde(default = "yes")]
    pub on: bool,
    /// The name of a `contact`.
    #[serde(default)]
    pub name: Option<String>,
}

fn yes() -> bool {
    true
}

fn describe(collection: &str, index: &[String], value: &wa::SyncActionValue) -> PhoneSetting {
    let on = [
        value.archive_chat_action.as_option().map(|archive| archive.archived),
        value.pin_action.as_option().map(|pin| pin.pinned),
        value.mute_action.as_option().map(|mute| mute.muted),
        value.mark_chat_as_read_action.as_option().map(|read| read.read),
    ];
    let contact = value.contact_action.as_option().and_then(|contact| contact.full_name.clone());
    let own = value.push_name_setting.as_option().and_then(|setting| setting.name.clone());
    PhoneSetting {
        collection: collection.to_owned(),
        index: index.to_vec(),
        on: on.into_iter().flatten().map(Option::unwrap_or_default).next(),
        name: contact.or(own),
        raw: BASE64_STANDARD.encode(value.encode_to_vec()),
    }
}

/// What the phone has set, and its companions.
pub(crate) fn settings(server: &Server, phone: &str) -> Result<Vec<PhoneSetting>, EmulatorError> {
    let account = find(server, phone)?;
    let collections = account.collections();
    let shown = collections.mind.settings().map(|((name, index), value)| describe(name, index, value));
    Ok(shown.collect())
}

/// The phone changes a setting; its companions are told.
pub(crate) fn change_setting(
    server: &Arc<Server>,
    phone: &str,
    change: &SettingChange,
) -> Result<(), EmulatorError> {
    let account = find(server, phone)?;
    let chat = match Chat::find(server, &change.chat)? {
        Chat::Account(other) => other.number_jid(0),
        chat => chat.jid(),
    };
    let (schema, mut value) = value(change)?;
    value.timestamp = Some(server.seconds().saturating_mul(1000));
    let grown = write(server, &account, schema, &[schema.name.to_owned(), chat.to_string()], &value)?;
    notifications::app_state_grew(server, &account, 0, &[grown]);
    Ok(())
}

fn write(
    server: &Server,
    account: &Account,
    schema: &Schema,
    index: &[String],
    value: &wa::SyncActionValue,
) -> Result<(String, u64), EmulatorError> {
    let internal = |error: String| EmulatorError::Internal(error);
    let name = schema.collection.as_str();
    let version = i32::try_from(schema.version).map_err(|error| internal(error.to_string()))?;
    let mut collections = account.collections();
    let key = collections.key;
    let written = collections.mind.write(&key, name, index, value, version);
    let (base, patch) = written.map_err(|error| internal(format!("{error:#}")))?;
    let taken = collections.upload(server, name, base, &patch);
    let version = taken.map_err(|refusal| internal(format!("the patch was not taken: {refusal:?}")))?;
    Ok((name.to_owned(), version))
}

fn value(change: &SettingChange) -> Result<(&'static Schema, wa::SyncActionValue), EmulatorError> {
    let on = Some(change.on);
    Ok(match change.action.as_str() {
        "archive" => {
            let archive = action::ArchiveChatAction { archived: on, ..Default::default() };
            let value = MessageField::some(archive);
            (&schemas::ARCHIVE, wa::SyncActionValue { archive_chat_action: value, ..Default::default() })
        }
        "pin" => {
            let value = MessageField::some(action::PinAction { pinned: on });
            (&schemas::PIN, wa::SyncActionValue { pin_action: value, ..Default::default() })
        }
        "mute" => {
            // Without an end it holds until it is taken back.
            let end = change.on.then_some(-1);
            let mute = action::MuteAction { muted: on, mute_end_timestamp: end, ..Default::default() };
            let value = MessageField::some(mute);
            (&schemas::MUTE, wa::SyncActionValue { mute_action: value, ..Default::default() })
        }
        "read" => {
            let read = action::MarkChatAsReadAction { read: on, ..Default::default() };
            let value = MessageField::some(read);
            let value = wa::SyncActionValue { mark_chat_as_read_action: value, ..Default::default() };
            (&schemas::MARK_CHAT_AS_READ, value)
        }
        "contact" => {
            let name = change.name.clone().filter(|name| (1..=LONGEST_NAME).contains(&name.chars().count()));
            let name = name.ok_or_else(|| {
                EmulatorError::BadRequest(format!("a contact has a name of 1 to {LONGEST_NAME} characters"))
            })?;
            let contact = action::ContactAction { full_name: Some(name), ..Default::default() };
            let value = MessageField::some(contact);
            (&schemas::CONTACT, wa::SyncActionValue { contact_action: value, ..Default::default() })
        }
        other => return Err(EmulatorError::BadRequest(format!("no such setting: {other}"))),
    })
}

impl Emulator {
    /// What the phone and its companions have set, as the phone reads it.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`].
    pub async fn settings(&self, phone: &str) -> Result<Vec<PhoneSetting>, EmulatorError> {
        settings(&self.server, phone)
    }

    /// The phone changes a setting of a chat or of a contact; its companions are told.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`], [`EmulatorError::UnknownRecipient`], [`EmulatorError::UnknownGroup`] and
    /// [`EmulatorError::BadRequest`].
    pub async fn change_setting(&self, phone: &str, change: SettingChange) -> Result<(), EmulatorError> {
        change_setting(&self.server, phone, &change)
    }
}
