//! The past that a script gives a phone.

use std::sync::Arc;

use blazz_domain::Timestamp;
use serde::Deserialize;
use whatsapp_rust::waproto::whatsapp as wa;

use super::history::Past;
use crate::chat::Chat;
use crate::emulator::Emulator;
use crate::entropy;
use crate::error::EmulatorError;
use crate::script::{find, number};
use crate::server::Server;

/// Messages of one phone's past.
const MOST: usize = 10_000;
/// The longest text, in bytes.
const LONGEST_TEXT: usize = 65_536;

/// A text of a phone's past.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PastMessage {
    /// The other's number, or the address of a group.
    pub chat: String,
    /// Who wrote it; the other when nothing is said.
    #[serde(default)]
    pub from: Option<String>,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub at: Timestamp,
    /// Its id; one of its own when nothing is said.
    #[serde(default)]
    pub id: Option<String>,
}

/// Gives a phone a past, in place of the one that it had: its next companions are handed it, and what came since.
pub(crate) fn put_history(
    server: &Arc<Server>,
    phone: &str,
    past: Vec<PastMessage>,
) -> Result<usize, EmulatorError> {
    let account = find(server, phone)?;
    if past.len() > MOST {
        return Err(EmulatorError::BadRequest(format!("a past has at most {MOST} messages")));
    }
    let past = past.into_iter().map(|message| read(server, message)).collect::<Result<Vec<_>, _>>()?;
    let count = past.len();
    account.phone.inbox().keep_history(past);
    Ok(count)
}

fn read(server: &Server, past: PastMessage) -> Result<Past, EmulatorError> {
    if past.text.is_empty() || past.text.len() > LONGEST_TEXT {
        return Err(EmulatorError::BadRequest(format!("a text has 1 to {LONGEST_TEXT} bytes")));
    }
    let chat = Chat::find(server, &past.chat)?;
    let author = match (&past.from, &chat) {
        (Some(from), _) => number(from)?,
        (None, Chat::Account(other)) => other.number.clone(),
        (None, _) => return Err(EmulatorError::BadRequest("somebody wrote it: `from`".into())),
    };
    let id = past.id.unwrap_or_else(|| format!("3A{}", entropy::hexadecimal::<9>()));
    let message = wa::Message { conversation: Some(past.text), ..Default::default() };
    Ok(Past { chat: chat.key(), author, id, at: past.at.unix_seconds(), message })
}

impl Emulator {
    /// Gives a phone a past: its next companions are handed it, and what came since. Says how many messages it has.
    ///
    /// # Errors
    /// [`EmulatorError::UnknownPhone`], [`EmulatorError::UnknownRecipient`] and [`EmulatorError::BadRequest`].
    pub async fn put_history(&self, phone: &str, past: Vec<PastMessage>) -> Result<usize, EmulatorError> {
        put_history(&self.server, phone, past)
    }
}
