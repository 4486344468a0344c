//! What the engine keeps its keys in: memory, or its own SQLite store as well tuned as can be.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio::sync::OnceCell;
use whatsapp_rust::store::{Backend, SqliteStore, SqliteStoreConfig, Synchronous};
use whatsapp_rust::wacore::store::InMemoryBackend;

/// A node's page cache of one session (`blazz-whatsapp`).
const CACHE_KIB: u32 = 64;

/// A migrated, empty store: a node copies one too, for the migrations would hide everything else.
static TEMPLATE: OnceCell<PathBuf> = OnceCell::const_new();

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    /// Nothing is written.
    Memory,
    /// The engine's SQLite store with 64 KiB of cache and `synchronous=FULL`.
    Sqlite,
}

impl StoreKind {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
        }
    }
}

impl FromStr for StoreKind {
    type Err = anyhow::Error;

    fn from_str(name: &str) -> Result<Self> {
        Ok(match name {
            "memory" => Self::Memory,
            "sqlite" => Self::Sqlite,
            _ => bail!("a store is `memory` or `sqlite`"),
        })
    }
}

/// The store of one client.
pub struct DirectStore(pub(super) Arc<dyn Backend>);

impl DirectStore {
    /// A new, empty store; a file is created in `directory` under `name`.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub async fn create(kind: StoreKind, directory: &Path, name: &str) -> Result<Self> {
        Ok(match kind {
            StoreKind::Memory => Self(Arc::new(InMemoryBackend::new())),
            StoreKind::Sqlite => Self(Arc::new(copy_of_template(directory, name).await?)),
        })
    }
}

async fn copy_of_template(directory: &Path, name: &str) -> Result<SqliteStore> {
    let template = TEMPLATE.get_or_try_init(|| build_template(directory.join("template.db"))).await?;
    let path = directory.join(format!("{name}.db"));
    tokio::fs::copy(template, &path).await.with_context(|| format!("cannot write {}", path.display()))?;
    open(&path).await
}

async fn build_template(path: PathBuf) -> Result<PathBuf> {
    // Closing the last connection moves the write-ahead log into the file.
    drop(open(&path).await?);
    Ok(path)
}

async fn open(path: &Path) -> Result<SqliteStore> {
    let config = SqliteStoreConfig {
        cache_size_kib: CACHE_KIB,
        synchronous: Synchronous::Full,
        ..SqliteStoreConfig::default()
    };
    let url = path.to_str().context("the path is not UTF-8")?;
    SqliteStore::with_config(url, config).await.with_context(|| format!("cannot open {}", path.display()))
}
