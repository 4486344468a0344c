//! The session root: which one it is, and the sessions in it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blazz_domain::{AccountId, Epoch, Lease, WorkspaceId};
use uuid::Uuid;

use crate::directory::SessionDirectory;
use crate::durable;
use crate::error::{AtPath as _, StoreError};
use crate::keyring::{self, StorageKeys};
use crate::lock::SessionLock;

const ID_FILE: &str = "root-id";
/// How the name of a session begins while it is being deleted.
const DELETED: &str = ".deleted-";

/// A session root: a local directory or a mounted export.
#[derive(Debug, Clone)]
pub struct SessionRoot {
    path: PathBuf,
    id: Uuid,
    keys: Arc<StorageKeys>,
}

impl SessionRoot {
    /// Opens a root, creating it and its id at the first time, and finishes deletions that were cut short. `keys` open what is sealed in it.
    ///
    /// # Errors
    /// When the directory cannot be used, or its id file holds something else.
    pub fn open(path: &Path, keys: StorageKeys) -> Result<Self, StoreError> {
        durable::create_directories(path)?;
        let path = path.canonicalize().at(path)?;
        let root = Self { id: root_id(&path)?, path, keys: Arc::new(keys) };
        root.sweep()?;
        Ok(root)
    }

    /// Which root this is: the same for every node that mounts it.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Opens the directory of a session for its owner under `lease`, and keeps everybody else out.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the session was linked but is not here, [`StoreError::StaleEpoch`] when a later grant
    /// has been here, [`StoreError::Busy`] when it is open already.
    pub fn open_session(&self, lease: &Lease, linked: bool) -> Result<SessionDirectory, StoreError> {
        let account = self.account_path(lease.workspace_id, lease.account_id);
        let workspace = self.path.join(lease.workspace_id.to_string());
        // Another machine may have had the session since this one looked.
        for directory in [&self.path, &workspace, &account] {
            durable::look_again(directory)?;
        }
        if linked && !durable::is_there(&account)? {
            return Err(StoreError::Missing);
        }
        durable::create_directory(&workspace)?;
        durable::create_directory(&account)?;
        let lock = SessionLock::take(&account)?;
        match newest_epoch(&account)? {
            Some(newest) if newest > lease.epoch => {
                Err(StoreError::StaleEpoch { asked: lease.epoch, newest })
            }
            _ => {
                let keys = keyring::open(&workspace, lease.workspace_id, &self.keys)?;
                SessionDirectory::open(account.join(lease.epoch.0.to_string()), *lease, linked, keys, lock)
            }
        }
    }

    /// Makes another key for a workspace's sessions, which each is sealed with when it is opened the next time. Says which generation it is.
    ///
    /// # Errors
    /// When the keys there are cannot be opened.
    pub fn rotate_workspace_key(&self, workspace_id: WorkspaceId) -> Result<u32, StoreError> {
        let workspace = self.path.join(workspace_id.to_string());
        durable::create_directory(&workspace)?;
        keyring::rotate(&workspace, workspace_id, &self.keys)
    }

    /// Deletes a session with everything it held; one that is not there is fine.
    ///
    /// # Errors
    /// [`StoreError::Busy`] while it is open.
    pub fn delete_session(&self, workspace_id: WorkspaceId, account_id: AccountId) -> Result<(), StoreError> {
        let workspace = self.path.join(workspace_id.to_string());
        let account = workspace.join(account_id.to_string());
        durable::look_again(&workspace)?;
        if !durable::is_there(&account)? {
            return Ok(());
        }
        let _lock = SessionLock::take(&account)?;
        // Out of sight in one step: a crash in the middle leaves no half session that looks like a whole one.
        let doomed = workspace.join(format!("{DELETED}{}", Uuid::now_v7()));
        fs::rename(&account, &doomed).at(&account)?;
        durable::sync_directory(&workspace)?;
        durable::remove_tree(&doomed)
    }

    /// Every session in the root, under its latest epoch.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn sessions(&self) -> Result<Vec<Lease>, StoreError> {
        let mut leases = Vec::new();
        for (workspace_id, workspace) in children::<WorkspaceId>(&self.path)? {
            for (account_id, account) in children::<AccountId>(&workspace)? {
                if let Some(epoch) = newest_epoch(&account)? {
                    leases.push(Lease { workspace_id, account_id, epoch });
                }
            }
        }
        Ok(leases)
    }

    fn account_path(&self, workspace_id: WorkspaceId, account_id: AccountId) -> PathBuf {
        self.path.join(workspace_id.to_string()).join(account_id.to_string())
    }

    fn sweep(&self) -> Result<(), StoreError> {
        for (_, workspace) in children::<WorkspaceId>(&self.path)? {
            for entry in fs::read_dir(&workspace).at(&workspace)? {
                let entry = entry.at(&workspace)?;
                if entry.file_name().to_string_lossy().starts_with(DELETED) {
                    durable::remove_tree(&entry.path())?;
                }
            }
        }
        Ok(())
    }
}

/// The root's id; minted by whoever comes first, also when several come at once.
fn root_id(root: &Path) -> Result<Uuid, StoreError> {
    let path = root.join(ID_FILE);
    if !durable::is_there(&path)? {
        let draft = root.join(format!(".{ID_FILE}-{}", Uuid::now_v7()));
        durable::write_new(&draft, Uuid::new_v4().to_string().as_bytes())?;
        // A link never replaces a file: of two that race, one wins and both read the winner's.
        match fs::hard_link(&draft, &path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error).at(&path),
            _ => durable::remove_file(&draft)?,
        }
        durable::sync_directory(root)?;
    }
    let text = fs::read_to_string(&path).at(&path)?;
    text.trim().parse().map_err(|_| StoreError::BadRootId(path))
}

/// The directories in `path` whose names are ids.
fn children<Id: std::str::FromStr>(path: &Path) -> Result<Vec<(Id, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).at(path)? {
        let entry = entry.at(path)?;
        let id = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if let (Some(id), true) = (id, entry.file_type().at(path)?.is_dir()) {
            found.push((id, entry.path()));
        }
    }
    Ok(found)
}

fn newest_epoch(account: &Path) -> Result<Option<Epoch>, StoreError> {
    Ok(children::<i64>(account)?.into_iter().map(|(epoch, _)| Epoch(epoch)).max())
}
