//! The session root, its directories and outboxes, on a real file system.
#![expect(clippy::unwrap_used, reason = "test code: a failed step fails the test")]

mod kill;
mod nfs;
mod outbox;
mod root;

use blazz_domain::{AccountId, Epoch, Lease, WorkspaceId};
use blazz_session_store::{Outboxes, SessionDirectory, SessionRoot, StorageKey, StorageKeys};
use tempfile::TempDir;

/// A storage key like no other, alone.
fn keys(secret: u8) -> StorageKeys {
    StorageKeys { current: StorageKey::new(&[secret; 32]), previous: None }
}

/// A root in a temporary directory, and a lease of one session in it.
struct Stage {
    directory: TempDir,
    root: SessionRoot,
    lease: Lease,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = SessionRoot::open(&directory.path().join("root"), keys(1)).unwrap();
        let lease = Lease { workspace_id: WorkspaceId::new(), account_id: AccountId::new(), epoch: Epoch(1) };
        Self { directory, root, lease }
    }

    fn open(&self) -> SessionDirectory {
        self.root.open_session(&self.lease, false).unwrap()
    }

    fn outboxes(&self) -> Outboxes {
        self.open().open_outboxes().unwrap()
    }

    /// The outbox's files, by name.
    fn segments(&self) -> Vec<std::path::PathBuf> {
        let account = format!("{}/{}/1/outbox", self.lease.workspace_id, self.lease.account_id);
        let directory = self.directory.path().join("root").join(account);
        let mut files: Vec<_> =
            std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }
}
