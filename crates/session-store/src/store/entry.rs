//! What is sealed: the key, then the value. With the key in it, an entry can be sealed anew under another name.

use std::fs::File;
use std::path::Path;

use blazz_domain::AccountId;

use super::frame::MAX_VALUE_BYTES;
use super::index::Place;
use super::log::read_place;
use crate::error::StoreError;
use crate::seal::{Name, SealingKey};

/// One entry of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Vec<u8>,
    /// A number that is not sealed and can be asked for without reading: a time, or an id that is no secret.
    pub stamp: u32,
    /// What it holds.
    pub value: Vec<u8>,
}

impl Entry {
    pub(super) fn seal(
        &self,
        account: AccountId,
        key: &SealingKey,
        name: &Name,
    ) -> Result<Vec<u8>, StoreError> {
        if self.value.len() > MAX_VALUE_BYTES {
            return Err(StoreError::TooLarge);
        }
        let length = u16::try_from(self.key.len()).map_err(|_| StoreError::TooLarge)?;
        let plain = [length.to_le_bytes().as_slice(), &self.key, &self.value].concat();
        key.seal(account, name, &plain)
    }

    pub(super) fn open(
        account: AccountId,
        key: &SealingKey,
        name: &Name,
        stamp: u32,
        sealed: &[u8],
    ) -> Result<Self, StoreError> {
        let plain = key.open(account, name, sealed)?;
        let (length, rest) = plain.split_first_chunk::<2>().ok_or(StoreError::Unsealable)?;
        let length = usize::from(u16::from_le_bytes(*length));
        let (key, value) = rest.split_at_checked(length).ok_or(StoreError::Unsealable)?;
        Ok(Self { key: key.to_vec(), stamp, value: value.to_vec() })
    }

    pub(super) fn read(
        file: &File,
        path: &Path,
        (account, key): (AccountId, &SealingKey),
        name: &Name,
        place: &Place,
    ) -> Result<Self, StoreError> {
        Self::open(account, key, name, place.stamp, &read_place(file, path, place)?)
    }
}
