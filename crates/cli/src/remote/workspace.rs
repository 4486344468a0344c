//! `blazz workspace`.

use clap::Subcommand;
use serde_json::json;

use super::Remote;

const COLUMNS: &[&str] = &["id", "name", "created_at"];

/// Workspaces: the tenants.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Create a workspace.
    #[command(after_help = "Examples:\n  blazz workspace create Acme")]
    Create {
        /// Its name.
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// List all workspaces.
    #[command(after_help = "Examples:\n  blazz workspace list --json")]
    List(Remote),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create { name, remote } => {
            let made = remote.post("/v1/workspaces", json!({ "name": name })).await?;
            remote.show(vec![made], COLUMNS)
        }
        Command::List(remote) => remote.show(remote.list("/v1/workspaces").await?, COLUMNS),
    }
}
