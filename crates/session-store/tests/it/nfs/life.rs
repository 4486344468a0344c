//! A life of a session that uses all that its directory offers, and writes down what it was promised.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use blazz_domain::{AccountId, Epoch, Lease, SessionSettings, WorkspaceId};
use blazz_session_store::{
    Changes, Durability, Outboxes, PendingMedia, SessionDirectory, SessionRoot, Store, StoreError,
};

use super::ledger::{Ledger, Link, TABLE};
use crate::keys;

/// A session in a root, and what it was promised.
pub(super) struct Life {
    pub(super) root: PathBuf,
    pub(super) lease: Lease,
    pub(super) ledger: Arc<Mutex<Ledger>>,
}

impl Life {
    pub(super) fn new(root: PathBuf) -> Self {
        let lease = Lease { workspace_id: WorkspaceId::new(), account_id: AccountId::new(), epoch: Epoch(1) };
        Self { root, lease, ledger: Arc::new(Mutex::new(Ledger::new())) }
    }

    /// Lives until the end, or until something fails.
    pub(super) fn live(&self) -> Result<(), StoreError> {
        let root = SessionRoot::open(&self.root, keys(1))?;
        self.note(|ledger| ledger.root_id = Some(root.id()));
        self.link(&root)?;
        self.work(&root)?;
        root.rotate_workspace_key(self.lease.workspace_id)?;
        self.seal_anew(&root)?;
        self.log_out(&root)?;
        self.link(&root)?;
        self.note(|ledger| ledger.deleted = Some(false));
        root.delete_session(self.lease.workspace_id, self.lease.account_id)?;
        self.note(|ledger| ledger.deleted = Some(true));
        Ok(())
    }

    pub(super) fn link(&self, root: &SessionRoot) -> Result<(), StoreError> {
        self.note(|ledger| ledger.link(Link::Absent));
        let session = root.open_session(&self.lease, false)?;
        let outboxes = session.open_outboxes()?;
        self.append(&outboxes, Durability::Synced, 10)?;
        self.note(|ledger| ledger.link(Link::Store(Default::default())));
        let store = session.open_store()?;
        self.note(Ledger::confirm_link);
        self.change(&store, 1, 100, Durability::Written)?;
        self.change(&store, 2, 100, Durability::Synced)?;
        self.keep_settings(&session, 1)
    }

    /// Whatever a linked session does: among it are a compaction, an outbox file that is followed by another, and one that is deleted.
    pub(super) fn work(&self, root: &SessionRoot) -> Result<(), StoreError> {
        let session = root.open_session(&self.lease, true)?;
        let (store, outboxes) = (session.open_store()?, session.open_outboxes()?);
        let media = session.open_pending_media()?;
        for round in 0..6 {
            self.append(&outboxes, Durability::Written, 100)?;
            self.change(&store, round, 9_000, Durability::Written)?;
            self.change(&store, 0, 9_000, Durability::Synced)?;
        }
        self.note_synced(|| outboxes.sync())?;
        self.append(&outboxes, Durability::Synced, 66_000)?;
        self.add_media(&media, "a1")?;
        self.add_media(&media, "b2")?;
        self.acknowledge(&outboxes)?;
        self.append(&outboxes, Durability::Synced, 100)?;
        self.keep_settings(&session, 2)?;
        self.keep_settings(&session, 3)?;
        self.remove_media(&media, "a1")?;
        self.append(&outboxes, Durability::Written, 100)?;
        self.append(&outboxes, Durability::Synced, 100)
    }

    /// The next opening takes the new key.
    fn seal_anew(&self, root: &SessionRoot) -> Result<(), StoreError> {
        let session = root.open_session(&self.lease, true)?;
        self.change(&session.open_store()?, 3, 100, Durability::Synced)?;
        self.append(&session.open_outboxes()?, Durability::Synced, 100)
    }

    fn log_out(&self, root: &SessionRoot) -> Result<(), StoreError> {
        let session = root.open_session(&self.lease, true)?;
        self.note(|ledger| ledger.link(Link::LoggedOut));
        session.reset_credentials()?;
        self.note(Ledger::confirm_link);
        Ok(())
    }

    fn change(&self, store: &Store, key: u8, size: usize, durability: Durability) -> Result<(), StoreError> {
        let mut changes = Changes::new();
        self.note(|ledger| {
            let entries = match ledger.links.last() {
                Some(Link::Store(entries)) => Some(entries.clone()),
                _ => None,
            };
            let mut entries = entries.unwrap();
            let value = vec![u8::try_from(ledger.links.len() % 251).unwrap(); size];
            for key in [vec![key], vec![key, key]] {
                changes.put(TABLE, key.clone(), 0, value.clone());
                entries.insert(key, value.clone());
            }
            ledger.link(Link::Store(entries));
        });
        store.apply(changes, durability)?;
        if durability == Durability::Synced {
            self.note(Ledger::confirm_link);
        }
        Ok(())
    }

    fn append(&self, outboxes: &Outboxes, durability: Durability, size: usize) -> Result<(), StoreError> {
        let mut entry = String::new();
        self.note(|ledger| {
            ledger.appended += 1;
            entry = format!("{} {}", ledger.appended, "x".repeat(size));
        });
        match durability {
            Durability::Written => outboxes.append(entry.as_bytes(), durability).map(|_| ()),
            Durability::Synced => {
                self.note_synced(|| outboxes.append(entry.as_bytes(), durability).map(|_| ()))
            }
        }
    }

    fn note_synced(&self, sync: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
        sync()?;
        self.note(|ledger| ledger.synced = ledger.appended);
        Ok(())
    }

    /// Everything in the outboxes.
    fn acknowledge(&self, outboxes: &Outboxes) -> Result<(), StoreError> {
        self.note(|ledger| ledger.acknowledged = ledger.appended);
        while let Some(batch) = outboxes.next_batch(3, 1 << 20)? {
            let (sequence, _) = batch.entries.last().unwrap();
            outboxes.acknowledge(batch.outbox_id, *sequence)?;
        }
        Ok(())
    }

    fn keep_settings(&self, session: &SessionDirectory, revision: i64) -> Result<(), StoreError> {
        self.note(|ledger| ledger.settings.push(Some(revision)));
        session.keep_settings(&SessionSettings { revision, ..SessionSettings::default() })?;
        self.note(|ledger| ledger.settings = vec![Some(revision)]);
        Ok(())
    }

    fn add_media(&self, media: &PendingMedia, key: &str) -> Result<(), StoreError> {
        self.note(|ledger| {
            ledger.media.entry(key.to_owned()).or_insert(false);
        });
        media.add(key, key.repeat(50).as_bytes())?;
        self.note(|ledger| {
            ledger.media.insert(key.to_owned(), true);
        });
        Ok(())
    }

    fn remove_media(&self, media: &PendingMedia, key: &str) -> Result<(), StoreError> {
        self.note(|ledger| {
            ledger.media.insert(key.to_owned(), false);
        });
        media.remove(key)
    }

    fn note(&self, note: impl FnOnce(&mut Ledger)) {
        note(&mut self.ledger.lock().unwrap());
    }
}
