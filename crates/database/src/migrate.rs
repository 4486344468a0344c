//! Bringing the tables up to date.

use std::collections::BTreeSet;

use diesel::backend::Backend;
use diesel::dsl::sql;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::{Bool, Text};
use diesel::sqlite::Sqlite;
use diesel::{QueryableByName, sql_query};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};
use tokio::runtime::Handle;

use crate::conn::{Link, PgConn};
use crate::lite::LiteConn;
use crate::{Conn, DatabaseError, Pool};

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

/// A migration that has run, as diesel notes it.
#[derive(QueryableByName)]
struct Run {
    #[diesel(sql_type = Text)]
    version: String,
}

/// How a database's tables stand to this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrations {
    /// How many migrations of this version have not run.
    pub missing: usize,
    /// How many have run that this version does not know: a newer one has been here.
    pub unknown: usize,
}

impl Pool {
    /// Whether every migration of this version has run. Only asks; newer ones do not matter, for old and new processes run side by side
    /// during an upgrade.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_migrated(&self) -> Result<bool, DatabaseError> {
        Ok(self.migrations().await?.missing == 0)
    }

    /// Which migrations have run. Only asks.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn migrations(&self) -> Result<Migrations, DatabaseError> {
        let mut conn = self.get().await?;
        let needed = match &conn.link {
            Link::Postgres(_) => versions::<Pg>(&POSTGRES),
            Link::Sqlite(_) => versions::<Sqlite>(&SQLITE),
        };
        let (needed, run) = (needed?, have_run(&mut conn).await?);
        Ok(Migrations { missing: needed.difference(&run).count(), unknown: run.difference(&needed).count() })
    }
}

fn versions<DB: Backend>(source: &EmbeddedMigrations) -> Result<BTreeSet<String>, DatabaseError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let all = source.migrations().map_err(|error| DatabaseError::Other(error.to_string()))?;
    Ok(all.iter().map(|migration| migration.name().version().to_string()).collect())
}

async fn have_run(conn: &mut Conn) -> Result<BTreeSet<String>, DatabaseError> {
    let is_there = match &conn.link {
        Link::Postgres(_) => "to_regclass('__diesel_schema_migrations') IS NOT NULL",
        Link::Sqlite(_) => "EXISTS (SELECT 1 FROM sqlite_master WHERE name = '__diesel_schema_migrations')",
    };
    let is_there: bool = on!(conn, c => diesel::select(sql::<Bool>(is_there)).get_result(c).await)?;
    if !is_there {
        return Ok(BTreeSet::new());
    }
    let runs: Vec<Run> =
        on!(conn, c => sql_query("SELECT version FROM __diesel_schema_migrations").load(c).await)?;
    Ok(runs.into_iter().map(|run| run.version).collect())
}
