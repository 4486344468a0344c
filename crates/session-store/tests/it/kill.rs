//! What was appended survives a `kill -9`, and so does nobody's lock.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use blazz_domain::Lease;
use blazz_session_store::{Durability, SessionRoot};

use crate::{Stage, keys};

const ROOT: &str = "BLAZZ_TEST_ROOT";
const LEASE: &str = "BLAZZ_TEST_LEASE";

/// Runs itself once more as the process that it kills.
#[test]
fn what_was_acknowledged_to_the_caller_is_there_after_a_kill() {
    if let (Ok(root), Ok(lease)) = (std::env::var(ROOT), std::env::var(LEASE)) {
        append_until_killed(&root, &lease);
    }
    let stage = Stage::new();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::what_was_acknowledged_to_the_caller_is_there_after_a_kill", "--nocapture"])
        .env(ROOT, stage.directory.path().join("root"))
        .env(LEASE, stage.lease.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut told = 0_u64;
    for line in lines {
        if let Some((_, sequence)) = line.unwrap().split_once("appended ") {
            told = sequence.parse().unwrap();
        }
        if told >= 50 {
            break;
        }
    }
    writer.kill().unwrap();
    writer.wait().unwrap();

    let outboxes = stage.outboxes();
    assert!(outboxes.pending() >= told && told >= 50);
    let batch = outboxes.next_batch(1_000_000, 1 << 24).unwrap().unwrap();
    assert!(batch.entries.iter().all(|(_, entry)| entry == b"kept"));
}

#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn append_until_killed(root: &str, lease: &str) -> ! {
    let lease: Lease = lease.parse().unwrap();
    let root = SessionRoot::open(root.as_ref(), keys(1)).unwrap();
    let outboxes = root.open_session(&lease, false).unwrap().open_outboxes().unwrap();
    loop {
        let sequence = outboxes.append(b"kept", Durability::Synced).unwrap();
        println!("appended {sequence}");
    }
}
