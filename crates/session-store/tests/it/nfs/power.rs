//! Power is lost right after any call that changes something.

use std::sync::{Arc, Mutex};

use blazz_fault_fs::{Client, ClientOptions, Cut, Moment, Server};

use super::ledger::{Ledger, goes_on};
use super::life::Life;

/// A life, and what there was and was promised after every call that changed something.
struct Recorded {
    server: Server,
    _client: Client,
    life: Life,
    moments: Vec<(Moment, Ledger)>,
}

impl Recorded {
    fn new() -> Self {
        let server = Server::new();
        let client = server.mount(ClientOptions::default()).unwrap();
        // Two levels that are not there yet.
        let life = Life::new(client.path().join("var/sessions"));
        let moments = Arc::new(Mutex::new(Vec::new()));
        let (seen, ledger) = (Arc::clone(&moments), Arc::clone(&life.ledger));
        server.observe(Some(Box::new(move |moment| {
            let promised = ledger.lock().unwrap().clone();
            seen.lock().unwrap().push((moment, promised));
        })));
        life.live().unwrap();
        server.observe(None);
        let moments = std::mem::take(&mut *moments.lock().unwrap());
        assert!(moments.len() > 120, "{} calls", moments.len());
        Self { server, _client: client, life, moments }
    }

    fn opens_and_has_what_was_promised(&self, cuts: &[Cut]) {
        for (number, (moment, promised)) in self.moments.iter().enumerate() {
            for cut in cuts {
                self.server.set_state(moment.state.after(*cut));
                let kept = promised.check(&self.life.root, &self.life.lease);
                assert!(kept.is_ok(), "{cut:?} after call {number}, {}: {}", moment.call, kept.unwrap_err());
            }
        }
    }
}

#[test]
fn what_was_put_on_disk_is_enough() {
    Recorded::new().opens_and_has_what_was_promised(&[Cut::Durable, Cut::Everything]);
}

#[test]
fn names_without_content_and_content_without_names_do_no_harm() {
    Recorded::new().opens_and_has_what_was_promised(&[Cut::Names, Cut::Contents]);
}

#[test]
fn half_of_what_was_written_last_does_no_harm() {
    Recorded::new().opens_and_has_what_was_promised(&[Cut::Torn, Cut::Holes]);
}

#[test]
fn what_a_killed_process_left_half_done_costs_nothing_later() {
    let Recorded { server, life, moments, _client } = Recorded::new();
    for (number, (moment, promised)) in moments.iter().enumerate() {
        if promised.deleted.is_none() {
            // What it was in the middle of is there, but not on disk.
            server.set_state(moment.state.clone());
            let later = goes_on(&life.root, &life.lease).and_then(|check| {
                server.power_cut(Cut::Durable);
                check()
            });
            assert!(later.is_ok(), "after call {number}, {}: {}", moment.call, later.unwrap_err());
        }
    }
}
