//! Calls that fail, a full disk, calls that hang.

use std::sync::mpsc;
use std::time::Duration;

use blazz_domain::{AccountId, Lease};
use blazz_fault_fs::{Call, ClientOptions, Cut, Effect, Errno, Fault, Server};
use blazz_session_store::{Durability, SessionRoot, StoreError};

use super::ledger::goes_on;
use super::life::Life;
use crate::keys;

const PATIENCE: Duration = Duration::from_secs(20);
/// Calls that change something.
const CHANGES: [Call; 10] = [
    Call::SetAttributes,
    Call::MakeDirectory,
    Call::Create,
    Call::Link,
    Call::Unlink,
    Call::RemoveDirectory,
    Call::Rename,
    Call::Write,
    Call::Sync,
    Call::SyncDirectory,
];

/// Lives with a fault and looks at what is left once it is gone, also after a loss of power. `true` when the fault was met.
fn survives(server: &Server, client: &blazz_fault_fs::Client, fault: Fault) -> bool {
    let life = Life::new(client.path().join("sessions"));
    let fault = client.fault(fault);
    let lived = life.live();
    client.heal();
    let hits = fault.hits();
    if let Err(error) = &lived {
        assert!(matches!(error, StoreError::Io { .. } | StoreError::Broken), "{hits:?} is told as {error:?}");
    }
    if !hits.is_empty() {
        is_whole(server, &life, &format!("{hits:?}, {lived:?}"));
    }
    !hits.is_empty()
}

fn is_whole(server: &Server, life: &Life, after: &str) {
    let left = server.state();
    let promised = life.ledger.lock().unwrap().clone();
    server.power_cut(Cut::Durable);
    let kept = promised.check(&life.root, &life.lease);
    assert!(kept.is_ok(), "without power after {after}: {}", kept.unwrap_err());
    server.set_state(left.clone());
    let kept = promised.check(&life.root, &life.lease);
    assert!(kept.is_ok(), "after {after}: {}", kept.unwrap_err());
    if promised.deleted.is_none() {
        server.set_state(left);
        let later = goes_on(&life.root, &life.lease).and_then(|check| {
            server.power_cut(Cut::Durable);
            check()
        });
        assert!(later.is_ok(), "later, after {after}: {}", later.unwrap_err());
    }
}

/// The same for the first of these calls, and every `step`th after it, until there are no more.
fn survives_everywhere(effect: Effect, calls: &[Call], step: u64) {
    let server = Server::new();
    let client = server.mount(ClientOptions::default()).unwrap();
    let empty = server.state();
    let mut count = 0;
    loop {
        server.set_state(empty.clone());
        let fault = Fault::new(effect).on(calls).at("sessions").nth(count * step + 1).once();
        if !survives(&server, &client, fault) {
            break;
        }
        count += 1;
    }
    assert!(count > 40, "only {count} calls");
}

#[test]
fn a_change_that_fails_is_told_and_costs_nothing_that_was_promised() {
    survives_everywhere(Effect::Fail(Errno::EIO), &CHANGES, 1);
}

#[test]
fn a_question_that_fails_is_told_and_is_not_taken_for_an_answer() {
    let questions = [Call::Lookup, Call::Attributes, Call::Open, Call::Read, Call::List];
    survives_everywhere(Effect::Fail(Errno::EIO), &questions, 7);
}

#[test]
fn a_change_that_is_made_although_it_is_told_to_have_failed_costs_nothing() {
    survives_everywhere(Effect::FailAfter(Errno::EIO), &CHANGES, 1);
}

#[test]
fn a_stale_handle_costs_nothing() {
    survives_everywhere(Effect::Fail(Errno::ESTALE), &[&CHANGES[..], &[Call::Open, Call::Read]].concat(), 3);
}

#[test]
fn a_disk_that_is_full_at_any_byte_costs_nothing_that_was_promised() {
    let server = Server::new();
    let client = server.mount(ClientOptions::default()).unwrap();
    let empty = server.state();
    for room in (0..).step_by(3_989) {
        server.set_state(empty.clone());
        let life = Life::new(client.path().join("sessions"));
        server.set_room(Some(room));
        let lived = life.live();
        server.set_room(None);
        is_whole(&server, &life, &format!("{room} bytes, {lived:?}"));
        match lived {
            Ok(()) => break,
            Err(StoreError::Io { source, .. }) => assert_eq!(source.raw_os_error(), Some(28), "{source}"),
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn a_call_that_hangs_holds_up_its_session_and_no_other() {
    let server = Server::new();
    let client = server.mount(ClientOptions::default()).unwrap();
    let (slow, other) = (Life::new(client.path().join("sessions")), AccountId::new());
    let root = SessionRoot::open(&slow.root, keys(1)).unwrap();
    let other = Lease { account_id: other, ..slow.lease };
    let outboxes =
        [slow.lease, other].map(|lease| root.open_session(&lease, false).unwrap().open_outboxes().unwrap());
    let fault =
        client.fault(Fault::new(Effect::Hang).on(&[Call::Sync]).at(&slow.lease.account_id.to_string()));
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let [slow, other] = &outboxes;
        scope.spawn(move || tell.send(slow.append(b"1", Durability::Synced)).unwrap());
        assert!(fault.wait_for_hit(PATIENCE));
        for sequence in 1..=20 {
            assert_eq!(other.append(b"2", Durability::Synced).unwrap(), sequence);
        }
        assert!(told.try_recv().is_err(), "it is not on disk");
        fault.lift();
        assert_eq!(told.recv_timeout(PATIENCE).unwrap().unwrap(), 1);
    });
}
