//! What a script makes a phone do towards others besides writing: being online, typing, blocking, trusting.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use whatsapp_rust::Jid;
use whatsapp_rust::wacore_binary::builder::NodeBuilder;
use whatsapp_rust::wacore_binary::node::NodeContent;

use crate::account::Account;
use crate::chat::Chat;
use crate::emulator::Emulator;
use crate::error::EmulatorError;
use crate::phone::PhoneSignal;
use crate::script::{find, number};
use crate::server::Server;
use crate::{blocking, chatstate, presence, privacy};

/// Whether somebody looks at the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// WhatsApp is open.
    Available,
    /// It is not.
    Unavailable,
}

/// What somebody does in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Types a text.
    Composing,
    /// Records a voice message.
    Recording,
    /// Stopped.
    Paused,
}

fn other(server: &Server, phone: &str) -> Result<Arc<Account>, EmulatorError> {
    server.accounts.by_number(&number(phone)?).ok_or(EmulatorError::UnknownRecipient)
}

/// The phone is looked at, or no longer.
pub(crate) fn set_presence(server: &Server, phone: &str, state: Availability) -> Result<(), EmulatorError> {
    presence::set(server, find(server, phone)?.as_ref(), 0, state == Availability::Available);
    Ok(())
}

/// The phone wants to know when another is online.
pub(crate) fn subscribe(server: &Server, phone: &str, to: &str) -> Result<(), EmulatorError> {
    presence::subscribe(server, find(server, phone)?.as_ref(), 0, other(server, to)?.as_ref(), true);
    Ok(())
}

/// Presence and typing that the phone saw, oldest first.
pub(crate) fn signals(server: &Server, phone: &str) -> Result<Vec<PhoneSignal>, EmulatorError> {
    Ok(find(server, phone)?.phone.inbox().signals())
}

/// The phone types or records in its chat with another or in a group, or stops.
pub(crate) fn act(server: &Server, phone: &str, to: &str, activity: Activity) -> Result<(), EmulatorError> {
    let (account, chat) = (find(server, phone)?, Chat::find(server, to)?);
    let state = match activity {
        Activity::Composing => NodeBuilder::new("composing").build(),
        Activity::Recording => NodeBuilder::new("composing").attr("media", "audio").build(),
        Activity::Paused => NodeBuilder::new("paused").build(),
    };
    let state = Some(NodeContent::Nodes(vec![state]));
    match chat {
        Chat::Account(target) => chatstate::pass_on(server, &account.lid_jid(0), &account, &target, state),
        Chat::Group(group) => chatstate::pass_on_to_group(server, &account, 0, &group, state),
        Chat::Status => return Err(EmulatorError::BadRequest("nobody types into a status".into())),
    }
    Ok(())
}

/// The phone blocks another, or unblocks it.
pub(crate) fn block(server: &Server, phone: &str, who: &str, block: bool) -> Result<(), EmulatorError> {
    let account = find(server, phone)?;
    if blocking::change(server, &account, 0, &Jid::pn(number(who)?.as_str()), block) {
        Ok(())
    } else {
        Err(EmulatorError::BadRequest("the block list is full".into()))
    }
}

/// Whom the account blocks: numbers where it has them, else addresses.
pub(crate) fn blocked(server: &Server, phone: &str) -> Result<Vec<String>, EmulatorError> {
    let blocked: Vec<String> = find(server, phone)?.state().blocked.keys().cloned().collect();
    let name = |jid: String| {
        let account = jid.parse::<Jid>().ok().and_then(|jid| server.accounts.by_jid(&jid));
        account.map_or(jid, |account| account.number.clone())
    };
    Ok(blocked.into_iter().map(name).collect())
}

/// The phone issues a trusted-contact token to another.
pub(crate) fn trust(server: &Server, phone: &str, who: &str) -> Result<(), EmulatorError> {
    privacy::issue(server, &find(server, phone)?, &other(server, who)?, server.seconds());
    Ok(())
}

impl Emulator {
    /// The phone is looked at, or no longer.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`].
    pub async fn set_presence(&self, phone: &str, state: Availability) -> Result<(), EmulatorError> {
        set_presence(&self.server, phone, state)
    }

    /// The phone wants to know when another is online.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`] and [`EmulatorError::UnknownRecipient`].
    pub async fn subscribe_presence(&self, phone: &str, to: &str) -> Result<(), EmulatorError> {
        subscribe(&self.server, phone, to)
    }

    /// Presence and typing that the phone saw, oldest first.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`].
    pub async fn signals(&self, phone: &str) -> Result<Vec<PhoneSignal>, EmulatorError> {
        signals(&self.server, phone)
    }

    /// The phone types or records in its chat with another, or stops.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`] and [`EmulatorError::UnknownRecipient`].
    pub async fn act(&self, phone: &str, to: &str, activity: Activity) -> Result<(), EmulatorError> {
        act(&self.server, phone, to, activity)
    }

    /// The phone blocks another, or unblocks it.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`] and [`EmulatorError::BadRequest`].
    pub async fn block(&self, phone: &str, who: &str, block: bool) -> Result<(), EmulatorError> {
        self::block(&self.server, phone, who, block)
    }

    /// Whom the account blocks.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`].
    pub async fn blocked(&self, phone: &str) -> Result<Vec<String>, EmulatorError> {
        blocked(&self.server, phone)
    }

    /// The phone issues a trusted-contact token to another.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`] and [`EmulatorError::UnknownRecipient`].
    pub async fn trust(&self, phone: &str, who: &str) -> Result<(), EmulatorError> {
        trust(&self.server, phone, who)
    }
}
