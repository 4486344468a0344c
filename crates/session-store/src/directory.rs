//! One session's directory, held open by its owner.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use blazz_domain::Lease;

use crate::durable;
use crate::error::StoreError;
use crate::lock::SessionLock;
use crate::outbox::Outboxes;
use crate::store::{SealingKeys, Store};

const STORE: &str = "store";
const LOGGED_OUT: &str = "logged-out";
const OUTBOX: &str = "outbox";

/// The directory of one session. While it, or an outbox opened from it, lives, nobody else can open the session.
pub struct SessionDirectory {
    path: PathBuf,
    lease: Lease,
    linked: bool,
    keys: SealingKeys,
    lock: Arc<SessionLock>,
}

impl SessionDirectory {
    pub(crate) fn open(
        path: PathBuf,
        lease: Lease,
        linked: bool,
        keys: SealingKeys,
        lock: SessionLock,
    ) -> Result<Self, StoreError> {
        let directory = Self { path, lease, linked, keys, lock: Arc::new(lock) };
        if linked && !directory.store_path().is_file() && !directory.is_logged_out() {
            return Err(StoreError::Missing);
        }
        durable::create_directory(&directory.path)?;
        durable::create_directory(&directory.path.join(OUTBOX))?;
        if !linked && directory.is_logged_out() {
            // The marker goes last: were the reset cut short, a new link must not begin with what is left of the old one.
            directory.remove_credentials()?;
            durable::remove_file(&directory.path.join(LOGGED_OUT))?;
        }
        Ok(directory)
    }

    /// Whose session it is, and under which grant it is open.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether its opener knows the account as linked: then it must log in with what is here, or say why it cannot.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.linked
    }

    /// Whether the link is known to be gone, and no new one was asked for since.
    #[must_use]
    pub fn is_logged_out(&self) -> bool {
        self.path.join(LOGGED_OUT).exists()
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the store of the engine, or a new one.
    ///
    /// # Errors
    /// As the store says: it is damaged, or sealed with a key that is not at hand.
    pub fn open_store(&self) -> Result<Store, StoreError> {
        Store::open(self.store_path(), self.lease.account_id, &self.keys, Arc::clone(&self.lock))
    }

    fn store_path(&self) -> PathBuf {
        self.path.join(STORE)
    }

    /// Deletes the credentials, which are of no use any more, and remembers that. The outboxes stay. The store must be closed.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn reset_credentials(&self) -> Result<(), StoreError> {
        if !self.is_logged_out() {
            durable::write_new(&self.path.join(LOGGED_OUT), b"")?;
        }
        self.remove_credentials()
    }

    fn remove_credentials(&self) -> Result<(), StoreError> {
        durable::remove_file(&self.store_path())?;
        durable::sync_directory(&self.path)
    }

    /// Opens the outboxes: a new one to write into, and those that earlier owners left.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn open_outboxes(&self) -> Result<Outboxes, StoreError> {
        Outboxes::open(self.path.join(OUTBOX), self.lease.epoch, Arc::clone(&self.lock))
    }
}

impl std::fmt::Debug for SessionDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionDirectory({})", self.lease)
    }
}
