//! Being the only process that serves from a database.

use std::fmt;
use std::fs::{OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;

use diesel::dsl::sql;
use diesel::sql_types::Bool;
use diesel_async::{AsyncConnection as _, RunQueryDsl as _};

use crate::DatabaseError;
use crate::conn::PgConn;

/// Any fixed number but the one of the migrations: whoever serves alone holds this lock.
const TRY_LOCK: &str = "pg_try_advisory_lock(422490143355)";

/// Held by the one process that serves from a database, until dropped or killed.
///
/// On PostgreSQL it lives as long as its connection: one that the server has closed no longer keeps anybody out.
#[must_use]
pub struct Alone {
    /// The locked file, or the connection: its end is the lock's end.
    _held: Box<dyn Send>,
}

impl Alone {
    /// Takes the database at `url` for this process alone; `None` while another one has it.
    ///
    /// # Errors
    /// When the database, or the folder of its file, cannot be reached.
    pub async fn hold(url: &str) -> Result<Option<Self>, DatabaseError> {
        match url.strip_prefix("sqlite:") {
            Some(path) => by_file(path),
            None => by_connection(url).await,
        }
    }
}

impl fmt::Debug for Alone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alone")
    }
}

/// On a file beside the database: SQLite itself locks and unlocks the database's own.
fn by_file(path: &str) -> Result<Option<Alone>, DatabaseError> {
    let path = format!("{path}.lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(|error| DatabaseError::Other(format!("cannot open {path}: {error}")))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Alone { _held: Box::new(file) })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(DatabaseError::Other(format!("cannot lock {path}: {error}"))),
    }
}

/// On a connection of its own, outside of the pool.
async fn by_connection(url: &str) -> Result<Option<Alone>, DatabaseError> {
    let mut conn = PgConn::establish(url).await.map_err(DatabaseError::unavailable)?;
    let is_mine: bool = diesel::select(sql::<Bool>(TRY_LOCK)).get_result(&mut conn).await?;
    Ok(is_mine.then(|| Alone { _held: Box::new(conn) }))
}
