//! Where a phone writes to, as a script names it: an account, a group, or its status.

use std::sync::Arc;

use whatsapp_rust::wacore_binary::JidExt as _;
use whatsapp_rust::{Jid, Server as JidServer};

use crate::account::Account;
use crate::error::EmulatorError;
use crate::groups::Group;
use crate::script::number;
use crate::server::Server;

/// A chat of a phone.
pub(crate) enum Chat {
    Account(Arc<Account>),
    Group(Arc<Group>),
    /// What the phone shows to its contacts for a day.
    Status,
}

impl Chat {
    /// Finds the chat by a number, a group's address, or `status@broadcast`.
    ///
    /// # Errors
    /// [`EmulatorError::BadPhone`], [`EmulatorError::UnknownRecipient`] and [`EmulatorError::UnknownGroup`].
    pub(crate) fn find(server: &Server, name: &str) -> Result<Self, EmulatorError> {
        if name.len() <= 64
            && let Ok(jid) = name.parse::<Jid>()
        {
            match jid.server {
                JidServer::Group => {
                    let group = server.groups.find(&jid.user).ok_or(EmulatorError::UnknownGroup)?;
                    return Ok(Self::Group(group));
                }
                JidServer::Broadcast if jid.is_status_broadcast() => return Ok(Self::Status),
                _ => {}
            }
        }
        let account = server.accounts.by_number(&number(name)?).ok_or(EmulatorError::UnknownRecipient)?;
        Ok(Self::Account(account))
    }

    /// What the phone keeps its messages under.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Account(account) => account.number.clone(),
            Self::Group(_) | Self::Status => self.jid().to_string(),
        }
    }

    /// Its address.
    pub(crate) fn jid(&self) -> Jid {
        match self {
            Self::Account(account) => account.lid_jid(0),
            Self::Group(group) => group.jid(),
            Self::Status => Jid::status_broadcast(),
        }
    }
}
