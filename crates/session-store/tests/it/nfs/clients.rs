//! Two machines that mount the same files, each with what it remembers.

use std::sync::Arc;
use std::time::Duration;

use blazz_fault_fs::{Call, ClientOptions, Effect, Fault, Locks, Server};
use blazz_session_store::{Durability, SessionRoot};

use super::life::Life;
use crate::keys;

const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than any test: what is remembered is never too old.
const LONG: ClientOptions = ClientOptions { remembers: Duration::from_secs(3600), locks: Locks::Lie };

#[test]
fn the_next_machine_sees_everything_whatever_it_remembers() {
    let server = Server::new();
    let (first, second) = (server.mount(LONG).unwrap(), server.mount(LONG).unwrap());
    let life = Life::new(first.path().join("sessions"));
    let there = second.path().join("sessions");
    // It looks for the session before it is there.
    let root = SessionRoot::open(&there, keys(1)).unwrap();
    assert!(root.open_session(&life.lease, true).is_err());
    assert_eq!(root.sessions().unwrap(), []);

    let root = SessionRoot::open(&life.root, keys(1)).unwrap();
    life.link(&root).unwrap();
    life.work(&root).unwrap();
    let promised = life.ledger.lock().unwrap().clone();
    let seen = promised.check_session(&there, &life.lease);
    assert!(seen.is_ok(), "{}", seen.unwrap_err());
}

#[test]
fn half_of_an_entry_that_is_still_being_written_is_no_entry_for_the_next_machine() {
    let server = Server::new();
    let options = ClientOptions { locks: Locks::Lie, ..ClientOptions::default() };
    let (first, second) = (server.mount(options).unwrap(), server.mount(options).unwrap());
    let life = Life::new(first.path().join("sessions"));
    let root = SessionRoot::open(&life.root, keys(1)).unwrap();
    let outboxes = Arc::new(root.open_session(&life.lease, false).unwrap().open_outboxes().unwrap());
    outboxes.append(b"whole", Durability::Synced).unwrap();
    let fault = first.fault(Fault::new(Effect::HoldHalf).on(&[Call::Write]).at("outbox"));
    std::thread::scope(|scope| {
        let paused = scope.spawn(|| outboxes.append(&[b'h'; 1000], Durability::Synced));
        assert!(fault.wait_for_hit(PATIENCE));
        // Its files are copied, for the owner of now does not read what others still write.
        let copy = tempfile::tempdir().unwrap();
        copy_files(&second.path().join("sessions"), copy.path());
        let next = SessionRoot::open(copy.path(), keys(1)).unwrap();
        let next = next.open_session(&life.lease, false).unwrap().open_outboxes().unwrap();
        let batch = next.next_batch(10, 10_000).unwrap().unwrap();
        assert_eq!(batch.entries, [(1, b"whole".to_vec())]);
        fault.lift();
        assert_eq!(paused.join().unwrap().unwrap(), 2);
    });
}

fn copy_files(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy_files(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
