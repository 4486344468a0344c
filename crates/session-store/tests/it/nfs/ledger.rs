//! What a session was promised so far, and whether a directory keeps it.

use std::collections::BTreeMap;
use std::path::Path;

use blazz_domain::{Lease, SessionSettings};
use blazz_session_store::{Changes, Durability, Outboxes, SessionDirectory, SessionRoot, Store, StoreError};
use uuid::Uuid;

use crate::keys;

/// The one table that is used.
pub(super) const TABLE: u8 = 1;

/// What there is of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// No store.
    Absent,
    /// It is known to be gone.
    LoggedOut,
    /// A store with these entries.
    Store(BTreeMap<Vec<u8>, Vec<u8>>),
}

/// What was asked for, and how much of it was confirmed.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pub(super) root_id: Option<Uuid>,
    /// The link after every change of it, oldest first.
    pub(super) links: Vec<Link>,
    /// An older one than this must not come back.
    pub(super) confirmed_link: usize,
    /// Entries of the outbox count from 1: appended to here, on disk to here, acknowledged to here.
    pub(super) appended: u64,
    pub(super) synced: u64,
    pub(super) acknowledged: u64,
    /// Revisions of the settings that may be there.
    pub(super) settings: Vec<Option<i64>>,
    /// Media records that may be there, and whether they must be.
    pub(super) media: BTreeMap<String, bool>,
    /// Whether its deletion was asked for, and confirmed.
    pub(super) deleted: Option<bool>,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            root_id: None,
            links: vec![Link::Absent],
            confirmed_link: 0,
            appended: 0,
            synced: 0,
            acknowledged: 0,
            settings: vec![None],
            media: BTreeMap::new(),
            deleted: None,
        }
    }

    pub(super) fn link(&mut self, link: Link) {
        self.links.push(link);
    }

    pub(super) fn confirm_link(&mut self) {
        self.confirmed_link = self.links.len() - 1;
    }

    /// Opens the session as its next owner would, compares, and goes on with it.
    pub(super) fn check(&self, path: &Path, lease: &Lease) -> Result<(), String> {
        let told = |what: &str, error: StoreError| format!("{what}: {error:?}");
        let root = SessionRoot::open(path, keys(1)).map_err(|error| told("root", error))?;
        require(self.root_id.is_none_or(|id| id == root.id()), || "another root id".to_owned())?;
        let is_there = !root.sessions().map_err(|error| told("sessions", error))?.is_empty();
        match self.deleted {
            Some(true) => require(!is_there, || "a deleted session is back".to_owned()),
            Some(false) if !is_there => Ok(()),
            _ => self.check_session(path, lease),
        }
    }

    /// The same for one that is there.
    pub(super) fn check_session(&self, path: &Path, lease: &Lease) -> Result<(), String> {
        let told = |what: &str, error: StoreError| format!("{what}: {error:?}");
        let root = SessionRoot::open(path, keys(1)).map_err(|error| told("root", error))?;
        let (link, session) = open(&root, lease).map_err(|error| told("session", error))?;
        let possible = self.links.get(self.confirmed_link..).unwrap_or_default();
        require(possible.contains(&link), || format!("the link is {link:?}, not one of {possible:?}"))?;
        self.check_settings(&session)?;
        self.check_media(&session)?;
        let outboxes = session.open_outboxes().map_err(|error| told("outboxes", error))?;
        self.check_entries(&numbers(&outboxes).map_err(|error| told("outbox", error))?)
    }

    fn check_settings(&self, session: &SessionDirectory) -> Result<(), String> {
        let kept = session.settings().map_err(|error| format!("settings: {error:?}"))?;
        let kept = kept.map(|settings: SessionSettings| settings.revision);
        require(self.settings.contains(&kept), || format!("settings {kept:?} of {:?}", self.settings))
    }

    fn check_media(&self, session: &SessionDirectory) -> Result<(), String> {
        let pending = session.open_pending_media().map_err(|error| format!("media: {error:?}"))?;
        let keys = pending.keys().map_err(|error| format!("media: {error:?}"))?;
        for key in &keys {
            require(self.media.contains_key(key), || format!("media {key} was never added"))?;
            let record = pending.read(key).map_err(|error| format!("media {key}: {error:?}"))?;
            require(record.as_deref() == Some(key.repeat(50).as_bytes()), || {
                format!("media {key} is damaged")
            })?;
        }
        for (key, _) in self.media.iter().filter(|(_, is_sure)| **is_sure) {
            require(keys.contains(key), || format!("media {key} is lost"))?;
        }
        Ok(())
    }

    fn check_entries(&self, numbers: &[u64]) -> Result<(), String> {
        require(numbers.is_sorted_by(|a, b| a < b), || format!("out of order or twice: {numbers:?}"))?;
        require(numbers.iter().all(|n| *n <= self.appended), || format!("never appended: {numbers:?}"))?;
        let lost: Vec<u64> = (self.acknowledged + 1..=self.synced).filter(|n| !numbers.contains(n)).collect();
        require(lost.is_empty(), || format!("{lost:?} of {} are lost, there are {numbers:?}", self.synced))
    }
}

fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// The session, as whoever must log in with it finds it.
fn open(root: &SessionRoot, lease: &Lease) -> Result<(Link, SessionDirectory), StoreError> {
    match root.open_session(lease, true) {
        Err(StoreError::Missing) => Ok((Link::Absent, root.open_session(lease, false)?)),
        Ok(session) if session.is_logged_out() => Ok((Link::LoggedOut, session)),
        Ok(session) => Ok((Link::Store(entries(&session.open_store()?)?), session)),
        Err(error) => Err(error),
    }
}

fn entries(store: &Store) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
    Ok(store.entries(TABLE)?.into_iter().map(|entry| (entry.key, entry.value)).collect())
}

/// The numbers of everything in the outboxes, which are empty then.
fn numbers(outboxes: &Outboxes) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    while let Some(batch) = outboxes.next_batch(100, 8 << 20)? {
        let last = batch.entries.last().unwrap().0;
        numbers.extend(batch.entries.iter().map(|(_, entry)| number(entry)));
        outboxes.acknowledge(batch.outbox_id, last)?;
    }
    Ok(numbers)
}

fn number(entry: &[u8]) -> u64 {
    let digits: Vec<u8> = entry.iter().copied().take_while(u8::is_ascii_digit).collect();
    String::from_utf8(digits).unwrap().parse().unwrap()
}

/// Whether a session that somebody has looked at goes on: what it is given now is on disk when it says so.
pub(super) fn goes_on(path: &Path, lease: &Lease) -> Result<impl Fn() -> Result<(), String>, String> {
    let write = || -> Result<(), StoreError> {
        let root = SessionRoot::open(path, keys(1))?;
        let session = open(&root, lease)?.1;
        session.open_outboxes()?.append(b"77 more", Durability::Synced)?;
        session.open_pending_media()?.add("more", b"more")?;
        session.keep_settings(&SessionSettings { revision: 77, ..SessionSettings::default() })?;
        if session.is_logged_out() {
            return Ok(());
        }
        let mut changes = Changes::new();
        changes.put(TABLE, "more", 0, "more");
        session.open_store()?.apply(changes, Durability::Synced)
    };
    write().map_err(|error| format!("it does not go on: {error:?}"))?;
    let (path, lease) = (path.to_owned(), *lease);
    Ok(move || {
        let read = || -> Result<bool, StoreError> {
            let root = SessionRoot::open(&path, keys(1))?;
            let (link, session) = open(&root, &lease)?;
            let is_stored = match &link {
                Link::Store(entries) => entries.contains_key(b"more".as_slice()),
                Link::LoggedOut => true,
                Link::Absent => false,
            };
            let settings = session.settings()?.map(|settings| settings.revision);
            let media = session.open_pending_media()?.keys()?;
            let entries = numbers(&session.open_outboxes()?)?;
            Ok(is_stored
                && settings == Some(77)
                && media.contains(&"more".to_owned())
                && entries.contains(&77))
        };
        require(read().map_err(|error| format!("{error:?}"))?, || "what came later is lost".to_owned())
    })
}
