//! Sealing: what lies on disk says neither what it is called nor what it is.
//!
//! A name becomes a keyed hash (HMAC-SHA-256, cut to 128 bits), a value is sealed with XChaCha20-Poly1305 under a random nonce of 192 bits, bound to the
//! account, the table and the name that it lies under. Both keys come from one secret of the workspace (HKDF-SHA-256).

use std::fmt;

use blazz_domain::{AccountId, random};
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::error::StoreError;

/// The bytes of a nonce before what is sealed.
const NONCE: usize = 24;
/// The bytes of a name.
const NAME: usize = 16;

/// What an entry is called on disk: its table, and the keyed hash of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) table: u8,
    pub(crate) hash: [u8; NAME],
}

/// The keys of a workspace, of one generation.
pub struct SealingKey {
    generation: u32,
    names: Hmac<Sha256>,
    values: XChaCha20Poly1305,
}

impl SealingKey {
    /// The keys that come from a secret; `generation` tells it from those before and after.
    #[must_use]
    pub fn new(generation: u32, secret: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, secret);
        Self {
            generation,
            names: Hmac::<Sha256>::new(&derived::<64>(&hkdf, b"blazz session names").into()),
            values: XChaCha20Poly1305::new(&derived::<32>(&hkdf, b"blazz session values").into()),
        }
    }

    /// Which generation.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) fn name(&self, account: AccountId, table: u8, key: &[u8]) -> Name {
        let mut mac = self.names.clone();
        mac.update(account.0.as_bytes());
        mac.update(&[table]);
        mac.update(key);
        let mut hash = [0; NAME];
        for (to, from) in hash.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        Name { table, hash }
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// When it is far larger than anything that is stored.
    pub(crate) fn seal(&self, account: AccountId, name: &Name, value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let nonce = random::bytes::<NONCE>();
        let place = place(account, name);
        let payload = Payload { msg: value, aad: &place };
        let sealed =
            self.values.encrypt(&XNonce::from(nonce), payload).map_err(|_| StoreError::Unsealable)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`StoreError::Unsealable`] when it was sealed with another key, for another place, or changed.
    pub(crate) fn open(&self, account: AccountId, name: &Name, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(StoreError::Unsealable)?;
        let place = place(account, name);
        let payload = Payload { msg: sealed, aad: &place };
        self.values.decrypt(&XNonce::from(*nonce), payload).map_err(|_| StoreError::Unsealable)
    }
}

fn derived<const N: usize>(hkdf: &Hkdf<Sha256>, purpose: &[u8]) -> [u8; N] {
    let mut key = [0; N];
    // It fails only for more than 8,160 bytes.
    let _ = hkdf.expand(purpose, &mut key);
    key
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey(generation {})", self.generation)
    }
}

fn place(account: AccountId, name: &Name) -> Vec<u8> {
    [account.0.as_bytes().as_slice(), &[name.table], &name.hash].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_only_where_it_was_sealed_and_unchanged() {
        let (key, account) = (SealingKey::new(1, &[7; 32]), AccountId::new());
        let name = key.name(account, 3, b"anna");
        let sealed = key.seal(account, &name, b"secret").unwrap();
        assert_eq!(key.open(account, &name, &sealed).unwrap(), b"secret");
        assert_ne!(key.seal(account, &name, b"secret").unwrap(), sealed, "each time anew");

        let elsewhere = [key.name(account, 4, b"anna"), key.name(account, 3, b"bert")];
        for other in elsewhere {
            assert!(matches!(key.open(account, &other, &sealed), Err(StoreError::Unsealable)));
        }
        assert!(key.open(AccountId::new(), &name, &sealed).is_err());
        assert!(SealingKey::new(1, &[8; 32]).open(account, &name, &sealed).is_err());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(account, &name, &changed).is_err(), "byte {at}");
        }
        assert!(key.open(account, &name, &sealed[..10]).is_err());
    }

    #[test]
    fn names_differ_by_account_table_key_and_secret() {
        let (key, account) = (SealingKey::new(1, &[7; 32]), AccountId::new());
        let name = key.name(account, 1, b"x");
        assert_eq!(key.name(account, 1, b"x"), name);
        let others = [
            key.name(AccountId::new(), 1, b"x"),
            key.name(account, 2, b"x"),
            key.name(account, 1, b"y"),
            SealingKey::new(1, &[8; 32]).name(account, 1, b"x"),
        ];
        assert!(others.iter().all(|other| other.hash != name.hash));
        assert!(!format!("{key:?}").contains('7'));
    }
}
