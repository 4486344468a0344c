//! Append, read, acknowledge; what survives damage; how large it gets.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

use blazz_domain::{Epoch, OutboxId};
use blazz_session_store::{Durability, MAX_ENTRY_BYTES, Outboxes, StoreError};

use crate::Stage;

fn entries(outboxes: &Outboxes, max: usize) -> Vec<(u64, Vec<u8>)> {
    outboxes.next_batch(max, 1 << 24).unwrap().map(|batch| batch.entries).unwrap_or_default()
}

fn numbers(outboxes: &Outboxes) -> Vec<u64> {
    entries(outboxes, 10_000).into_iter().map(|(sequence, _)| sequence).collect()
}

fn fill(outboxes: &Outboxes, count: usize) {
    for number in 1..=count {
        outboxes.append(format!("entry {number}").as_bytes(), Durability::Written).unwrap();
    }
    outboxes.sync().unwrap();
}

#[test]
fn entries_come_out_in_order_until_they_are_acknowledged() {
    let stage = Stage::new();
    let outboxes = stage.outboxes();
    assert_eq!(outboxes.next_batch(10, 1000).unwrap(), None);
    fill(&outboxes, 5);
    let batch = outboxes.next_batch(2, 1000).unwrap().unwrap();
    assert_eq!(batch.entries, [(1, b"entry 1".to_vec()), (2, b"entry 2".to_vec())]);
    assert_eq!((batch.outbox_id, batch.written_under), (outboxes.outbox_id(), Epoch(1)));
    assert_eq!(outboxes.next_batch(2, 1000).unwrap().unwrap(), batch, "until it is acknowledged");
    outboxes.acknowledge(batch.outbox_id, 2).unwrap();
    assert_eq!((numbers(&outboxes), outboxes.pending()), (vec![3, 4, 5], 3));
    outboxes.acknowledge(OutboxId::new(), 5).unwrap();
    outboxes.acknowledge(batch.outbox_id, 1).unwrap();
    assert_eq!(outboxes.pending(), 3, "neither another outbox nor an old number counts");
    outboxes.acknowledge(batch.outbox_id, 99).unwrap();
    assert_eq!(outboxes.pending(), 0);
    assert_eq!(outboxes.append(b"next", Durability::Synced).unwrap(), 6);
    assert_eq!(numbers(&outboxes), [6]);
}

#[test]
fn a_batch_has_a_size_but_at_least_one_entry() {
    let stage = Stage::new();
    let outboxes = stage.outboxes();
    for _ in 0..3 {
        outboxes.append(&[7; 1000], Durability::Written).unwrap();
    }
    assert_eq!(outboxes.next_batch(10, 2500).unwrap().unwrap().entries.len(), 2);
    assert_eq!(outboxes.next_batch(10, 10).unwrap().unwrap().entries.len(), 1);
    let too_large = vec![0; MAX_ENTRY_BYTES + 1];
    assert!(matches!(outboxes.append(&too_large, Durability::Synced), Err(StoreError::EntryTooLarge { .. })));
    assert_eq!(outboxes.append(&vec![0; MAX_ENTRY_BYTES], Durability::Synced).unwrap(), 4);
}

#[test]
fn every_opening_is_an_outbox_of_its_own_and_older_ones_drain_first() {
    let stage = Stage::new();
    let mut ids = Vec::new();
    for round in 0..3 {
        let outboxes = stage.outboxes();
        assert_eq!(outboxes.append(format!("round {round}").as_bytes(), Durability::Synced).unwrap(), 1);
        ids.push(outboxes.outbox_id());
    }
    let outboxes = stage.outboxes();
    assert_eq!(outboxes.pending(), 3);
    for (round, id) in ids.into_iter().enumerate() {
        let batch = outboxes.next_batch(10, 1000).unwrap().unwrap();
        assert_eq!(batch.outbox_id, id);
        assert_eq!(batch.entries, [(1, format!("round {round}").into_bytes())]);
        outboxes.acknowledge(id, 1).unwrap();
    }
    assert!(stage.segments().is_empty(), "what is acknowledged is deleted");
}

#[test]
fn it_stays_small_even_when_it_never_runs_empty() {
    let stage = Stage::new();
    let outboxes = stage.outboxes();
    let entry = vec![1; 100_000];
    let mut largest = 0;
    for sequence in 1..=200 {
        outboxes.append(&entry, Durability::Written).unwrap();
        // One entry is always left.
        outboxes.acknowledge(outboxes.outbox_id(), sequence - 1).unwrap();
        let size: u64 = stage.segments().iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        largest = largest.max(size);
    }
    assert!(largest < 9 << 20, "{largest} bytes for 20 MB that went through");
    assert_eq!(numbers(&outboxes), [200]);
}

