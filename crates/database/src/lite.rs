//! SQLite under an async pool: statements run on the blocking threads of one runtime, and a cancelled one runs to its end.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use diesel::{Connection as _, ConnectionError, SqliteConnection};
use diesel_async::SimpleAsyncConnection as _;
use diesel_async::pooled_connection::PoolableConnection as _;
use diesel_async::sync_connection_wrapper::{SpawnBlocking, SyncConnectionWrapper};
use futures_core::future::BoxFuture;
use tokio::runtime::Handle;

/// A commit is a promise, so it is on the disk before it is acknowledged.
const SETUP: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";

pub(crate) type LiteConn = SyncConnectionWrapper<SqliteConnection, BlockingThreads>;

/// Runs statements on tokio's blocking threads and counts the ones at work.
///
/// diesel-async's own way blocks the thread that drops a cancelled query until its statement ends, with `block_in_place`, which
/// panics on a current-thread runtime such as an actix worker. Here the statement simply runs on; the count lets the pool see that, and throw
/// the connection away instead of lending it again.
pub(crate) struct BlockingThreads {
    home: Handle,
    at_work: Arc<AtomicUsize>,
}

struct AtWork(Arc<AtomicUsize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl SpawnBlocking for BlockingThreads {
    fn spawn_blocking<'a, R>(
        &mut self,
        task: impl FnOnce() -> R + Send + 'static,
    ) -> BoxFuture<'a, Result<R, Box<dyn StdError + Send + Sync + 'static>>>
    where
        R: Send + 'static,
    {
        self.at_work.fetch_add(1, Ordering::Relaxed);
        let at_work = AtWork(Arc::clone(&self.at_work));
        let task = self.home.spawn_blocking(move || {
            let _at_work = at_work;
            task()
        });
        Box::pin(async move { task.await.map_err(Into::into) })
    }

    fn get_runtime() -> Self {
        Self { home: Handle::current(), at_work: Arc::default() }
    }
}

/// One SQLite connection.
pub(crate) struct Lite {
    pub(crate) conn: LiteConn,
    at_work: Arc<AtomicUsize>,
}

impl Lite {
    fn new(conn: SqliteConnection, home: Handle) -> Self {
        let at_work = Arc::new(AtomicUsize::new(0));
        let threads = BlockingThreads { home, at_work: Arc::clone(&at_work) };
        Self { conn: LiteConn::with_runtime(conn, threads), at_work }
    }

    /// Whether a statement whose future was dropped is still at work.
    pub(crate) fn is_at_work(&self) -> bool {
        self.at_work.load(Ordering::Acquire) > 0
    }
}

/// Opens connections to one file.
pub(crate) struct LiteManager {
    path: String,
    home: Handle,
}

impl LiteManager {
    pub(crate) fn new(path: String, home: Handle) -> Self {
        Self { path, home }
    }
}

impl bb8::ManageConnection for LiteManager {
    type Connection = Lite;
    type Error = ConnectionError;

    async fn connect(&self) -> Result<Lite, ConnectionError> {
        let path = self.path.clone();
        let opened = self.home.spawn_blocking(move || SqliteConnection::establish(&path)).await;
        let conn = opened.unwrap_or_else(|error| Err(ConnectionError::BadConnection(error.to_string())))?;
        let mut lite = Lite::new(conn, self.home.clone());
        lite.conn.batch_execute(SETUP).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(lite)
    }

    async fn is_valid(&self, _: &mut Lite) -> Result<(), ConnectionError> {
        Ok(())
    }

    // Dropping a connection with a statement at work is safe: its closure owns the last handle and closes it.
    fn has_broken(&self, lite: &mut Lite) -> bool {
        lite.is_at_work() || lite.conn.is_broken()
    }
}
