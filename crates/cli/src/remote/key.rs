//! `blazz key`.

use blazz_domain::{ApiKeyId, WorkspaceId};
use clap::Subcommand;
use serde_json::{Value, json};

use super::Remote;
use crate::output;

/// API keys of a workspace.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Create a key; its secret is shown this once.
    Create {
        /// The workspace it opens.
        workspace: WorkspaceId,
        /// What it is for.
        #[arg(long, default_value = "default")]
        name: String,
        #[command(flatten)]
        remote: Remote,
    },
    /// List a workspace's keys.
    List {
        /// The workspace.
        workspace: WorkspaceId,
        #[command(flatten)]
        remote: Remote,
    },
    /// Revoke a key, at once and for good.
    Revoke {
        /// The workspace.
        workspace: WorkspaceId,
        /// The key's id.
        key: ApiKeyId,
        #[command(flatten)]
        remote: Remote,
    },
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create { workspace, name, remote } => {
            let made =
                remote.post(&format!("/v1/workspaces/{workspace}/keys"), json!({ "name": name })).await?;
            if remote.json {
                output::json(&made)
            } else {
                output::line(made.get("secret").and_then(Value::as_str).unwrap_or("-"))
            }
        }
        Command::List { workspace, remote } => {
            let rows = remote.list(&format!("/v1/workspaces/{workspace}/keys")).await?;
            remote.show(rows, &["id", "name", "hint", "created_at", "revoked_at"])
        }
        Command::Revoke { workspace, key, remote } => {
            remote.delete(&format!("/v1/workspaces/{workspace}/keys/{key}")).await?;
            output::outcome(remote.json, "revoked", &json!({ "id": key, "is_revoked": true }))
        }
    }
}
