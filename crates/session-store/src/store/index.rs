//! Where each entry of a store lies.

use std::collections::BTreeMap;

use super::frame::{Change, PUT_HEAD};
use crate::seal::Name;

/// Where a sealed value lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: u32,
    pub(super) length: u32,
    pub(super) stamp: u32,
}

/// The places of all entries, by table.
#[derive(Debug, Default)]
pub(super) struct Index {
    places: BTreeMap<Name, Place>,
    /// What the entries take in the file.
    bytes: u64,
}

impl Index {
    pub(super) fn get(&self, name: &Name) -> Option<Place> {
        self.places.get(name).copied()
    }

    pub(super) fn table(&self, table: u8) -> impl Iterator<Item = (Name, Place)> + '_ {
        let range = Name { table, hash: [0; 16] }..=Name { table, hash: [u8::MAX; 16] };
        self.places.range(range).map(|(name, place)| (*name, *place))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Name, Place)> + '_ {
        self.places.iter().map(|(name, place)| (*name, *place))
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// What the entries take in the file, without the frames around them.
    pub(super) fn disk_bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn memory_bytes(&self) -> usize {
        // A node of the tree is two thirds full on average.
        self.places.len() * (size_of::<Name>() + size_of::<Place>()) * 3 / 2
    }

    /// Takes over a change whose value lies at `begin + place` in the file.
    pub(super) fn take(&mut self, change: &Change<'_>, begin: u64, place: usize) {
        match change {
            Change::Put { name, stamp, sealed } => {
                let at = begin + u64::try_from(place).unwrap_or_default();
                // A file has at most 1 GiB.
                let (at, length) = (u32::try_from(at), u32::try_from(sealed.len()));
                let (Ok(at), Ok(length)) = (at, length) else { return };
                self.forget(name);
                self.places.insert(*name, Place { at, length, stamp: *stamp });
                self.bytes += taken(length);
            }
            Change::Delete { name } => self.forget(name),
            Change::Clear { table } => {
                let names: Vec<Name> = self.table(*table).map(|(name, _)| name).collect();
                names.iter().for_each(|name| self.forget(name));
            }
        }
    }

    fn forget(&mut self, name: &Name) {
        if let Some(place) = self.places.remove(name) {
            self.bytes = self.bytes.saturating_sub(taken(place.length));
        }
    }
}

fn taken(length: u32) -> u64 {
    u64::from(length) + u64::try_from(PUT_HEAD).unwrap_or_default()
}
