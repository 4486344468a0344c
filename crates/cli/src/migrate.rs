//! `blazz migrate`.

use anyhow::Context as _;
use blazz_database::Pool;
use clap::Args;
use serde_json::json;

use crate::output;

/// Bring the database's tables up to date.
#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    /// `postgres://user@host/name` or `sqlite:/path/to/file`.
    #[arg(long, env = "BLAZZ_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: MigrateArgs) -> anyhow::Result<()> {
    let url = args.database_url.context("BLAZZ_DATABASE_URL is not set; it says where the data lives")?;
    migrate(&url).await?;
    output::outcome(args.json, "the database is up to date", &json!({ "is_up_to_date": true }))
}

/// Runs every migration that the database has not seen.
pub(crate) async fn migrate(database_url: &str) -> anyhow::Result<()> {
    let pool = Pool::open(database_url, 1).await.context("cannot open the database")?;
    pool.migrate().await.context("cannot migrate the database")
}
