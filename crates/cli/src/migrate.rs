//! `blazz migrate`.

use std::path::PathBuf;

use anyhow::Context as _;
use blazz_database::Pool;
use clap::Args;
use serde_json::json;

use crate::output;
use crate::settings::{self, Which};

/// Bring the database's tables up to date.
#[derive(Args, Debug)]
pub(crate) struct MigrateArgs {
    /// `postgres://user@host/name` or `sqlite:/path/to/file`.
    #[arg(long, env = "BLAZZ_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// A file of the API's settings that names the database: NAME=value lines, or TOML.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: MigrateArgs) -> anyhow::Result<()> {
    let url = match &args.config {
        Some(file) => {
            let named = settings::from_file(file, Some(Which::Api))?;
            named.iter().find_map(|api| api.text("BLAZZ_DATABASE_URL"))
        }
        None => args.database_url.or_else(from_file_of_its_own),
    };
    let url = url.context("BLAZZ_DATABASE_URL is not set; it says where the data lives")?;
    migrate(&url).await?;
    output::outcome(args.json, "the database is up to date", &json!({ "is_up_to_date": true }))
}

/// As for the API, the URL may lie in a file: it may hold a password.
fn from_file_of_its_own() -> Option<String> {
    let path = std::env::var("BLAZZ_DATABASE_URL_FILE").ok().filter(|path| !path.is_empty())?;
    blazz_program::secret(&path).ok()
}

/// Runs every migration that the database has not seen.
pub(crate) async fn migrate(database_url: &str) -> anyhow::Result<()> {
    let pool = Pool::open(database_url, 1).await.context("cannot open the database")?;
    pool.migrate().await.context("cannot migrate the database")
}
