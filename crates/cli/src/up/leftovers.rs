//! Processes that a `blazz up` left behind when it was killed: noted while it runs, ended by the next one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};

use super::home::{Home, write_private};
use super::process_id::ProcessId;
use super::programs::PROGRAMS;
use super::say::say;

/// How long what is left has to end by itself, and then when killed.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));

/// The processes that run, by name.
pub(crate) type Children = BTreeMap<String, ProcessId>;

/// Notes what runs.
pub(crate) fn note(home: &Home, children: &Children) -> anyhow::Result<()> {
    write_private(&home.children_file(), &serde_json::to_string_pretty(children)?)
}

/// Ends what the last `blazz up` of this directory left running, and takes away the files that named it.
pub(crate) async fn end(home: &Home) {
    let left: Children = read(&home.children_file());
    let left: Vec<_> = left.into_iter().filter(|(_, process)| process.is_one_of(PROGRAMS)).collect();
    for (name, process) in &left {
        say(&format!("{name} was left running by the last `blazz up`; ended"));
        let _ = process.signal(Signal::SIGTERM);
        // One that stands still would not hear it.
        let _ = process.signal(Signal::SIGCONT);
    }
    if !have_ended(&left, PATIENCE.0).await {
        for (_, process) in left.iter().filter(|(_, process)| process.is_one_of(PROGRAMS)) {
            let _ = process.signal(Signal::SIGKILL);
        }
        have_ended(&left, PATIENCE.1).await;
    }
    forget(home);
}

/// Takes away the files that name processes.
pub(crate) fn forget(home: &Home) {
    for file in [home.up_file(), home.children_file()] {
        // Mostly it is not there.
        let _ = fs::remove_file(file);
    }
}

/// Waits until they are gone; whether they are.
async fn have_ended(left: &[(String, ProcessId)], patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while left.iter().any(|(_, process)| process.is_one_of(PROGRAMS)) {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(Duration::from_millis(20)).await;
    }
    true
}

/// What a file notes; nothing when there is none, or half of one.
fn read(path: &Path) -> Children {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}
