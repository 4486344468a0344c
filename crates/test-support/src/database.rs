//! A fresh, migrated database per test: a SQLite file and a PostgreSQL database.

use anyhow::Context as _;
use blazz_database::{Pool, admin};
use url::Url;

use crate::required;

/// Connections per test.
const POOL: u32 = 8;

/// A database of one test's own.
pub struct TestDatabase {
    url: String,
    pool: Pool,
}

impl TestDatabase {
    /// Its address, as processes take it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its pool.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    async fn open(url: String) -> anyhow::Result<Self> {
        let pool = Pool::open(&url, POOL).await?;
        pool.migrate().await?;
        Ok(Self { url, pool })
    }
}

/// Runs a test on each database, one after the other.
///
/// # Errors
/// What the test gives, with the database it was on; or that there is no such database.
pub async fn for_each_database(
    test: impl AsyncFn(&TestDatabase) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    on_sqlite(&test).await.context("on sqlite")?;
    on_postgres(&test).await.context("on postgresql")
}

async fn on_sqlite(test: &impl AsyncFn(&TestDatabase) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let url = format!("sqlite:{}", directory.path().join("test.sqlite").display());
    test(&TestDatabase::open(url).await?).await
}

async fn on_postgres(test: &impl AsyncFn(&TestDatabase) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut server: Url = required("BLAZZ_TEST_POSTGRES_URL")?.parse()?;
    server.set_path("postgres");
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    admin::create(server.as_str(), &name).await?;
    let mut url = server.clone();
    url.set_path(&name);
    let result = test(&TestDatabase::open(url.into()).await?).await;
    // One that a panicking test leaves behind ends with the private server.
    admin::drop(server.as_str(), &name).await?;
    result
}
