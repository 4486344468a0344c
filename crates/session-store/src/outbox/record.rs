//! How an entry lies in a file: a mark, its length, a checksum, its sequence, its bytes.

use crate::error::StoreError;

/// The most bytes one entry may have.
pub const MAX_ENTRY_BYTES: usize = 1 << 20;

/// Where a record begins; what lets a reader find the next one behind damage.
const MARK: [u8; 4] = *b"BZe1";
/// Mark, length, checksum, sequence.
pub(super) const HEAD: usize = 4 + 4 + 4 + 8;

/// One record in a buffer.
pub(super) struct Record<'a> {
    pub(super) sequence: u64,
    pub(super) entry: &'a [u8],
    /// Where it ends in the buffer.
    pub(super) end: usize,
}

/// The record of an entry.
pub(super) fn encode(sequence: u64, entry: &[u8]) -> Result<Vec<u8>, StoreError> {
    let too_large = StoreError::EntryTooLarge { size: entry.len() };
    if entry.len() > MAX_ENTRY_BYTES {
        return Err(too_large);
    }
    let length = u32::try_from(entry.len()).map_err(|_| too_large)?;
    let mut record = Vec::with_capacity(HEAD + entry.len());
    record.extend_from_slice(&MARK);
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&checksum(sequence, entry).to_le_bytes());
    record.extend_from_slice(&sequence.to_le_bytes());
    record.extend_from_slice(entry);
    Ok(record)
}

/// The first whole record at or behind `from`; what cannot be read before it is stepped over.
pub(super) fn next(bytes: &[u8], from: usize) -> Option<Record<'_>> {
    let mut at = from;
    loop {
        let rest = bytes.get(at..)?;
        let step = rest.windows(MARK.len()).position(|window| window == MARK)?;
        at += step;
        if let Some((sequence, entry)) = bytes.get(at..).and_then(parse) {
            return Some(Record { sequence, entry, end: at + HEAD + entry.len() });
        }
        at += 1;
    }
}

/// The record that `bytes` begin with, if it is whole.
fn parse(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (_, rest) = bytes.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (check, rest) = rest.split_first_chunk::<4>()?;
    let (sequence, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok().filter(|l| *l <= MAX_ENTRY_BYTES)?;
    let sequence = u64::from_le_bytes(*sequence);
    let entry = rest.get(..length)?;
    (checksum(sequence, entry) == u32::from_le_bytes(*check)).then_some((sequence, entry))
}

fn checksum(sequence: u64, entry: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sequence.to_le_bytes());
    hasher.update(entry);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(record) = next(bytes, at) {
            found.push((record.sequence, record.entry.to_vec()));
            at = record.end;
        }
        found
    }

    #[test]
    fn an_entry_has_a_limit() {
        assert!(encode(1, &vec![0; MAX_ENTRY_BYTES]).is_ok());
        assert!(matches!(encode(1, &vec![0; MAX_ENTRY_BYTES + 1]), Err(StoreError::EntryTooLarge { .. })));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(entries in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..12)) {
            let mut bytes = Vec::new();
            let expected: Vec<_> = (1..).zip(entries).collect();
            for (sequence, entry) in &expected {
                bytes.extend(encode(*sequence, entry).unwrap());
            }
            prop_assert_eq!(read_all(&bytes), expected);
        }

        #[test]
        fn a_changed_byte_costs_one_record_at_most(at in 0_usize..300, change in 1_u8..=255) {
            let mut bytes = Vec::new();
            for sequence in 1..=10_u64 {
                bytes.extend(encode(sequence, format!("entry {sequence:03}").as_bytes()).unwrap());
            }
            let damaged = u64::try_from(at / (HEAD + 9)).unwrap() + 1;
            let intact = read_all(&bytes);
            let Some(byte) = bytes.get_mut(at) else { return Ok(()) };
            *byte ^= change;
            let expected: Vec<_> = intact.into_iter().filter(|(sequence, _)| *sequence != damaged).collect();
            prop_assert_eq!(read_all(&bytes), expected);
        }

        #[test]
        fn a_torn_tail_costs_only_itself(keep in 0_usize..290) {
            let mut bytes = Vec::new();
            for sequence in 1..=10_u64 {
                bytes.extend(encode(sequence, format!("entry {sequence:03}").as_bytes()).unwrap());
            }
            bytes.truncate(keep);
            prop_assert_eq!(read_all(&bytes).len(), keep / (HEAD + 9));
        }

        #[test]
        fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            read_all(&bytes);
        }
    }
}
