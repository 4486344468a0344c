//! One session's directory, held open by its owner.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use blazz_domain::{Lease, SessionSettings};

use crate::durable;
use crate::error::{AtPath as _, StoreError};
use crate::lock::SessionLock;
use crate::outbox::Outboxes;
use crate::pending::PendingMedia;
use crate::store::{SealingKeys, Store};

const STORE: &str = "store";
const LOGGED_OUT: &str = "logged-out";
const OUTBOX: &str = "outbox";
const SETTINGS: &str = "settings.json";
const SETTINGS_DRAFT: &str = "settings.draft";
const MEDIA: &str = "media";

/// The directory of one session. While it, or an outbox opened from it, lives, nobody else can open the session.
pub struct SessionDirectory {
    path: PathBuf,
    lease: Lease,
    linked: bool,
    logged_out: AtomicBool,
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
        let logged_out = AtomicBool::new(durable::is_there(&path.join(LOGGED_OUT))?);
        let directory = Self { path, lease, linked, logged_out, keys, lock: Arc::new(lock) };
        if linked && !directory.is_logged_out() && !durable::is_there(&directory.store_path())? {
            return Err(StoreError::Missing);
        }
        durable::create_directory(&directory.path)?;
        durable::create_directory(&directory.path.join(OUTBOX))?;
        if !linked && directory.is_logged_out() {
            // The marker goes last: were the reset cut short, a new link must not begin with what is left of the old one.
            directory.remove_credentials()?;
            durable::remove_file(&directory.path.join(LOGGED_OUT))?;
            directory.logged_out.store(false, Ordering::SeqCst);
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
        self.logged_out.load(Ordering::SeqCst)
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

    /// How the session was last told to appear and to connect; `None` when nobody has said so yet.
    ///
    /// # Errors
    /// When the file cannot be read, or is none of ours.
    pub fn settings(&self) -> Result<Option<SessionSettings>, StoreError> {
        let path = self.path.join(SETTINGS);
        match std::fs::read(&path) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text).map_err(std::io::Error::from).at(&path)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at(&path),
        }
    }

    /// Keeps how the session is to appear and to connect, its proxy's password among it: whole, on disk and for its owner alone on return.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_settings(&self, settings: &SessionSettings) -> Result<(), StoreError> {
        if self.settings().is_ok_and(|kept| kept.as_ref() == Some(settings)) {
            return Ok(());
        }
        let (path, draft) = (self.path.join(SETTINGS), self.path.join(SETTINGS_DRAFT));
        let text = serde_json::to_vec(settings).map_err(std::io::Error::from).at(&path)?;
        durable::remove_file(&draft)?;
        durable::write_new(&draft, &text)?;
        std::fs::rename(&draft, &path).at(&path)?;
        durable::sync_directory(&self.path)
    }

    /// Deletes the credentials, which are of no use any more, and remembers that. The outboxes stay. The store must be closed.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn reset_credentials(&self) -> Result<(), StoreError> {
        if !self.is_logged_out() {
            durable::write_new(&self.path.join(LOGGED_OUT), b"")?;
            self.logged_out.store(true, Ordering::SeqCst);
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

    /// Opens what is known of files that are still to be fetched.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open_pending_media(&self) -> Result<PendingMedia, StoreError> {
        PendingMedia::open(self.path.join(MEDIA), Arc::clone(&self.lock))
    }
}

impl std::fmt::Debug for SessionDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionDirectory({})", self.lease)
    }
}
