//! How changes lie in a store's file: one frame for what was changed together.
//!
//! ```text
//! frame   mark "BZs1" · length u32 · checksum u32 · durable u32 · changes     (little endian)
//! change  1 · table u8 · name 16 · stamp u32 · length u32 · sealed value      put
//!         2 · table u8 · name 16                                              delete
//!         3 · table u8                                                        clear
//! ```
//!
//! `durable` is how much of the file was known to be on disk when the frame was written. It tells a tail that a loss of power has torn from damage to
//! what was promised to be there.

use crate::error::StoreError;
use crate::seal::Name;

/// The most bytes of a value that is stored.
pub const MAX_VALUE_BYTES: usize = 16 << 20;
/// The most bytes of one frame.
const MAX_FRAME_BYTES: usize = 64 << 20;

const MARK: [u8; 4] = *b"BZs1";
/// Mark, length, checksum, durable.
pub(super) const HEAD: usize = 16;
/// Kind, table, name, stamp, length: what stands before a value.
pub(super) const PUT_HEAD: usize = 1 + 1 + 16 + 4 + 4;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const CLEAR: u8 = 3;

/// One change as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change<'a> {
    /// An entry has this value from now on.
    Put { name: Name, stamp: u32, sealed: &'a [u8] },
    /// An entry is gone.
    Delete { name: Name },
    /// Every entry of a table is gone.
    Clear { table: u8 },
}

/// A frame being made.
pub(super) struct Draft {
    bytes: Vec<u8>,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; HEAD] }
    }

    /// Adds a change; says where in the frame its value begins.
    pub(super) fn add(&mut self, change: &Change<'_>) -> Result<usize, StoreError> {
        match change {
            Change::Put { name, stamp, sealed } => {
                let length = u32::try_from(sealed.len()).map_err(|_| StoreError::TooLarge)?;
                self.head(PUT, name.table);
                self.bytes.extend_from_slice(&name.hash);
                self.bytes.extend_from_slice(&stamp.to_le_bytes());
                self.bytes.extend_from_slice(&length.to_le_bytes());
                self.bytes.extend_from_slice(sealed);
            }
            Change::Delete { name } => {
                self.head(DELETE, name.table);
                self.bytes.extend_from_slice(&name.hash);
            }
            Change::Clear { table } => self.head(CLEAR, *table),
        }
        if self.bytes.len() > MAX_FRAME_BYTES {
            return Err(StoreError::TooLarge);
        }
        let value = if let Change::Put { sealed, .. } = change { sealed.len() } else { 0 };
        Ok(self.bytes.len() - value)
    }

    fn head(&mut self, kind: u8, table: u8) {
        self.bytes.extend_from_slice(&[kind, table]);
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.len() == HEAD
    }

    /// The whole frame.
    pub(super) fn finish(mut self, durable: u64) -> Result<Vec<u8>, StoreError> {
        let durable = u32::try_from(durable).map_err(|_| StoreError::TooLarge)?;
        let length = u32::try_from(self.bytes.len() - HEAD).map_err(|_| StoreError::TooLarge)?;
        let changes = self.bytes.get(HEAD..).unwrap_or_default();
        let checksum = checksum(durable, changes);
        let head = [MARK, length.to_le_bytes(), checksum.to_le_bytes(), durable.to_le_bytes()].concat();
        for (to, from) in self.bytes.iter_mut().zip(head) {
            *to = from;
        }
        Ok(self.bytes)
    }
}

/// A whole frame in a buffer.
pub(super) struct Frame<'a> {
    /// How much of the file was on disk when it was written.
    pub(super) durable: u64,
    changes: &'a [u8],
    /// Its length.
    pub(super) size: usize,
}

