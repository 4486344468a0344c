//! The engine's own store in a session's directory, created by copying a file that has all its migrations already.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blazz_session_store::{SessionDirectory, StoreError};
use tokio::sync::OnceCell;
use whatsapp_rust::store::{DeviceStore as _, SqliteStore, SqliteStoreConfig, Synchronous};

use crate::error::OpenError;

/// The page cache of one session's connection. Measured: 64 KiB saves 260 KiB a session against the engine's 512 KiB.
const CACHE_KIB: u32 = 64;

/// A migrated, empty store: migrations cost 16–28 ms a session otherwise.
static TEMPLATE: OnceCell<Vec<u8>> = OnceCell::const_new();

/// Opens the engine's store of a directory; `None` when its link is known to be gone.
pub(crate) async fn of_directory(
    directory: &SessionDirectory,
) -> Result<Option<Arc<SqliteStore>>, OpenError> {
    if directory.is_logged_out() {
        return Ok(None);
    }
    let store = open(&directory.engine_path()).await?;
    if directory.is_linked() {
        let device = store.load().await.map_err(|error| OpenError::Engine(error.to_string()))?;
        if device.is_none_or(|device| device.pn.is_none()) {
            return Err(StoreError::Missing.into());
        }
    }
    Ok(Some(store))
}

/// Opens the store at `path`, creating it first when it is not there.
async fn open(path: &Path) -> Result<Arc<SqliteStore>, OpenError> {
    if !path.exists() {
        let template = TEMPLATE.get_or_try_init(|| build_template(path.with_extension("template"))).await?;
        let path = path.to_owned();
        blocking(move || create(&path, template)).await?;
    }
    Ok(Arc::new(open_store(path).await?))
}

async fn open_store(path: &Path) -> Result<SqliteStore, OpenError> {
    let config = SqliteStoreConfig {
        cache_size_kib: CACHE_KIB,
        // The Signal contract: a raised counter is on disk before the ciphertext leaves.
        synchronous: Synchronous::Full,
        ..SqliteStoreConfig::default()
    };
    let url = path.to_str().ok_or_else(|| OpenError::Engine("the path is not UTF-8".to_owned()))?;
    SqliteStore::with_config(url, config).await.map_err(|error| OpenError::Engine(error.to_string()))
}

async fn build_template(path: PathBuf) -> Result<Vec<u8>, OpenError> {
    let leftovers = path.clone();
    blocking(move || remove(&leftovers)).await?;
    // Closing the last connection moves the write-ahead log into the file.
    drop(open_store(&path).await?);
    blocking(move || {
        let template = fs::read(&path)?;
        let is_whole = !beside(&path, "-wal").exists();
        remove(&path)?;
        if is_whole { Ok(template) } else { Err(io::Error::other("the template's log was not written back")) }
    })
    .await
}

/// Writes a new store in one step: a crash leaves none or a whole one.
fn create(path: &Path, template: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(template)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

fn remove(path: &Path) -> io::Result<()> {
    for path in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, OpenError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| OpenError::Engine(error.to_string())),
        Err(error) => Err(OpenError::Engine(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn a_store_is_created_from_the_template_and_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["one.db", "two.db"] {
            let path = directory.path().join(name);
            let store = open(&path).await.unwrap();
            assert!(store.load().await.unwrap().is_none(), "nobody is linked in a new store");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            drop(store);
            open(&path).await.unwrap();
        }
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("template")), "{left:?}");
    }
}
