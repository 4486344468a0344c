//! Accounts and their devices: what the server knows of a number, and the directory that finds it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use blazz_domain::Timestamp;
use whatsapp_rust::wacore_binary::node::Node;
use whatsapp_rust::{Jid, Server as JidServer};

use crate::app_state::Collections;
use crate::connection::Link;
use crate::delivery::Queue;
use crate::phone::Phone;
use crate::privacy::Tokens;
use crate::profile::Picture;

/// One WhatsApp number. The phone is its device 0; companions are numbered from 1.
pub(crate) struct Account {
    /// The number's digits: the user part of its phone-number address.
    pub(crate) number: String,
    /// The user part of its LID address, which hides the number.
    pub(crate) lid: String,
    /// The primary phone.
    pub(crate) phone: Phone,
    state: Mutex<AccountState>,
    collections: Mutex<Collections>,
}

/// The mutable part of an account. The lock is held for map operations only, never over cryptography or I/O.
#[derive(Default)]
pub(crate) struct AccountState {
    pub(crate) name: String,
    pub(crate) about: String,
    /// When the about text was set, in seconds since 1970.
    pub(crate) about_at: i64,
    pub(crate) picture: Option<Picture>,
    /// The number of the last picture, also when it was removed.
    pub(crate) last_picture: u64,
    pub(crate) devices: BTreeMap<u16, Device>,
    /// Who wants to know when the account is online: number, device, and whether it asked by LID.
    pub(crate) subscribers: BTreeMap<(String, u16), bool>,
    /// Devices that said they are available.
    pub(crate) available: BTreeSet<u16>,
    /// When the last of them went, in seconds since 1970.
    pub(crate) last_seen: Option<i64>,
    pub(crate) blocked: BTreeMap<String, i64>,
    pub(crate) privacy: BTreeMap<String, String>,
    /// Contacts that a category with the value `contact_blacklist` leaves out, by number.
    pub(crate) excluded: BTreeMap<String, BTreeSet<String>>,
    /// Does it refuse messages of those it never wrote to, unless they show a token?
    pub(crate) refuses_strangers: bool,
    pub(crate) tokens: Tokens,
    pub(crate) disappearing_seconds: u32,
    /// Accounts that this one wrote to: its contacts, as far as its privacy goes.
    pub(crate) contacts: BTreeSet<String>,
    /// Accounts that exchanged messages with this one: they learn when its devices change.
    pub(crate) peers: BTreeMap<String, Weak<Account>>,
    last_device: u16,
}

/// The Signal keys that a device published, one-time keys aside.
#[derive(Clone)]
pub(crate) struct DeviceKeys {
    pub(crate) registration_id: u32,
    pub(crate) identity: Vec<u8>,
    pub(crate) signed_prekey_id: u32,
    pub(crate) signed_prekey: Vec<u8>,
    pub(crate) signed_prekey_signature: Vec<u8>,
    /// What a companion calls itself.
    pub(crate) name: String,
}

/// A companion: linked by a scan, known by its Noise key.
pub(crate) struct Device {
    pub(crate) noise_public: [u8; 32],
    pub(crate) keys: DeviceKeys,
    pub(crate) one_time_prekeys: VecDeque<(u32, Vec<u8>)>,
    /// The ADV identity with the companion's own signature; empty until it has signed.
    pub(crate) signed_identity: Vec<u8>,
    pub(crate) key_index: u32,
    pub(crate) platform: String,
    pub(crate) linked_at: Timestamp,
    pub(crate) wants_key_share: bool,
    /// Live sockets: one, or more while the fault `replace: false` is on.
    pub(crate) links: Vec<Arc<Link>>,
    pub(crate) queue: Queue,
}

impl Device {
    /// Has the companion finished pairing?
    pub(crate) fn is_linked(&self) -> bool {
        !self.signed_identity.is_empty()
    }

    /// Sends to every live socket that asked for deliveries.
    pub(crate) fn send_live(&self, node: &Node) -> bool {
        let mut sent = false;
        for link in self.links.iter().filter(|link| link.is_active()) {
            sent |= link.send(node.clone());
        }
        sent
    }
}