/// The frame that `bytes` begin with, if it is whole.
pub(super) fn parse(bytes: &[u8]) -> Option<Frame<'_>> {
    let (mark, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (check, rest) = rest.split_first_chunk::<4>()?;
    let (durable, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|l| *l <= MAX_FRAME_BYTES)?;
    let durable = u32::from_le_bytes(*durable);
    let changes = rest.get(..length)?;
    let is_whole = *mark == MARK && checksum(durable, changes) == u32::from_le_bytes(*check);
    is_whole.then_some(Frame { durable: durable.into(), changes, size: HEAD + length })
}

/// The first whole frame at or behind `from`, and where it begins.
pub(super) fn find(bytes: &[u8], from: usize) -> Option<(usize, Frame<'_>)> {
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        at += rest.windows(MARK.len()).position(|window| window == MARK)?;
        if let Some(frame) = bytes.get(at..).and_then(parse) {
            return Some((at, frame));
        }
        at += 1;
    }
}

impl<'a> Frame<'a> {
    /// Its changes, each with the place of its value in the frame; `None` when they are not what we write.
    pub(super) fn changes(&self) -> Option<Vec<(Change<'a>, usize)>> {
        let mut found = Vec::new();
        let mut rest = self.changes;
        while !rest.is_empty() {
            let (change, after) = change(rest)?;
            let value = if let Change::Put { sealed, .. } = change { sealed.len() } else { 0 };
            found.push((change, self.size - after.len() - value));
            rest = after;
        }
        Some(found)
    }
}

fn change(bytes: &[u8]) -> Option<(Change<'_>, &[u8])> {
    let (&[kind, table], rest) = bytes.split_first_chunk::<2>()?;
    if kind == CLEAR {
        return Some((Change::Clear { table }, rest));
    }
    let (hash, rest) = rest.split_first_chunk::<16>()?;
    let name = Name { table, hash: *hash };
    match kind {
        DELETE => Some((Change::Delete { name }, rest)),
        PUT => {
            let (stamp, rest) = rest.split_first_chunk::<4>()?;
            let (length, rest) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (sealed, rest) = rest.split_at_checked(length)?;
            Some((Change::Put { name, stamp: u32::from_le_bytes(*stamp), sealed }, rest))
        }
        _ => None,
    }
}

fn checksum(durable: u32, changes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&durable.to_le_bytes());
    hasher.update(changes);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(table: u8) -> Name {
        Name { table, hash: [table; 16] }
    }

    #[test]
    fn changes_are_read_as_they_were_written() {
        let changes = [
            Change::Put { name: name(1), stamp: 7, sealed: b"value" },
            Change::Delete { name: name(2) },
            Change::Clear { table: 3 },
            Change::Put { name: name(4), stamp: 0, sealed: b"" },
        ];
        let mut draft = Draft::new();
        let places: Vec<usize> = changes.iter().map(|change| draft.add(change).unwrap()).collect();
        let bytes = draft.finish(42).unwrap();
        let frame = parse(&bytes).unwrap();
        assert_eq!((frame.durable, frame.size), (42, bytes.len()));
        let read = frame.changes().unwrap();
        assert_eq!(read.iter().map(|(change, _)| change.clone()).collect::<Vec<_>>(), changes);
        for ((change, place), written) in read.iter().zip(places) {
            if let Change::Put { sealed, .. } = change {
                assert_eq!(*place, written);
                assert_eq!(&bytes[*place..*place + sealed.len()], *sealed);
            }
        }
    }

    proptest! {
        #[test]
        fn a_changed_or_cut_frame_is_none(at in 0_usize..60, change in 1_u8..=255, cut in 0_usize..60) {
            let mut draft = Draft::new();
            draft.add(&Change::Put { name: name(1), stamp: 7, sealed: b"value" }).unwrap();
            let whole = draft.finish(3).unwrap();
            let mut changed = whole.clone();
            if let Some(byte) = changed.get_mut(at) {
                *byte ^= change;
                prop_assert!(parse(&changed).is_none());
            }
            if cut < whole.len() {
                prop_assert!(parse(&whole[..cut]).is_none());
            }
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes).and_then(|frame| frame.changes());
            let _ = find(&bytes, 0);
            let _ = change(&bytes);
        }
    }
}
