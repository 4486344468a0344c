//! Files of received messages that are still to be fetched: what is needed to fetch each, until it is done.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Notify;
use uuid::Uuid;

use crate::durable;
use crate::error::{AtPath as _, StoreError};
use crate::lock::SessionLock;

const SCRATCH: &str = "scratch";
/// How the name of a record ends; one that was cut short while it was written ends otherwise.
const SUFFIX: &str = ".json";

/// The records of one open session, each a small file, and room for the files themselves while they pass.
pub struct PendingMedia {
    directory: PathBuf,
    grew: Notify,
    // Keeps the session's directory ours while anybody can still write.
    _lock: Arc<SessionLock>,
}

/// A file that is gone when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl PendingMedia {
    pub(crate) fn open(directory: PathBuf, lock: Arc<SessionLock>) -> Result<Self, StoreError> {
        durable::create_directory(&directory)?;
        let scratch = directory.join(SCRATCH);
        // What an earlier owner was in the middle of.
        durable::remove_tree(&scratch)?;
        durable::create_directory(&scratch)?;
        Ok(Self { directory, grew: Notify::new(), _lock: lock })
    }

    /// Keeps a record under a key of letters and digits; one that is there already stays. It is on disk on return.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn add(&self, key: &str, record: &[u8]) -> Result<(), StoreError> {
        let path = self.path_of(key)?;
        if durable::is_there(&path)? {
            return Ok(());
        }
        let draft = self.directory.join(format!("{key}.{}", Uuid::now_v7()));
        durable::write_new(&draft, record)?;
        std::fs::rename(&draft, &path).at(&path)?;
        durable::sync_directory(&self.directory)?;
        self.grew.notify_one();
        Ok(())
    }

    /// The keys of all records.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn keys(&self) -> Result<Vec<String>, StoreError> {
        let mut keys = Vec::new();
        for entry in std::fs::read_dir(&self.directory).at(&self.directory)? {
            let name = entry.at(&self.directory)?.file_name();
            let key = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).filter(|key| is_key(key));
            keys.extend(key.map(str::to_owned));
        }
        keys.sort();
        Ok(keys)
    }

    /// A record; `None` when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path_of(key)?;
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).at(&path),
        }
    }

    /// Removes a record, which is done with; one that is not there is fine.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, key: &str) -> Result<(), StoreError> {
        durable::remove_file(&self.path_of(key)?)
    }

    /// Waits until a record was added since the last time this returned. For one waiter.
    pub async fn changed(&self) {
        self.grew.notified().await;
    }

    /// Room for one file.
    #[must_use]
    pub fn scratch(&self) -> Scratch {
        Scratch { path: self.directory.join(SCRATCH).join(Uuid::now_v7().to_string()) }
    }

    fn path_of(&self, key: &str) -> Result<PathBuf, StoreError> {
        let path = self.directory.join(format!("{key}{SUFFIX}"));
        if is_key(key) {
            Ok(path)
        } else {
            Err(std::io::Error::from(std::io::ErrorKind::InvalidInput)).at(&path)
        }
    }
}

fn is_key(key: &str) -> bool {
    (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Scratch {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, new and empty, to write and to read, for its owner alone.
    ///
    /// # Errors
    /// When it is there already, or the disk fails.
    pub fn create(&self) -> std::io::Result<std::fs::File> {
        use std::os::unix::fs::OpenOptionsExt as _;
        std::fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed at the next opening.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &Path) -> PendingMedia {
        let lock = Arc::new(SessionLock::take(directory).unwrap());
        PendingMedia::open(directory.join("media"), lock).unwrap()
    }

    #[test]
    fn records_survive_until_they_are_done_and_scratch_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let pending = open(directory.path());
        pending.add("b2", b"two").unwrap();
        pending.add("a1", b"one").unwrap();
        pending.add("a1", b"again").unwrap();
        std::fs::write(directory.path().join("media/a1.draft"), "cut short").unwrap();
        let left = pending.scratch();
        left.create().unwrap();
        std::mem::forget(left);
        drop(pending);

        let pending = open(directory.path());
        assert_eq!(std::fs::read_dir(directory.path().join("media/scratch")).unwrap().count(), 0);
        assert_eq!(pending.keys().unwrap(), ["a1", "b2"]);
        assert_eq!(pending.read("a1").unwrap().as_deref(), Some(b"one".as_slice()));
        pending.remove("a1").unwrap();
        pending.remove("a1").unwrap();
        assert_eq!((pending.keys().unwrap(), pending.read("a1").unwrap()), (vec!["b2".to_owned()], None));
        for bad in ["", "../x", "a/b", "a.b"] {
            assert!(pending.add(bad, b"").is_err() && pending.read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn scratch_goes_with_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let pending = open(directory.path());
        let scratch = pending.scratch();
        scratch.create().unwrap();
        assert!(scratch.create().is_err(), "it is there");
        let path = scratch.path().to_owned();
        drop(scratch);
        assert!(!path.exists());
    }
}
