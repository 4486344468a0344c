//! The phone's end of the Signal sessions: opening one from a bundle, encrypting, decrypting.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result, bail};
use whatsapp_rust::wacore::libsignal::protocol::{
    CiphertextMessage, GenericSignedPreKey as _, IdentityKey, IdentityKeyPair, KeyPair, PreKeyBundle,
    PreKeySignalMessage, PreKeyStore as _, SenderKeyDistributionMessage, SenderKeyName, SessionStore as _,
    SignalMessage, SignalProtocolError, SignedPreKeyRecord, Timestamp, UsePQRatchet,
    create_sender_key_distribution_message, group_decrypt, group_encrypt, message_decrypt, message_encrypt,
    process_prekey_bundle, process_sender_key_distribution_message,
};

use super::adv::PhoneKeys;
use super::store::{Identities, OneTimeKeys, SenderKeys, Sessions, SignedPrekey, address};
use crate::entropy;

/// Sessions and the keys behind them.
pub(crate) struct Cipher {
    sessions: Sessions,
    identities: Identities,
    one_time_keys: OneTimeKeys,
    signed_prekey: SignedPrekey,
    sender_keys: SenderKeys,
    /// Who was given the phone's own key of a chat of many.
    key_holders: HashMap<String, BTreeSet<(String, u16)>>,
}

/// A ciphertext as a stanza carries it.
#[derive(Clone)]
pub(crate) struct Sealed {
    /// `pkmsg` opens a session, `msg` uses one, `skmsg` is for everybody with the sender's key of the chat.
    pub(crate) kind: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// What became of a ciphertext.
pub(crate) enum Opened {
    /// The padded plaintext.
    Plain(Vec<u8>),
    /// This very ciphertext was opened before.
    Duplicate,
}

impl Cipher {
    pub(super) fn new(keys: &PhoneKeys, now: i64) -> Result<Self> {
        let own = IdentityKeyPair::new(
            IdentityKey::new(keys.identity.public_key),
            keys.identity.private_key.clone(),
        );
        let id = keys.signed_prekey_id().into();
        let created = Timestamp::from_epoch_millis(u64::try_from(now)?.saturating_mul(1000));
        let record = SignedPreKeyRecord::new(id, created, &keys.signed_prekey, &keys.signed_prekey_signature);
        Ok(Self {
            sessions: Sessions::default(),
            identities: Identities { own, registration_id: keys.registration_id, known: HashMap::new() },
            one_time_keys: OneTimeKeys::default(),
            signed_prekey: SignedPrekey { id, record },
            sender_keys: SenderKeys::default(),
            key_holders: HashMap::new(),
        })
    }

    /// Loses every session, and the keys of chats of many; says how many sessions there were.
    pub(crate) fn forget_sessions(&mut self) -> usize {
        self.sender_keys.clear();
        self.key_holders.clear();
        self.sessions.clear()
    }

    /// A new one-time key, for a device that shall open a fresh session.
    pub(super) fn one_time_key(&mut self) -> (u32, KeyPair) {
        self.one_time_keys.generate()
    }

    /// Is there a session with a peer's device?
    pub(crate) async fn has_session(&self, number: &str, device: u16) -> Result<bool> {
        Ok(self.sessions.has_session(&address(number, device)).await?)
    }

    /// Opens a new session from what the device published; an old one is kept for what is still under way.
    pub(crate) async fn open_session(
        &mut self,
        number: &str,
        device: u16,
        bundle: &PreKeyBundle,
    ) -> Result<()> {
        process_prekey_bundle(
            &address(number, device),
            &mut self.sessions,
            &mut self.identities,
            bundle,
            &mut entropy::generator(),
            UsePQRatchet::No,
        )
        .await?;
        Ok(())
    }

    /// Encrypts a padded plaintext for a device with a session.
    pub(crate) async fn seal(&mut self, number: &str, device: u16, padded: &[u8]) -> Result<Sealed> {
        let address = address(number, device);
        let sealed = message_encrypt(padded, &address, &mut self.sessions, &mut self.identities).await?;
        let kind = if matches!(sealed, CiphertextMessage::PreKeySignalMessage(_)) { "pkmsg" } else { "msg" };
        Ok(Sealed { kind, bytes: sealed.serialize().to_vec() })
    }

