//! The pool of connections.

use std::sync::Arc;
use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::pooled_connection::ManagerConfig;
use diesel_async::{AsyncConnection as _, SimpleAsyncConnection as _};
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use crate::conn::{Link, PgConn, PgManager};
use crate::lite::LiteManager;
use crate::{Conn, DatabaseError, migrate};

/// How long to wait for a free connection.
const CHECKOUT: Duration = Duration::from_secs(5);

/// What would hang for longer is ended by the server: a lost client must not keep its locks.
const PG_SETUP: &str = "SET TIME ZONE 'UTC'; SET statement_timeout = '30s'; SET lock_timeout = '15s'; \
                        SET idle_in_transaction_session_timeout = '60s'";

/// A pool of connections to PostgreSQL or to a SQLite file. Cheap to clone.
#[derive(Clone)]
pub struct Pool(Kind);

#[derive(Clone)]
enum Kind {
    Postgres(bb8::Pool<PgManager>),
    Sqlite { pool: bb8::Pool<LiteManager>, turns: Arc<Mutex<()>> },
}

impl Pool {
    /// Opens a pool of at most `size` connections to `postgres://…` or `sqlite:PATH`, after one has been tried. Connections are driven by the
    /// runtime that this is called on, not by whichever first asks for one: it has to outlive the pool.
    ///
    /// # Errors
    /// When the url is of neither kind or the database cannot be reached.
    pub async fn open(url: &str, size: u32) -> Result<Self, DatabaseError> {
        let size = size.max(1);
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let manager = PgManager::new_with_config(url, pg_config(Handle::current()));
            let pool =
                bb8::Pool::builder().max_size(size).connection_timeout(CHECKOUT).build_unchecked(manager);
            pool.dedicated_connection().await.map_err(DatabaseError::unavailable)?;
            return Ok(Self(Kind::Postgres(pool)));
        }
        let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) else {
            return Err(DatabaseError::Other("the url must begin with postgres:// or sqlite:".to_owned()));
        };
        let manager = LiteManager::new(path.to_owned(), Handle::current());
        let builder =
            bb8::Pool::builder().max_size(size).connection_timeout(CHECKOUT).test_on_check_out(false);
        let pool = builder.build_unchecked(manager);
        pool.dedicated_connection().await.map_err(DatabaseError::unavailable)?;
        Ok(Self(Kind::Sqlite { pool, turns: Arc::default() }))
    }

    /// Lends a connection.
    ///
    /// # Errors
    /// When none is free in time or the database cannot be reached.
    pub async fn get(&self) -> Result<Conn, DatabaseError> {
        match &self.0 {
            Kind::Postgres(pool) => {
                let conn = pool.get_owned().await.map_err(DatabaseError::unavailable)?;
                Ok(Conn::new(Link::Postgres(conn), None))
            }
            Kind::Sqlite { pool, turns } => {
                let conn = pool.get_owned().await.map_err(DatabaseError::unavailable)?;
                Ok(Conn::new(Link::Sqlite(conn), Some(Arc::clone(turns))))
            }
        }
    }

    /// Runs the migrations that the database has not seen. Several processes may do so at once.
    ///
    /// # Errors
    /// When a migration fails; it leaves nothing behind.
    pub async fn migrate(&self) -> Result<(), DatabaseError> {
        match &self.0 {
            Kind::Postgres(pool) => {
                let conn = pool.dedicated_connection().await.map_err(DatabaseError::unavailable)?;
                migrate::postgres(conn).await?;
            }
            Kind::Sqlite { pool, .. } => {
                let mut lite = pool.get().await.map_err(DatabaseError::unavailable)?;
                migrate::sqlite(&mut lite.conn).await?;
            }
        }
        crate::installation::ensure(&mut self.get().await?).await
    }

    /// Whether this is SQLite: then no second process may serve from it.
    #[must_use]
    pub const fn is_sqlite(&self) -> bool {
        matches!(self.0, Kind::Sqlite { .. })
    }

    /// Asks the database for an answer.
    ///
    /// # Errors
    /// When it gives none.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        let mut conn = self.get().await?;
        Ok(on!(conn, c => c.batch_execute("SELECT 1").await)?)
    }
}

fn pg_config(home: Handle) -> ManagerConfig<PgConn> {
    let mut config = ManagerConfig::<PgConn>::default();
    config.custom_setup = Box::new(move |url| {
        let (url, home) = (url.to_owned(), home.clone());
        Box::pin(async move {
            let connect = home.spawn(async move { connect_postgres(&url).await });
            connect.await.unwrap_or_else(|error| Err(ConnectionError::BadConnection(error.to_string())))
        })
    });
    config
}

async fn connect_postgres(url: &str) -> Result<PgConn, ConnectionError> {
    let mut conn = PgConn::establish(url).await?;
    conn.batch_execute(PG_SETUP).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}
