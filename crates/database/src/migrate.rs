//! Bringing the tables up to date.

use diesel_async::SimpleAsyncConnection as _;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use tokio::runtime::Handle;

use crate::DatabaseError;
use crate::conn::PgConn;
use crate::lite::LiteConn;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Any fixed number: whoever migrates holds this lock ("blazz" in ASCII), for as long as the connection lives.
const LOCK: &str = "SET statement_timeout = 0; SET lock_timeout = 0; SELECT pg_advisory_lock(422490143354)";

/// On a connection of its own, which is closed afterwards.
pub(crate) async fn postgres(mut conn: PgConn) -> Result<(), DatabaseError> {
    conn.batch_execute(LOCK).await?;
    // `AsyncMigrationHarness` would use `block_in_place`, which a current-thread runtime refuses.
    let home = Handle::current();
    let run = tokio::task::spawn_blocking(move || {
        let _home = home.enter();
        let mut conn: AsyncConnectionWrapper<PgConn> = conn.into();
        conn.run_pending_migrations(POSTGRES).map(|_| ()).map_err(|error| error.to_string())
    });
    run.await.map_err(|error| DatabaseError::Other(error.to_string()))?.map_err(DatabaseError::Other)
}

pub(crate) async fn sqlite(conn: &mut LiteConn) -> Result<(), DatabaseError> {
    let run = conn.spawn_blocking(|conn| {
        Ok(conn.run_pending_migrations(SQLITE).map(|_| ()).map_err(|error| error.to_string()))
    });
    run.await?.map_err(DatabaseError::Other)
}