    /// Decrypts what a device sent.
    pub(crate) async fn open(
        &mut self,
        number: &str,
        device: u16,
        kind: &str,
        bytes: &[u8],
    ) -> Result<Opened> {
        let ciphertext = match kind {
            "pkmsg" => CiphertextMessage::PreKeySignalMessage(PreKeySignalMessage::try_from(bytes)?),
            "msg" => CiphertextMessage::SignalMessage(SignalMessage::try_from(bytes)?),
            other => bail!("no such kind of ciphertext: {other}"),
        };
        let opened = message_decrypt(
            &ciphertext,
            &address(number, device),
            &mut self.sessions,
            &mut self.identities,
            &mut self.one_time_keys,
            &self.signed_prekey,
            &mut entropy::generator(),
            UsePQRatchet::No,
        )
        .await;
        match opened {
            Ok(opened) => {
                if let Some(spent) = opened.consumed_prekey_id {
                    self.one_time_keys.remove_pre_key(spent).await?;
                }
                Ok(Opened::Plain(opened.plaintext))
            }
            Err(SignalProtocolError::DuplicatedMessage(..)) => Ok(Opened::Duplicate),
            Err(error) => Err(error).context("could not decrypt"),
        }
    }

    /// Before a message to many: when somebody left who had the phone's key, the next one is a new one.
    pub(super) fn begin_group_send(&mut self, chat: &str, devices: &[(String, u16)]) {
        let holders = self.key_holders.entry(chat.to_owned()).or_default();
        if holders.iter().any(|holder| !devices.contains(holder)) {
            holders.clear();
            self.sender_keys.forget(chat);
        }
    }

    /// Has a device not been given the phone's key of a chat? It is now.
    pub(super) fn lacks_group_key(&mut self, chat: &str, number: &str, device: u16) -> bool {
        self.key_holders.entry(chat.to_owned()).or_default().insert((number.to_owned(), device))
    }

    /// The phone's own key of a chat of many, as it is given to others.
    pub(super) async fn group_key(&mut self, chat: &str, own: &str) -> Result<Vec<u8>> {
        let name = key_name(chat, own, 0);
        let mut generator = entropy::generator();
        let key =
            create_sender_key_distribution_message(&name, &mut self.sender_keys, &mut generator).await?;
        self.sender_keys.mark_own(chat, &name);
        Ok(key.into_serialized().to_vec())
    }

    /// Encrypts a padded plaintext for everybody who has the phone's key of the chat.
    pub(super) async fn seal_for_group(&mut self, chat: &str, own: &str, padded: &[u8]) -> Result<Sealed> {
        let name = key_name(chat, own, 0);
        let sealed = group_encrypt(&mut self.sender_keys, &name, padded, &mut entropy::generator()).await?;
        Ok(Sealed { kind: "skmsg", bytes: sealed.serialized().to_vec() })
    }

    /// Takes the key that a device gives for its messages in a chat of many.
    pub(super) async fn take_group_key(
        &mut self,
        chat: &str,
        number: &str,
        device: u16,
        key: &[u8],
    ) -> Result<()> {
        let key = SenderKeyDistributionMessage::try_from(key)?;
        let name = key_name(chat, number, device);
        process_sender_key_distribution_message(&name, &key, &mut self.sender_keys).await?;
        Ok(())
    }

    /// Decrypts what a device sent to a chat of many.
    pub(super) async fn open_from_group(
        &mut self,
        chat: &str,
        number: &str,
        device: u16,
        bytes: &[u8],
    ) -> Result<Opened> {
        match group_decrypt(bytes, &mut self.sender_keys, &key_name(chat, number, device)).await {
            Ok(plain) => Ok(Opened::Plain(plain)),
            Err(SignalProtocolError::DuplicatedMessage(..)) => Ok(Opened::Duplicate),
            Err(error) => Err(error).context("could not decrypt"),
        }
    }
}

/// What a device's key of a chat is kept under.
fn key_name(chat: &str, number: &str, device: u16) -> SenderKeyName {
    SenderKeyName::from_parts(chat, &format!("{number}:{device}"))
}
