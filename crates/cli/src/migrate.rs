//! `blazz migrate`.

use anyhow::Context as _;
use blazz_database::Pool;
use clap::Args;

use crate::output;

/// Bring the database's tables up to date.
#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    /// `postgres://user@host/name` or `sqlite:/path/to/file`.
    #[arg(long, env = "BLAZZ_DATABASE_URL", hide_env_values = true)]
    database_url: String,
}

pub(crate) async fn run(args: MigrateArgs) -> anyhow::Result<()> {
    migrate(&args.database_url).await?;
    output::line("the database is up to date")
}

/// Runs every migration that the database has not seen.
pub(crate) async fn migrate(database_url: &str) -> anyhow::Result<()> {
    let pool = Pool::open(database_url, 1).await.context("cannot open the database")?;
    pool.migrate().await.context("cannot migrate the database")
}
