//! `blazz key`.

use blazz_domain::{ApiKeyId, Timestamp, WorkspaceId};
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::Remote;
use crate::output;

const COLUMNS: &[&str] =
    &["id", "name", "hint", "requests_per_minute", "created_at", "expires_at", "last_used_at", "revoked_at"];

/// API keys of a workspace.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Create a key; its secret is shown this once.
    #[command(
        after_help = "Examples:\n  blazz key create 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01\n  blazz key create 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01 --name shop --scope messages:send --expires-at 2030-01-31T12:00:00Z"
    )]
    Create {
        /// The workspace it opens.
        workspace: WorkspaceId,
        /// What it is for.
        #[arg(long, default_value = "default")]
        name: String,
        /// What it may do, such as `messages:send` or `accounts:*`; may be repeated. Everything, unless told.
        #[arg(long = "scope")]
        scopes: Vec<String>,
        /// From when on it opens nothing, such as `2030-01-31T12:00:00Z`. Never, unless told.
        #[arg(long)]
        expires_at: Option<Timestamp>,
        /// How many requests a minute it may make, apart from all others. Unless told it shares those of its workspace.
        #[arg(long)]
        requests_per_minute: Option<u32>,
        #[command(flatten)]
        remote: Remote,
    },
    /// List a workspace's keys.
    #[command(after_help = "Examples:\n  blazz key list 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01")]
    List {
        /// The workspace.
        workspace: WorkspaceId,
        #[command(flatten)]
        remote: Remote,
    },
    /// Change how many requests a minute a key may make.
    #[command(
        after_help = "Examples:\n  blazz key limit 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e02 --requests-per-minute 2000"
    )]
    Limit {
        /// The workspace.
        workspace: WorkspaceId,
        /// The key's id.
        key: ApiKeyId,
        /// How many it may make, apart from all others. Unless told it shares those of its workspace.
        #[arg(long)]
        requests_per_minute: Option<u32>,
        #[command(flatten)]
        remote: Remote,
    },
    /// Replace a key by a new one with the same name, scopes and quota; the new secret is shown this once.
    #[command(
        after_help = "Examples:\n  blazz key rotate 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e02 --overlap-seconds 3600"
    )]
    Rotate {
        /// The workspace.
        workspace: WorkspaceId,
        /// The id of the key to replace.
        key: ApiKeyId,
        /// How long the old key goes on beside the new one, in seconds.
        #[arg(long, default_value_t = 86_400)]
        overlap_seconds: u32,
        #[command(flatten)]
        remote: Remote,
    },
    /// Revoke a key, at once and for good.
    #[command(
        after_help = "Examples:\n  blazz key revoke 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e01 019c1f7e-3c52-7e21-9a56-0f2a8c9d1e02"
    )]
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
        Command::Create { workspace, name, scopes, expires_at, requests_per_minute, remote } => {
            let mut key = Map::from_iter([("name".to_owned(), Value::from(name))]);
            if !scopes.is_empty() {
                key.insert("scopes".to_owned(), Value::from(scopes));
            }
            if let Some(at) = expires_at {
                key.insert("expires_at".to_owned(), Value::from(at.to_string()));
            }
            if let Some(calls) = requests_per_minute {
                key.insert("requests_per_minute".to_owned(), Value::from(calls));
            }
            let made = remote.post(&format!("/v1/workspaces/{workspace}/keys"), Value::from(key)).await?;
            show_secret(&remote, &made)
        }
        Command::Limit { workspace, key, requests_per_minute, remote } => {
            let path = format!("/v1/workspaces/{workspace}/keys/{key}");
            let key = remote.patch(&path, json!({ "requests_per_minute": requests_per_minute })).await?;
            remote.show(vec![key], &["id", "name", "requests_per_minute"])
        }
        Command::Rotate { workspace, key, overlap_seconds, remote } => {
            let path = format!("/v1/workspaces/{workspace}/keys/{key}/rotate");
            let made = remote.post(&path, json!({ "overlap_seconds": overlap_seconds })).await?;
            show_secret(&remote, &made)
        }
        Command::List { workspace, remote } => {
            let rows = remote.list(&format!("/v1/workspaces/{workspace}/keys")).await?;
            remote.show(rows, COLUMNS)
        }
        Command::Revoke { workspace, key, remote } => {
            remote.delete(&format!("/v1/workspaces/{workspace}/keys/{key}")).await?;
            output::outcome(remote.json, "revoked", &json!({ "id": key, "is_revoked": true }))
        }
    }
}

fn show_secret(remote: &Remote, made: &Value) -> anyhow::Result<()> {
    if remote.json {
        return output::json(made);
    }
    output::line(made.get("secret").and_then(Value::as_str).unwrap_or("-"))
}