#[test]
fn segments_are_read_in_the_order_they_were_written() {
    let stage = Stage::new();
    let outboxes = stage.outboxes();
    for _ in 0..12 {
        outboxes.append(&vec![1; MAX_ENTRY_BYTES], Durability::Written).unwrap();
    }
    assert!(stage.segments().len() >= 3);
    drop(outboxes);
    let outboxes = stage.outboxes();
    let mut seen = Vec::new();
    while let Some(batch) = outboxes.next_batch(2, 1 << 24).unwrap() {
        seen.extend(batch.entries.iter().map(|(sequence, _)| *sequence));
        outboxes.acknowledge(batch.outbox_id, *seen.last().unwrap()).unwrap();
    }
    assert_eq!(seen, (1..=12).collect::<Vec<_>>());
}

#[test]
fn a_torn_tail_is_cut() {
    let stage = Stage::new();
    fill(&stage.outboxes(), 3);
    let file = stage.segments().remove(0);
    let size = fs::metadata(&file).unwrap().len();
    OpenOptions::new().append(true).open(&file).unwrap().write_all(b"BZe1\x09\0\0\0half").unwrap();
    let outboxes = stage.outboxes();
    assert_eq!(numbers(&outboxes), [1, 2, 3]);
    assert_eq!(fs::metadata(&file).unwrap().len(), size);
}

#[test]
fn damage_in_the_middle_costs_only_what_it_hit() {
    let stage = Stage::new();
    fill(&stage.outboxes(), 5);
    let file = stage.segments().remove(0);
    let bytes = fs::read(&file).unwrap();
    let third = bytes.windows(7).position(|window| window == b"entry 3").unwrap();
    let writing = OpenOptions::new().write(true).open(&file).unwrap();
    writing.write_all_at(b"E", u64::try_from(third).unwrap()).unwrap();
    let outboxes = stage.outboxes();
    assert_eq!(outboxes.pending(), 4);
    assert_eq!(numbers(&outboxes), [1, 2], "a batch ends where an entry is missing");
    let batch = outboxes.next_batch(10, 1000).unwrap().unwrap();
    outboxes.acknowledge(batch.outbox_id, 2).unwrap();
    assert_eq!(numbers(&outboxes), [4, 5]);
    outboxes.acknowledge(batch.outbox_id, 4).unwrap();
    assert_eq!(numbers(&outboxes), [5]);
}

#[test]
fn a_file_of_an_unknown_kind_is_left_alone() {
    let stage = Stage::new();
    fill(&stage.outboxes(), 1);
    let file = stage.segments().remove(0);
    let mut bytes = fs::read(&file).unwrap();
    bytes[6] = 99;
    fs::write(&file, &bytes).unwrap();
    let outboxes = stage.outboxes();
    assert_eq!(outboxes.pending(), 0);
    fill(&outboxes, 1);
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_write_that_fails_is_told_and_the_next_one_works_again() {
    let stage = Stage::new();
    let session = stage.open();
    let outboxes = session.open_outboxes().unwrap();
    fs::remove_dir(session.path().join("outbox")).unwrap();
    assert!(matches!(outboxes.append(b"lost", Durability::Synced), Err(StoreError::Io { .. })));
    assert!(outboxes.append(b"lost too", Durability::Synced).is_err());
    fs::create_dir(session.path().join("outbox")).unwrap();
    assert_eq!(outboxes.append(b"stored", Durability::Synced).unwrap(), 1);
    assert_eq!(entries(&outboxes, 10), [(1, b"stored".to_vec())]);
}

#[test]
fn many_writers_get_numbers_of_their_own() {
    let stage = Stage::new();
    let outboxes = stage.outboxes();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let outboxes = &outboxes;
            scope.spawn(move || {
                for _ in 0..20 {
                    outboxes.append(format!("writer {writer}").as_bytes(), Durability::Synced).unwrap();
                }
            });
        }
    });
    assert_eq!(numbers(&outboxes), (1..=160).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_reader_is_woken_also_for_what_came_before_it_waited() {
    let stage = Stage::new();
    let outboxes = stage.outboxes();
    outboxes.append(b"early", Durability::Written).unwrap();
    outboxes.changed().await;
    let (_, ()) = tokio::join!(outboxes.changed(), async {
        outboxes.append(b"late", Durability::Written).unwrap();
    });
    assert_eq!(outboxes.pending(), 2);
}
