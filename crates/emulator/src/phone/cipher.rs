//! The phone's end of the Signal sessions: opening one from a bundle, encrypting, decrypting.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use whatsapp_rust::wacore::libsignal::protocol::{
    CiphertextMessage, GenericSignedPreKey as _, IdentityKey, IdentityKeyPair, KeyPair, PreKeyBundle,
    PreKeySignalMessage, PreKeyStore as _, SessionStore as _, SignalMessage, SignalProtocolError,
    SignedPreKeyRecord, Timestamp, UsePQRatchet, message_decrypt, message_encrypt, process_prekey_bundle,
};

use super::adv::PhoneKeys;
use super::store::{Identities, OneTimeKeys, Sessions, SignedPrekey, address};
use crate::entropy;

/// Sessions and the keys behind them.
pub(crate) struct Cipher {
    sessions: Sessions,
    identities: Identities,
    one_time_keys: OneTimeKeys,
    signed_prekey: SignedPrekey,
}

/// A ciphertext as a stanza carries it.
#[derive(Clone)]
pub(crate) struct Sealed {
    /// `pkmsg` opens a session, `msg` uses one.
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
        })
    }

    /// Loses every session; says how many there were.
    pub(crate) fn forget_sessions(&mut self) -> usize {
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
}