impl Account {
    pub(crate) fn new(number: &str, lid: &str, phone: Phone, name: &str) -> Self {
        let state = AccountState {
            name: name.to_owned(),
            about: "Hey there! I am using WhatsApp.".to_owned(),
            privacy: default_privacy(),
            ..AccountState::default()
        };
        let (number, lid) = (number.to_owned(), lid.to_owned());
        Self { number, lid, phone, state: Mutex::new(state), collections: Mutex::default() }
    }

    /// The mutable part.
    pub(crate) fn state(&self) -> MutexGuard<'_, AccountState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its app state. Locked before the mutable part, when both are.
    pub(crate) fn collections(&self) -> MutexGuard<'_, Collections> {
        self.collections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device's address in the addressing that `like` uses.
    pub(crate) fn jid_like(&self, like: &Jid, device: u16) -> Jid {
        if like.server == JidServer::Lid { self.lid_jid(device) } else { self.number_jid(device) }
    }

    /// A device's address by phone number.
    pub(crate) fn number_jid(&self, device: u16) -> Jid {
        Jid::pn_device(self.number.as_str(), device)
    }

    /// A device's address by LID.
    pub(crate) fn lid_jid(&self, device: u16) -> Jid {
        Jid::lid_device(self.lid.as_str(), device)
    }
}

impl AccountState {
    /// The number of the next companion.
    pub(crate) fn next_device(&mut self) -> u16 {
        self.last_device = self.last_device.wrapping_add(1).max(1);
        self.last_device
    }

    /// The linked companions.
    pub(crate) fn linked(&self) -> impl Iterator<Item = (u16, &Device)> {
        self.devices.iter().filter(|(_, device)| device.is_linked()).map(|(number, device)| (*number, device))
    }
}

fn default_privacy() -> BTreeMap<String, String> {
    [
        "last",
        "online",
        "profile",
        "status",
        "groupadd",
        "readreceipts",
        "calladd",
        "messages",
        "defense",
        "stickers",
    ]
    .into_iter()
    .map(|name| (name.to_owned(), if name == "defense" { "off" } else { "all" }.to_owned()))
    .collect()
}

/// Remembers that an account wrote to another one.
pub(crate) fn acquaint(writer: &Arc<Account>, recipient: &Arc<Account>) {
    if writer.number == recipient.number {
        return;
    }
    writer.state().contacts.insert(recipient.number.clone());
    for (account, peer) in [(writer, recipient), (recipient, writer)] {
        let mut state = account.state();
        if !state.peers.contains_key(&peer.number) {
            state.peers.insert(peer.number.clone(), Arc::downgrade(peer));
        }
    }
}

/// Every account, by number and by LID.
#[derive(Default)]
pub(crate) struct Directory {
    accounts: RwLock<Accounts>,
}

#[derive(Default)]
struct Accounts {
    by_number: BTreeMap<String, Arc<Account>>,
    by_lid: HashMap<String, Arc<Account>>,
}

impl Directory {
    /// Adds an account unless the number has one; says whether it was added, and which stands now.
    pub(crate) fn insert(&self, account: Arc<Account>) -> (bool, Arc<Account>) {
        let mut accounts = self.accounts.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = accounts.by_number.get(&account.number) {
            return (false, Arc::clone(present));
        }
        accounts.by_lid.insert(account.lid.clone(), Arc::clone(&account));
        accounts.by_number.insert(account.number.clone(), Arc::clone(&account));
        (true, account)
    }

    pub(crate) fn by_number(&self, number: &str) -> Option<Arc<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).by_number.get(number).cloned()
    }

    /// The account that an address names, in either addressing.
    pub(crate) fn by_jid(&self, jid: &Jid) -> Option<Arc<Account>> {
        match jid.server {
            JidServer::Pn => self.by_number(&jid.user),
            JidServer::Lid => {
                let accounts = self.accounts.read().unwrap_or_else(PoisonError::into_inner);
                accounts.by_lid.get(jid.user.as_str()).cloned()
            }
            _ => None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).by_number.len()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Account>> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner).by_number.values().cloned().collect()
    }
}
