//! What a script can make phones do: the use cases behind the admin API and the library's methods.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use blazz_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::chat::Chat;
use crate::connection::Link;
use crate::error::EmulatorError;
use crate::faults::{Fault, FaultRequest, LONGEST_DELAY};
use crate::pairing::REFS;
use crate::phone::{self, Phone, PhoneMessage, PhoneReceipt, ReceiptKind};
use crate::profile::{LONGEST_NAME, Picture};
use crate::server::Server;
use crate::{link_code, pairing, removal};

/// Phones that one emulator has.
const MOST_PHONES: usize = 100_000;

/// A phone, as the admin API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneInfo {
    /// The number, digits only.
    pub phone: String,
    /// The user part of its LID address.
    pub lid: String,
    /// The name that others see.
    pub name: String,
    /// Linked companions.
    pub devices: usize,
    /// Does the phone send delivery receipts by itself?
    pub confirms_delivery: bool,
    /// Does it refuse messages of strangers?
    #[serde(default)]
    pub refuses_strangers: bool,
    /// The about text.
    pub about: String,
    /// The id of its profile picture, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// A companion, as the admin API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceInfo {
    /// Its number; the phone itself is 0 and not listed.
    pub device: u16,
    /// What it runs on.
    pub platform: String,
    /// What it calls itself: what a phone shows in its list of linked devices.
    #[serde(default)]
    pub name: String,
    /// When it was scanned.
    pub linked_at: Timestamp,
    /// Has it a live socket that takes deliveries?
    pub online: bool,
    /// Live sockets.
    pub sockets: usize,
    /// Stanzas that it has not acknowledged.
    pub waiting: usize,
    /// One-time prekeys that the server still has of it.
    pub prekeys: usize,
}

/// Digits of a number, with an optional leading `+`.
pub(crate) fn number(phone: &str) -> Result<String, EmulatorError> {
    let digits = phone.trim().trim_start_matches('+');
    let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits && !digits.starts_with('0') { Ok(digits.to_owned()) } else { Err(EmulatorError::BadPhone) }
}

pub(crate) fn find(server: &Server, phone: &str) -> Result<Arc<Account>, EmulatorError> {
    server.accounts.by_number(&number(phone)?).ok_or(EmulatorError::UnknownPhone)
}

/// Adds a phone; one that is there keeps its keys, and says whether it was new.
pub(crate) fn add_phone(
    server: &Arc<Server>,
    phone: &str,
    name: &str,
) -> Result<(bool, PhoneInfo), EmulatorError> {
    let number = number(phone)?;
    if name.chars().count() > LONGEST_NAME {
        return Err(EmulatorError::BadRequest(format!("a name has at most {LONGEST_NAME} characters")));
    }
    if let Some(account) = server.accounts.by_number(&number) {
        return Ok((false, info(&account)));
    }
    if server.accounts.len() >= MOST_PHONES {
        return Err(EmulatorError::BadRequest(format!("an emulator has at most {MOST_PHONES} phones")));
    }
    let (phone, mail) = Phone::new(server.seconds()).map_err(internal)?;
    let name = if name.is_empty() { format!("Phone {number}") } else { name.to_owned() };
    let account = Arc::new(Account::new(&number, &lid_of(&number), phone, &name));
    account.state().about_at = server.seconds();
    let (is_new, account) = server.accounts.insert(account);
    if is_new {
        server.tracker.spawn(phone::run(Arc::clone(server), Arc::clone(&account), mail));
    }
    Ok((is_new, info(&account)))
}

/// A LID that cannot be taken for the number, and stays the same for it.
fn lid_of(number: &str) -> String {
    format!("9{}", number.chars().rev().collect::<String>())
}

pub(crate) fn info(account: &Account) -> PhoneInfo {
    let state = account.state();
    PhoneInfo {
        phone: account.number.clone(),
        lid: account.lid.clone(),
        name: state.name.clone(),
        devices: state.linked().count(),
        confirms_delivery: account.phone.confirms_delivery.load(Ordering::Relaxed),
        refuses_strangers: state.refuses_strangers,
        about: state.about.clone(),
        picture: state.picture.as_ref().map(Picture::id),
    }
}

pub(crate) fn phones(server: &Server) -> Vec<PhoneInfo> {
    server.accounts.all().iter().map(|account| info(account)).collect()
}

pub(crate) fn scan(server: &Server, phone: &str, qr: &str) -> Result<u16, EmulatorError> {
    pairing::scan(server, &find(server, phone)?, qr)
}

