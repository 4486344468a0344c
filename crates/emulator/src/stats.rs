//! What happened, counted; and everything that the emulator did not really answer.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use blazz_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// Different kinds of unanswered stanzas that are told apart; more are counted as `other`.
const MOST_KINDS: usize = 1000;
/// Overlaps that are listed.
const MOST_OVERLAPS: usize = 10_000;

/// Counters, as `GET /stats` shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsSnapshot {
    /// Sockets accepted.
    pub accepted: u64,
    /// Handshakes by XX: first logins and registrations.
    pub xx: u64,
    /// Handshakes by IK: logins of a client that knows the server's key.
    pub ik: u64,
    /// Sockets that are open now.
    pub live_sockets: i64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that were refused.
    pub refused_logins: u64,
    /// Fetches of the page that names the version.
    #[serde(default)]
    pub version_fetches: u64,
    /// Messages taken from companions and phones.
    pub messages: u64,
    /// Receipts from companions and phones.
    pub receipts: u64,
    /// Stanzas received.
    pub stanzas: u64,
    /// Stanzas that were delivered again at a login because nobody had acknowledged them.
    pub redelivered: u64,
    /// Messages that a phone encrypted again because a device asked.
    pub retried: u64,
    /// Messages that a phone could not decrypt and asked for again.
    pub phone_retries: u64,
    /// What was not really answered: kind → count.
    pub unanswered: BTreeMap<String, u64>,
    /// Two sockets of one device at the same time.
    pub overlaps: Vec<Overlap>,
}

/// Two or more sockets of one device were logged in at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The number, digits only.
    pub phone: String,
    /// The companion.
    pub device: u16,
    /// How many sockets it had then.
    pub sockets: usize,
    /// When the later one logged in.
    pub at: Timestamp,
}

/// The counters themselves.
#[derive(Default)]
pub(crate) struct Stats {
    accepted: AtomicU64,
    xx: AtomicU64,
    ik: AtomicU64,
    live: AtomicI64,
    logins: AtomicU64,
    refused_logins: AtomicU64,
    version_fetches: AtomicU64,
    messages: AtomicU64,
    receipts: AtomicU64,
    stanzas: AtomicU64,
    redelivered: AtomicU64,
    retried: AtomicU64,
    phone_retries: AtomicU64,
    unanswered: Mutex<BTreeMap<String, u64>>,
    overlaps: Mutex<Vec<Overlap>>,
    /// Where each kind that was not answered is written down at once, for whoever runs many emulators.
    unanswered_log: Option<PathBuf>,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Stats {
    /// Counters that also write down what was not answered.
    pub(crate) fn with_log(unanswered_log: Option<PathBuf>) -> Self {
        Self { unanswered_log, ..Self::default() }
    }

    pub(crate) fn accepted(&self) {
        add(&self.accepted);
    }

    pub(crate) fn xx(&self) {
        add(&self.xx);
    }

    pub(crate) fn ik(&self) {
        add(&self.ik);
    }

    pub(crate) fn opened(&self) {
        self.live.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn login(&self) {
        add(&self.logins);
    }

    pub(crate) fn refused_login(&self) {
        add(&self.refused_logins);
    }

    pub(crate) fn version_fetch(&self) {
        add(&self.version_fetches);
    }

    pub(crate) fn message(&self) {
        add(&self.messages);
    }

    pub(crate) fn receipt(&self) {
        add(&self.receipts);
    }

    pub(crate) fn stanza(&self) {
        add(&self.stanzas);
    }

    pub(crate) fn redelivered(&self, count: usize) {
        self.redelivered.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn retried(&self) {
        add(&self.retried);
    }

    pub(crate) fn phone_retry(&self) {
        add(&self.phone_retries);
    }

    /// Something was not really answered.
    pub(crate) fn unanswered(&self, kind: &str) {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        let kind: String = kind.chars().take(120).collect();
        let kind = if unanswered.len() < MOST_KINDS || unanswered.contains_key(&kind) {
            kind
        } else {
            "other".to_owned()
        };
        if !unanswered.contains_key(&kind) {
            self.write_down(&kind);
        }
        *unanswered.entry(kind).or_default() += 1;
    }

    /// At once and not at the end: an emulator may be killed.
    fn write_down(&self, kind: &str) {
        let Some(path) = &self.unanswered_log else { return };
        let line = format!("{}\n", kind.escape_default());
        let file = OpenOptions::new().create(true).append(true).open(path);
        if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
            tracing::error!("could not write down what was not answered: {error}");
        }
    }

    /// A device has several sockets.
    pub(crate) fn overlap(&self, phone: &str, device: u16, sockets: usize, at: Timestamp) {
        let mut overlaps = self.overlaps.lock().unwrap_or_else(PoisonError::into_inner);
        if overlaps.len() < MOST_OVERLAPS {
            overlaps.push(Overlap { phone: phone.to_owned(), device, sockets, at });
        }
    }

    pub(crate) fn snapshot(&self) -> StatsSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        StatsSnapshot {
            accepted: get(&self.accepted),
            xx: get(&self.xx),
            ik: get(&self.ik),
            live_sockets: self.live.load(Ordering::Relaxed),
            logins: get(&self.logins),
            refused_logins: get(&self.refused_logins),
            version_fetches: get(&self.version_fetches),
            messages: get(&self.messages),
            receipts: get(&self.receipts),
            stanzas: get(&self.stanzas),
            redelivered: get(&self.redelivered),
            retried: get(&self.retried),
            phone_retries: get(&self.phone_retries),
            unanswered: self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            overlaps: self.overlaps.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_written_down_once_and_in_one_line() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("unanswered");
        for _ in 0..2 {
            let stats = Stats::with_log(Some(log.clone()));
            stats.unanswered("iq get w:x <y>");
            stats.unanswered("iq get w:x <y>");
        }
        Stats::with_log(Some(log.clone())).unanswered("two\nlines");
        let written = std::fs::read_to_string(&log).unwrap();
        assert_eq!(written, "iq get w:x <y>\niq get w:x <y>\ntwo\\nlines\n");
    }

    #[test]
    fn kinds_from_outside_cannot_grow_without_end() {
        let stats = Stats::default();
        for kind in 0..MOST_KINDS + 50 {
            stats.unanswered(&format!("kind {kind}"));
        }
        let unanswered = stats.snapshot().unanswered;
        assert_eq!(unanswered.len(), MOST_KINDS + 1);
        assert_eq!(unanswered.get("other"), Some(&50));
    }
}
