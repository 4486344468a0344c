//! One connection over two kinds of database, and its transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bb8::PooledConnection;
use diesel::QueryResult;
use diesel::connection::{AnsiTransactionManager as SyncAnsi, TransactionManagerStatus};
use diesel::result::Error as DieselError;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::{AsyncConnection, AsyncPgConnection, TransactionManager as _};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::DatabaseError;
use crate::lite::{LiteConn, LiteManager};

pub(crate) type PgConn = AsyncPgConnection;
pub(crate) type PgManager = AsyncDieselConnectionManager<PgConn>;

type PgTransactions = <PgConn as AsyncConnection>::TransactionManager;
type LiteTransactions = <LiteConn as AsyncConnection>::TransactionManager;

/// A connection lent by a [`crate::Pool`].
pub struct Conn {
    pub(crate) link: Link,
    /// Set when a transaction's future was dropped: what it had begun is still open.
    abandoned: Arc<AtomicBool>,
    /// SQLite has one writer at a time; transactions of this process wait for their turn here, in order, rather than by polling the file.
    turns: Option<Arc<Mutex<()>>>,
    // After `link`: the turn ends when the connection is gone.
    turn: Option<OwnedMutexGuard<()>>,
}

#[expect(clippy::large_enum_variant, reason = "few exist, none is moved often")]
pub(crate) enum Link {
    Postgres(PooledConnection<'static, PgManager>),
    Sqlite(PooledConnection<'static, LiteManager>),
}

/// Runs one expression against whichever database `$conn` leads to; it is type-checked against both. Gives a `QueryResult`.
macro_rules! on {
    ($conn:expr, $c:ident => $body:expr) => {
        match &mut $conn.link {
            $crate::conn::Link::Postgres(c) => {
                let $c: &mut $crate::conn::PgConn = &mut *c;
                $body
            }
            $crate::conn::Link::Sqlite(c) => {
                let $c: &mut $crate::lite::LiteConn = &mut c.conn;
                $body
            }
        }
    };
}

/// As `on!`, for a select that PostgreSQL shall lock: `$query` gets `.for_no_key_update()` there, which does not keep others
/// from pointing to the row. On SQLite the transaction holds the one write lock already.
macro_rules! locked {
    ($conn:expr, $query:expr, $c:ident, $q:ident => $body:expr) => {
        match &mut $conn.link {
            $crate::conn::Link::Postgres(c) => {
                let $c: &mut $crate::conn::PgConn = &mut *c;
                let $q = $query.for_no_key_update();
                $body
            }
            $crate::conn::Link::Sqlite(c) => {
                let $c: &mut $crate::lite::LiteConn = &mut c.conn;
                let $q = $query;
                $body
            }
        }
    };
}

impl Conn {
    pub(crate) fn new(link: Link, turns: Option<Arc<Mutex<()>>>) -> Self {
        Self { link, abandoned: Arc::default(), turns, turn: None }
    }

    /// Runs `f` in a transaction; in a savepoint when one is open already. Commits when it gives `Ok`, else rolls back.
    ///
    /// When the future is dropped half way, nothing is committed, and the connection is of no further use: the pool closes it.
    ///
    /// # Errors
    /// What `f` gives, or when the database does not begin or commit.
    pub async fn transaction<T, E, F>(&mut self, f: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Self) -> Result<T, E>,
        E: From<DatabaseError>,
    {
        let outermost = self.begin().await?;
        let open = Open(Arc::clone(&self.abandoned));
        let result = f(self).await;
        let result = match result {
            Ok(value) => {
                self.commit().await.map(|()| value).map_err(|error| DatabaseError::from(error).into())
            }
            Err(error) => {
                // Should this fail, the connection counts as broken and is closed, which rolls back as well.
                if let Err(rollback) = self.rollback().await {
                    tracing::warn!(error = %rollback, "rollback failed");
                }
                Err(error)
            }
        };
        open.finished();
        if outermost {
            self.turn = None;
        }
        result
    }

    /// Runs `f`, which writes and needs no transaction for its own sake. On SQLite it gets one all the same, and so its turn among the
    /// writers; a statement of its own would have to ask for the file's lock again and again.
    ///
    /// # Errors
    /// What `f` gives, or when SQLite does not begin or commit.
    pub(crate) async fn in_turn<T, F>(&mut self, f: F) -> Result<T, DatabaseError>
    where
        F: AsyncFnOnce(&mut Self) -> Result<T, DatabaseError>,
    {
        match self.link {
            Link::Postgres(_) => f(self).await,
            Link::Sqlite(_) => self.transaction(f).await,
        }
    }

    /// Begins; whether this is the outermost transaction.
    async fn begin(&mut self) -> Result<bool, DatabaseError> {
        if self.abandoned.load(Ordering::Acquire) {
            return Err(DatabaseError::Unavailable(
                "the connection's last transaction was abandoned".to_owned(),
            ));
        }
        let outermost = !self.is_in_transaction();
        if outermost && let Some(turns) = &self.turns {
            self.turn = Some(Arc::clone(turns).lock_owned().await);
        }
        let open = Open(Arc::clone(&self.abandoned));
        let begun = self.begin_level(outermost).await;
        open.finished();
        if begun.is_err() && outermost {
            self.turn = None;
        }
        Ok(begun.map(|()| outermost)?)
    }

    fn is_in_transaction(&mut self) -> bool {
        let status = match &mut self.link {
            Link::Postgres(c) => PgTransactions::transaction_manager_status_mut(&mut **c),
            Link::Sqlite(c) => LiteTransactions::transaction_manager_status_mut(&mut c.conn),
        };
        matches!(status, TransactionManagerStatus::Valid(s) if s.transaction_depth().is_some())
    }

    async fn begin_level(&mut self, outermost: bool) -> QueryResult<()> {
        match &mut self.link {
            Link::Postgres(c) => PgTransactions::begin_transaction(&mut **c).await,
            Link::Sqlite(c) if c.is_at_work() => Err(DieselError::BrokenTransactionManager),
            // Takes the write lock up front; a deferred transaction can fail with SQLITE_BUSY half way.
            Link::Sqlite(c) if outermost => {
                c.conn.spawn_blocking(|c| SyncAnsi::begin_transaction_sql(c, "BEGIN IMMEDIATE")).await
            }
            Link::Sqlite(c) => LiteTransactions::begin_transaction(&mut c.conn).await,
        }
    }

    async fn commit(&mut self) -> QueryResult<()> {
        match &mut self.link {
            Link::Postgres(c) => PgTransactions::commit_transaction(&mut **c).await,
            Link::Sqlite(c) => LiteTransactions::commit_transaction(&mut c.conn).await,
        }
    }

    async fn rollback(&mut self) -> QueryResult<()> {
        match &mut self.link {
            Link::Postgres(c) => PgTransactions::rollback_transaction(&mut **c).await,
            Link::Sqlite(c) => LiteTransactions::rollback_transaction(&mut c.conn).await,
        }
    }
}

/// Notices when a transaction's future is dropped before its end.
struct Open(Arc<AtomicBool>);

impl Open {
    fn finished(self) {
        std::mem::forget(self);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