/// The root of the certificate chain, lower-case hexadecimal.
pub(crate) fn root_key(server: &Server) -> String {
    server.identity.root.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn enter_code(server: &Arc<Server>, phone: &str, code: &str) -> Result<u16, EmulatorError> {
    link_code::enter(server, &find(server, phone)?, code).await
}

pub(crate) fn messages(server: &Server, phone: &str) -> Result<Vec<PhoneMessage>, EmulatorError> {
    Ok(find(server, phone)?.phone.inbox().messages())
}

pub(crate) fn received_receipts(server: &Server, phone: &str) -> Result<Vec<PhoneReceipt>, EmulatorError> {
    Ok(find(server, phone)?.phone.inbox().receipts())
}

/// Sends receipts from a phone, for a chat or for a group or status; returns the ids that they name.
pub(crate) fn send_receipts(
    server: &Server,
    phone: &str,
    from: &str,
    group: Option<&str>,
    ids: Option<Vec<String>>,
    kind: ReceiptKind,
) -> Result<Vec<String>, EmulatorError> {
    let account = find(server, phone)?;
    let sender = server.accounts.by_number(&number(from)?).ok_or(EmulatorError::UnknownRecipient)?;
    let chat = group.map(|group| Chat::find(server, group)).transpose()?.map(|chat| chat.jid());
    Ok(phone::send_receipts(server, &account, &sender, chat.as_ref(), ids, kind))
}

pub(crate) fn devices(server: &Server, phone: &str) -> Result<Vec<DeviceInfo>, EmulatorError> {
    let account = find(server, phone)?;
    let state = account.state();
    let devices = state.linked().map(|(number, companion)| DeviceInfo {
        device: number,
        platform: companion.platform.clone(),
        name: companion.keys.name.clone(),
        linked_at: companion.linked_at,
        online: companion.links.iter().any(|link| link.is_active()),
        sockets: companion.links.len(),
        waiting: companion.queue.waiting(),
        prekeys: companion.one_time_prekeys.len(),
    });
    Ok(devices.collect())
}

pub(crate) fn remove_device(server: &Arc<Server>, phone: &str, device: u16) -> Result<(), EmulatorError> {
    let account = find(server, phone)?;
    if removal::remove(server, &account, device) { Ok(()) } else { Err(EmulatorError::UnknownDevice) }
}

/// Removes every companion; says how many there were.
pub(crate) fn remove_devices(server: &Arc<Server>, phone: &str) -> Result<usize, EmulatorError> {
    let account = find(server, phone)?;
    let companions: Vec<u16> = account.state().linked().map(|(number, _)| number).collect();
    Ok(companions.into_iter().filter(|device| removal::remove(server, &account, *device)).count())
}

/// Turns a fault on. Those that act at once do so now; says how many sockets or stanzas they met.
pub(crate) async fn fault(server: &Server, mut request: FaultRequest) -> Result<usize, EmulatorError> {
    if let Some(phone) = &request.phone {
        request.phone = Some(find(server, phone)?.number.clone());
    }
    let concerned: Vec<Arc<Account>> = match &request.phone {
        Some(number) => server.accounts.by_number(number).into_iter().collect(),
        None => server.accounts.all(),
    };
    match request.fault {
        Fault::DropSockets => {
            let dropped = drop_sockets(&concerned);
            // Without a count only what is live now is cut: otherwise nobody could ever come back.
            let left = request.count.unwrap_or(1).saturating_sub(1);
            keep(server, request.times(left))?;
            Ok(dropped)
        }
        Fault::Redeliver { last } => Ok(concerned.iter().map(|account| redeliver(account, last)).sum()),
        Fault::ForgetSessions => {
            let mut forgotten = 0;
            for account in &concerned {
                forgotten += account.phone.cipher.lock().await.forget_sessions();
            }
            Ok(forgotten)
        }
        Fault::Replace { replace: true } => {
            server.faults.replace_again(request.phone.as_deref());
            Ok(0)
        }
        Fault::Delay { ms } if ms > LONGEST_DELAY => {
            Err(EmulatorError::BadFault(format!("a delay has at most {LONGEST_DELAY} ms")))
        }
        Fault::FewerCodes { codes } if usize::from(codes) > REFS => {
            Err(EmulatorError::BadFault(format!("a companion is offered at most {REFS} codes")))
        }
        _ => keep(server, request).map(|()| 0),
    }
}

fn keep(server: &Server, request: FaultRequest) -> Result<(), EmulatorError> {
    if server.faults.add(request) {
        Ok(())
    } else {
        Err(EmulatorError::BadFault("too many faults are on".into()))
    }
}

fn drop_sockets(accounts: &[Arc<Account>]) -> usize {
    let mut links: Vec<Arc<Link>> = Vec::new();
    for account in accounts {
        links.extend(account.state().linked().flat_map(|(_, companion)| companion.links.iter().cloned()));
    }
    links.iter().for_each(|link| link.abort());
    links.len()
}

fn redeliver(account: &Account, last: usize) -> usize {
    let state = account.state();
    let mut sent = 0;
    for (_, companion) in state.linked() {
        let again = companion.queue.last(last);
        sent += again.iter().filter(|node| companion.send_live(node)).count();
    }
    sent
}

fn internal(error: anyhow::Error) -> EmulatorError {
    EmulatorError::Internal(format!("{error:#}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_with_an_optional_plus() {
        assert_eq!(number("+15550000001"), Ok("15550000001".to_owned()));
        assert_eq!(number("15550000001"), Ok("15550000001".to_owned()));
        for bad in ["", "+", "abc", "0123456789", "123", "1234567890123456", "1555-0000001"] {
            assert_eq!(number(bad), Err(EmulatorError::BadPhone), "{bad}");
        }
    }
}
