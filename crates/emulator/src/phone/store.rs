//! The phone's Signal store, in memory. One session per device of a peer, whichever addressing its stanzas use.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use whatsapp_rust::wacore::libsignal::protocol::{
    DeviceId, Direction, IdentityChange, IdentityKey, IdentityKeyPair, IdentityKeyStore, KeyPair, PreKeyId,
    PreKeyRecord, PreKeyStore, ProtocolAddress, SenderKeyName, SenderKeyRecord, SenderKeyStore,
    SessionRecord, SessionStore, SignalProtocolError, SignedPreKeyId, SignedPreKeyRecord, SignedPreKeyStore,
};

use crate::entropy;

type Outcome<T> = Result<T, SignalProtocolError>;

/// Where the phone keeps a peer's device: by number, so that LID and phone-number addresses share one session.
pub(super) fn address(number: &str, device: u16) -> ProtocolAddress {
    ProtocolAddress::new(&format!("{number}:{device}"), DeviceId::new(0))
}

/// Sessions by device.
#[derive(Default)]
pub(super) struct Sessions(HashMap<ProtocolAddress, SessionRecord>);

impl Sessions {
    /// Empties the store; says how many there were.
    pub(super) fn clear(&mut self) -> usize {
        self.0.drain().count()
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn load_session(&self, address: &ProtocolAddress) -> Outcome<Option<SessionRecord>> {
        Ok(self.0.get(address).cloned())
    }

    async fn has_session(&self, address: &ProtocolAddress) -> Outcome<bool> {
        Ok(self.0.contains_key(address))
    }

    async fn store_session(&mut self, address: &ProtocolAddress, record: SessionRecord) -> Outcome<()> {
        self.0.insert(address.clone(), record);
        Ok(())
    }
}

/// Keys of chats of many: those of others, and the phone's own.
#[derive(Default)]
pub(super) struct SenderKeys {
    records: HashMap<(String, String), SenderKeyRecord>,
    /// The name of the phone's own key of a chat.
    own: HashMap<String, (String, String)>,
}

impl SenderKeys {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Says that a key of a chat is the phone's own.
    pub(super) fn mark_own(&mut self, chat: &str, name: &SenderKeyName) {
        self.own.insert(chat.to_owned(), key_of(name));
    }

    /// Loses the phone's own key of a chat.
    pub(super) fn forget(&mut self, chat: &str) {
        if let Some(name) = self.own.remove(chat) {
            self.records.remove(&name);
        }
    }
}

fn key_of(name: &SenderKeyName) -> (String, String) {
    (name.group_id().to_owned(), name.sender_id().to_owned())
}

#[async_trait]
impl SenderKeyStore for SenderKeys {
    async fn store_sender_key(&mut self, name: &SenderKeyName, record: SenderKeyRecord) -> Outcome<()> {
        self.records.insert(key_of(name), record);
        Ok(())
    }

    async fn load_sender_key(&self, name: &SenderKeyName) -> Outcome<Option<SenderKeyRecord>> {
        Ok(self.records.get(&key_of(name)).cloned())
    }
}

/// The phone's identity and those it met. It trusts on sight: an emulated peer may be reinstalled at any time.
pub(super) struct Identities {
    pub(super) own: IdentityKeyPair,
    pub(super) registration_id: u32,
    pub(super) known: HashMap<ProtocolAddress, IdentityKey>,
}

#[async_trait]
impl IdentityKeyStore for Identities {
    async fn get_identity_key_pair(&self) -> Outcome<IdentityKeyPair> {
        Ok(self.own.clone())
    }

    async fn get_local_registration_id(&self) -> Outcome<u32> {
        Ok(self.registration_id)
    }

    async fn save_identity(
        &mut self,
        address: &ProtocolAddress,
        identity: &IdentityKey,
    ) -> Outcome<IdentityChange> {
        let before = self.known.insert(address.clone(), *identity);
        Ok(IdentityChange::from_changed(before.is_some_and(|before| before != *identity)))
    }

    async fn is_trusted_identity(&self, _: &ProtocolAddress, _: &IdentityKey, _: Direction) -> Outcome<bool> {
        Ok(true)
    }

    async fn get_identity(&self, address: &ProtocolAddress) -> Outcome<Option<IdentityKey>> {
        Ok(self.known.get(address).copied())
    }
}

/// One-time keys that a phone may have out at the same time.
const MOST_ONE_TIME_KEYS: usize = 1000;

/// One-time keys that the phone handed out when it asked for a message again; it publishes none on the server.
#[derive(Default)]
pub(super) struct OneTimeKeys {
    records: BTreeMap<u32, PreKeyRecord>,
    last_id: u32,
}

impl OneTimeKeys {
    /// Makes a key; returns its id and its public half.
    pub(super) fn generate(&mut self) -> (u32, KeyPair) {
        if self.records.len() >= MOST_ONE_TIME_KEYS {
            self.records.pop_first();
        }
        // Key ids are three bytes on the wire.
        self.last_id = (self.last_id % 0x00ff_ffff) + 1;
        let keys = KeyPair::generate(&mut entropy::generator());
        self.records.insert(self.last_id, PreKeyRecord::new(self.last_id.into(), &keys));
        (self.last_id, keys)
    }
}

#[async_trait]
impl PreKeyStore for OneTimeKeys {
    async fn get_pre_key(&self, id: PreKeyId) -> Outcome<PreKeyRecord> {
        self.records.get(&u32::from(id)).cloned().ok_or(SignalProtocolError::InvalidPreKeyId)
    }

    async fn save_pre_key(&mut self, id: PreKeyId, record: &PreKeyRecord) -> Outcome<()> {
        self.records.insert(id.into(), record.clone());
        Ok(())
    }

    async fn remove_pre_key(&mut self, id: PreKeyId) -> Outcome<()> {
        self.records.remove(&u32::from(id));
        Ok(())
    }
}

/// The one signed prekey of the phone.
pub(super) struct SignedPrekey {
    pub(super) id: SignedPreKeyId,
    pub(super) record: SignedPreKeyRecord,
}

#[async_trait]
impl SignedPreKeyStore for SignedPrekey {
    async fn get_signed_pre_key(&self, id: SignedPreKeyId) -> Outcome<SignedPreKeyRecord> {
        if id == self.id { Ok(self.record.clone()) } else { Err(SignalProtocolError::InvalidSignedPreKeyId) }
    }

    async fn save_signed_pre_key(&mut self, id: SignedPreKeyId, record: &SignedPreKeyRecord) -> Outcome<()> {
        *self = Self { id, record: record.clone() };
        Ok(())
    }
}
