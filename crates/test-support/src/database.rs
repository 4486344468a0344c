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

    async fn open(url: &str) -> anyhow::Result<Self> {
        let pool = Pool::open(url, POOL).await?;
        pool.migrate().await?;
        Ok(Self { url: url.to_owned(), pool })
    }
}

/// Runs a test on each database, one after the other.
///
/// # Errors
/// What the test gives, with the database it was on; or that there is no such database.
pub async fn for_each_database(
    test: impl AsyncFn(&TestDatabase) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for_each_empty_database(async |url| test(&TestDatabase::open(url).await?).await).await
}

/// Runs a test on the address of each kind of database, without any table in it.
///
/// # Errors
/// As [`for_each_database`].
pub async fn for_each_empty_database(test: impl AsyncFn(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    on_sqlite(&test).await.context("on sqlite")?;
    on_postgres(&test).await.context("on postgresql")
}

async fn on_sqlite(test: &impl AsyncFn(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    test(&format!("sqlite:{}", directory.path().join("test.sqlite").display())).await
}

async fn on_postgres(test: &impl AsyncFn(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut server: Url = required("BLAZZ_TEST_POSTGRES_URL")?.parse()?;
    server.set_path("postgres");
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    admin::create(server.as_str(), &name).await?;
    let mut url = server.clone();
    url.set_path(&name);
    let result = test(url.as_str()).await;
    // One that a panicking test leaves behind ends with the private server.
    admin::drop(server.as_str(), &name).await?;
    result
}
